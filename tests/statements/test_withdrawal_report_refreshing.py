"""Refreshing the report: what changed is found whatever happened, once every 5 minutes, and nobody waits for it (C3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from asyncpg import Record

from houfu.core.ids import public_id
from houfu.db.queries import load
from houfu.db.tx import Connection, connect, open_pool
from houfu.statements.refreshing import EVERY, NAME, Reports, read, refresh
from houfu.statements.withdrawal_report import WithdrawalDay, failure_groups, failures
from houfu.withdrawals.settlement import Ending, end_withdrawals
from houfu.withdrawals.withdrawal import Command
from withdrawals.programme import CLOSED_NUMBER, MONDAY, TUESDAY, Programme, hex_of, open_programme

SQL = load("houfu.statements", "reports.sql")
OWN = {"withdrawal_days", "withdrawal_days_of_all", "report_refreshes"}
LONG_AGO, FAR = date(2020, 1, 1), date(2030, 1, 1)


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        yield programme


async def days_of(connection: Connection, store_id: str | None) -> list[WithdrawalDay]:
    _, days = await read(connection, store_id, currency="CNY", from_day=LONG_AGO, to_day=FAR)
    return days


async def as_of(connection: Connection) -> datetime | None:
    return await connection.fetchval(SQL["as_of"], NAME)


def counted(rows: list[Record], disputed: set[Any]) -> list[WithdrawalDay]:
    """What the days are, counted one withdrawal after the other."""
    days: dict[date, dict[str, Any]] = {}
    for row in rows:
        empty: dict[str, Any] = dict.fromkeys(WithdrawalDay.__struct_fields__[1:], 0) | {
            "refused": {},
            "failed_by_bank": {},
        }
        day = days.setdefault(row["asked_on"], empty)
        status, bank_reason = row["status"], row["bank_reason"] or "MS03"
        day["asked"] += 1
        day["disputed"] += (row["store_id"], row["withdrawal_id"]) in disputed
        day["returned"] += row["returned"]
        if status == "refused":
            day["refused"][row["reason"]] = day["refused"].get(row["reason"], 0) + 1
            continue
        day["accepted"] += 1
        day["accepted_amount"] += row["amount"]
        day["open" if status in {"scheduled", "in_transit"} else status] += 1
        if status == "failed":
            day["failed_by_bank"][bank_reason] = day["failed_by_bank"].get(bank_reason, 0) + 1
            day["fees"] += row["amount"] - row["returned"]
        if status == "paid":
            day["paid_net"] += row["net"]
            day["fees"] += row["fee"]
            if row["booked_on"] <= row["arrives_on"]:
                day["on_time"] += 1
            elif row["booked_on"] <= row["latest_on"]:
                day["by_latest"] += 1
            else:
                day["late"] += 1
    return [WithdrawalDay(day=day, **figures) for day, figures in sorted(days.items())]


async def check(connection: Connection) -> None:
    """The rows kept are those that counting everything gives."""
    rows = await connection.fetch("select * from withdrawals")
    disputes = await connection.fetch("select store_id, withdrawal_id from fee_disputes")
    disputed = {(row["store_id"], row["withdrawal_id"]) for row in disputes}
    assert await days_of(connection, None) == counted(rows, disputed)
    for store_id in {row["store_id"] for row in rows}:
        own = [row for row in rows if row["store_id"] == store_id]
        assert await days_of(connection, store_id) == counted(own, disputed)


async def dispute(programme: Programme, id: str, *, now: datetime) -> None:
    """The store doubts the fee of a withdrawal."""
    store_id = id.partition(".")[2]
    await programme.connection.execute(
        "insert into fee_disputes values ($1, $2, $3, '', 'test', true, $4)",
        store_id,
        programme.ids.make(now),
        hex_of(id),
        now,
    )


async def come_back(programme: Programme, id: str, *, now: datetime) -> None:
    """What the bank had paid comes back, booked days before anybody tells us."""
    ending = Ending(
        store_id=id.partition(".")[2],
        id=hex_of(id),
        command=Command.RETURN,
        at=now - timedelta(days=3),
        author="bank",
        bank_reason="AC06",
        booked_on=(now - timedelta(days=3)).date(),
    )
    async with programme.connection.transaction():
        await end_withdrawals(programme.connection, [ending], now=now)


async def some(programme: Programme, random: Random, *statuses: str) -> str | None:
    """The id of some withdrawal that stands so."""
    rows = await programme.connection.fetch(
        "select store_id, withdrawal_id from withdrawals where status = any($1::text[]) order by withdrawal_id",
        statuses,
    )
    if not rows:
        return None
    row = random.choice(rows)
    return public_id("wd", row["withdrawal_id"].hex, row["store_id"])


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_the_rows_are_what_counting_everything_gives(
    programme: Programme, seed: int
) -> None:
    random = Random(f"report|{seed}")
    stores = ["s1", "s2", "s3", "s4", "s5"]
    for store_id in stores:
        number = CLOSED_NUMBER if store_id in {"s3", "s4"} else "6222020200011111"
        await programme.open_store(store_id, balance=50_000_000, number=number)
    moves = (
        ["ask"] * 4 + ["cancel"] * 2 + ["time"] * 5 + ["come_back"] * 2 + ["dispute", "refresh", "refresh"]
    )
    for move in ["ask", "time", "refresh", *random.choices(moves, k=80)]:
        now = programme.clock.now()
        match move:
            case "ask":
                amount = random.choice([100, 5_000, 400_000, 90_000_000])
                await programme.ask(amount, random.choice(stores), at=now)
            case "cancel":
                if id := await some(programme, random, "scheduled"):
                    await programme.cancel(id, at=now, store_id=id.partition(".")[2])
            case "come_back":
                if id := await some(programme, random, "paid"):
                    await come_back(programme, id, now=now)
            case "dispute":
                if id := await some(
                    programme, random, "scheduled", "in_transit", "paid", "failed", "canceled"
                ):
                    await dispute(programme, id, now=now)
            case "time":
                await programme.work(now + timedelta(minutes=random.choice([1, 70, 200, 200, 700, 1_500])))
            case _:
                await refresh(programme.connection, now=now)
                await check(programme.connection)
    await refresh(programme.connection, now=programme.clock.now())
    await check(programme.connection)
    rows = await programme.connection.fetch("select status, paid_at is not null as was_paid from withdrawals")
    assert {"failed", "canceled", "refused"} <= {row["status"] for row in rows}
    assert any(row["was_paid"] for row in rows)
    kept = await programme.connection.fetch("select * from withdrawal_days order by 1, 2, 3")
    await refresh(programme.connection, now=programme.clock.now(), anew=True)
    assert await programme.connection.fetch("select * from withdrawal_days order by 1, 2, 3") == kept


async def test_the_published_shares_come_out_of_requests_that_failed_so(programme: Programme) -> None:
    """D4: 62, 18, 9, 5 and 6%."""
    for store_id in ("poor", "risky", "frozen", "doubting"):
        await programme.open_store(store_id, balance=0 if store_id == "poor" else 10_000_000)
    await programme.note("high_risk_marked", "risky")
    await programme.note("funds_frozen", "frozen")
    night = MONDAY.replace(hour=23, minute=30)
    assert (await programme.ask(90_000_000, "poor")).reason == "balance_insufficient"
    assert (await programme.ask(1_000, "poor")).reason == "limit_not_withdrawable"
    for count, store_id, moment in (
        (60, "poor", MONDAY),
        (18, "risky", MONDAY),
        (9, "doubting", night),
        (5, "frozen", MONDAY),
    ):
        for _ in range(count):
            assert (await programme.ask(1_000, store_id, at=moment)).status == "refused"
    for day in range(2):
        for _ in range(3):
            at = MONDAY + timedelta(days=day)
            view = await programme.ask(1_000, "doubting", at=at)
            assert view.status == "scheduled"
            await dispute(programme, view.id, now=at)
            await dispute(programme, view.id, now=at)  # doubted twice is one failure
    await refresh(programme.connection, now=TUESDAY)
    reasons = failures(await days_of(programme.connection, None), "zh")
    assert [(each.group, each.share_bp) for each in failure_groups(reasons, "zh")] == [
        ("not_enough", 6_200),
        ("account_abnormal", 1_800),
        ("maintenance", 900),
        ("account_frozen", 500),
        ("fee_disputed", 600),
        ("other", 0),
    ]


async def test_a_refresh_looks_only_at_days_on_which_something_changed(programme: Programme) -> None:
    for store_id in ("s1", "s2"):
        await programme.open_store(store_id, balance=10_000_000)
    for day in range(20):
        for store_id in ("s1", "s2"):
            await programme.ask(1_000, store_id, at=MONDAY + timedelta(days=day))
    now = MONDAY + timedelta(days=40)
    await programme.work(now)
    assert await refresh(programme.connection, now=now) == 40
    later = now + timedelta(hours=3)
    assert await refresh(programme.connection, now=later) == 0
    await programme.ask(1_000, "s1", at=later)
    first = await programme.connection.fetchval(
        "select 'wd_' || encode(uuid_send(withdrawal_id), 'hex') || '.s1' from withdrawals "
        "where store_id = 's1' order by withdrawal_id limit 1"
    )
    await come_back(programme, first, now=later)
    assert await refresh(programme.connection, now=later + EVERY) == 2
    await check(programme.connection)


@pytest.mark.parametrize("number", ["6222020200011111", CLOSED_NUMBER], ids=["paid", "rejected"])
async def test_what_the_bank_says_days_later_is_found(programme: Programme, number: str) -> None:
    await programme.open_store("s1", balance=10_000_000, number=number)
    await programme.ask(1_000)
    # So long after it was asked that the search begins after that.
    await refresh(programme.connection, now=MONDAY + timedelta(hours=2))
    await programme.work(MONDAY + timedelta(days=2))
    assert await refresh(programme.connection, now=programme.clock.now()) == 1
    await check(programme.connection)


@asynccontextmanager
async def open_reports(programme: Programme) -> AsyncGenerator[Reports]:
    async with open_pool(programme.dsn, size=2) as pool:
        yield Reports(pool)


async def test_the_report_is_refreshed_once_in_5_minutes_by_whichever_worker_comes(
    programme: Programme,
) -> None:
    await programme.open_store("s1", balance=10_000_000)
    await programme.ask(1_000)
    async with open_reports(programme) as one, open_reports(programme) as two:
        assert await as_of(programme.connection) is None
        assert await one.run_due(MONDAY) == 1
        assert await as_of(programme.connection) == MONDAY
        for seconds, refreshed in (
            (0, False),
            (299, False),
            (300, True),
            (301, False),
            (599, False),
            (600, True),
        ):
            now = MONDAY + timedelta(seconds=seconds)
            looked_at = await asyncio.gather(two.run_due(now), one.run_due(now))
            assert sum(looked_at) == (1 if refreshed else 0), seconds
        assert await as_of(programme.connection) == MONDAY + timedelta(seconds=600)
        assert await one.refresh(MONDAY + timedelta(seconds=601)) == 1  # a clock was moved: however old it is


async def test_a_worker_leaves_alone_what_another_is_at_and_one_that_is_cut_off_changed_nothing(
    programme: Programme,
) -> None:
    await programme.open_store("s1", balance=10_000_000)
    await programme.ask(1_000)
    other = await connect(programme.dsn)
    transaction = other.transaction()
    await transaction.start()
    assert await refresh(other, now=MONDAY) == 1
    assert await refresh(programme.connection, now=MONDAY) is None
    other.terminate()
    while await refresh(programme.connection, now=TUESDAY) is None:
        await asyncio.sleep(0)  # the server is still letting go of it
    assert await as_of(programme.connection) == TUESDAY
    await check(programme.connection)


async def test_a_refresh_that_is_held_up_gives_up_and_the_next_one_makes_up_for_it(
    programme: Programme,
) -> None:
    await programme.open_store("s1", balance=10_000_000)
    await programme.ask(1_000)
    owner = await connect(programme.dsn, as_app=False)
    async with open_reports(programme) as reports:
        async with owner.transaction():
            await owner.execute("lock table withdrawal_days in access exclusive mode")
            assert await reports.run_due(MONDAY) == 0
        assert await as_of(programme.connection) is None
        assert await reports.run_due(MONDAY + EVERY) == 1
    await owner.close()
    await check(programme.connection)


async def test_a_clock_that_was_set_back_loses_nothing(programme: Programme) -> None:
    await programme.open_store("s1", balance=10_000_000)
    await refresh(programme.connection, now=MONDAY + timedelta(days=300))
    await programme.ask(1_000)
    async with open_reports(programme) as reports:
        assert await reports.run_due(MONDAY) == 1
    await check(programme.connection)


async def test_no_order_waits_for_a_refresh_and_no_refresh_for_an_order(programme: Programme) -> None:
    await programme.open_store("s1", balance=10_000_000)
    await programme.ask(1_000)
    holder = await connect(programme.dsn)
    async with holder.transaction():
        for table in ("lines", "books", "balances", "withdrawals"):
            await holder.fetch(f"select from {table} for update")
        async with programme.connection.transaction():
            assert await refresh(programme.connection, now=MONDAY) == 1
            # The locks of a transaction stay to its end: all that a refresh ever takes are held now.
            locks = await holder.fetch(
                "select coalesce(c.relname, l.locktype) as what, l.mode from pg_locks l "
                "left join pg_class c on c.oid = l.relation "
                "left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid "
                "where l.pid = $1 and l.locktype in ('relation', 'tuple', 'advisory') "
                "and coalesce(t.relname, c.relname) <> all($2::text[])",
                programme.connection.get_server_pid(),
                sorted(OWN),
            )
            assert locks
            assert {lock["mode"] for lock in locks} == {"AccessShareLock"}
            assert not {"lines", "authorizations", "books", "balances"} & {lock["what"] for lock in locks}
    await holder.close()


async def test_a_refresh_may_not_take_long(programme: Programme) -> None:
    async with programme.connection.transaction():
        await refresh(programme.connection, now=MONDAY)
        kept = [
            await programme.connection.fetchval(f"show {name}")
            for name in ("statement_timeout", "lock_timeout", "max_parallel_workers_per_gather")
        ]
    assert kept == ["30s", "1s", "0"]
    assert await programme.connection.fetchval("show statement_timeout") == "0"


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        ("touched_days", "('0197c0000000700080000000000000ff', '2026-03-02')"),
        ("recompute_days", "('{s1}', '{2026-03-02}')"),
        ("sum_stores", "('{2026-03-02}')"),
        ("days_of_store", "('s1', '2026-03-01', '2026-03-31', 'CNY')"),
        ("days_of_all", "('2026-03-01', '2026-03-31', 'CNY')"),
    ],
)
async def test_statements_find_their_rows_by_index(
    programme: Programme, statement: str, arguments: str
) -> None:
    async with programme.connection.transaction():
        await programme.connection.execute("set local enable_seqscan = off")
        await programme.connection.execute("set local plan_cache_mode = force_generic_plan")
        await programme.connection.execute(f"prepare report_plan as {SQL[statement]}")
        plan = await programme.connection.fetchval(f"explain (format json) execute report_plan {arguments}")
        await programme.connection.execute("deallocate report_plan")
    scans = [node for node in nodes_of(json.loads(plan)[0]["Plan"]) if "Relation Name" in node]
    assert scans
    reading = [node for node in scans if node["Node Type"] != "ModifyTable"]
    assert {node["Node Type"] for node in reading} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, (
        plan
    )


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes_of(part))]
