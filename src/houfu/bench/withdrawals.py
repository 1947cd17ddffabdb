"""`houfu bench withdrawals`: requests beside TPC-B, a day of payouts and an export, each beside its limit in the same run.

Requests are made of a service on a sandbox's clock: at night, in the programme's zone, a real one is closed (D3). What takes
long is measured in processes of its own, so that its peak memory is its own.
"""

import contextlib
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
from rich.console import Console

from houfu.bench import limits, payouts
from houfu.bench.client import Order
from houfu.bench.history import load_history
from houfu.bench.machine import Machine, machine_of
from houfu.bench.page import show_bars, show_table
from houfu.bench.processes import generate, piece, serving
from houfu.bench.programme import (
    book_of,
    make_key,
    open_lines,
    open_stores,
    own_database,
    shipped_book,
    store_id,
)
from houfu.bench.table import Bar, Spread, milliseconds, spread, times
from houfu.core.clock import Clock
from houfu.db.migrate import migrate
from houfu.db.queries import load
from houfu.db.tx import Connection, connect
from houfu.ledger import actions as ledger
from houfu.ledger.journal import post
from houfu.policy.document import shipped_text

ROWS: Final[Mapping[str, str]] = {
    "tpcb": "pgbench TPC-B, 8 clients",
    "requests": "withdrawal requests by HTTP, 64 connections",
    "serialize": "lxml serializes trees of the files",
    "cut_off": "  from cut-off to validated files",
    "parse": "lxml parses the statement",
    "ingest": "  a statement taken in, lines matched",
    "copy": "PostgreSQL copies the entries",
    "export": "  entries to CSV",
}
"""Every row there is, in the order in which a round goes through them; a limit stands above what it limits."""
CONNECTIONS: Final = 64
AMOUNT: Final = 1_000
FUNDS: Final = 1_000_000_000
_SQL = load(__package__, "withdrawals.sql")

OnProgress = payouts.OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `serve` runs the service on DATABASE_URL, on a free port, with a sandbox's clock."""

    rows: Sequence[str]
    rounds: int
    seconds: int
    stores: int
    payments: int
    entries: int
    scale: int = 20
    warm_up_ms: int = 500
    serve: Sequence[str]
    pgbench: Path
    folder: Path


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: what it did a second, how long it took in all where it has an end, the peak memory of its
    process where it had one of its own."""

    name: str
    label: str
    per_second: Spread
    took_ms: Spread | None = None
    peak_mb: Spread | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, where, and what was reached."""

    benchmark: Literal["withdrawals"] = "withdrawals"
    machine: Machine
    rounds: int
    stores: int
    payments: int
    entries: int
    rows: list[Row]
    bars: list[Bar]


class _Sample(msgspec.Struct, frozen=True):
    count: int
    took_ns: int
    peak_kb: int = 0

    @property
    def per_second(self) -> int:
        return self.count * 1_000_000_000 // max(1, self.took_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    plan: Plan
    tpcb: str
    requests: str
    key: str
    url: str
    day: str
    entries: str


async def measure(dsn: str, plan: Plan, *, clock: Clock, on_progress: OnProgress) -> Report:
    """Measure the rows of `plan` in databases of their own on the server of `dsn`, dropped at the end."""
    machine = await machine_of(dsn)
    samples: dict[str, list[_Sample]] = {name: [] for name in ROWS if name in plan.rows}
    async with _stand(dsn, plan, clock=clock, on_progress=on_progress) as stand:
        for number in range(1, plan.rounds + 1):
            on_progress(f"round {number} of {plan.rounds}", number, plan.rounds)
            await _round(stand, samples, number)
    return Report(
        machine=machine,
        rounds=plan.rounds,
        stores=plan.stores,
        payments=plan.payments,
        entries=plan.entries,
        rows=[_row(name, found) for name, found in samples.items()],
        bars=_bars(samples),
    )


