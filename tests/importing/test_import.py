"""What was checked is loaded whole or not at all, and an import that was interrupted is simply run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from houfu.app import open_service, publish_shipped
from houfu.core.clock import SandboxClock
from houfu.http.route import Service
from houfu.importing import orders as loading
from houfu.importing.load import Files, Imported, check_files, load_checked
from houfu.importing.orders import OrderFailed, load_orders
from houfu.ledger.verify import INVARIANTS, verify
from houfu.lines.command import Answer, Command, Trouble
from houfu.lines.invariants import INVARIANTS as OF_LINES
from houfu.lines.lanes import Lanes, Unavailable
from houfu.policy.book import PolicyBook
from importing.files import METRICS, ORDERS, STORES, with_line, write_csv

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUFU = (sys.executable, "-m", "houfu.cli")


def three_files(directory: Path) -> Files:
    return Files(
        stores=write_csv(directory / "stores.csv", STORES),
        metrics=write_csv(directory / "metrics.csv", METRICS),
        orders=write_csv(directory / "orders.csv", ORDERS),
    )


async def load(service: Service, files: Files) -> Imported:
    policy = service.part(PolicyBook).at(NOW)
    async with service.pool.acquire() as connection:
        checked, faults = await check_files(connection, files, policy=policy, now=NOW)
        assert faults.shown == []
        return await load_checked(
            connection,
            service.part(Lanes),
            files,
            checked,
            book=service.part(PolicyBook),
            ids=service.ids,
            now=NOW,
            on_progress=lambda _, __: None,
        )


async def counts(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = (
            "stores",
            "store_metrics",
            "lines",
            "authorizations",
            "movements",
            "journals",
            "idempotency",
        )
        return {table: await connection.fetchval(f"select count(*) from {table}") for table in tables}
    finally:
        await connection.close()


async def test_good_files_are_loaded_and_their_books_verify(database: str, tmp_path: Path) -> None:
    await publish_shipped(database, now=NOW)
    async with open_service(database, clock=SandboxClock(NOW)) as service:
        done = await load(service, three_files(tmp_path))
        assert (done.stores_read, done.metrics_read, done.orders_read) == (2, 6, 4)
        assert done.stores is not None
        assert done.orders is not None
        assert (done.stores.stores, done.stores.metrics, done.stores.lines) == (2, 6, 2)
        assert done.stores.not_assessed == 0
        orders = done.orders
        assert (orders.authorized, orders.refused, orders.resumed) == (3, 1, 0)
        assert (orders.shipped, orders.repaid, orders.returned) == (2, 2, 1)
        assert [(one.line, one.order_id, one.reason) for one in orders.refused_shown] == [
            (5, "n4", "limit_exceeded")
        ]
        async with service.pool.acquire() as connection:
            rows = await connection.fetch(
                "select order_id, captured, repaid, returned from authorizations"
                " where reason is null order by authorization_id"
            )
            # The oldest order comes first, whatever its place in the file.
            assert sorted(map(tuple, rows)) == [
                ("n1", 0, 0, 0),
                ("n2", 20_000, 5_000, 0),
                ("n3", 15_000, 15_000, 4_000),
            ]
        proof = await verify(service.pool.acquire, {**INVARIANTS, **OF_LINES}, connections=1)
        assert proof.verified


async def test_the_same_import_a_second_time_changes_nothing(database: str, tmp_path: Path) -> None:
    await publish_shipped(database, now=NOW)
    files = three_files(tmp_path)
    async with open_service(database, clock=SandboxClock(NOW)) as service:
        await load(service, files)
        before = await counts(database)
        again = await load(service, files)
        assert await counts(database) == before
    assert again.stores is not None
    assert again.orders is not None
    assert (again.stores.stores, again.stores.metrics, again.stores.lines) == (0, 0, 0)
    assert (again.orders.authorized, again.orders.resumed, again.orders.refused) == (3, 3, 1)


async def test_a_correction_is_a_new_revision_and_a_changed_store_is_taken_up(
    database: str, tmp_path: Path
) -> None:
    await publish_shipped(database, now=NOW)
    files = three_files(tmp_path)
    async with open_service(database, clock=SandboxClock(NOW)) as service:
        await load(service, files)
        write_csv(tmp_path / "metrics.csv", with_line(METRICS, 3, METRICS[2].replace("9000000", "9000001")))
        write_csv(tmp_path / "stores.csv", with_line(STORES, 2, STORES[1].replace(",3,", ",4,")))
        done = await load(service, Files(stores=files.stores, metrics=files.metrics))
        async with service.pool.acquire() as connection:
            revisions = await connection.fetch(
                "select revision, gmv from store_metrics where month = '2025-10-01'"
            )
            level = await connection.fetchval("select level from stores where store_id = 'a1'")
    assert done.stores is not None
    assert (done.stores.stores, done.stores.metrics) == (1, 1)
    assert sorted(map(tuple, revisions)) == [(1, 9_000_000), (2, 9_000_001)]
    assert level == 4


async def test_a_store_that_cannot_be_decided_about_is_taken_up_and_named(
    database: str, tmp_path: Path
) -> None:
    await publish_shipped(database, now=NOW)
    metrics = write_csv(tmp_path / "metrics.csv", METRICS[:-1])
    stores = write_csv(tmp_path / "stores.csv", STORES)
    async with open_service(database, clock=SandboxClock(NOW)) as service:
        done = await load(service, Files(stores=stores, metrics=metrics))
    assert done.stores is not None
    assert (done.stores.lines, done.stores.not_assessed) == (1, 1)
    assert done.stores.not_assessed_shown[0].store_id == "a1"
    assert "2026-02" in done.stores.not_assessed_shown[0].reason


class Interrupted:
    """Lanes that break off after some calls, the last of which is carried out though nobody hears of it."""

    def __init__(self, lanes: Lanes, calls: int) -> None:
        self._lanes = lanes
        self._calls = calls

    async def submit_all(self, commands: Sequence[Command]) -> list[Answer | Trouble]:
        answers = await self._lanes.submit_all(commands)
        self._calls -= 1
        if self._calls == 0:
            raise Unavailable
        return answers


@pytest.mark.parametrize("calls", range(1, 9))
async def test_an_import_of_orders_broken_off_anywhere_goes_on_where_it_was(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 2)
    await publish_shipped(database, now=NOW)
    files = three_files(tmp_path)
    async with open_service(database, clock=SandboxClock(NOW)) as service:
        lanes = service.part(Lanes)
        await load(service, Files(stores=files.stores, metrics=files.metrics))
        async with service.pool.acquire() as connection:
            policy = service.part(PolicyBook).at(NOW)
            checked, _ = await check_files(connection, files, policy=policy, now=NOW)
        with pytest.raises(Unavailable):
            await load_orders(
                Interrupted(lanes, calls),
                checked.orders,
                sha="same",
                author="t",
                on_progress=lambda _, __: None,
            )
        done = await load_orders(
            lanes, checked.orders, sha="same", author="t", on_progress=lambda _, __: None
        )
        async with service.pool.acquire() as connection:
            rows = await connection.fetch(
                "select order_id, captured, repaid, returned from authorizations where reason is null"
            )
            movements = await connection.fetchval("select count(*) from movements")
        assert (await verify(service.pool.acquire, {**INVARIANTS, **OF_LINES}, connections=1)).verified
    assert done.authorized == 3
    assert sorted(map(tuple, rows)) == [
        ("n1", 0, 0, 0),
        ("n2", 20_000, 5_000, 0),
        ("n3", 15_000, 15_000, 4_000),
    ]
    assert movements == 5


async def test_an_order_the_engine_does_not_carry_out_ends_the_import_and_is_named(
    database: str, tmp_path: Path
) -> None:
    class Broken:
        async def submit_all(self, commands: Sequence[Command]) -> list[Answer | Trouble]:
            return [Trouble("internal")] * len(commands)

    await publish_shipped(database, now=NOW)
    files = three_files(tmp_path)
    async with (
        open_service(database, clock=SandboxClock(NOW)) as service,
        service.pool.acquire() as connection,
    ):
        policy = service.part(PolicyBook).at(NOW)
        checked, _ = await check_files(connection, files, policy=policy, now=NOW)
    with pytest.raises(OrderFailed, match="line 3, order n2: internal"):
        await load_orders(
            Broken(),
            checked.orders,
            sha="x",
            author="t",
            on_progress=lambda _, __: None,
        )


def command(database: str, tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATABASE_URL": database}
    return subprocess.run(
        [*HOUFU, "import", *map(str, arguments)], capture_output=True, env=environment, check=False
    )


async def test_the_command_checks_loads_and_says_so(database: str, tmp_path: Path) -> None:
    await keep_clock(database)
    files = three_files(tmp_path)
    named = ("--stores", files.stores, "--metrics", files.metrics, "--orders", files.orders)
    run = command(database, tmp_path, *named, "--check")
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout)["loaded"] is False
    assert set((await counts(database)).values()) == {0}
    run = command(database, tmp_path, *named)
    assert run.returncode == 0, run.stderr.decode()
    done = json.loads(run.stdout)
    assert done["loaded"] is True
    assert done["orders"]["authorized"] == 3
    assert done["orders"]["refused_shown"][0]["reason"] == "limit_exceeded"
    assert "3 orders were authorized, 1 refused." in run.stderr.decode()


async def test_the_command_tells_every_fault_and_then_nothing_is_loaded(
    database: str, tmp_path: Path
) -> None:
    await keep_clock(database)
    stores = write_csv(tmp_path / "stores.csv", STORES)
    metrics = write_csv(tmp_path / "metrics.csv", with_line(METRICS, 4, METRICS[3].replace("9000000", "9.5")))
    orders = write_csv(tmp_path / "orders.csv", [*ORDERS, "a7,n9,b1,1,2026-02-01T10:00:00Z,,,"])
    run = command(database, tmp_path, "--stores", stores, "--metrics", metrics, "--orders", orders)
    assert run.returncode == 1
    faults = [json.loads(line) for line in run.stdout.splitlines()]
    assert faults == [
        {
            "file": str(metrics),
            "line": 4,
            "column": "gmv",
            "reason": "must be a whole number, in digits alone",
        },
        {
            "file": str(orders),
            "line": 6,
            "column": "store_id",
            "reason": "is no store that is known or in the file of stores",
        },
    ]
    assert "2 faults: nothing was loaded." in run.stderr.decode()
    assert set((await counts(database)).values()) == {0}


def test_the_command_wants_a_file(database: str, tmp_path: Path) -> None:
    assert command(database, tmp_path).returncode == 2


async def keep_clock(database: str) -> None:
    """Make the database a sandbox's whose clock stands at NOW."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("insert into sandbox_clock (now) values ($1)", NOW)
    finally:
        await connection.close()
