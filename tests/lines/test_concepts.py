"""The worked examples of `docs/concepts.md` are what the service does."""

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from houfu.core.calendar import shipped_calendar
from houfu.ledger import actions as ledger
from houfu.lines.command import Due
from houfu.withdrawals import actions as withdrawing
from houfu.withdrawals.ask import Answer, Ask
from lines.programme import Programme, open_programme, small_policy

PAGE = Path(__file__).parents[2] / "docs" / "concepts.md"
HEAD = "| step | used | available | balance | liability | owed |"


def examples() -> list[list[list[str]]]:
    """The tables of the page: rows of cells."""
    tables = [text.split("\n\n")[0] for text in PAGE.read_text(encoding="utf-8").split(HEAD)[1:]]
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()[1:]]
        for table in tables
    ]


def test_there_are_examples() -> None:
    assert len(examples()) == 5


@pytest.mark.parametrize("rows", examples())
async def test_a_worked_example_is_what_happens(database: str, rows: list[list[str]]) -> None:
    async with open_programme(database, small_policy(over_limit_bp=5_000)) as programme:
        await programme.open_store("s1", level=5)
        await programme.connection.execute(
            "insert into bank_accounts values ('s1', 'b1', 'Holder', '6222020200011111', 'ICBC', now(), now(), now(), 'test')"
        )
        ids: dict[str, str] = {}
        for step, *told in rows:
            await take(programme, step, ids)
            seen = await programme.view("s1")
            held = await ledger.balances(programme.connection, "s1")
            found = [
                seen.used,
                seen.available,
                -held["store_balance"],
                held["store_liability"],
                held["buyer_receivable"],
            ]
            assert found == [int(figure) for figure in told], step
        assert (await programme.verify()).first_break is None


async def take(programme: Programme, step: str, ids: dict[str, str]) -> None:
    """Do what a step says; none of them is refused."""
    verb, name, amount = re.fullmatch(r"(\w+) ?([A-Z])? ?(\d+)?(?: days)?", step).groups()
    whole = None if amount is None else int(amount)
    if verb == "authorize":
        made = await programme.authorize("s1", name, whole or 0)
        assert made.status == "authorized", step
        ids[name] = made.id
    elif verb == "wait":
        programme.clock.move_to(programme.clock.now() + timedelta(days=whole or 0))
        for id in ids.values():
            due = Due(kind="default", store_id="s1", id=id[5:37], at=programme.clock.now())
            await programme.lanes.submit(due)
    elif verb == "withdraw":
        ask = Ask(
            store_id="s1",
            amount=whole or 0,
            bank_account_id="b1",
            key=step,
            request_sha=sha256(step.encode()).digest(),
            author="test",
        )
        answer = await withdrawing.request(
            programme.connection,
            ask,
            policy=programme.policy,
            calendar=shipped_calendar(),
            ids=programme.ids,
            now=programme.clock.now(),
        )
        assert isinstance(answer, Answer)
        assert answer.outcome is not None
        assert answer.outcome.accepted, step
    else:
        done = await programme.act(verb, ids[name], whole)
        assert done.status != "refused", step
