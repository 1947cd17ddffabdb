"""The service as its callers see it, over a database of the test's own, its clock standing still."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

from houfu.app import build, open_service, publish_shipped
from houfu.core.clock import SandboxClock
from houfu.db.keys import Role, create_key
from houfu.http.asgi import Door
from houfu.http.route import Service

SHANGHAI = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
"""A Monday morning."""

CALLERS: dict[str, tuple[Role, str | None]] = {
    "platform": ("platform", None),
    "operator": ("operator", None),
    "readonly": ("readonly", None),
    "merchant": ("merchant", "s1"),
    "stranger": ("merchant", "s2"),
}
"""Who calls: each role, the merchant of s1, and the merchant of another store."""

STORE = {
    "name": "小店",
    "owner_id": "owner-1",
    "level": 5,
    "opened_on": "2026-02-20",
    "phone_kind": "mobile",
    "category": "clothing",
}
METRICS = {
    "orders": 120,
    "gmv": 5_000_000,
    "dsr_description": 480,
    "dsr_service": 481,
    "dsr_logistics": 482,
    "return_rate_bp": 300,
    "good_review_bp": 9_900,
    "complaint_bp": 5,
}
LIMIT = 500_000
"""The limit of a store like STORE in its first month: level x 1,000 yuan (B2)."""


@dataclass
class Front:
    """A client per caller."""

    client: httpx.AsyncClient
    keys: dict[str, str]
    key_ids: dict[str, str]
    clock: SandboxClock
    service: Service
    door: Door
    dsn: str
    _count: int = 0

    async def call(
        self,
        method: str,
        address: str,
        body: object = None,
        *,
        caller: str | None = "platform",
        key: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """One request. `caller` None sends no key; `content` is a body as it is."""
        sent = dict(headers or {})
        if caller is not None:
            sent.setdefault("authorization", f"Bearer {self.keys[caller]}")
        if key is not None:
            sent["idempotency-key"] = key
        if content is not None:
            return await self.client.request(method, address, content=content, headers=sent)
        if body is None:
            return await self.client.request(method, address, headers=sent)
        return await self.client.request(method, address, json=body, headers=sent)

    async def done(self, method: str, address: str, body: object = None, **how: Any) -> dict[str, Any]:
        """One request that must succeed; its answer."""
        if method == "POST" and "key" not in how:
            self._count += 1
            how["key"] = f"front-{self._count}"
        response = await self.call(method, address, body, **how)
        assert response.status_code in {200, 201}, response.text
        return response.json()

    async def open_store(self, store_id: str = "s1") -> None:
        """A store with an open line of LIMIT."""
        await self.done("PUT", f"/v1/stores/{store_id}", STORE)
        await self.done("POST", f"/v1/stores/{store_id}/assessment")

    async def authorize(
        self, order_id: str = "o1", *, store_id: str = "s1", amount: int = 10_000, **how: Any
    ) -> dict[str, Any]:
        """An order on the line."""
        body = {"store_id": store_id, "order_id": order_id, "buyer_id": "buyer", "amount": amount}
        return await self.done("POST", "/v1/authorizations", body, **how)

    async def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.service.pool.acquire() as connection:
            names = await connection.fetch(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            )
            return {name: await connection.fetchval(f"select count(*) from {name}") for (name,) in names}


@asynccontextmanager
async def open_front(dsn: str) -> AsyncGenerator[Front]:
    """The service over a migrated, empty database."""
    await publish_shipped(dsn, now=NOW)
    clock = SandboxClock(NOW)
    async with open_service(dsn, clock=clock, pool_size=4) as service:
        async with service.pool.acquire() as connection:
            made = {
                name: await create_key(connection, role=role, store_id=store_id, name=name, now=NOW)
                for name, (role, store_id) in CALLERS.items()
            }
        door = build(service)
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://houfu") as client:
            yield Front(
                client=client,
                keys={name: key.key for name, key in made.items()},
                key_ids={name: key.id for name, key in made.items()},
                clock=clock,
                service=service,
                door=door,
                dsn=dsn,
            )
