"""Killed outright under load, the service and PostgreSQL in turn: what was acknowledged is there, once.

The service is `houfu serve`, the server a durable embedded one. Clients remember every answer they got, and repeat
what they got no answer to under the same key. Steps are counted in answers, not in seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from houfu.core.clock import SystemClock
from houfu.core.ids import IdMaker
from houfu.db.keys import create_key
from houfu.db.migrate import migrate
from houfu.db.postmaster import find_postmaster
from houfu.db.server import open_server
from houfu.db.tx import connect
from houfu.lines.assessing import assess
from houfu.policy.document import shipped_text
from houfu.policy.publishing import open_policy_book, publish
from lines.programme import verify
from served import environment

KILLS = 3
CLIENTS = 16
ANSWERS_BETWEEN_KILLS = 60
STORES = [f"s{number}" for number in range(4)]
AMOUNT, PAID = 20, 15
PATIENCE_SECONDS = 120
"""No step takes as long; it only ends a test that hangs."""


@dataclass
class Service:
    """`houfu serve` as a process of its own, and where it is reached."""

    dsn: str
    log: Path
    url: str = ""
    process: asyncio.subprocess.Process | None = None
    serving: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "houfu.cli",
                "serve",
                "--port",
                "0",
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment(self.dsn),
            )
        assert self.process.stdout is not None
        ready = json.loads(await self.process.stdout.readline())
        assert ready["ready"] is True
        self.url = ready["url"]
        self.serving.set()

    async def kill(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.serving.clear()
        self.process.send_signal(how)
        await self.process.communicate()
        return self.process.returncode or 0


@dataclass
class Load:
    """Clients that take orders from hold to payment, and remember what they were told."""

    service: Service
    key: str
    answers: dict[str, tuple[str, dict[str, Any], int, bytes]] = field(default_factory=dict)
    """By idempotency key: what was asked of whom, and the answer."""
    seen: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def client(self, number: int) -> None:
        async with httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self.key}"}, timeout=PATIENCE_SECONDS
        ) as http:
            turn = 0
            while not self.stopping:
                name, store_id = f"{number}-{turn}", STORES[(number + turn) % len(STORES)]
                body = {"store_id": store_id, "order_id": f"o{name}", "buyer_id": "b", "amount": AMOUNT}
                made = await self.ask(http, f"a{name}", "/v1/authorizations", body)
                assert made["status"] == "authorized", made
                path = f"/v1/authorizations/{made['id']}"
                await self.ask(http, f"c{name}", f"{path}/capture", {})
                await self.ask(http, f"r{name}", f"{path}/repayments", {"amount": PAID})
                turn += 1

    async def ask(self, http: httpx.AsyncClient, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer, always under the same key."""
        while True:
            await self.service.serving.wait()
            try:
                answer = await http.post(
                    f"{self.service.url}{path}", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                self.seen["no answer"] += 1
                await asyncio.sleep(0.01)
                continue
            self.seen[str(answer.status_code)] += 1
            if answer.status_code in {200, 201}:
                self.answers[key] = (path, body, answer.status_code, answer.content)
                async with self.progress:
                    self.progress.notify_all()
                return answer.json()
            assert answer.status_code in {409, 429, 503}, answer.text
            await asyncio.sleep(0.01)

    async def advance(self, by: int = ANSWERS_BETWEEN_KILLS) -> None:
        """Return when so many more answers have come."""
        goal = len(self.answers) + by
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with self.progress:
                await self.progress.wait_for(lambda: len(self.answers) >= goal)


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The DSN and the data directory of a durable embedded server of this test's own."""
    with open_server(data_dir=tmp_path / "data", database_url=None, on_progress=lambda _: None) as server:
        yield server.dsn, tmp_path / "data" / "postgres" / "data"


async def prepare(dsn: str) -> str:
    """A migrated database with open lines; an API key of the marketplace."""
    await migrate(dsn)
    now, ids = SystemClock().now(), IdMaker()
    connection = await connect(dsn, as_app=False)
    try:
        await connection.executemany(
            "insert into stores values ($1, 'Store', 'o1', 50, $2, 'mobile', 'clothing', $3, $3)",
            [(store_id, now.date(), now) for store_id in STORES],
        )
        since = now.replace(year=2000, month=1, day=1)
        await publish(
            connection, shipped_text(), effective_from=since, author="test", approved_by="another", now=now
        )
        book = await open_policy_book(connection)
        await assess(connection, STORES, book=book, cause="opened", author="test", ids=ids, now=now)
        created = await create_key(connection, role="platform", store_id=None, name="test", now=now)
    finally:
        await connection.close()
    return created.key


async def load_while(dsn: str, log: Path, happen: Any) -> Load:
    """Load the service while something happens to it, then prove that nothing was lost or done twice."""
    service = Service(dsn, log)
    load = Load(service, await prepare(dsn))
    await service.start()
    clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS)]
    try:
        happening = asyncio.create_task(happen(service, load))
        # A client that fails ends the test at once, with its own error.
        await asyncio.wait([happening, *clients], return_when=asyncio.FIRST_COMPLETED)
        if happening.done():
            happening.result()
        load.stopping = True
        await asyncio.gather(*clients)
        await happening
        await check(dsn, load)
        assert await service.kill(signal.SIGTERM) == 0
    finally:
        for task in (*clients, happening):
            task.cancel()
        if service.process is not None and service.process.returncode is None:
            await service.kill(signal.SIGKILL)
    return load