async def _round(stand: _Stand, samples: dict[str, list[_Sample]], number: int) -> None:
    plan = stand.plan
    if "tpcb" in samples:
        found = await limits.tpcb(plan.pgbench, stand.tpcb, seconds=plan.seconds)
        samples["tpcb"].append(_Sample(found.per_second, 1_000_000_000))
    if "requests" in samples:
        await _fund(stand.requests, plan.stores)
        order = Order(
            url=stand.url,
            key=stand.key,
            kind="withdraw",
            run=f"r{number:05d}",
            amount=AMOUNT,
            connections=CONNECTIONS,
            seconds=plan.seconds,
            warm_up_ms=plan.warm_up_ms,
            stores=[store_id(n) for n in range(1, plan.stores + 1)],
        )
        measured = await generate(order)
        samples["requests"].append(_Sample(measured.orders, measured.nanoseconds))
    if stand.day:
        await _on(stand.day, payouts.begin_again)
        # The files are made and kept before a tree of them can be serialized.
        for name in ("cut_off", "serialize"):
            await _piece(samples, name, stand.day)
        await _on(stand.day, payouts.pay_all)
        for name in ("parse", "ingest"):
            await _piece(samples, name, stand.day)
    if stand.entries:
        for name in ("copy", "export"):
            await _piece(samples, name, stand.entries)


async def _piece(samples: dict[str, list[_Sample]], name: str, dsn: str) -> None:
    done = await piece(payouts.Job(work=name, dsn=dsn))
    if name in samples:
        samples[name].append(_Sample(done.count, done.took_ns, done.peak_kb))


async def _on(dsn: str, act: payouts.Act) -> None:
    connection = await connect(dsn, as_app=False)
    try:
        await act(connection)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _stand(dsn: str, plan: Plan, *, clock: Clock, on_progress: OnProgress) -> AsyncGenerator[_Stand]:
    """Databases and the service, for as long as the context lasts. What no row needs is empty."""
    rows = set(plan.rows)
    tpcb = requests = key = url = day = entries = ""
    async with AsyncExitStack() as stack:
        if "tpcb" in rows:
            on_progress("filling TPC-B's tables", 0, 1)
            tpcb = await stack.enter_async_context(own_database(dsn, "houfu_bench_tpcb"))
            await limits.make_tpcb(plan.pgbench, tpcb, scale=plan.scale)
        if "requests" in rows:
            on_progress("opening the stores' lines", 0, 1)
            requests = await stack.enter_async_context(own_database(dsn, "houfu_bench_requests"))
            await _open_stores(requests, plan.stores)
            key = await make_key(requests, now=clock.now())
            log = plan.folder / "requests.log"
            url = await stack.enter_async_context(
                serving(plan.serve, log=log, environment={"DATABASE_URL": requests})
            )
        if rows & {"serialize", "cut_off", "parse", "ingest"}:
            on_progress("making a day's withdrawals", 0, 1)
            day = await stack.enter_async_context(own_database(dsn, "houfu_bench_day"))
            await migrate(day)
            await _on(day, lambda connection: _make_day(connection, plan.payments))
        if rows & {"copy", "export"}:
            on_progress("making entries", 0, 1)
            entries = await stack.enter_async_context(own_database(dsn, "houfu_bench_entries"))
            await migrate(entries)
            await _on(entries, _one_store)
            await load_history(
                entries,
                postings=plan.entries,
                stores=1,
                now=clock.now(),
                on_progress=lambda done, of: on_progress("making entries", done, of),
            )
        yield _Stand(plan=plan, tpcb=tpcb, requests=requests, key=key, url=url, day=day, entries=entries)


async def _make_day(connection: Connection, payments: int) -> None:
    await shipped_book(connection, now=payouts.ASKED_AT)
    await payouts.make_day(connection, payments=payments, now=payouts.ASKED_AT)


async def _one_store(connection: Connection) -> None:
    book = await shipped_book(connection, now=payouts.ASKED_AT)
    await connection.execute(_SQL["put_open_stores"], [store_id(1)], payouts.ASKED_ON, payouts.ASKED_AT)
    await open_lines(connection, book, [store_id(1)], now=payouts.ASKED_AT)


async def _open_stores(dsn: str, stores: int) -> None:
    """Stores in their first month with lines and bank accounts, under the shipped policy but for the day's count: here a
    store asks more often than any may."""
    await migrate(dsn)
    connection = await connect(dsn, as_app=False)
    try:
        text = _without_counts(shipped_text())
        book = await book_of(connection, text, now=payouts.ASKED_AT)
        names = [store_id(number) for number in range(1, stores + 1)]
        await open_stores(connection, book, names, now=payouts.ASKED_AT)
        await connection.execute(_SQL["put_bank_accounts"], names, payouts.ASKED_AT)
    finally:
        await connection.close()


