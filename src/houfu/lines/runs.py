"""Runs over all stores: each occasion of the calendar and of the policy is met once, chunk by chunk.

A chunk is one transaction that also writes how far the run has come: a run that was interrupted goes on where it was, by
whoever comes next, and no store is met twice. Orders wait at most for the writing of one chunk.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.events.notice import usage_reminder
from houfu.lines.assessing import Scope, assess
from houfu.policy import publishing
from houfu.policy.book import PolicyBook, Published
from houfu.policy.occasions import next_occasion, occasions

_SQL = load(__package__)
CHUNK = 500
"""Stores met in one transaction: few enough that an order hardly waits, enough that statements are shared."""
AUTHOR = "worker"
_SCOPE: dict[str, Scope] = {"month_check": "rules", "promotion": "rules"}
"""What a run acts on; every other kind of run acts on all lines."""
_OF_A_POLICY = ("policy_announced", "policy_effective")
NOT_ASSESSING = frozenset({"begun", "usage_check", "policy_announced"})
"""Runs that only tell the stores something."""

_log = structlog.get_logger()


class RunUnknown(LookupError):
    """There is no such run."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run and how far it has come. `stores` were met: of them `changed` have another limit, `untouched` were left as
    they were, `referred` wait for a person, `failed` lacked an input and are tried again the next day."""

    run_id: str
    cause: str
    name: str
    due_at: datetime
    reached: str
    stores: int
    changed: int
    untouched: int
    referred: int
    failed: int
    author: str
    recorded_at: datetime
    finished_at: datetime | None


class Met(msgspec.Struct):
    """What one chunk came to."""

    stores: int = 0
    changed: int = 0
    untouched: int = 0
    referred: int = 0
    failed: int = 0


async def take_up(connection: Connection, book: PolicyBook, *, ids: IdMaker, now: datetime) -> None:
    """Begin the runs of every occasion up to `now` that has none yet. The first time there is nothing to make up for."""
    since = await connection.fetchval(_SQL["looked_until"])
    if since is None:
        past = [entry for entry in book.published if entry.effective_from <= now]
        met = [(cause, _name(entry), now) for entry in past for cause in _OF_A_POLICY]
        await _begin(connection, [("begun", "installation", now), *met], ids=ids, now=now, finished_at=now)
        return
    due = [(occasion.cause, occasion.name, occasion.at) for occasion in occasions(book.at(now), since, now)]
    begun = {(row["cause"], row["name"]) for row in await connection.fetch(_SQL["runs_of_policies"])}
    for entry in book.published:
        for cause, at in zip(_OF_A_POLICY, (now, entry.effective_from), strict=True):
            if at <= now and (cause, _name(entry)) not in begun:
                due.append((cause, _name(entry), at))
    await _begin(connection, due, ids=ids, now=now)


def next_due(book: PolicyBook, after: datetime) -> datetime:
    """When the next occasion is, whatever is begun already."""
    effective = [entry.effective_from for entry in book.published if entry.effective_from > after]
    return min([next_occasion(book.at(after), after).at, *effective])


async def request(connection: Connection, *, author: str, ids: IdMaker, now: datetime) -> Run:
    """Begin a run that assesses every store because somebody asked; one that was asked for and is not finished goes on."""
    row = await connection.fetchrow(_SQL["unfinished_request"])
    if row is not None:
        return _run(dict(row))
    id = ids.make(now)
    await connection.execute(_SQL["insert_runs"], [id], ["requested"], [id], [now], author, now, None)
    return await run_of(connection, id)


async def advance(
    connection: Connection,
    book: PolicyBook,
    *,
    ids: IdMaker,
    now: datetime,
    run_id: str | None = None,
    chunk: int = CHUNK,
) -> Run | None:
    """Meet the next stores of the oldest unfinished run (or of that one), in one transaction; the run as it is after.

    None where no run is due, or where another worker is at the only one.
    """
    async with connection.transaction():
        row = await connection.fetchrow(_SQL["lock_run"], now, run_id)
        if row is None:
            return None
        run = _run(dict(row))
        store_ids = [r["store_id"] for r in await connection.fetch(_SQL["next_lines"], run.reached, chunk)]
        met = await _meet(connection, run, store_ids, book, ids=ids, now=now) if store_ids else Met()
        row = await connection.fetchrow(
            _SQL["advance_run"],
            run.run_id,
            store_ids[-1] if store_ids else run.reached,
            met.stores,
            met.changed,
            met.untouched,
            met.referred,
            met.failed,
            now if len(store_ids) < chunk else None,
        )
    assert row is not None  # noqa: S101 (the run is locked)
    return _run(dict(row))


async def run_of(connection: Connection, run_id: str) -> Run:
    """The run. RunUnknown where there is none."""
    row = await connection.fetchrow(_SQL["run"], run_id)
    if row is None:
        raise RunUnknown(run_id)
    return _run(dict(row))


async def runs(connection: Connection, *, before: str | None, limit: int) -> list[Run]:
    """The runs, newest first; `before` is the id where the page before ended."""
    return [_run(dict(row)) for row in await connection.fetch(_SQL["runs"], before, limit)]


async def stores_left(connection: Connection, run: Run) -> int:
    """How many stores the run has yet to meet."""
    return await connection.fetchval(_SQL["lines_to_reach"], run.reached)


async def _begin(
    connection: Connection,
    due: Sequence[tuple[str, str, datetime]],
    *,
    ids: IdMaker,
    now: datetime,
    finished_at: datetime | None = None,
) -> None:
    if due:
        causes, names, moments = zip(*due, strict=True)
        run_ids = [ids.make(now) for _ in due]
        await connection.execute(
            _SQL["insert_runs"], run_ids, causes, names, moments, AUTHOR, now, finished_at
        )


async def _meet(
    connection: Connection,
    run: Run,
    store_ids: list[str],
    book: PolicyBook,
    *,
    ids: IdMaker,
    now: datetime,
) -> Met:
    met = Met(stores=len(store_ids))
    match run.cause:
        case "usage_check":
            met.changed = await _remind(connection, store_ids, book, ids=ids, now=now)
        case "policy_announced":
            await _announce(connection, run, store_ids, book, ids=ids, now=now)
        case _:
            done = await assess(
                connection,
                store_ids,
                book=book,
                cause="assessment_requested" if run.cause == "requested" else run.cause,
                author=run.author,
                ids=ids,
                now=now,
                scope=_SCOPE.get(run.cause, "all"),
            )
            met.changed, met.referred = done.changed, len(done.referred)
            met.failed, met.untouched = len(done.failed), len(done.left)
            for store_id, error in done.failed.items():
                _log.warning("not_assessed", store_id=store_id, error=str(error))
    return met


async def _remind(
    connection: Connection, store_ids: Sequence[str], book: PolicyBook, *, ids: IdMaker, now: datetime
) -> int:
    """Tell the stores that use more of their limit than the policy's warning (E1, E2)."""
    warning_bp = book.at(now).terms.guidance.utilisation_warning_bp
    rows = await connection.fetch(_SQL["highly_used"], store_ids, warning_bp)
    messages = [
        usage_reminder(
            row["store_id"],
            id=ids.make(now),
            total=row["total"],
            used=row["used"],
            warning_bp=warning_bp,
            occurred_at=now,
            currency=row["currency"],
        )
        for row in rows
    ]
    await events.send(connection, messages, now=now)
    return len(messages)


async def _announce(
    connection: Connection,
    run: Run,
    store_ids: Sequence[str],
    book: PolicyBook,
    *,
    ids: IdMaker,
    now: datetime,
) -> None:
    """Tell the stores of a policy that is to come into force, and of its effect on each (E4)."""
    entry = next(entry for entry in book.published if _name(entry) == run.name)
    standing = {
        row["store_id"]: row["day_withdrawn_share_bp"]
        for row in await connection.fetch(_SQL["standings"], store_ids)
    }
    await publishing.announce(
        connection,
        store_ids,
        current=book.at(entry.effective_from - timedelta(microseconds=1)),
        coming=entry.policy,
        effective_from=entry.effective_from,
        day_withdrawn_share_bp=standing,
        ids=ids,
        now=now,
    )


def _name(entry: Published) -> str:
    return f"version {entry.policy.version}"


def _run(row: dict[str, object]) -> Run:
    return msgspec.convert(row | {"run_id": getattr(row["run_id"], "hex", "")}, Run)
