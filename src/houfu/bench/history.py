"""A past for the stores: as many postings as a large programme makes in weeks, loaded in minutes.

Each order was authorized, captured and repaid: two journals of two postings, two movements, three remembered
answers. The hash chain is the real one, so `houfu ledger verify` proves such a database too.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from houfu.bench.programme import AMOUNT, store_id
from houfu.db.queries import load
from houfu.db.tx import connect

POSTINGS_PER_ORDER: Final = 4
CURRENCY: Final = "CNY"
PERIOD: Final = timedelta(days=28)
"""How far back the past reaches: not so far that answers are forgotten while something is measured."""
LOADERS: Final = 2
_ORDERS_AT_ONCE: Final = 20_000
_STATEMENT_SECONDS_MAX: Final = 3_600
_SQL = load(__package__, "history.sql")


async def load_history(
    dsn: str, *, postings: int, stores: int, now: datetime, on_progress: Callable[[int, int], None]
) -> int:
    """Give the stores of an open programme a past of about `postings` postings; how many there are.

    `on_progress` hears how many orders are loaded, of how many.
    """
    each = max(1, postings // POSTINGS_PER_ORDER // stores)
    names = [store_id(number) for number in range(1, stores + 1)]
    at_once = max(1, _ORDERS_AT_ONCE // each)
    pieces = iter([names[start : start + at_once] for start in range(0, stores, at_once)])
    await _make_functions(dsn)
    loaded = 0

    async def work() -> None:
        nonlocal loaded
        connection = await connect(dsn, as_app=False)
        try:
            await _prepare(connection)
            for piece in pieces:
                await _load(connection, piece, each=each, now=now)
                loaded += len(piece) * each
                on_progress(loaded, stores * each)
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(LOADERS):
            group.create_task(work())
    await _tidy(dsn)
    return stores * each * POSTINGS_PER_ORDER


async def _make_functions(dsn: str) -> None:
    connection = await connect(dsn, as_app=False)
    try:
        await connection.execute("create schema if not exists bench")
        await connection.execute(_SQL["make_link"])
        await connection.execute(_SQL["make_chain"])
    finally:
        await connection.close()


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What makes loading quick: no wait for the disk, and no look-up of keys known to be there."""
    await connection.execute(_SQL["make_past"])
    await connection.execute("set synchronous_commit = off")
    await connection.execute("set work_mem = '128MB'")
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
        await connection.execute("set session_replication_role = replica")


async def _load(
    connection: "asyncpg.Connection[asyncpg.Record]", names: list[str], *, each: int, now: datetime
) -> None:
    start, step = now - PERIOD - timedelta(days=1), PERIOD / (each + 1)
    async with connection.transaction():
        await connection.execute(_SQL["forget_past"])
        await connection.execute(
            _SQL["imagine_past"], names, each, start, step, timeout=_STATEMENT_SECONDS_MAX
        )
        for statement in ("put_orders", "put_journals"):
            await connection.execute(_SQL[statement], AMOUNT, CURRENCY, timeout=_STATEMENT_SECONDS_MAX)
        await connection.execute(_SQL["put_movements"], AMOUNT, timeout=_STATEMENT_SECONDS_MAX)
        await connection.execute(_SQL["put_answers"], AMOUNT, CURRENCY, timeout=_STATEMENT_SECONDS_MAX)
        await connection.execute(_SQL["put_books"], names)
        await connection.execute(_SQL["put_balances"], names, AMOUNT * each)


async def _tidy(dsn: str) -> None:
    """What autovacuum would have done over the years."""
    connection = await connect(dsn, as_app=False)
    try:
        await connection.execute("vacuum analyze", timeout=_STATEMENT_SECONDS_MAX)
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute("checkpoint", timeout=_STATEMENT_SECONDS_MAX)
    finally:
        await connection.close()
