"""A history of inputs out of the database, as it could be known at each moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import duckdb
import pytest

from houfu.db.tx import connect
from houfu.policy.backtest import backtest
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.history import moments
from houfu.policy.snapshots import PAGE_STORES, Snapshots, take_snapshots

SHANGHAI = ZoneInfo("Asia/Shanghai")
A = shipped_policy()
B = load_policy(
    shipped_text()
    .replace("version: 1\n", "version: 2\n", 1)
    .replace("base * 2000 //", "base * 2500 //", 1)
    .replace("dsr_held_at_least: 480", "dsr_held_at_least: 490", 1)
)
MOMENTS = moments(date(2026, 2, 1), date(2026, 4, 30), every="month", day=5, zone=SHANGHAI)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.fixture
async def connection(database: str) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    connection = await connect(database, as_app=False)
    yield connection
    await connection.close()


async def put_store(
    connection: asyncpg.Connection[asyncpg.Record], store_id: str, *, opened: str = "2025-01-01"
) -> None:
    await connection.execute(
        "insert into stores values ($1, 'shop', 'owner', 3, $2, 'mobile', 'toys', $3, $3)",
        store_id, date.fromisoformat(opened), at(f"{opened}T09:00"),
    )  # fmt: skip


async def put_month(
    connection: asyncpg.Connection[asyncpg.Record],
    store_id: str,
    month: str,
    *,
    recorded: str,
    revision: int = 1,
    gmv: int = 10_000_000,
    dsr: int = 485,
) -> None:
    await connection.execute(
        "insert into store_metrics values ($1, $2, $3, 600, $4, $5, $5, $5, 400, 9850, 8, $6)",
        store_id, date.fromisoformat(f"{month}-01"), revision, gmv, dsr, at(recorded),
    )  # fmt: skip


async def put_months(connection: asyncpg.Connection[asyncpg.Record], store_id: str) -> None:
    for month, recorded in (
        ("2025-11", "2025-12-01"), ("2025-12", "2026-01-01"), ("2026-01", "2026-02-01"), ("2026-02", "2026-03-01"),
        ("2026-03", "2026-04-01"),
    ):  # fmt: skip
        await put_month(connection, store_id, month, recorded=f"{recorded}T03:00")


async def taken(
    connection: asyncpg.Connection[asyncpg.Record], out: Path, *policies: Policy, backfilled: bool = False
) -> Snapshots:
    return await take_snapshots(connection, policies or (A,), out, moments=MOMENTS, backfilled=backfilled)


def rows(file: Path, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as reader:
        return reader.execute(
            f"select {columns} from read_parquet(?) order by store_id, as_of", [str(file)]
        ).fetchall()


async def test_a_late_correction_makes_later_snapshots_and_leaves_earlier_ones(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await put_store(connection, "S1")
    await put_months(connection, "S1")
    before = tmp_path / "before.parquet"
    await taken(connection, before)
    await put_month(connection, "S1", "2026-01", recorded="2026-03-20T03:00", revision=2, gmv=99_000_000)
    after = tmp_path / "after.parquet"
    made = await taken(connection, after)
    assert made.rows == 3
    gmv = "store_id, as_of, gmv_3m"
    assert rows(before, gmv)[:2] == rows(after, gmv)[:2]
    assert rows(before, gmv)[2] == ("S1", date(2026, 4, 5), 30_000_000)
    assert rows(after, gmv)[2] == ("S1", date(2026, 4, 5), 119_000_000)


async def test_a_store_that_cannot_be_measured_is_counted_and_named(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await put_store(connection, "S1")
    await put_months(connection, "S1")
    await put_store(connection, "S2")
    await put_store(connection, "S3", opened="2026-03-10")
    made = await taken(connection, tmp_path / "history.parquet")
    assert (made.rows, made.stores) == (4, 3)
    assert made.unmeasured == {
        "no metrics of 2025-11, 2025-12, 2026-01": 1,
        "no metrics of 2025-12, 2026-01, 2026-02": 1,
        "no metrics of 2026-01, 2026-02, 2026-03": 1,
    }
    assert {each.store_id for each in made.named} == {"S2"}
    # S3 was not open at the first two moments: there is nothing to measure.
    assert rows(tmp_path / "history.parquet", "store_id, as_of")[3:] == [("S3", date(2026, 4, 5))]


async def test_orders_of_the_month_before_are_summed_by_local_month(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await put_store(connection, "S1")
    await put_months(connection, "S1")
    orders = [
        ("2026-01-31T23:59", 100, None),
        ("2026-02-01T00:01", 20, None),
        ("2026-02-10T00:00", 3, "limit_exceeded"),
    ]
    for nth, (when, amount, reason) in enumerate(orders):
        await connection.execute(
            "insert into authorizations (store_id, authorization_id, order_id, buyer_id, status, reason, currency, amount, "
            "authorized_at) values ('S1', $1::uuid, $2, 'b', $3, $4, 'CNY', $5, $6)",
            f"00000000-0000-0000-0000-{nth:012d}", f"o{nth}", "refused" if reason else "authorized", reason, amount, at(when),
        )  # fmt: skip
    await taken(connection, tmp_path / "history.parquet")
    assert rows(tmp_path / "history.parquet", "as_of, ordered_month") == [
        (date(2026, 2, 5), 100), (date(2026, 3, 5), 20), (date(2026, 4, 5), 0)
    ]  # fmt: skip


async def test_two_policies_that_measure_differently_are_both_measured_and_rehearsed(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await put_store(connection, "S1")
    await put_months(connection, "S1")
    file = tmp_path / "it's a history.parquet"
    made = await taken(connection, file, A, B)
    assert "dsr_held_months__b" in made.columns
    assert rows(file, "dsr_held_months, dsr_held_months__b") == [(3, 0), (4, 0), (5, 0)]
    rehearsal = backtest(A, B, file)
    assert {rule.code: (rule.a, rule.b) for rule in rehearsal.rules}["rating_boost"] == (3, 0)
    assert (rehearsal.notes, [part.value for part in rehearsal.moments]) == (
        (),
        [str(each.day) for each in MOMENTS],
    )


async def test_an_imported_history_is_measured_where_it_is_said_to_be_backfilled(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    await put_store(connection, "S1")
    for month in ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03"):
        await put_month(connection, "S1", month, recorded="2026-06-01T03:00")
    assert (await taken(connection, tmp_path / "a.parquet")).rows == 0
    assert (await taken(connection, tmp_path / "b.parquet", backfilled=True)).rows == 3


async def test_every_page_of_stores_is_read_once(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    count = PAGE_STORES + 3
    await connection.execute(
        "insert into stores select 'T' || lpad(n::text, 5, '0'), 'shop', 'owner', 1, date '2026-01-20', 'mobile', 'toys', $2, $2 "
        "from generate_series(1, $1::integer) n",
        count, at("2026-01-20T09:00"),
    )  # fmt: skip
    heard: list[tuple[int, int]] = []
    made = await take_snapshots(
        connection, (A,), tmp_path / "history.parquet", moments=MOMENTS[:1],
        on_progress=lambda done, of, _: heard.append((done, of)),
    )  # fmt: skip
    assert (made.rows, made.stores) == (count, count)
    assert heard == [(PAGE_STORES, count), (count, count)]
    assert len({row[0] for row in rows(tmp_path / "history.parquet", "store_id")}) == count
    assert list(tmp_path.iterdir()) == [tmp_path / "history.parquet"]


async def test_a_value_that_the_second_policy_does_not_take_is_no_snapshot(
    connection: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    text = shipped_text().replace("unit: level, min: 1, max: 100,", "unit: level, min: 1, max: 2,", 1)
    await put_store(connection, "S1")
    await put_months(connection, "S1")
    made = await taken(connection, tmp_path / "history.parquet", A, load_policy(text))
    assert (made.rows, sum(made.unmeasured.values())) == (0, 3)
    assert "level is out of its range: 3" in next(iter(made.unmeasured))
