"""The rows of orders, lines and their history: read into nouns, written one statement per table."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from asyncpg import Record

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.lines.change import LineChange, announcement
from houfu.lines.line import Layer, Line
from houfu.lines.order import Order

_SQL = load(__package__)
_LOAD_LAYERS = _SQL["load_layers"]
_INSERT_ORDERS = _SQL["insert_orders"]
_UPDATE_ORDERS = _SQL["update_orders"]
_INSERT_MOVEMENTS = _SQL["insert_movements"]
_UPDATE_LINES = _SQL["update_lines"]
_SUSPEND_LINES = _SQL["suspend_lines"]
_INSERT_LINE_CHANGES = _SQL["insert_line_changes"]


class Movement(msgspec.Struct, frozen=True, gc=False):
    """A row of `movements`."""

    store_id: str
    id: str
    authorization_id: str
    kind: str
    amount: int
    reason: str | None
    journal_seq: int | None
    author: str
    occurred_at: datetime


def line_of(row: Record) -> Line:
    """The line in a row of `lock_lines` or `read_line`."""
    return Line(
        store_id=row[0],
        status=row[1],
        currency=row[2],
        total=row[3],
        total_until=row[4],
        used=row[5],
        assessment_id=row[6].hex,
        cap=row[7],
        zeroed=row[8],
        rounding=row[9],
        day_withdrawn_share_bp=row[10],
        partner=row[11],
    )


def order_of(row: Record) -> Order:
    """The order in a row of `load_orders`, whose columns stand in the order of the struct's fields."""
    store_id, id, *rest = row.values()
    return Order(*(store_id, id.hex, *rest))


async def load_layers(connection: Connection, store_ids: Sequence[str]) -> dict[str, list[Layer]]:
    """The layers of each line's latest assessment."""
    layers: dict[str, list[Layer]] = {}
    for store_id, kind, amount, valid_from, valid_until, reason in await connection.fetch(
        _LOAD_LAYERS, store_ids
    ):
        layers.setdefault(store_id, []).append(Layer(kind, amount, valid_from, valid_until, reason))
    return layers


async def insert_orders(connection: Connection, new: Sequence[Order], *, now: datetime) -> None:
    """Write orders that were just authorized or refused."""
    if not new:
        return
    await connection.execute(
        _INSERT_ORDERS,
        [o.store_id for o in new],
        [o.id for o in new],
        [o.order_id for o in new],
        [o.buyer_id for o in new],
        [o.reason for o in new],
        [o.currency for o in new],
        [o.amount for o in new],
        [o.over_limit_amount for o in new],
        now,
        [o.expires_at for o in new],
    )


async def update_orders(connection: Connection, changed: Sequence[Order]) -> None:
    """Write what became of orders."""
    if not changed:
        return
    await connection.execute(
        _UPDATE_ORDERS,
        [o.store_id for o in changed],
        [o.id for o in changed],
        [o.status for o in changed],
        [o.captured for o in changed],
        [o.freed for o in changed],
        [o.repaid for o in changed],
        [o.returned for o in changed],
        [o.refunded for o in changed],
        [o.receivable for o in changed],
        [o.liability for o in changed],
        [o.written_off for o in changed],
        [o.borne_by for o in changed],
        [o.captured_at for o in changed],
        [o.default_at for o in changed],
        [o.due_at for o in changed],
    )


async def insert_movements(connection: Connection, moves: Sequence[Movement], *, now: datetime) -> None:
    """Write what was asked of orders."""
    if not moves:
        return
    await connection.execute(
        _INSERT_MOVEMENTS,
        [m.store_id for m in moves],
        [m.id for m in moves],
        [m.authorization_id for m in moves],
        [m.kind for m in moves],
        [m.amount for m in moves],
        [m.reason for m in moves],
        [m.journal_seq for m in moves],
        [m.author for m in moves],
        now,
        [m.occurred_at for m in moves],
    )


async def update_lines(connection: Connection, lines: Sequence[Line], *, now: datetime) -> None:
    """Write the use and the total of lines."""
    if not lines:
        return
    await connection.execute(
        _UPDATE_LINES,
        [line.store_id for line in lines],
        [line.used for line in lines],
        [line.total for line in lines],
        [line.total_until for line in lines],
        now,
    )


async def suspend_lines(
    connection: Connection, suspended: Mapping[str, tuple[str, bool]], *, now: datetime
) -> None:
    """Suspend lines, by store: for which cause, and whether the store is to be assessed for it at once."""
    if not suspended:
        return
    await connection.execute(
        _SUSPEND_LINES,
        list(suspended),
        [cause for cause, _ in suspended.values()],
        [assess for _, assess in suspended.values()],
        now,
    )


async def record_line_changes(
    connection: Connection, changes: Sequence[LineChange], *, now: datetime
) -> None:
    """Write the history of lines, and tell their stores (B14, C4)."""
    if not changes:
        return
    await connection.execute(
        _INSERT_LINE_CHANGES,
        [c.after.store_id for c in changes],
        [c.id for c in changes],
        [c.before.total for c in changes],
        [c.after.total for c in changes],
        [c.before.status for c in changes],
        [c.after.status for c in changes],
        [c.cause for c in changes],
        [c.author for c in changes],
        [c.after.assessment_id for c in changes],
        [c.occurred_at for c in changes],
        now,
    )
    await events.send(connection, [announcement(change) for change in changes], now=now)
