"""Loading what was checked: stores and metrics in one transaction, orders through the order engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.importing.rows import MonthOfStore
from houfu.lines.assessing import assess
from houfu.policy.book import PolicyBook
from houfu.stores.store import Store

T = TypeVar("T")

_SQL = load(__package__)
CHUNK: Final = 5_000
"""Rows in one statement."""
ASSESSED_AT_ONCE: Final = 500
CAUSE: Final = "imported"
NOT_ASSESSED_SHOWN_MAX: Final = 100


class NotAssessed(msgspec.Struct, frozen=True):
    """A store that was taken up and has no line, because the policy cannot decide about it yet."""

    store_id: str
    reason: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What an import of stores and metrics came to. `metrics` counts new or corrected months, `stores` new or
    changed stores, `lines` the lines that were opened."""

    stores: int
    metrics: int
    lines: int
    not_assessed: int
    not_assessed_shown: list[NotAssessed]


async def known_stores(connection: Connection) -> set[str]:
    """The ids of all stores."""
    return {row[0] for row in await connection.fetch(_SQL["known_store_ids"])}


async def put_stores(connection: Connection, stores: Sequence[Store], *, now: datetime) -> int:
    """Take up stores, or what changed about them; how many were new or changed."""
    count = 0
    for part in _chunks(stores):
        done = await connection.execute(
            _SQL["put_stores"],
            [s.store_id for s in part],
            [s.name for s in part],
            [s.owner_id for s in part],
            [s.level for s in part],
            [s.opened_on for s in part],
            [s.phone_kind for s in part],
            [s.category for s in part],
            now,
        )
        count += _affected(done)
    return count


async def put_metrics(connection: Connection, months: Sequence[MonthOfStore], *, now: datetime) -> int:
    """Take up months of metrics, as new revisions where they say something new; how many did."""
    count = 0
    for part in _chunks(months):
        done = await connection.execute(
            _SQL["put_metrics"],
            *([getattr(m, name) for m in part] for name in MonthOfStore.__struct_fields__),
            now,
        )
        count += _affected(done)
    return count


async def load_stores(
    connection: Connection,
    stores: Sequence[Store],
    months: Sequence[MonthOfStore],
    *,
    book: PolicyBook,
    author: str,
    ids: IdMaker,
    now: datetime,
) -> Loaded:
    """Load stores and metrics and open the lines of stores that have none: one transaction, all or nothing."""
    async with connection.transaction():
        stored = await put_stores(connection, stores, now=now)
        measured = await put_metrics(connection, months, now=now)
        named = sorted({s.store_id for s in stores} | {m.store_id for m in months})
        has_line = {row[0] for row in await connection.fetch(_SQL["stores_with_line"], named)}
        opened, failed = 0, list[NotAssessed]()
        lineless = [store_id for store_id in named if store_id not in has_line]
        for part in _chunks(lineless, ASSESSED_AT_ONCE):
            made = await assess(connection, part, book=book, cause=CAUSE, author=author, ids=ids, now=now)
            opened += len(part) - len(made.failed) - len(made.referred)
            failed += [NotAssessed(store_id, str(error)) for store_id, error in made.failed.items()]
    return Loaded(
        stores=stored,
        metrics=measured,
        lines=opened,
        not_assessed=len(failed),
        not_assessed_shown=failed[:NOT_ASSESSED_SHOWN_MAX],
    )


def _chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _affected(done: str) -> int:
    """How many rows a statement's completion tag tells of."""
    return int(done.rpartition(" ")[2])
