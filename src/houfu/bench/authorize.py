"""`houfu bench authorize`: one table, one run, one PostgreSQL.

Every round goes through all rows, so that drift of the machine hits all of them, and starts from the same state.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final, Literal

import msgspec

from houfu.bench import engine, limits
from houfu.bench.client import Order
from houfu.bench.history import load_history
from houfu.bench.machine import Machine, machine_of
from houfu.bench.processes import EMPTY, generate, serving
from houfu.bench.programme import (
    AMOUNT,
    HOT_STORE,
    make_key,
    open_programme,
    orders_in,
    own_database,
    store_id,
    sweep,
)
from houfu.bench.table import ROWS, Bar, Row, Sample, bars_of, rows_of
from houfu.core.clock import Clock
from houfu.core.ids import public_id
from houfu.db.migrate import app_role_usable
from houfu.db.tx import connect
from houfu.lines.command import PREFIX, Command
from houfu.lines.lanes import Lanes

CONNECTIONS: Final = 64
BATCH_CONNECTIONS: Final = 4
BATCH_ITEMS: Final = 100
STOCK_PER_SECOND: Final = 12_000
"""Orders made ready for each second of captures and repayments; whoever is faster stops early."""

OnProgress = Callable[[str, int, int], None]
"""Told what is going on, and how far it is, of how far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `serve` is the command that runs the service on DATABASE_URL and a free port."""

    rows: Sequence[str] = tuple(ROWS)
    rounds: int = 5
    seconds: int = 4
    warm_up_ms: int = 500
    history: int = 10_000_000
    stores: int = 2_000
    scale: int = 20
    serve: Sequence[str]
    pgbench: Path
    folder: Path


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, where, and what was reached. Rates are orders a second."""

    benchmark: Literal["authorize"] = "authorize"
    machine: Machine
    rounds: int
    seconds: int
    stores: int
    older_postings: int
    rows: list[Row]
    bars: list[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """All that the rows are measured with. What no row needs is empty."""

    plan: Plan
    fresh: str
    tpcb: str
    lanes: Lanes
    key: str
    url: str
    aged_key: str
    aged_url: str
    empty_url: str
    older_postings: int


async def measure(dsn: str, plan: Plan, *, clock: Clock, on_progress: OnProgress) -> Report:
    """Measure the rows of `plan` in databases of their own on the server of `dsn`, dropped at the end."""
    samples: dict[str, list[Sample]] = {name: [] for name in ROWS if name in plan.rows}
    machine = await machine_of(dsn)
    async with _stand(dsn, plan, clock=clock, on_progress=on_progress) as stand:
        runs = count(1)
        steps = plan.rounds * len(samples)
        done = count(0)
        for number in range(plan.rounds):
            await sweep(stand.fresh)
            for name, row in samples.items():
                on_progress(f"round {number + 1} of {plan.rounds}: {name}", next(done), steps)
                row.append(await _MEASURES[name](stand, f"r{next(runs):05d}"))
        on_progress("measured", steps, steps)
    return Report(
        machine=machine,
        rounds=plan.rounds,
        seconds=plan.seconds,
        stores=plan.stores,
        older_postings=stand.older_postings,
        rows=rows_of(samples),
        bars=bars_of(samples),
    )


@contextlib.asynccontextmanager
async def _stand(dsn: str, plan: Plan, *, clock: Clock, on_progress: OnProgress) -> AsyncGenerator[_Stand]:
    """Databases, processes and the engine, for as long as the context lasts."""
    now = clock.now()
    rows = set(plan.rows)
    async with AsyncExitStack() as stack:
        on_progress("opening the stores' lines", 0, 1)
        fresh = await stack.enter_async_context(own_database(dsn, "houfu_bench_fresh"))
        terms = await open_programme(fresh, stores=plan.stores, now=now)
        if rows & {"function_spread", "function_hot"}:
            await limits.make_function(fresh)
        tpcb = ""
        if "tpcb" in rows:
            on_progress("filling TPC-B's tables", 0, 1)
            tpcb = await stack.enter_async_context(own_database(dsn, "houfu_bench_tpcb"))
            await limits.make_tpcb(plan.pgbench, tpcb, scale=plan.scale)
        aged = url = aged_url = empty_url = ""
        older_postings = 0
        if rows & {"http_spread", "http_hot", "http_batch", "http_capture", "http_repay"}:
            url = await stack.enter_async_context(_service(plan, fresh, "fresh"))
        if "http_aged" in rows:
            aged = await stack.enter_async_context(own_database(dsn, "houfu_bench_aged"))
            older_postings = await _age(aged, plan, now=now, on_progress=on_progress)
            aged_url = await stack.enter_async_context(_service(plan, aged, "aged"))
        if "http_empty" in rows:
            empty_url = await stack.enter_async_context(serving(EMPTY, log=plan.folder / "empty.log"))
        as_app = await app_role_usable(fresh)
        yield _Stand(
            plan=plan,
            fresh=fresh,
            tpcb=tpcb,
            lanes=await stack.enter_async_context(
                Lanes(
                    lambda: connect(fresh, as_app=as_app, steady_plans=True),
                    clock=clock,
                    terms_at=lambda _: terms,
                )
            ),
            key=await make_key(fresh, now=now),
            url=url,
            aged_key=await make_key(aged, now=now) if aged else "",
            aged_url=aged_url,
            empty_url=empty_url,
            older_postings=older_postings,
        )


async def _age(dsn: str, plan: Plan, *, now: datetime, on_progress: OnProgress) -> int:
    await open_programme(dsn, stores=plan.stores, now=now)
    return await load_history(
        dsn,
        postings=plan.history,
        stores=plan.stores,
        now=now,
        on_progress=lambda done, of: on_progress("loading older orders", done, of),
    )


def _service(plan: Plan, dsn: str, name: str) -> contextlib.AbstractAsyncContextManager[str]:
    return serving(plan.serve, log=plan.folder / f"{name}.log", environment={"DATABASE_URL": dsn})


async def _tpcb(stand: _Stand, _run: str) -> Sample:
    return await limits.tpcb(stand.plan.pgbench, stand.tpcb, seconds=stand.plan.seconds)


async def _function(stand: _Stand, stores: int) -> Sample:
    plan = stand.plan
    return await limits.function(plan.pgbench, stand.fresh, plan.folder, stores=stores, seconds=plan.seconds)


async def _engine(stand: _Stand, run: str, stores: int) -> Sample:
    return await _loop(stand, engine.authorizations(run, stores))


async def _loop(stand: _Stand, commands: Iterator[Command]) -> Sample:
    plan = stand.plan
    return await engine.closed_loop(stand.lanes, commands, seconds=plan.seconds, warm_up_ms=plan.warm_up_ms)


async def _engine_act(stand: _Stand, run: str, kind: Literal["capture", "repay"]) -> Sample:
    orders = await _stock(stand, run, kind)
    return await _loop(stand, engine.acts(kind, orders))


async def _stock(stand: _Stand, run: str, kind: Literal["capture", "repay"]) -> list[tuple[str, str]]:
    """Orders to act on: what earlier rows left in the fresh database, and as many more as it takes."""
    wanted = STOCK_PER_SECOND * stand.plan.seconds + STOCK_PER_SECOND // 2
    status = "authorized" if kind == "capture" else "captured"
    found = await orders_in(stand.fresh, status, limit=wanted)
    if len(found) >= wanted:
        return found
    if kind == "capture":
        asked = engine.authorizations(f"{run}s", stand.plan.stores)
        more = [next(asked) for _ in range(wanted - len(found))]
        await engine.carry_out(stand.lanes, more)
    else:
        held = await _stock(stand, run, "capture")
        await engine.carry_out(stand.lanes, list(engine.acts("capture", held[: wanted - len(found)])))
    return await orders_in(stand.fresh, status, limit=wanted)


async def _http(
    stand: _Stand,
    run: str,
    *,
    url: str,
    key: str,
    stores: int,
    kind: Literal["authorize", "batch"] = "authorize",
) -> Sample:
    return await _sample(
        Order(
            url=url,
            key=key,
            kind=kind,
            run=run,
            amount=AMOUNT,
            connections=CONNECTIONS if kind == "authorize" else BATCH_CONNECTIONS,
            seconds=stand.plan.seconds,
            warm_up_ms=stand.plan.warm_up_ms,
            stores=[HOT_STORE] if stores == 1 else [store_id(number) for number in range(1, stores + 1)],
            items=1 if kind == "authorize" else BATCH_ITEMS,
        )
    )


async def _http_act(stand: _Stand, run: str, kind: Literal["capture", "repay"]) -> Sample:
    return await _sample(
        Order(
            url=stand.url,
            key=stand.key,
            kind=kind,
            run=run,
            amount=AMOUNT,
            connections=CONNECTIONS,
            seconds=stand.plan.seconds,
            warm_up_ms=stand.plan.warm_up_ms,
            ids=[public_id(PREFIX, id, store) for store, id in await _stock(stand, run, kind)],
        )
    )


async def _sample(order: Order) -> Sample:
    measured = await generate(order)
    return Sample(measured.orders * 1_000_000_000 // measured.nanoseconds, measured.p50_us, measured.p99_us)


def _fresh(stand: _Stand, run: str, *, hot: bool = False) -> Awaitable[Sample]:
    return _http(stand, run, url=stand.url, key=stand.key, stores=1 if hot else stand.plan.stores)


_MEASURES: Final[Mapping[str, Callable[[_Stand, str], Awaitable[Sample]]]] = {
    "tpcb": _tpcb,
    "function_spread": lambda stand, _: _function(stand, stand.plan.stores),
    "function_hot": lambda stand, _: _function(stand, 1),
    "engine_spread": lambda stand, run: _engine(stand, run, stand.plan.stores),
    "engine_hot": lambda stand, run: _engine(stand, run, 1),
    "engine_capture": lambda stand, run: _engine_act(stand, run, "capture"),
    "engine_repay": lambda stand, run: _engine_act(stand, run, "repay"),
    "http_empty": lambda stand, run: _http(
        stand, run, url=stand.empty_url, key=stand.key, stores=stand.plan.stores
    ),
    "http_spread": _fresh,
    "http_aged": lambda stand, run: _http(
        stand, run, url=stand.aged_url, key=stand.aged_key, stores=stand.plan.stores
    ),
    "http_hot": lambda stand, run: _fresh(stand, run, hot=True),
    "http_batch": lambda stand, run: _http(
        stand, run, url=stand.url, key=stand.key, stores=stand.plan.stores, kind="batch"
    ),
    "http_capture": lambda stand, run: _http_act(stand, run, "capture"),
    "http_repay": lambda stand, run: _http_act(stand, run, "repay"),
}
