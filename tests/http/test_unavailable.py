"""A database that goes away and comes back, and more requests than may wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest

from front import Front, open_front
from houfu.db import lanes
from houfu.http.caller import KeyRing
from houfu.lines.lanes import Lanes


class Wire:
    """A wire between the service and its database that can be cut and mended."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    @property
    def dsn(self) -> str:
        user = self._parts.netloc.rpartition("@")[0]
        netloc = f"{user}@127.0.0.1:{self._port}" if user else f"127.0.0.1:{self._port}"
        return urlunsplit(self._parts._replace(netloc=netloc, query="sslmode=disable"))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = parse_qs(self._parts.query)
        if "host" in query:
            path = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
            there, back = await asyncio.open_unix_connection(path)
        else:
            there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)
        self._open |= {writer, back}

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65_536):
                    target.write(data)
                    await target.drain()
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))
        self._open -= {writer, back}


@pytest.fixture
async def wired(database: str) -> AsyncGenerator[tuple[Front, Wire]]:
    wire = Wire(database)
    await wire.mend()
    async with open_front(wire.dsn) as front:
        await front.open_store()
        yield front, wire
    await wire.cut()


async def test_while_the_database_is_away_callers_are_told_to_come_back(wired: tuple[Front, Wire]) -> None:
    front, wire = wired
    await wire.cut()
    for address in ("/v1/stores", "/readyz", "/v1/stores/s1/line"):
        response = await front.call("GET", address)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable"), address
        assert int(response.headers["retry-after"]) > 0
    front.service.keys = KeyRing(front.service.pool)
    response = await front.call("GET", "/v1/stores")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert (await front.call("GET", "/healthz")).status_code == 200
    await wire.mend()
    assert (await front.call("GET", "/v1/stores")).status_code == 200
    assert (await front.call("GET", "/readyz")).status_code == 200


async def test_orders_wait_for_a_database_that_comes_back_soon(wired: tuple[Front, Wire]) -> None:
    front, wire = wired
    await wire.cut()
    asked = [asyncio.create_task(front.authorize(f"o{nth}", amount=100)) for nth in range(10)]
    while not front.service.part(Lanes)._lanes[0]._places and not front.service.part(Lanes)._lanes[1]._places:
        await asyncio.sleep(0)
    await wire.mend()
    assert {order["status"] for order in await asyncio.gather(*asked)} == {"authorized"}
    assert (await front.done("GET", "/v1/stores/s1/line"))["used"] == 1_000


async def test_orders_that_waited_in_vain_may_be_asked_again_with_their_keys(
    wired: tuple[Front, Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    front, wire = wired
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 0)
    await wire.cut()
    body = {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": 100}
    items = {"items": [{**body, "idempotency_key": "k"}]}
    for address, sent, key in (("/v1/authorizations", body, "k"), ("/v1/authorizations/batch", items, None)):
        away = await front.call("POST", address, sent, key=key)
        assert (away.status_code, away.json()["code"]) == (503, "unavailable")
    await wire.mend()
    made = await front.call("POST", "/v1/authorizations", body, key="k")
    assert made.status_code == 201
    assert "idempotent-replayed" not in made.headers


async def test_more_than_may_wait_are_told_to_come_back(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front.open_store()
    monkeypatch.setattr(lanes, "QUEUE_MAX", 5)
    body = {"store_id": "s1", "buyer_id": "b", "amount": 1}
    responses = await asyncio.gather(
        *(
            front.call("POST", "/v1/authorizations", {**body, "order_id": f"o{nth}"}, key=f"k{nth}")
            for nth in range(100)
        )
    )
    turned_away = [response for response in responses if response.status_code != 201]
    assert turned_away
    for response in turned_away:
        assert (response.status_code, response.json()["code"]) == (429, "busy")
        assert response.headers["retry-after"] == "1"
    used = (await front.done("GET", "/v1/stores/s1/line"))["used"]
    assert used == len(responses) - len(turned_away)
