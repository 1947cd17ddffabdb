"""Due work: what time does to holds, debts, layers and lines, once however often it is looked for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from houfu.db.tx import open_pool
from houfu.ledger import actions as ledger
from houfu.lines import actions
from houfu.worker import Done, Worker
from lines.programme import BASE_OF_LEVEL, COURSE, PROMOTION, START, Programme, open_programme, small_policy


class NoPayouts:
    """No withdrawal is under way."""

    async def run_due(self, now: datetime) -> int:
        return 0

    async def next_due(self) -> datetime | None:
        return None


@asynccontextmanager
async def open_worker(programme: Programme) -> AsyncGenerator[Worker]:
    async with open_pool(programme.dsn, size=2) as pool:
        yield Worker(
            pool, programme.lanes, book=lambda: programme.book, ids=programme.ids, payouts=NoPayouts()
        )


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        yield programme
        assert (await programme.verify()).first_break is None


@pytest.fixture
async def worker(programme: Programme) -> AsyncGenerator[Worker]:
    async with open_worker(programme) as worker:
        yield worker


async def status_of(programme: Programme, order_id: str) -> str:
    return await programme.connection.fetchval(
        "select status from authorizations where order_id = $1", order_id
    )


async def test_a_hold_expires_and_a_debt_defaults_at_their_moments(
    programme: Programme, worker: Worker
) -> None:
    await programme.open_store("s1")
    await programme.authorize("s1", "held", 10)
    drawn = await programme.authorize("s1", "drawn", 20)
    await programme.act("capture", drawn.id)
    done = await worker.move_clock(programme.clock, START + timedelta(days=15) - timedelta(seconds=1))
    assert (done.expired, done.defaulted) == (0, 0)
    done = await worker.move_clock(programme.clock, START + timedelta(days=15))
    assert (done.expired, await status_of(programme, "held")) == (1, "expired")
    done = await worker.move_clock(programme.clock, START + timedelta(days=90))
    assert (done.expired, done.defaulted, await status_of(programme, "drawn")) == (0, 1, "defaulted")
    rows = await programme.connection.fetch(
        "select kind, author, occurred_at from movements where author = 'worker' order by occurred_at"
    )
    assert [tuple(row) for row in rows] == [
        ("expire", "worker", START + timedelta(days=15)),
        ("default", "worker", START + timedelta(days=60)),
    ]
    assert (await ledger.balances(programme.connection, "s1"))["loss"] == 20
    assert (await programme.view("s1")).used == 20  # A5: a default restores nothing


async def test_due_work_that_was_done_is_not_done_again_by_anybody(
    programme: Programme, worker: Worker
) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 10)
    await programme.act("capture", made.id, 5)
    later = START + timedelta(days=100)
    programme.clock.move_to(later)
    first = await worker.run_due(later)
    assert (first.expired, first.defaulted) == (1, 1)
    async with open_worker(programme) as second:
        again = await second.run_due(later)
    assert (again.expired, again.defaulted, again.retotaled, again.assessed) == (0, 0, 0, 0)


async def test_a_hold_and_a_debt_of_one_order_that_are_due_together_are_both_done(database: str) -> None:
    """Also where the clock stops at that very moment."""
    async with (
        open_programme(database, small_policy(after_days=15, hold_days=15)) as programme,
        open_worker(programme) as worker,
    ):
        await programme.open_store("s1")
        made = await programme.authorize("s1", "o1", 10)
        await programme.act("capture", made.id, 5)
        done = await worker.move_clock(programme.clock, START + timedelta(days=15))
        assert (done.expired, done.defaulted) == (1, 1)
        assert await worker.next_due() == datetime(2026, 3, 31, 16, tzinfo=UTC)  # the next quarter begins


async def test_a_layer_ends_and_a_quarter_begins(programme: Programme, worker: Worker) -> None:
    await programme.open_store("s1")
    await programme.complete_course("s1")
    await programme.connection.execute("update stores set level = 2 where store_id = 's1'")
    done = await worker.move_clock(programme.clock, datetime(2026, 7, 2, tzinfo=UTC))
    # April, the promotion in June, the check that finds the course over, and July; other checks find nothing new.
    assert done.assessed == 4
    assert done.retotaled >= 1
    changes = (await actions.changes(programme.connection, "s1", before=None, limit=10))[::-1]
    quarter, course_ends = datetime(2026, 3, 31, 16, tzinfo=UTC), datetime(2026, 6, 1, 16, tzinfo=UTC)
    promotion, promotion_ends = datetime(2026, 5, 31, 16, tzinfo=UTC), datetime(2026, 6, 20, 16, tzinfo=UTC)
    full = 2 * BASE_OF_LEVEL + COURSE
    assert [(c.cause, c.author, c.occurred_at, c.to_total) for c in changes[2:]] == [
        ("quarter", "worker", quarter, full),
        ("promotion", "worker", promotion, full + PROMOTION),
        ("layer_started_or_ended", "worker", course_ends, full - COURSE + PROMOTION),
        ("layer_started_or_ended", "worker", promotion_ends, full - COURSE),
    ]


async def test_a_closed_line_is_not_assessed(programme: Programme, worker: Worker) -> None:
    await programme.open_store("s1")
    await actions.set_status(
        programme.connection, "s1", "close", cause="x", author="y", ids=programme.ids, now=START
    )
    assert (await worker.move_clock(programme.clock, START + timedelta(days=200))).assessed == 0
    assert await programme.connection.fetchval("select count(*) from assessments") == 1


async def test_a_store_that_cannot_be_assessed_does_not_hold_the_others_up(
    programme: Programme, worker: Worker
) -> None:
    for store_id in ("s1", "s2", "s3"):
        await programme.open_store(store_id)
    await programme.connection.execute("delete from store_metrics where store_id = 's2'")
    done = await worker.move_clock(programme.clock, datetime(2026, 4, 1, tzinfo=UTC))
    assert done.assessed == 2
    assert await worker.next_due() == datetime(2026, 4, 1, 16, tzinfo=UTC)  # s2 is tried again the next day
    assert (await programme.view("s2")).total == BASE_OF_LEVEL


async def test_the_clock_does_not_go_back_and_is_kept(programme: Programme, worker: Worker) -> None:
    to = START + timedelta(days=3)
    await worker.move_clock(programme.clock, to)
    assert await programme.connection.fetchval("select now from sandbox_clock") == to
    with pytest.raises(ValueError, match="does not go back"):
        await worker.move_clock(programme.clock, START)
    assert programme.clock.now() == to


async def test_answers_are_kept_for_a_month_and_then_forgotten(programme: Programme, worker: Worker) -> None:
    await programme.open_store("s1")
    await programme.authorize("s1", "o1", 10)
    await worker.move_clock(programme.clock, START + timedelta(days=30))
    assert await programme.connection.fetchval("select count(*) from idempotency") == 1
    programme.clock.move_to(START + timedelta(days=32))
    async with open_worker(programme) as another:
        assert (await another.run_due(programme.clock.now())).forgotten == 1


async def test_more_than_one_chunk_is_done_in_one_go(
    programme: Programme, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("houfu.worker.CHUNK", 10)
    for store_id in ("s1", "s2"):
        await programme.open_store(store_id)
        for number in range(17):
            await programme.authorize(store_id, f"o{number}", 1)
    later = START + timedelta(days=20)
    programme.clock.move_to(later)
    assert await worker.run_due(later) == Done(expired=34, forgotten=0)


class NotedReports:
    """Notes when it was told to refresh, and whether at any rate."""

    def __init__(self) -> None:
        self.told: list[tuple[datetime, bool]] = []

    async def run_due(self, now: datetime) -> int:
        self.told.append((now, False))
        return 0

    async def refresh(self, now: datetime) -> int:
        self.told.append((now, True))
        return 1


async def test_reports_are_refreshed_once_where_a_moved_clock_comes_to_rest(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.authorize("s1", "o1", 10)
    reports = NotedReports()
    async with open_pool(programme.dsn, size=2) as pool:
        worker = Worker(
            pool,
            programme.lanes,
            book=lambda: programme.book,
            ids=programme.ids,
            payouts=NoPayouts(),
            reports=reports,
        )
        later = START + timedelta(days=365)
        done = await worker.move_clock(programme.clock, later)
        assert (done.expired, done.reported) == (1, 1)
        assert reports.told == [(later, True)]
        await worker.run_due(later)
        await worker.run_due(later, at_rest=False)
        assert reports.told == [(later, True), (later, False)]
