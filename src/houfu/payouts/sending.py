"""Approved files go to the bank, each exactly once.

That a file is being sent is committed before the bank's side hears of it; whoever finds one begun asks the bank whether it
has it before handing it over again. No transaction is open while the bank is spoken to.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.payouts.actions import unpacked
from houfu.payouts.rails.rail import Rail, RailAway, RailRefused

_SQL = load(__package__)
LEASE: Final = timedelta(minutes=15)
"""After this time a sender that never said how it ended is taken for dead."""
FILES_AT_ONCE: Final = 20

_log = structlog.get_logger()


async def send(connection: Connection, rails: Mapping[str, Rail], *, now: datetime) -> int:
    """Hand over what is approved and not with the bank yet; how many files it has now. What cannot be handed over
    stays and is tried again."""
    rows = await connection.fetch(_SQL["files_to_send"], now - LEASE, FILES_AT_ONCE)
    sent = 0
    for row in rows:
        rail = rails.get(row["rail"])
        if rail is None:
            _log.error("rail_unknown", rail=row["rail"])
        elif await _send(connection, rail, row["batch_id"].hex, row["number"], now=now):
            sent += 1
    return sent


async def _send(connection: Connection, rail: Rail, batch_id: str, number: int, *, now: datetime) -> bool:
    begun = await connection.fetchrow(_SQL["begin_sending"], batch_id, number, now, now - LEASE)
    if begun is None:
        return False
    message_id, content = begun["message_id"], unpacked(begun["content"])
    try:
        if begun["attempts"] == 1 or not await rail.has(message_id, content):
            await rail.deliver(message_id, content)
    except RailAway as away:
        _log.warning("bank_away", file=message_id, error=str(away), attempts=begun["attempts"])
        await connection.execute(_SQL["not_sending"], batch_id, number)
        return False
    except RailRefused as refused:
        _log.error("file_refused", file=message_id, error=str(refused))
        async with connection.transaction():
            await connection.execute(_SQL["file_refused"], batch_id, number, str(refused))
            await connection.execute(_SQL["batch_sent"], batch_id, now)
        return False
    async with connection.transaction():
        await connection.execute(_SQL["file_sent"], batch_id, number, now)
        await connection.execute(_SQL["batch_sent"], batch_id, now)
    return True