async def check(dsn: str, load: Load) -> None:
    """Every acknowledged outcome is there with the same answer, none twice, and the books are sound."""
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {load.key}"}, timeout=PATIENCE_SECONDS
    ) as http:
        for key, (path, body, status, content) in load.answers.items():
            again = await http.post(f"{load.service.url}{path}", json=body, headers={"Idempotency-Key": key})
            assert (again.status_code, again.content) == (status, content)
            assert again.headers["idempotent-replayed"] == "true"
    orders = sum(key.startswith("a") for key in load.answers)
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow(
            "select count(*), count(distinct (store_id, order_id)), sum(captured), sum(repaid) from authorizations"
        )
        assert row is not None
        assert tuple(row) == (orders, orders, orders * AMOUNT, orders * PAID)
        assert await connection.fetchval("select count(*) from movements") == orders * 2
        assert await connection.fetchval("select sum(used) from lines") == orders * (AMOUNT - PAID)
    finally:
        await connection.close()
    assert (await verify(dsn)).first_break is None


def test_a_service_that_is_killed_under_load_loses_nothing_it_acknowledged(
    durable: tuple[str, Path], tmp_path: Path
) -> None:
    async def happen(service: Service, load: Load) -> None:
        for _ in range(KILLS):
            await load.advance()
            assert await service.kill(signal.SIGKILL) == -signal.SIGKILL
            await service.start()
        await load.advance()

    load = asyncio.run(load_while(durable[0], tmp_path / "service.log", happen))
    assert load.seen["no answer"] > 0, "the kills interrupted nobody"


def test_a_postgresql_that_is_killed_under_load_costs_clients_a_retry_and_nothing_else(
    durable: tuple[str, Path], tmp_path: Path
) -> None:
    dsn, data = durable

    async def happen(service: Service, load: Load) -> None:
        # In the end a shutdown that sends everybody away, as an operator's restart does.
        for how in [signal.SIGKILL] * KILLS + [signal.SIGINT]:
            await load.advance()
            postmaster = find_postmaster(data)
            assert postmaster is not None
            os.kill(postmaster.pid, how)
        await load.advance()
        assert service.process is not None
        assert service.process.returncode is None

    load = asyncio.run(load_while(dsn, tmp_path / "service.log", happen))
    assert set(load.seen) <= {"200", "201", "503"}, load.seen
