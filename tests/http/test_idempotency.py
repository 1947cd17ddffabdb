"""A key gives its first answer again, to the same request only; a request that failed leaves no trace of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from front import Front

ORDER: dict[str, Any] = {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": 10_000}
FACT = {"kind": "course_completed", "occurred_at": "2026-03-01T09:00:00+08:00"}


@pytest.fixture
async def calls(front: Front) -> list[tuple[str, object, object]]:
    """Address, body, another body: of every call that takes a key."""
    await front.open_store()
    await front.done(
        "PUT", "/v1/stores/s1/bank_accounts/b1", {"holder": "h", "number": "62220212", "bank_code": "X"}
    )
    held = [(await front.authorize(f"held-{nth}"))["id"] for nth in range(4)]
    for id in held[2:]:
        await front.done("POST", f"/v1/authorizations/{id}/capture", {"amount": 6_000})
    return [
        ("/v1/authorizations", ORDER, {**ORDER, "amount": 10_001}),
        (f"/v1/authorizations/{held[0]}/capture", {"amount": 100}, {"amount": 101}),
        (f"/v1/authorizations/{held[1]}/void", {}, None),
        (f"/v1/authorizations/{held[2]}/repayments", {"amount": 100}, {"amount": 101}),
        (f"/v1/authorizations/{held[3]}/returns", {"amount": 100}, {"amount": 101}),
        ("/v1/stores/s1/facts", FACT, {**FACT, "kind": "violation"}),
        ("/v1/stores/s1/line/suspend", {"cause": "c"}, {"cause": "d"}),
        ("/v1/withdrawals", {"store_id": "s1", "amount": 1_000, "bank_account_id": "b1"},
         {"store_id": "s1", "amount": 1_001, "bank_account_id": "b1"}),
    ]  # fmt: skip


async def test_a_repeated_request_gets_the_first_answer_byte_for_byte(
    front: Front, calls: list[tuple[str, object, object]]
) -> None:
    for address, body, _ in calls:
        caller = "operator" if "/line/" in address else "platform"
        first = await front.call("POST", address, body, key=address[-200:], caller=caller)
        assert first.status_code in {200, 201}, first.text
        assert "idempotent-replayed" not in first.headers
        rows = await front.rows()
        again = await front.call("POST", address, body, key=address[-200:], caller=caller)
        assert (again.status_code, again.content) == (first.status_code, first.content), address
        assert again.headers["idempotent-replayed"] == "true"
        assert await front.rows() == rows


async def test_a_key_that_came_with_another_request_is_refused(
    front: Front, calls: list[tuple[str, object, object]]
) -> None:
    for address, body, other in calls:
        if other is None:
            continue
        caller = "operator" if "/line/" in address else "platform"
        await front.done("POST", address, body, key=address[-200:], caller=caller)
        rows = await front.rows()
        refused = await front.call("POST", address, other, key=address[-200:], caller=caller)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused"), address
        assert await front.rows() == rows


async def test_one_key_of_a_store_stands_for_one_request_whatever_its_kind(front: Front) -> None:
    await front.open_store()
    held = await front.authorize("o1", key="k")
    for address, body in (
        (f"/v1/authorizations/{held['id']}/capture", {}),
        (f"/v1/authorizations/{held['id']}/void", {}),
        ("/v1/stores/s1/facts", FACT),
        ("/v1/withdrawals", {"store_id": "s1", "amount": 1, "bank_account_id": "b1"}),
    ):
        refused = await front.call("POST", address, body, key="k")
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused"), address


async def test_two_stores_may_use_the_same_key(front: Front) -> None:
    await front.open_store("s1")
    await front.open_store("s2")
    one, other = [await front.authorize(store_id=store_id, key="k") for store_id in ("s1", "s2")]
    assert one["id"] != other["id"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"amount":10000,"buyer_id":"b","order_id":"o1","store_id":"s1"}',
        b' { "store_id" : "s1", "order_id": "o1",\n "buyer_id": "b", "amount": 10000 } ',
        b'{"store_id":"\\u0073\\u0031","order_id":"o1","buyer_id":"b","amount":10000}',
        b'{"store_id":"s1","order_id":"o1","buyer_id":"b","amount":10000,"currency":"CNY"}',
        b'{"store_id":"s1","order_id":"o1","buyer_id":"b","amount":10000,"currency":null}',
    ],
)
async def test_how_a_request_is_written_does_not_matter(content: bytes, front: Front) -> None:
    await front.open_store()
    first = await front.call("POST", "/v1/authorizations", ORDER, key="k")
    again = await front.call("POST", "/v1/authorizations", content=content, key="k")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_refusal_is_remembered_and_a_problem_is_not(front: Front) -> None:
    refused = await front.call("POST", "/v1/authorizations", ORDER, key="k")
    assert refused.json()["reason"] == "store_unknown"
    await front.open_store()
    again = await front.call("POST", "/v1/authorizations", ORDER, key="k")
    assert again.content == refused.content
    missing = await front.call("POST", "/v1/stores/s2/facts", FACT, key="k")
    assert missing.status_code == 404
    await front.open_store("s2")
    assert (await front.call("POST", "/v1/stores/s2/facts", FACT, key="k")).status_code == 201


async def test_of_requests_at_once_under_one_key_one_takes_effect(front: Front) -> None:
    await front.open_store()
    responses = await asyncio.gather(
        *(front.call("POST", "/v1/authorizations", ORDER, key="k") for _ in range(20)),
        *(front.call("POST", "/v1/stores/s1/facts", FACT, key="f") for _ in range(20)),
    )
    made = [response for response in responses if response.status_code == 201]
    assert len({response.content for response in made}) == 2
    for response in responses:
        if response.status_code != 201:
            assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_in_use")
            assert response.headers["retry-after"] == "1"
    assert (await front.rows())["authorizations"] == 1
    assert (await front.rows())["store_facts"] == 1
    page = await front.done("GET", "/v1/stores/s1/facts")
    assert len(page["data"]) == 1


async def test_a_batch_and_a_single_call_share_their_keys(front: Front) -> None:
    await front.open_store()
    single = await front.call("POST", "/v1/authorizations", ORDER, key="k")
    items = [
        {**ORDER, "idempotency_key": "k"},
        {**ORDER, "amount": 1, "idempotency_key": "k"},
        {**ORDER, "order_id": "o2", "idempotency_key": "k2"},
        {**ORDER, "order_id": "o2", "idempotency_key": "k2"},
        {**ORDER, "order_id": "o3", "amount": 0, "idempotency_key": "k3"},
        {**ORDER, "store_id": "nobody", "idempotency_key": "k"},
    ]
    data = (await front.done("POST", "/v1/authorizations/batch", {"items": items}, key=None))["data"]
    assert data[0] == {**single.json(), "replayed": True}
    assert data[1] == {"status": "error", "code": "idempotency_key_reused", "replayed": False}
    assert (data[2]["status"], data[2]["replayed"]) == ("authorized", False)
    assert data[3] == {**data[2], "replayed": True}
    assert (data[4]["status"], data[4]["reason"]) == ("refused", "amount_not_positive")
    assert (data[5]["status"], data[5]["reason"]) == ("refused", "store_unknown")
    again = await front.call("POST", "/v1/authorizations", {**ORDER, "order_id": "o2"}, key="k2")
    assert json.loads(again.content) == {name: value for name, value in data[2].items() if name != "replayed"}
    assert again.headers["idempotent-replayed"] == "true"
