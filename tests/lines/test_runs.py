"""Runs over all stores: each occasion is met once, goes on where it was, and keeps no order waiting (B6, B9, E2)."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from houfu.db.tx import connect
from houfu.events.actions import inbox
from houfu.events.message import Kind
from houfu.lines import actions, runs
from houfu.policy.book import PolicyBook
from houfu.policy.publishing import open_policy_book, publish
from lines.programme import BASE_OF_LEVEL, START, Programme, edited, open_programme, small_policy

QUARTER = datetime(2026, 3, 31, 16, tzinfo=UTC)
CHECK = datetime(2026, 4, 4, 16, tzinfo=UTC)
FREEZE = "insert into store_facts values ($1, $2, 'funds_frozen', $3, $3, 'test', '')"


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        await runs.take_up(programme.connection, programme.book, ids=programme.ids, now=START)
        yield programme
        assert (await programme.verify()).first_break is None


async def take_up(programme: Programme, now: datetime, book: PolicyBook | None = None) -> None:
    await runs.take_up(programme.connection, book or programme.book, ids=programme.ids, now=now)


async def work_off(programme: Programme, now: datetime, chunk: int = 2) -> list[runs.Run]:
    """Every run until none is left; the runs as they ended."""
    programme.clock.move_to(now)
    ended: list[runs.Run] = []
    while (
        run := await runs.advance(
            programme.connection, programme.book, ids=programme.ids, now=now, chunk=chunk
        )
    ) is not None:
        if run.finished_at is not None:
            ended.append(run)
    return ended


async def causes(programme: Programme, store_id: str) -> list[str]:
    found = await actions.changes(programme.connection, store_id, before=None, limit=20)
    return [change.cause for change in found][::-1]


async def test_a_quarter_assesses_every_store_whatever_became_of_it(programme: Programme) -> None:
    for store_id in ("s1", "s2", "s3", "s4", "s5"):
        await programme.open_store(store_id)
    await programme.connection.execute("update stores set level = 2 where store_id in ('s2', 's5')")
    await take_up(programme, QUARTER)
    (quarter,) = [run for run in await work_off(programme, QUARTER) if run.cause == "quarter"]
    assert (quarter.name, quarter.stores, quarter.changed, quarter.failed) == ("2026-04", 5, 2, 0)
    assert (await programme.view("s5")).total == 2 * BASE_OF_LEVEL
    assert await causes(programme, "s5") == ["asked", "quarter"]


async def test_an_occasion_is_met_once_whoever_looks_and_however_often(programme: Programme) -> None:
    await programme.open_store("s1")
    for _ in range(3):
        await take_up(programme, CHECK)
    ended = await work_off(programme, CHECK)
    assert sorted(run.cause for run in ended) == [
        "month_check", "month_check", "quarter", "usage_check", "usage_check",
    ]  # fmt: skip
    await take_up(programme, CHECK)
    assert await work_off(programme, CHECK) == []


async def test_a_run_that_was_interrupted_goes_on_where_it_was(programme: Programme) -> None:
    for number in range(5):
        await programme.open_store(f"s{number}")
    await take_up(programme, QUARTER)
    while run := await runs.advance(
        programme.connection, programme.book, ids=programme.ids, now=QUARTER, chunk=2
    ):
        if run.cause == "quarter":
            break
    assert run is not None
    assert (run.stores, run.reached, run.finished_at) == (2, "s1", None)
    assert await runs.stores_left(programme.connection, run) == 3
    other = await connect(programme.dsn, as_app=True)
    try:
        while run := await runs.advance(other, programme.book, ids=programme.ids, now=QUARTER, chunk=2):
            pass
    finally:
        await other.close()
    assessed = await programme.connection.fetch(
        "select store_id, count(*) from assessments where cause = 'quarter' group by 1 order by 1"
    )
    assert [tuple(row) for row in assessed] == [(f"s{number}", 1) for number in range(5)]


async def test_a_chunk_that_fails_leaves_nothing_and_is_met_again(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    await programme.open_store("s1")
    await programme.connection.execute("update stores set level = 2")
    await take_up(programme, QUARTER)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr("houfu.lines.assessing.record_line_changes", broken)
        with pytest.raises(RuntimeError):
            await work_off(programme, QUARTER)
    assert (await programme.view("s1")).total == BASE_OF_LEVEL
    await work_off(programme, QUARTER)
    assert (await programme.view("s1")).total == 2 * BASE_OF_LEVEL
    assert await causes(programme, "s1") == ["asked", "quarter"]


async def test_workers_share_the_runs_and_meet_no_store_twice(programme: Programme) -> None:
    for number in range(12):
        await programme.open_store(f"s{number:02}")
    await take_up(programme, QUARTER)

    async def work() -> None:
        connection = await connect(programme.dsn, as_app=True)
        try:
            while await connection.fetchval("select count(*) from assessment_runs where finished_at is null"):
                await runs.advance(connection, programme.book, ids=programme.ids, now=QUARTER, chunk=2)
        finally:
            await connection.close()

    await asyncio.gather(*(work() for _ in range(3)))
    every = await runs.runs(programme.connection, before=None, limit=50)
    (quarter,) = [run for run in every if run.cause == "quarter"]
    assert (quarter.stores, quarter.failed) == (12, 0)
    made = await programme.connection.fetchval("select count(*) from assessments where cause = 'quarter'")
    assert made == 12


async def test_the_monthly_check_acts_only_where_a_rule_fires_or_ceases_to(programme: Programme) -> None:
    for store_id in ("s1", "s2"):
        await programme.open_store(store_id)
    await programme.connection.execute("update stores set level = 2")
    await programme.connection.execute(FREEZE, "s2", programme.ids.make(START), START)
    now = datetime(2026, 3, 4, 16, tzinfo=UTC)
    await take_up(programme, now)
    (check,) = [run for run in await work_off(programme, now) if run.cause == "month_check"]
    assert (check.stores, check.changed, check.untouched) == (2, 0, 1)
    assert (await programme.view("s1")).total == BASE_OF_LEVEL
    # Frozen halves the base, which doubled with the level meanwhile.
    assert (await programme.view("s2")).total == BASE_OF_LEVEL
    told = await programme.connection.fetch(
        "select store_id, cause from assessments where cause = 'month_check'"
    )
    assert [tuple(row) for row in told] == [("s2", "month_check")]


async def test_no_check_lifts_a_zero_and_the_quarter_may(programme: Programme) -> None:
    """B11: what zeroed the store is a thing of the past, and still only the quarter, an event or a person restores it."""
    await programme.open_store("s1")
    await programme.connection.execute("update lines set day_withdrawn_share_bp = 1000000000")
    await programme.assess("s1")
    assert (await programme.view("s1")).total == 0
    now = datetime(2026, 3, 4, 16, tzinfo=UTC)
    await take_up(programme, now)
    await work_off(programme, now)
    assert (await programme.view("s1")).total == 0
    await take_up(programme, QUARTER)
    await work_off(programme, QUARTER)
    assert (await programme.view("s1")).total == BASE_OF_LEVEL


async def test_a_store_that_lacks_an_input_is_tried_again_the_next_day(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.connection.execute("create temporary table kept as select * from store_metrics")
    await programme.connection.execute("delete from store_metrics")
    await take_up(programme, QUARTER)
    (quarter,) = [run for run in await work_off(programme, QUARTER) if run.cause == "quarter"]
    assert (quarter.stores, quarter.failed) == (1, 1)
    assert await programme.connection.fetchval("select assess_at from lines") == QUARTER + timedelta(days=1)
    await programme.connection.execute("insert into store_metrics select * from kept")


async def test_who_uses_much_is_reminded_on_the_check_day_and_nobody_else(programme: Programme) -> None:
    for store_id in ("s1", "s2", "s3"):
        await programme.open_store(store_id)
    await programme.authorize("s1", "o1", 33)
    await programme.authorize("s2", "o2", 32)
    now = datetime(2026, 3, 4, 16, tzinfo=UTC)
    await take_up(programme, now)
    (check,) = [run for run in await work_off(programme, now) if run.cause == "usage_check"]
    assert (check.stores, check.changed) == (3, 1)
    (reminder,) = await inbox(programme.connection, "s1", kind=Kind.USAGE_REMINDER, limit=5)
    assert reminder.message.data["used"] == 33
    assert await inbox(programme.connection, "s2", kind=Kind.USAGE_REMINDER, limit=5) == []


async def test_a_new_version_is_announced_and_takes_effect_on_its_day(programme: Programme) -> None:
    """E4: the store is told the date and the effect on it, and sees both on that date."""
    await programme.open_store("s1")
    richer = edited(small_policy(version=2), {"amount: level * 40": "amount: level * 50"})
    effective = datetime(2026, 3, 19, 16, tzinfo=UTC)
    await publish(
        programme.connection, richer, effective_from=effective, author="a", approved_by="b", now=START
    )
    book = await open_policy_book(programme.connection)
    await take_up(programme, START, book)
    programme.book = book
    (announced,) = await work_off(programme, START)
    assert (announced.cause, announced.name, announced.stores) == ("policy_announced", "version 2", 1)
    (told,) = await inbox(programme.connection, "s1", kind=Kind.POLICY_ANNOUNCED, limit=5)
    assert (told.message.data["total_now"], told.message.data["total_then"]) == (40, 50)
    assert "2026-03-20" in told.message.message_zh
    assert (await programme.view("s1")).total == 40
    assert runs.next_due(book, datetime(2026, 3, 10, tzinfo=UTC)) == effective
    await take_up(programme, effective, book)
    assert [run.cause for run in await work_off(programme, effective)][-1:] == ["policy_effective"]
    assert (await programme.view("s1")).total == 50
    assert await causes(programme, "s1") == ["asked", "policy_effective"]


async def test_a_requested_run_meets_every_store(programme: Programme) -> None:
    await programme.open_store("s1")
    asked = await runs.request(programme.connection, author="operator:li", ids=programme.ids, now=START)
    (run,) = await work_off(programme, START)
    assert (run.run_id, run.author, run.stores) == (asked.run_id, "operator:li", 1)
    with pytest.raises(runs.RunUnknown):
        await runs.run_of(programme.connection, programme.ids.make(START))
