"""The programme that is measured: databases of the benchmark's own, with stores whose lines are open."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from houfu.core.ids import IdMaker
from houfu.db.keys import create_key
from houfu.db.migrate import migrate
from houfu.db.queries import load
from houfu.db.server import in_database
from houfu.db.tx import Connection, connect
from houfu.lines.assessing import assess
from houfu.policy.book import PolicyBook
from houfu.policy.document import shipped_text
from houfu.policy.periods import local_day
from houfu.policy.publishing import open_policy_book, publish
from houfu.policy.terms import Orders

AMOUNT: Final = 1
"""Fen per order: so little that no line is ever used up."""
LEVEL: Final = 100
"""A store in its first month gets a line by its level alone (B8)."""
HOT_STORE: Final = "bench-000001"
_STORES_AT_ONCE: Final = 1_000
_SQL = load(__package__, "programme.sql")


def store_id(number: int) -> str:
    """The `number`th store, counted from 1; all ids are of one length."""
    return f"bench-{number:06d}"


def store_pattern(number: str) -> str:
    """The same in SQL, for an expression that gives the number."""
    return f"'bench-' || lpad(({number})::text, 6, '0')"


@contextlib.asynccontextmanager
async def own_database(dsn: str, name: str) -> AsyncGenerator[str]:
    """The DSN of a new database beside that of `dsn`, dropped at the end. One of that name from before goes."""
    await _statement(dsn, f"drop database if exists {name} with (force)")
    await _statement(dsn, f"create database {name}")
    try:
        yield in_database(dsn, name)
    finally:
        await _statement(dsn, f"drop database if exists {name} with (force)")


async def shipped_book(connection: Connection, *, now: datetime) -> PolicyBook:
    """The book of a database in which only the shipped policy was ever published."""
    return await book_of(connection, shipped_text(), now=now)


async def book_of(connection: Connection, document: str, *, now: datetime) -> PolicyBook:
    """The book of a database in which only this policy was ever published."""
    await publish(
        connection,
        document,
        effective_from=now - timedelta(days=365),
        author="houfu",
        approved_by="bench",
        now=now,
    )
    return await open_policy_book(connection)


async def open_programme(dsn: str, *, stores: int, now: datetime) -> Orders:
    """Migrate the database and let the shipped policy open the stores' lines; what it says of orders."""
    await migrate(dsn)
    connection = await connect(dsn, as_app=False)
    try:
        book = await shipped_book(connection, now=now)
        await open_stores(connection, book, [store_id(number) for number in range(1, stores + 1)], now=now)
    finally:
        await connection.close()
    return book.at(now).terms.orders


async def open_stores(
    connection: Connection, book: PolicyBook, names: Sequence[str], *, now: datetime
) -> None:
    """Stores in their first month, of a level that opens a line for each."""
    await connection.execute(_SQL["put_stores"], names, LEVEL, local_day(now, book.at(now).zone), now)
    await open_lines(connection, book, names, now=now)


async def open_lines(
    connection: Connection, book: PolicyBook, names: Sequence[str], *, now: datetime
) -> None:
    """Let the policy open the lines of stores that are there."""
    ids = IdMaker()
    for start in range(0, len(names), _STORES_AT_ONCE):
        await assess(
            connection,
            names[start : start + _STORES_AT_ONCE],
            book=book,
            cause="store_enrolled",
            author="bench",
            ids=ids,
            now=now,
        )
    await connection.execute("vacuum analyze")


async def make_key(dsn: str, *, now: datetime) -> str:
    """A key with which the load generator may place orders."""
    connection = await connect(dsn, as_app=False)
    try:
        return (await create_key(connection, role="platform", store_id=None, name="bench", now=now)).key
    finally:
        await connection.close()


async def sweep(dsn: str) -> None:
    """Take all orders away again, so that every round starts from the same state."""
    connection = await connect(dsn, as_app=False)
    try:
        async with connection.transaction():
            for statement in ("empty_tables", "free_lines", "start_books", "clear_balances"):
                await connection.execute(_SQL[statement])
        await connection.execute("vacuum analyze lines, books, balances")
    finally:
        await connection.close()


async def orders_in(dsn: str, status: str, *, limit: int) -> list[tuple[str, str]]:
    """(store id, hex id) of orders in a status, oldest first."""
    connection = await connect(dsn, as_app=False)
    try:
        rows = await connection.fetch(_SQL["orders_in"], status, limit)
        return [(row[0], row[1].hex) for row in rows]
    finally:
        await connection.close()


async def _statement(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
