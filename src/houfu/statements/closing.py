"""Closing months: what each came to is computed once, from its own journals and the month before it, and kept for good."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from asyncpg import Record

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger.journal import GENESIS
from houfu.statements.month import (
    ACCOUNTS,
    Balances,
    Line,
    StoreMonth,
    begins_at,
    closed_by,
    month_after,
    month_at,
)

_SQL = load(__package__, "months.sql")
SCAN_SECONDS_MAX: Final = 600
"""How long a statement may take that reads a month's journals."""


class StatementUnknown(LookupError):
    """The store has no statement of that month."""


class _Place(msgspec.Struct, frozen=True):
    """Where a month begins: after which journal, with which hash and balances."""

    month: date
    currency: str
    after: int
    head: bytes
    opening: Balances


async def store_months(
    connection: Connection, store_id: str, *, now: datetime, zone: ZoneInfo
) -> list[tuple[date, bool]]:
    """The months of which the store has a statement, the newest first, and whether each is over."""
    place = await _close(connection, store_id, now=now, zone=zone)
    if place is None:
        return []
    rows = await connection.fetch(_SQL["months"], store_id)
    return [(place.month, False), *((row["month"], True) for row in rows)]


async def store_month(
    connection: Connection, store_id: str, month: date, *, now: datetime, zone: ZoneInfo
) -> StoreMonth:
    """What a month came to; what it has come to so far where it is not over. StatementUnknown where there is none.

    Months that are over are closed first, each of them once: reading one that is closed does not depend on how much was
    traded since or before.
    """
    row = await connection.fetchrow(_SQL["month"], store_id, month)
    if row is None:
        place = await _close(connection, store_id, now=now, zone=zone)
        if place is not None and place.month == month:
            return await _computed(connection, store_id, place, end=None)
        row = await connection.fetchrow(_SQL["month"], store_id, month)
    if row is None:
        raise StatementUnknown(store_id)
    return _month_of(row)


async def _close(connection: Connection, store_id: str, *, now: datetime, zone: ZoneInfo) -> _Place | None:
    """Close the months that are over; where the one that is not begins, None where the store has no journals."""
    row = await connection.fetchrow(_SQL["last_month"], store_id)
    if row is not None:
        place = _after(_month_of(row))
    else:
        first = await connection.fetchrow(_SQL["first_journal"], store_id)
        if first is None:
            return None
        place = _Place(month_at(first["recorded_at"], zone), first["currency"], 0, GENESIS, Balances())
    while (end := begins_at(month_after(place.month), zone)) <= now:
        made = await _computed(connection, store_id, place, end=end)
        await connection.execute(
            _SQL["keep_month"],
            store_id,
            made.month,
            made.currency,
            made.first_journal,
            made.last_journal,
            made.head,
            [getattr(made.opening, account) for account in ACCOUNTS],
            [getattr(made.closing, account) for account in ACCOUNTS],
            msgspec.to_builtins(made.lines),
            now,
        )
        # Another process may have closed it meanwhile; what was kept first holds, and the next month begins there.
        kept = await connection.fetchrow(_SQL["month"], store_id, made.month)
        place = _after(made if kept is None else _month_of(kept))
    return place


async def _computed(
    connection: Connection, store_id: str, place: _Place, *, end: datetime | None
) -> StoreMonth:
    """A month that begins at `place`, up to the first journal recorded at `end` or later; all of them where that is None.

    What was recorded at a month's end and committed after the month was closed belongs to the next one.
    """
    last: int = await connection.fetchval(
        _SQL["last_journal"], store_id, place.after, end, timeout=SCAN_SECONDS_MAX
    )
    rows = await connection.fetch(_SQL["moved"], store_id, place.after, last, timeout=SCAN_SECONDS_MAX)
    lines = tuple(
        Line(
            account=row["account"],
            kind=row["kind"],
            part=row["part"],
            inflow=int(row["inflow"]),
            outflow=int(row["outflow"]),
            entries=row["entries"],
        )
        for row in rows
    )
    head = place.head if last == place.after else await connection.fetchval(_SQL["hash_of"], store_id, last)
    return StoreMonth(
        store_id=store_id,
        month=place.month,
        currency=place.currency,
        first_journal=place.after + 1,
        last_journal=last,
        head=head,
        opening=place.opening,
        closing=closed_by(place.opening, lines),
        lines=lines,
        final=end is not None,
    )


def _after(month: StoreMonth) -> _Place:
    return _Place(month_after(month.month), month.currency, month.last_journal, month.head, month.closing)


def _month_of(row: Record) -> StoreMonth:
    return StoreMonth(
        store_id=row["store_id"],
        month=row["month"],
        currency=row["currency"],
        first_journal=row["first_journal"],
        last_journal=row["last_journal"],
        head=row["head"],
        opening=Balances(*row["opening"]),
        closing=Balances(*row["closing"]),
        lines=tuple(msgspec.convert(row["lines"], list[Line])),
        final=True,
    )