def _without_counts(document: str) -> str:
    changed = re.sub(r"day_count_max: \d+", "day_count_max: 100000", document)
    changed = re.sub(r"(?m)^  hours_24: .*\n", "", changed)
    if "day_count_max: 100000" not in changed or "hours_24" in changed:
        raise RuntimeError("the shipped policy writes its counts otherwise than this benchmark expects")
    return changed


async def _fund(dsn: str, stores: int) -> None:
    """The stores as a round begins: nothing withdrawn, and a balance that no round exhausts."""
    connection = await connect(dsn, as_app=False)
    try:
        async with connection.transaction():
            for statement in ("forget_withdrawals", "start_books", "clear_balances", "clear_lines"):
                await connection.execute(_SQL[statement])
            names = [store_id(number) for number in range(1, stores + 1)]
            books = await ledger.load_books(connection, names)
            postings = (("buyer_receivable", FUNDS), ("store_balance", -FUNDS))
            await ledger.record(
                connection,
                [
                    post(
                        books[name].books,
                        "capture",
                        postings,
                        subject=None,
                        occurred_at=payouts.ASKED_AT,
                        recorded_at=payouts.ASKED_AT,
                    )[1]
                    for name in names
                ],
            )
        await connection.execute("vacuum analyze lines, books, balances")
    finally:
        await connection.close()


def _row(name: str, samples: Sequence[_Sample]) -> Row:
    own = any(sample.peak_kb for sample in samples)
    return Row(
        name=name,
        label=ROWS[name],
        per_second=spread([sample.per_second for sample in samples]),
        took_ms=spread([sample.took_ns // 1_000_000 for sample in samples]) if own else None,
        peak_mb=spread([sample.peak_kb // 1024 for sample in samples]) if own else None,
    )


def _bars(samples: Mapping[str, Sequence[_Sample]]) -> list[Bar]:
    """The bars whose rows were measured. Ratios are of one round: drift of the machine hits both sides."""
    found: list[Bar] = []
    if samples.get("requests") and samples.get("tpcb"):
        ratio = spread(
            [
                mine.per_second * 100 // max(1, limit.per_second)
                for mine, limit in zip(samples["requests"], samples["tpcb"], strict=True)
            ]
        )
        found.append(
            Bar(
                name="requests",
                asked="withdrawal requests by HTTP at least TPC-B",
                measured=times(ratio.median),
                reached=ratio.median >= 100,
            )
        )
    for name, limit, most, asked in (
        ("cut_off", "serialize", 500, "cut-off to validated files under 5 times serializing them"),
        ("ingest", "parse", 500, "a statement taken in under 5 times parsing it"),
        ("export", "copy", 400, "entries to CSV under 4 times PostgreSQL's copy"),
    ):
        if samples.get(name) and samples.get(limit):
            ratio = spread(
                [
                    mine.took_ns * 100 // max(1, floor.took_ns)
                    for mine, floor in zip(samples[name], samples[limit], strict=True)
                ]
            )
            found.append(
                Bar(name=name, asked=asked, measured=times(ratio.median), reached=ratio.median < most)
            )
    return found


def show(report: Report, console: Console) -> None:
    """Write the report to the console."""
    machine = report.machine
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mb} MB; {machine.system}; "
        f"PostgreSQL {machine.postgresql}, Python {machine.python}\n"
        f"{report.rounds} rounds, {report.stores:,} stores, {report.payments:,} payments, {report.entries:,} entries; "
        f"load before: {times(machine.load_percent)[:-1]}",
        highlight=False,
    )
    head = ("", "a second", "min .. max", "took", "peak memory")
    show_table(head, [_cells(row) for row in report.rows], console)
    show_bars(report.bars, console)


def _cells(row: Row) -> tuple[str, ...]:
    rate = row.per_second
    return (
        row.label,
        f"{rate.median:,}",
        f"{rate.least:,} .. {rate.most:,}",
        "" if row.took_ms is None else milliseconds(row.took_ms.median * 1_000),
        "" if row.peak_mb is None else f"{row.peak_mb.median:,} MB",
    )
