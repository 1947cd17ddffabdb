"""`houfu bench assessment`: a run over all stores that changes every limit, beside PostgreSQL writing the same rows, and orders
beside such a run.

The run and the orders share one process, as in the service.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter_ns
from typing import Final, Literal

import msgspec
from rich.console import Console

from houfu.bench.engine import authorizations, must_have_worked
from houfu.bench.machine import Machine, machine_of
from houfu.bench.page import show_bars, show_table
from houfu.bench.programme import own_database, shipped_book, store_id
from houfu.bench.table import Bar, Spread, milliseconds, spread, times
from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.db.migrate import app_role_usable, migrate
from houfu.db.queries import load
from houfu.db.tx import Connection, connect
from houfu.lines import runs
from houfu.lines.assessing import assess
from houfu.lines.lanes import Lanes
from houfu.policy.book import PolicyBook
from houfu.policy.periods import local_day

CALLERS: Final = 32
"""Orders in flight, each caller waiting for its answer before the next."""
_STORES_AT_ONCE: Final = 1_000
_COPIED: Final = ("assessments", "layers", "line_changes", "messages", "lines")
_SQL = load(__package__, "assessment.sql")

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure: how many stores, how often, and for how many seconds orders run alone."""

    stores: int
    rounds: int
    seconds: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table, medians over the rounds: stores a second of a run, or orders a second and how long one took."""

    name: str
    label: str
    per_second: Spread
    p50_us: Spread | None = None
    p99_us: Spread | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, where, and what was reached. `limits_changed`: in every round."""

    benchmark: Literal["assessment"] = "assessment"
    machine: Machine
    rounds: int
    stores: int
    limits_changed: int
    floor_ratio_percent: Spread
    rows: list[Row]
    bars: list[Bar]


