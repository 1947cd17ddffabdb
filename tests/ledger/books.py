"""Books on a real database, written as the service writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.ledger.journal import Journal, Posting, post

NOW = datetime(2026, 3, 2, 1, 2, 3, 456_789, tzinfo=UTC)
SUBJECT = "0196f2c3a1b47c8d9e0f1a2b3c4d5e6f"
ADVANCE: tuple[Posting, ...] = (("buyer_receivable", 100), ("store_balance", -100))
PAYMENT: tuple[Posting, ...] = (("bank", 60), ("buyer_receivable", -60))
CLAW_BACK: tuple[Posting, ...] = (("store_balance", 30), ("store_liability", 10), ("buyer_receivable", -40))


def hours(number: int) -> datetime:
    return NOW + timedelta(hours=number)


async def open_books(connection: Connection, *store_ids: str) -> None:
    await connection.executemany(
        "insert into stores values ($1, 'Store', 'o1', 1, '2026-03-01', 'mobile', 'clothing', $2, $2)",
        [(store_id, NOW) for store_id in store_ids],
    )
    await ledger.open_books(connection, store_ids, "CNY")


async def write(
    connection: Connection,
    store_id: str,
    journals: Sequence[tuple[Posting, ...]],
    *,
    occurred_at: datetime = NOW,
    recorded_at: datetime = NOW,
) -> list[Journal]:
    """Add journals to the end of a store's chain."""
    books = (await ledger.load_books(connection, [store_id]))[store_id].books
    made: list[Journal] = []
    for postings in journals:
        books, journal = post(
            books,
            "test",
            postings,
            subject=SUBJECT if len(made) % 2 else None,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
        )
        made.append(journal)
    async with connection.transaction():
        await ledger.record(connection, made)
    return made
