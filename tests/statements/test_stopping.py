"""An export goes at its reader's pace, and ends in the database when its reader has gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from front import NOW, Front
from houfu.db.tx import connect
from houfu.statements.exports import Exports
from http_caller import Caller

ROWS = 400_000
"""More than fits between the database and a reader who does not read."""

FILL = """
    insert into journals (store_id, seq, kind, currency, accounts, amounts, subject, occurred_at, recorded_at, hash)
    select 's1', n, 'capture', 'CNY', '{buyer_receivable,store_balance}', '{1,-1}', null, $1, $1, sha256('')
    from generate_series(1, $2::bigint) as n
"""
RUNNING = """
    select count(*) from pg_stat_activity
    where state = 'active' and query ilike 'copy (%' and datname = current_database()
"""


@pytest.fixture
async def filled(front: Front) -> Front:
    await front.open_store()
    async with front.service.pool.acquire() as connection:
        await connection.execute(FILL, NOW - timedelta(days=1), ROWS // 2)
    return front


async def until(front: Front, expected: int) -> None:
    """Wait until so many exports run in the database. The service's own role does not see what others do."""
    connection = await connect(front.dsn, as_app=False)
    try:
        async with asyncio.timeout(20):
            while await connection.fetchval(RUNNING) != expected:
                pass
    finally:
        await connection.close()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
async def test_the_query_stops_when_the_caller_leaves(filled: Front, format: str) -> None:
    caller = Caller(
        "/v1/stores/s1/entries/export", query=f"format={format}".encode(), key=filled.keys["platform"]
    )
    caller.hold_after = 2  # the head and what was made first; then it reads no more
    asking = asyncio.create_task(filled.door(caller.scope, caller.receive, caller.send))
    try:
        await until(filled, 1)
        assert filled.service.part(Exports).full  # one at once, of a pool of four
        refused = await filled.call("GET", "/v1/stores/s1/entries/export")
        assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    finally:
        caller.leave()
        await asking
    await until(filled, 0)
    assert not filled.service.part(Exports).full
    assert all(message.get("more_body", True) for message in caller.sent)
    whole = await filled.call("GET", "/v1/stores/s1/entries/export?journal_from=1&journal_to=5")
    assert whole.content.count(b"\r\n") == 11


async def test_a_pdf_of_more_rows_than_anybody_reads_is_refused(filled: Front) -> None:
    refused: Any = await filled.call("GET", "/v1/stores/s1/entries/export?format=pdf")
    assert (refused.status_code, refused.json()["code"]) == (422, "export_too_long")
    assert "format=csv" in refused.json()["detail_en"]
