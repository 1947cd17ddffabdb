"""`houfu policy assess`: assess every store now."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from houfu.commands.console import DataDir, say, tell
from houfu.commands.policy_versions import Author, author_named, in_history
from houfu.commands.progress import progress
from houfu.db.tx import Connection

if TYPE_CHECKING:
    from houfu.lines.runs import Run

_LOOKS_AGAIN_AFTER_SECONDS = 0.2


def assess(author: Author, data_dir: DataDir = None) -> None:
    """Assess every store by the policy in force. Interrupted, it goes on when run again, or by a running service."""
    from houfu.core.ids import IdMaker
    from houfu.lines import runs
    from houfu.policy.publishing import open_policy_book

    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> "Run":
        ids = IdMaker()
        book = await open_policy_book(connection)
        run = await runs.request(connection, author=named, ids=ids, now=now)
        of = run.stores + await runs.stores_left(connection, run)
        with progress("Assessing stores") as advance:
            while run.finished_at is None:
                advance(run.stores, of, f"{run.changed} limits changed")
                met = await runs.advance(connection, book, ids=ids, now=now, run_id=run.run_id)
                if met is None:
                    # A running service is at it.
                    await asyncio.sleep(_LOOKS_AGAIN_AFTER_SECONDS)
                    met = await runs.run_of(connection, run.run_id)
                run = met
            advance(run.stores, run.stores, f"{run.changed} limits changed")
        return run

    run = in_history(data_dir, act, about="assess")
    say(
        f"{run.stores} stores were assessed: {run.changed} limits changed, {run.referred} wait for a person, "
        f"{run.failed} lacked an input and are tried again the next day."
    )
    tell(run)
