"""The days as a treasurer sees them: which are proven, and what the others want."""

import asyncio
from datetime import timedelta

import pytest

from houfu.db.tx import connect
from houfu.reconciliation import proofs
from houfu.reconciliation.actions import StatementUnknown, look_again
from reconciliation.programme import (
    FRIDAY,
    MONDAY,
    OPENING,
    RAIL,
    TUESDAY,
    WEDNESDAY,
    Programme,
    line,
    statement,
)


async def test_each_day_says_how_it_stands(programme: Programme) -> None:
    thursday = FRIDAY - timedelta(days=1)
    (unsettled,) = await programme.payouts(10_000, on=thursday)
    await programme.payouts(1_000, status="paid", on=WEDNESDAY)
    await programme.take_up(statement(line(unsettled), day=thursday), learn=False)
    await programme.take_up(statement(day=FRIDAY, opening=OPENING - 10_000))
    await programme.take_up(statement(line(amount=1), day=TUESDAY))
    days = await proofs.days(programme.connection, RAIL, first=thursday, last=WEDNESDAY)
    assert [(one.day, one.state) for one in days] == [
        (WEDNESDAY, "awaited"),
        (TUESDAY, "breaks"),
        (MONDAY, "missing"),
        (FRIDAY, "proven"),
        (thursday, "unsettled"),
    ]


async def test_a_day_is_looked_at_again_when_the_books_learned_more(programme: Programme) -> None:
    await programme.take_up(statement())
    await programme.payouts(10_000, status="paid")
    (day,) = await proofs.days(programme.connection, RAIL, first=MONDAY, last=MONDAY)
    assert day.state == "unexplained"
    for opened in (1, 0):
        async with programme.connection.transaction():
            found = await look_again(
                programme.connection, RAIL, MONDAY, ids=programme.ids, now=programme.now(TUESDAY)
            )
        assert found == opened
    assert (await programme.proof()).unexplained == 0
    with pytest.raises(StatementUnknown):
        await look_again(programme.connection, RAIL, TUESDAY, ids=programme.ids, now=programme.now(TUESDAY))
    with pytest.raises(StatementUnknown):
        await programme.proof(TUESDAY)


async def test_statements_and_lines_are_paged(programme: Programme) -> None:
    sent = await programme.payouts(*range(1, 8))
    await programme.take_up(statement(*(line(one) for one in sent), line(amount=9)))
    await programme.take_up(statement(day=TUESDAY, opening=OPENING - 37))
    await programme.take_up(statement(), rail="other")
    on = programme.connection
    first = await proofs.statements(on, rail=None, before=None, limit=2)
    assert [(one.day, one.rail) for one in first] == [(TUESDAY, RAIL), (MONDAY, RAIL)]
    (last,) = await proofs.statements(on, rail=None, before=(MONDAY, RAIL), limit=2)
    assert last.rail == "other"
    shown = await proofs.lines(on, RAIL, MONDAY, matched=None, after=0, limit=5)
    shown += await proofs.lines(on, RAIL, MONDAY, matched=None, after=shown[-1].number, limit=5)
    assert [one.amount for one in shown] == [1, 2, 3, 4, 5, 6, 7, 9]
    assert shown[0].withdrawal_id == sent[0].public_id
    assert shown[0].counterparty_number == "*" * 15 + sent[0].number[-4:]
    (alone,) = await proofs.lines(on, RAIL, MONDAY, matched=False, after=0, limit=5)
    assert (alone.number, alone.matched_by) == (8, None)
    assert len(await proofs.lines(on, RAIL, MONDAY, matched=True, after=0, limit=9)) == 7


async def test_two_workers_take_one_statement_up_once(programme: Programme) -> None:
    sent = await programme.payouts(*range(1, 51))
    said = statement(*(line(one) for one in sent), line(amount=9))
    workers = [await connect(programme.dsn) for _ in range(3)]
    taken = await asyncio.gather(*(programme.take_up(said, learn=False, connection=one) for one in workers))
    assert sorted(one.known for one in taken) == [False, True, True]
    assert {one.news for one in taken} == {taken[0].news}
    assert len(taken[0].news) == 50
    assert len(await programme.breaks()) == 1
    for one in workers:
        await one.close()


async def test_two_workers_with_neighbouring_days_see_each_other(programme: Programme) -> None:
    workers = [await connect(programme.dsn) for _ in range(2)]
    said = [statement(), statement(day=TUESDAY, opening=OPENING - 5)]
    await asyncio.gather(
        *(programme.take_up(one, connection=worker) for one, worker in zip(said, workers, strict=True))
    )
    assert [(one.kind, one.amount) for one in await programme.breaks()] == [("opening_differs", 5)]
    for one in workers:
        await one.close()
