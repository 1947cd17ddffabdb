"""Keeping what the marketplace tells us of its stores."""

from datetime import date, datetime

from asyncpg import Record

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.stores.bank_account import BankAccount, BankAccountUnknown
from houfu.stores.facts import Fact, FactKind
from houfu.stores.metrics import KnownMetrics, Metrics
from houfu.stores.store import KnownStore, Store, StoreUnknown

_SQL = load(__package__)
_ATTEMPTS_MAX = 5


async def put_store(connection: Connection, store: Store, *, now: datetime) -> tuple[KnownStore, bool]:
    """Take up a store, or what changed about it; whether it is new."""
    row = await connection.fetchrow(
        _SQL["put_store"],
        store.store_id,
        store.name,
        store.owner_id,
        store.level,
        store.opened_on,
        store.phone_kind,
        store.category,
        now,
    )
    return _known_store(_present(row)), _present(row)["created"]


async def find_store(connection: Connection, store_id: str) -> KnownStore:
    """The store. StoreUnknown where there is none."""
    row = await connection.fetchrow(_SQL["store"], store_id)
    if row is None:
        raise StoreUnknown(store_id)
    return _known_store(row)


async def list_stores(connection: Connection, *, after: str, limit: int) -> list[KnownStore]:
    """Stores by id, from the one after `after`."""
    return [_known_store(row) for row in await connection.fetch(_SQL["stores_after"], after, limit)]


async def must_exist(connection: Connection, store_id: str) -> None:
    """StoreUnknown where there is no such store."""
    if not await connection.fetchval(_SQL["store_exists"], store_id):
        raise StoreUnknown(store_id)


async def put_metrics(
    connection: Connection, store_id: str, month: date, metrics: Metrics, *, now: datetime
) -> KnownMetrics:
    """Take up a month's figures as a new revision, or leave it where they say nothing new. StoreUnknown."""
    await must_exist(connection, store_id)
    for _ in range(_ATTEMPTS_MAX):
        row = await connection.fetchrow(_SQL["newest_metrics"], store_id, month)
        newest = None if row is None else KnownMetrics(**row)
        if newest is not None and newest.says(metrics):
            return newest
        row = await connection.fetchrow(
            _SQL["insert_metrics"],
            store_id,
            month,
            1 if newest is None else newest.revision + 1,
            *(getattr(metrics, name) for name in Metrics.__struct_fields__),
            now,
        )
        # No row: somebody else wrote this revision meanwhile.
        if row is not None:
            return KnownMetrics(**row)
    raise TimeoutError(f"the metrics of {store_id} in {month} keep changing")


async def list_metrics(
    connection: Connection, store_id: str, *, before: date | None, limit: int
) -> list[KnownMetrics]:
    """The newest revision of each month, newest month first. StoreUnknown."""
    await must_exist(connection, store_id)
    rows = await connection.fetch(_SQL["metrics_before"], store_id, before, limit)
    return [KnownMetrics(**row) for row in rows]


async def record_fact(
    connection: Connection,
    store_id: str,
    *,
    kind: FactKind,
    occurred_at: datetime,
    note: str,
    author: str,
    ids: IdMaker,
    now: datetime,
) -> Fact:
    """Take note of what happened to a store. StoreUnknown."""
    await must_exist(connection, store_id)
    fact = Fact(
        store_id=store_id,
        id=ids.make(now),
        kind=kind,
        occurred_at=occurred_at,
        recorded_at=now,
        author=author,
        note=note,
    )
    await connection.execute(_SQL["insert_fact"], store_id, fact.id, kind, occurred_at, now, author, note)
    return fact


async def list_facts(connection: Connection, store_id: str, *, before: str | None, limit: int) -> list[Fact]:
    """A store's facts, the last told first; `before` is the id where the page before ended. StoreUnknown."""
    await must_exist(connection, store_id)
    rows = await connection.fetch(_SQL["facts_before"], store_id, before, limit)
    return [
        Fact(
            store_id=row["store_id"],
            id=row["fact_id"].hex,
            kind=row["kind"],
            occurred_at=row["occurred_at"],
            recorded_at=row["recorded_at"],
            author=row["author"],
            note=row["note"],
        )
        for row in rows
    ]


async def put_bank_account(
    connection: Connection,
    store_id: str,
    bank_account_id: str,
    *,
    holder: str,
    number: str,
    bank_code: str,
    vouched_by: str | None,
    now: datetime,
) -> tuple[BankAccount, bool]:
    """Take up an account of the store, or what changed about it; whether it is new. StoreUnknown.

    `vouched_by` is who vouches for it, None where the store itself puts it: then a change waits to be verified
    anew. What says nothing new changes nothing.
    """
    await must_exist(connection, store_id)
    row = await connection.fetchrow(
        _SQL["put_bank_account"], store_id, bank_account_id, holder, number, bank_code, now, vouched_by
    )
    if row is not None:
        return _bank_account(row), row["created"]
    return _bank_account(
        _present(await connection.fetchrow(_SQL["bank_account"], store_id, bank_account_id))
    ), False


async def verify_bank_account(
    connection: Connection, store_id: str, bank_account_id: str, *, author: str, now: datetime
) -> BankAccount:
    """Vouch for an account; who did first stays. BankAccountUnknown."""
    row = await connection.fetchrow(_SQL["verify_bank_account"], store_id, bank_account_id, now, author)
    if row is None:
        raise BankAccountUnknown(bank_account_id)
    return _bank_account(row)


async def list_bank_accounts(
    connection: Connection, store_id: str, *, after: str, limit: int
) -> list[BankAccount]:
    """The store's accounts by id. StoreUnknown."""
    await must_exist(connection, store_id)
    rows = await connection.fetch(_SQL["bank_accounts_after"], store_id, after, limit)
    return [_bank_account(row) for row in rows]


def _known_store(row: Record) -> KnownStore:
    return KnownStore(**{name: row[name] for name in KnownStore.__struct_fields__})


def _bank_account(row: Record) -> BankAccount:
    return BankAccount(**{name: row[name] for name in BankAccount.__struct_fields__})


def _present(row: Record | None) -> Record:
    if row is None:
        raise LookupError("a statement that always returns a row returned none")
    return row