class _Orders(msgspec.Struct):
    """How long orders took, microseconds, and for how long they ran."""

    took_us: list[int]
    seconds_ns: int

    @property
    def per_second(self) -> int:
        return len(self.took_us) * 1_000_000_000 // max(1, self.seconds_ns)

    def percentile(self, percent: int) -> int:
        ordered = sorted(self.took_us)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def measure(dsn: str, plan: Plan, *, clock: Clock, on_progress: OnProgress) -> Report:
    """Make the stores, then in every round: a run alone, the floor, orders alone, orders beside a run."""
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(own_database(dsn, "houfu_bench_assessment"))
        await migrate(own)
        connection = await connect(own, as_app=False)
        stack.push_async_callback(connection.close)
        ids = IdMaker()
        book = await _make_stores(connection, plan, ids=ids, now=clock.now(), on_progress=on_progress)
        as_app = await app_role_usable(own)
        lanes = await stack.enter_async_context(
            Lanes(
                lambda: connect(own, as_app=as_app, steady_plans=True),
                clock=clock,
                terms_at=lambda now: book.at(now).terms.orders,
                ids=ids,
            )
        )
        alone: list[int] = []
        floor: list[int] = []
        quiet: list[_Orders] = []
        beside: list[_Orders] = []
        beside_run: list[int] = []
        changed = plan.stores
        for number in range(1, plan.rounds + 1):
            on_progress(f"round {number}: a run alone", number, plan.rounds)
            run, took = await _run(connection, book, ids=ids, now=clock.now())
            changed = min(changed, run.changed)
            alone.append(took)
            on_progress(f"round {number}: the floor", number, plan.rounds)
            floor.append(await _floor(connection))
            on_progress(f"round {number}: orders alone", number, plan.rounds)
            quiet.append(await _orders(lanes, f"q{number}", plan.stores, asyncio.sleep(plan.seconds)))
            on_progress(f"round {number}: orders beside a run", number, plan.rounds)
            timed: list[int] = []

            async def run_beside(kept: list[int] = timed) -> None:
                kept.append((await _run(connection, book, ids=ids, now=clock.now()))[1])

            beside.append(await _orders(lanes, f"b{number}", plan.stores, run_beside()))
            beside_run += timed
        ratios = [run * 100 // least for run, least in zip(alone, floor, strict=True)]
        machine = await machine_of(own)
    return Report(
        machine=machine,
        rounds=plan.rounds,
        stores=plan.stores,
        limits_changed=changed,
        floor_ratio_percent=spread(ratios),
        rows=[
            _stores_row("floor", "floor: PostgreSQL writes the same rows again", floor, plan.stores),
            _stores_row("run", "a run that changes every limit", alone, plan.stores),
            _orders_row("orders", f"orders, {CALLERS} in flight", quiet),
            _orders_row("orders_beside", "  beside a run", beside),
            _stores_row("run_beside", "  and that run", beside_run, plan.stores),
        ],
        bars=_bars(plan, changed, beside),
    )


def _bars(plan: Plan, changed: int, beside: list[_Orders]) -> list[Bar]:
    p99 = spread([orders.percentile(99) for orders in beside]).median
    slowest = max(max(orders.took_us) for orders in beside)
    return [
        Bar(
            name="changed",
            asked="every limit changes, with history and message",
            measured=f"{changed:,} of {plan.stores:,}",
            reached=changed == plan.stores,
        ),
        Bar(
            name="orders_p99",
            asked="99 of 100 orders beside a run under 100 ms",
            measured=f"{milliseconds(p99)}, the slowest {milliseconds(slowest)}",
            reached=p99 < 100_000,
        ),
    ]


def _stores_row(name: str, label: str, took_ns: list[int], stores: int) -> Row:
    return Row(name=name, label=label, per_second=spread([stores * 1_000_000_000 // ns for ns in took_ns]))


def _orders_row(name: str, label: str, samples: list[_Orders]) -> Row:
    return Row(
        name=name,
        label=label,
        per_second=spread([orders.per_second for orders in samples]),
        p50_us=spread([orders.percentile(50) for orders in samples]),
        p99_us=spread([orders.percentile(99) for orders in samples]),
    )


async def _make_stores(
    connection: Connection, plan: Plan, *, ids: IdMaker, now: datetime, on_progress: OnProgress
) -> PolicyBook:
    book = await shipped_book(connection, now=now)
    today = local_day(now, book.at(now).zone)
    for start in range(0, plan.stores, _STORES_AT_ONCE):
        on_progress("stores are opened", start, plan.stores)
        names = [store_id(n) for n in range(start + 1, min(start + _STORES_AT_ONCE, plan.stores) + 1)]
        await connection.execute(_SQL["put_open_stores"], names, today, now)
        await connection.execute(_SQL["put_months"], names, today, now)
        await assess(connection, names, book=book, cause="store_enrolled", author="bench", ids=ids, now=now)
    await connection.execute("vacuum analyze")
    return book


async def _run(
    connection: Connection, book: PolicyBook, *, ids: IdMaker, now: datetime
) -> tuple[runs.Run, int]:
    """Raise every store's level, then assess them all; the run and its nanoseconds."""
    await connection.execute(_SQL["raise_levels"])
    start = perf_counter_ns()
    run = await runs.request(connection, author="bench", ids=ids, now=now)
    while run.finished_at is None:
        met = await runs.advance(connection, book, ids=ids, now=now, run_id=run.run_id)
        assert met is not None  # noqa: S101 (nobody else is at it)
        run = met
    return run, perf_counter_ns() - start


async def _floor(connection: Connection) -> int:
    """Let PostgreSQL write once more what the last run wrote, one statement a table, with the same indexes; nanoseconds."""
    await connection.execute(_SQL["begin_floor"])
    for table in _COPIED:
        await connection.execute(f"create table copy_of_{table} (like {table} including all)")
    await connection.execute("insert into copy_of_lines select * from lines")
    start = perf_counter_ns()
    async with connection.transaction():
        for statement in ("assessments", "layers", "changes", "messages", "lines"):
            await connection.execute(_SQL[f"floor_{statement}"])
    took = perf_counter_ns() - start
    await connection.execute(_SQL["end_floor"])
    return took


async def _orders(
    lanes: Lanes, run: str, stores: int, while_this: Coroutine[object, object, None]
) -> _Orders:
    """Place orders one after another from every caller for as long as `while_this` lasts."""
    commands = authorizations(run, min(stores, 100_000))
    took: list[int] = []
    over = asyncio.Event()

    async def place() -> None:
        while not over.is_set():
            command = next(commands)
            asked = perf_counter_ns()
            must_have_worked(await lanes.submit(command))
            took.append((perf_counter_ns() - asked) // 1_000)

    async def last() -> None:
        try:
            await while_this
        finally:
            over.set()

    start = perf_counter_ns()
    await asyncio.gather(last(), *(place() for _ in range(CALLERS)))
    return _Orders(took, perf_counter_ns() - start)


def show(report: Report, console: Console) -> None:
    """Write the report to the console."""
    machine = report.machine
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mb} MB; {machine.system}; "
        f"PostgreSQL {machine.postgresql}, Python {machine.python}\n"
        f"{report.rounds} rounds, {report.stores:,} stores; load before: {times(machine.load_percent)[:-1]}",
        highlight=False,
    )
    head = ("", "a second", "min .. max", "p50", "p99")
    show_table(head, [_cells(row) for row in report.rows], console)
    console.print(f"A run takes {times(report.floor_ratio_percent.median)} the floor.", highlight=False)
    show_bars(report.bars, console)


def _cells(row: Row) -> tuple[str, ...]:
    rate = row.per_second
    return (
        row.label,
        f"{rate.median:,}",
        f"{rate.least:,} .. {rate.most:,}",
        milliseconds(row.p50_us.median) if row.p50_us else "",
        milliseconds(row.p99_us.median) if row.p99_us else "",
    )
