"""A past that was loaded is as true as one that happened."""

import asyncpg

from houfu.bench.history import load_history
from houfu.bench.programme import open_programme, sweep
from houfu.core.clock import SystemClock
from houfu.db.tx import open_pool
from houfu.ledger.verify import INVARIANTS, verify
from houfu.lines.invariants import INVARIANTS as OF_LINES


async def test_the_books_of_a_loaded_past_verify_until_it_is_swept_away(bare_database: str) -> None:
    now = SystemClock().now()
    heard: list[tuple[int, int]] = []
    await open_programme(bare_database, stores=7, now=now)
    postings = await load_history(
        bare_database,
        postings=1_000,
        stores=7,
        now=now,
        on_progress=lambda done, of: heard.append((done, of)),
    )
    assert postings == 980  # 35 orders a store, four postings each
    assert heard[-1] == (245, 245)
    async with open_pool(bare_database, as_app=False) as pool:
        proof = await verify(pool.acquire, {**INVARIANTS, **OF_LINES})
        assert proof.first_break is None
        assert (proof.stores, proof.journals, proof.postings) == (7, 490, 980)
        await sweep(bare_database)
        proof = await verify(pool.acquire, {**INVARIANTS, **OF_LINES})
        assert proof.first_break is None
        assert proof.postings == 0


async def test_answers_of_the_past_are_remembered_for_every_command(bare_database: str) -> None:
    now = SystemClock().now()
    await open_programme(bare_database, stores=2, now=now)
    await load_history(bare_database, postings=80, stores=2, now=now, on_progress=lambda _done, _of: None)
    connection = await asyncpg.connect(bare_database)
    try:
        kept = await connection.fetch(
            "select status, count(*) from idempotency group by status order by status"
        )
        latest = await connection.fetchval("select max(recorded_at) from journals")
    finally:
        await connection.close()
    assert [tuple(row) for row in kept] == [(200, 40), (201, 20)]
    assert latest < now
