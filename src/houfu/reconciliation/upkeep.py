"""Breaks as reconciliation itself opens and closes them."""

from collections.abc import Sequence
from datetime import datetime

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.reconciliation.breaks import Found
from houfu.reconciliation.closing import BY_ITSELF, Closing

_SQL = load(__package__)


async def open_breaks(
    connection: Connection, rail: str, found: Sequence[Found], *, currency: str, ids: IdMaker, now: datetime
) -> None:
    """Put breaks into the tray, in their order."""
    if not found:
        return
    suggestions = [one.suggestion for one in found]
    await connection.execute(
        _SQL["insert_breaks"],
        rail,
        currency,
        now,
        [ids.make(now) for _ in found],
        [one.day for one in found],
        [one.kind for one in found],
        [one.amount for one in found],
        [one.line_number for one in found],
        [one.store_id for one in found],
        [one.withdrawal_id for one in found],
        [one.match_kind for one in found],
        [None if one is None else one.store_id for one in suggestions],
        [None if one is None else one.withdrawal_id for one in suggestions],
        [None if one is None else one.score for one in suggestions],
        [one.why_zh for one in found],
        [one.why_en for one in found],
    )


async def close_by_itself(
    connection: Connection, break_ids: Sequence[object], reason: Closing, *, now: datetime
) -> int:
    """Close breaks that are none any more, whatever was proposed; how many that were."""
    if break_ids:
        await connection.execute(_SQL["close_by_itself"], break_ids, reason, now, BY_ITSELF)
    return len(break_ids)


async def close_what_came(connection: Connection, rail: str, *, now: datetime) -> int:
    """Close the breaks of payouts that have a line by now; how many that were."""
    rows = await connection.fetch(_SQL["breaks_whose_line_came"], rail)
    return await close_by_itself(connection, [row["break_id"] for row in rows], Closing.LINE_CAME, now=now)
