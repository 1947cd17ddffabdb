"""Keeping the report of withdrawals fresh: every 5 minutes, and only what changed (C3).

What changed is found by our own moments of recording, not by the world's: withdrawals by the moment in their ids, what
ended them by their journals, doubted fees by theirs. Each index holds nothing else, so a refresh costs what happened since
the last one, however long the history. A moment of recording is taken before its transaction commits; so the search
begins OVERLAP before the last refresh, far more than any transaction may take.

A refresh is one transaction: readers see the figures and their `as_of` change together, and one that is cut off changed
nothing. It reads withdrawals as they are and locks only its own rows, so that no order and no request waits for it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import structlog
from asyncpg import Pool

from houfu.core.clock import in_utc
from houfu.core.ids import microseconds_of
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection, without_values
from houfu.statements.withdrawal_report import WithdrawalDay

_SQL = load(__package__, "reports.sql")
NAME: Final = "withdrawals"
EVERY: Final = timedelta(minutes=5)
"""How old the report grows (C3)."""
OVERLAP: Final = timedelta(hours=1)
"""How long before the last refresh the search for changes begins: nothing that was decided earlier commits still."""
CHUNK: Final = 1_000
"""Days of stores in one statement."""
DAYS_AT_ONCE: Final = 31
"""Days of all stores in one statement."""
STATEMENT_TIMEOUT: Final = "30s"
LOCK_TIMEOUT: Final = "1s"

_log = structlog.get_logger()


class Reports:
    """The due work of reports. Any number of workers may have one: whoever comes second finds nothing to do."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._looked_at: datetime | None = None

    async def run_due(self, now: datetime) -> int:
        """Refresh the report where it is 5 minutes old; how many days of stores were looked at anew."""
        if self._looked_at is not None and _fresh(self._looked_at, now):
            return 0
        return await self._refreshed(now, unless_fresh=True)

    async def refresh(self, now: datetime) -> int:
        """Refresh the report however old it is: a clock was moved. How many days of stores were looked at anew."""
        return await self._refreshed(now, unless_fresh=False)

    async def _refreshed(self, now: datetime, *, unless_fresh: bool) -> int:
        self._looked_at = now
        try:
            async with self._pool.acquire() as connection:
                return await refresh(connection, now=now, unless_fresh=unless_fresh) or 0
        except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, *CONFLICT) as fault:
            # The report keeps its age, which it tells; the next one makes up for it. Nothing else that is due waits for it.
            _log.warning("report_not_refreshed", report=NAME, **without_values(fault))
            return 0


async def refresh(
    connection: Connection, *, now: datetime, unless_fresh: bool = False, anew: bool = False
) -> int | None:
    """Bring the report to `now`, in a transaction of its own: how many days of stores were looked at anew.

    None where another worker is at it, or, `unless_fresh`, where it is not 5 minutes old. `anew` looks at the whole history.
    """
    async with connection.transaction():
        await connection.execute(_SQL["limit_cost"], STATEMENT_TIMEOUT, LOCK_TIMEOUT)
        kept = await connection.fetchrow(_SQL["begin_refresh"], NAME)
        if kept is None:
            return None
        as_of: datetime | None = kept["as_of"]
        if unless_fresh and as_of is not None and _fresh(as_of, now):
            return None
        # A clock that was set back would leave a gap: what was recorded by it lies before the last refresh.
        since = None if anew or as_of is None else min(as_of, now) - OVERLAP
        looked_at, days = 0, set[date]()
        if since is None:
            touched = connection.cursor(_SQL["every_day"])
        else:
            touched = connection.cursor(_SQL["touched_days"], _least_id(since), since)
        cursor = await touched
        while keys := await cursor.fetch(CHUNK):
            written = await connection.fetch(
                _SQL["recompute_days"], [key["store_id"] for key in keys], [key["asked_on"] for key in keys]
            )
            days.update([key["asked_on"] for key in keys] if anew else [row["day"] for row in written])
            looked_at += len(keys)
        await _sum_stores(connection, sorted(days))
        await connection.execute(_SQL["end_refresh"], NAME, now, min(looked_at, 2**31 - 1))
        return looked_at


async def read(
    connection: Connection, store_id: str | None, *, currency: str, from_day: date, to_day: date
) -> tuple[datetime | None, list[WithdrawalDay]]:
    """The moment the report is of, and its days of a store, or of all, that lie between two, both included."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        as_of = await connection.fetchval(_SQL["as_of"], NAME)
        if store_id is None:
            rows = await connection.fetch(_SQL["days_of_all"], from_day, to_day, currency)
        else:
            rows = await connection.fetch(_SQL["days_of_store"], store_id, from_day, to_day, currency)
    return as_of, [msgspec.convert(dict(row), WithdrawalDay) for row in rows]


async def _sum_stores(connection: Connection, days: Sequence[date]) -> None:
    for at in range(0, len(days), DAYS_AT_ONCE):
        part = days[at : at + DAYS_AT_ONCE]
        await connection.execute(_SQL["sum_stores"], part)
        await connection.execute(_SQL["sum_reasons"], part)


def _fresh(as_of: datetime, now: datetime) -> bool:
    return timedelta() <= now - as_of < EVERY


def _least_id(moment: datetime) -> UUID:
    """The id before all that were made from `moment` on (see IdMaker)."""
    return UUID(int=max(0, microseconds_of(in_utc(moment)) // 1000) << 80)
