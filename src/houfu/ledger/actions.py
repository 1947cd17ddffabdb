"""Writing to and reading from the books. The caller holds the store's line lock, which orders its journals."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from asyncpg import Record

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import entries as chosen
from houfu.ledger.entries import EntryFilter
from houfu.ledger.journal import Books, Journal, Posting, post, reversal

_SQL = load(__package__)
_LOAD_BOOKS = _SQL["load_books"]
_RECORD = _SQL["record"]
_LISTS = load(__package__, "lists.sql")


def _page(journals: str, order: str) -> str:
    """A page of entries of the journals that a statement looks through, and the last of those where there are more."""
    page = _LISTS["page"].replace(":journals", _LISTS[journals]).replace(":entries", _LISTS["entries"])
    return page.replace(":order", order)


_BY_PLACE: Final = _page("journals_by_place", "seq desc")
_BY_TIME: Final = _page("journals_by_time", "occurred_at desc, seq desc")
_OF_ORDER: Final = _page("journals_of_order", "seq desc")
LOOKED_THROUGH: Final = 5_000
"""Journals that one page of entries looks through at most."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """A store's books and the two balances that decisions need, minor units, both zero or more."""

    books: Books
    balance: int
    liability: int


async def open_books(connection: Connection, store_ids: Sequence[str], currency: str) -> None:
    """Give the stores books and an account of each kind; nothing happens where they have them."""
    await connection.execute(_SQL["open_books"], store_ids, currency)
    await connection.execute(_SQL["open_balances"], store_ids, currency)


async def load_books(connection: Connection, store_ids: Sequence[str]) -> dict[str, Account]:
    """The books of the stores that have them."""
    rows = await connection.fetch(_LOAD_BOOKS, store_ids)
    return {
        store_id: Account(Books(store_id, currency, seq, head), -balance, liability)
        for store_id, currency, seq, head, balance, liability in rows
    }


async def record(connection: Connection, journals: Sequence[Journal]) -> None:
    """Write journals, in the order of each store's chain, and move books and balances with them."""
    if not journals:
        return
    ends = {j.store_id: j for j in journals}
    deltas: dict[tuple[str, str], int] = {}
    for journal in journals:
        for account, amount in journal.postings:
            key = (journal.store_id, account)
            deltas[key] = deltas.get(key, 0) + amount
    await connection.execute(
        _RECORD,
        [j.store_id for j in journals],
        [j.seq for j in journals],
        [j.kind for j in journals],
        [j.currency for j in journals],
        ["{" + ",".join([account for account, _ in j.postings]) + "}" for j in journals],
        ["{" + ",".join([str(amount) for _, amount in j.postings]) + "}" for j in journals],
        [j.subject for j in journals],
        [j.reverses for j in journals],
        [j.occurred_at for j in journals],
        [j.recorded_at for j in journals],
        [j.hash for j in journals],
        list(ends),
        [j.seq for j in ends.values()],
        [j.hash for j in ends.values()],
        [s for s, _ in deltas],
        [account for _, account in deltas],
        list(deltas.values()),
    )


async def reverse(
    connection: Connection, books: Books, seq: int, *, kind: str, subject: str | None, now: datetime
) -> tuple[Books, Journal]:
    """The journal that takes journal `seq` of the store back; LookupError where there is none."""
    row = await connection.fetchrow(_SQL["journal_of"], books.store_id, seq)
    if row is None:
        raise LookupError(f"store {books.store_id} has no journal {seq}")
    postings: Iterable[Posting] = zip(row["accounts"], row["amounts"], strict=True)
    return post(
        books, kind, reversal(postings), subject=subject, occurred_at=now, recorded_at=now, reverses=seq
    )


async def balances(
    connection: Connection,
    store_id: str,
    *,
    recorded_by: datetime | None = None,
    occurred_by: datetime | None = None,
) -> dict[str, int]:
    """The store's balance on each account, debit positive: now, or as the books knew it at a past moment
    (`recorded_by`), or as the world was at one (`occurred_by`)."""
    if recorded_by is not None:
        rows = await connection.fetch(_SQL["balances_recorded_by"], store_id, recorded_by)
    elif occurred_by is not None:
        rows = await connection.fetch(_SQL["balances_occurred_by"], store_id, occurred_by)
    else:
        rows = await connection.fetch(_SQL["balances_now"], store_id)
    return {row["account"]: row["balance"] for row in rows}


async def entries(
    connection: Connection, which: EntryFilter, *, after: tuple[int, int], limit: int
) -> tuple[list[Record], int | None]:
    """Entries after the one whose journal and line are `after`, newest first, and the last journal that was looked at where
    older ones were not. What an entry costs does not depend on how long the past is."""
    accounts = await chart(connection)
    statement = _OF_ORDER if which.order_id is not None else _BY_TIME if which.by_time else _BY_PLACE
    sparse = which.sparse or which.only_merchant_visible
    rows = await connection.fetch(
        statement,
        which.store_id,
        which.accounts(accounts),
        which.kind,
        *which.bounds(),
        which.order_id,
        *after,
        limit,
        LOOKED_THROUGH if sparse or which.order_id is not None else limit,
    )
    found = [row for row in rows if row["seq"] is not None]
    return found, rows[0]["looked_to"]


async def chart(connection: Connection) -> tuple[chosen.Account, ...]:
    """The chart of accounts."""
    rows = await connection.fetch(_LISTS["chart"])
    return tuple(
        chosen.Account(
            name=row["account"],
            grows_by_debit=row["grows_by_debit"],
            merchant_visible=row["merchant_visible"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
        )
        for row in rows
    )


async def store_exists(connection: Connection, store_id: str) -> bool:
    """Whether there is such a store."""
    return bool(await connection.fetchval(_LISTS["store_exists"], store_id))


async def currency_of(connection: Connection, store_id: str) -> str | None:
    """The currency of a store's books; None where it has none."""
    return await connection.fetchval(_LISTS["currency_of_books"], store_id)
