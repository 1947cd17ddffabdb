"""The hot calls reach their handlers straight from ASGI, and through Litestar: both doors answer alike."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from front import Front

ORDER: dict[str, Any] = {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": 10_000}
UNLIKE = {"x-request-id", "date"}


@pytest.fixture
async def held(front: Front) -> str:
    await front.open_store()
    return (await front.authorize("held"))["id"]


async def test_both_doors_give_the_same_answer(front: Front, held: str) -> None:
    calls: list[tuple[str, Any, str | None]] = [
        ("/v1/authorizations", ORDER, "k1"),
        ("/v1/authorizations", {**ORDER, "amount": 1}, "k1"),
        ("/v1/authorizations", {**ORDER, "amount": 1.5}, "k2"),
        ("/v1/authorizations", ORDER, None),
        ("/v1/authorizations/batch", {"items": [{**ORDER, "idempotency_key": "k1"}]}, None),
        ("/v1/authorizations/batch", {"items": []}, None),
        (f"/v1/authorizations/{held}/capture", {"amount": 6_000}, "k3"),
        (f"/v1/authorizations/{held}/repayments", {"amount": 1_000}, "k4"),
        (f"/v1/authorizations/{held}/returns", {"amount": 1_000}, "k5"),
        (f"/v1/authorizations/{held}/void", None, "k6"),
        (f"/v1/authorizations/{held}/void", None, "k7"),
        ("/v1/authorizations/nonsense/void", None, "k8"),
        (f"/v1/authorizations/{held}/nonsense", None, "k9"),
    ]
    other = httpx.ASGITransport(app=front.door.litestar)
    async with httpx.AsyncClient(transport=other, base_url="http://houfu") as client:
        for address, body, key in calls:
            first = await front.call("POST", address, body, key=key)
            straight = await front.call("POST", address, body, key=key)
            headers = {"authorization": f"Bearer {front.keys['platform']}"}
            headers |= {} if key is None else {"idempotency-key": key}
            through = await client.request(
                "POST", address, headers=headers, json=body
            ) if body is not None else await client.request("POST", address, headers=headers)  # fmt: skip
            assert through.status_code == straight.status_code == first.status_code, address
            assert without_request_id(through) == without_request_id(straight), address
            for name in (through.headers.keys() | straight.headers.keys()) - UNLIKE - {"content-length"}:
                assert through.headers.get(name) == straight.headers.get(name), (address, name)


def without_request_id(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    body.pop("request_id", None)
    return body


async def test_a_caller_that_leaves_midway_has_asked_nothing(front: Front) -> None:
    await front.open_store()
    for door in (front.door, front.door.litestar):
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope: Any = {
            "type": "http",
            "method": "POST",
            "path": "/v1/authorizations",
            "raw_path": b"/v1/authorizations",
            "query_string": b"",
            "headers": [
                (b"authorization", f"Bearer {front.keys['platform']}".encode()),
                (b"idempotency-key", b"k"),
            ],
            "scheme": "http",
            "server": ("houfu", 80),
            "client": ("x", 1),
            "http_version": "1.1",
            "asgi": {"version": "3.0"},
            "root_path": "",
        }
        await door(scope, receive, send)
        assert [message.get("status") for message in sent] == [400, None]
    assert (await front.rows())["authorizations"] == 0
