"""The load generator sends requests that are what they say, and measures a service."""

import itertools
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from houfu.bench.client import Order, requests_of
from houfu.bench.processes import EMPTY, ProcessFailed, generate, serving
from houfu.bench.programme import store_id

Kind = Literal["authorize", "batch", "capture", "repay", "withdraw"]


def order(kind: Kind, *, url: str = "http://127.0.0.1:1", items: int = 1) -> Order:
    return Order(
        url=url,
        key="hf_platform_x",
        kind=kind,
        run="r1",
        amount=7,
        connections=3,
        seconds=1,
        warm_up_ms=50,
        stores=[store_id(1), store_id(2)],
        items=items,
        ids=["auth_a.s1", "auth_b.s2"],
    )


def parsed(request: bytes) -> tuple[str, dict[str, str], object]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return first, headers, msgspec.json.decode(body)


def test_withdrawals_go_round_the_stores_each_under_its_own_key() -> None:
    requests = [parsed(request) for request in itertools.islice(requests_of(order("withdraw")), 2)]
    assert {first for first, _, _ in requests} == {"POST /v1/withdrawals HTTP/1.1"}
    assert [headers["Idempotency-Key"] for _, headers, _ in requests] == ["r1-000000000", "r1-000000001"]
    assert [body for _, _, body in requests] == [
        {"store_id": store_id(n + 1), "amount": 7, "bank_account_id": "b1"} for n in range(2)
    ]


def test_single_orders_go_round_the_stores_each_under_its_own_key() -> None:
    requests = [parsed(request) for request in itertools.islice(requests_of(order("authorize")), 3)]
    assert {first for first, _, _ in requests} == {"POST /v1/authorizations HTTP/1.1"}
    assert [headers["Idempotency-Key"] for _, headers, _ in requests] == [
        "r1-000000000",
        "r1-000000001",
        "r1-000000002",
    ]
    assert [body for _, _, body in requests] == [
        {"store_id": store_id(n % 2 + 1), "order_id": f"r1-{n:09d}", "buyer_id": "buyer", "amount": 7}
        for n in range(3)
    ]


def test_a_batch_holds_its_items_and_no_order_comes_twice() -> None:
    first, second = (
        parsed(request)[2] for request in itertools.islice(requests_of(order("batch", items=5)), 2)
    )
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    orders = [item["order_id"] for item in first["items"] + second["items"]]
    assert len(first["items"]) == 5
    assert len(set(orders)) == 10


@pytest.mark.parametrize(("kind", "verb"), [("capture", "capture"), ("repay", "repayments")])
def test_each_order_is_acted_on_once(kind: Kind, verb: str) -> None:
    requests = [parsed(request) for request in requests_of(order(kind))]
    assert [first for first, _, _ in requests] == [
        f"POST /v1/authorizations/{id}/{verb} HTTP/1.1" for id in ("auth_a.s1", "auth_b.s2")
    ]
    assert {headers["Idempotency-Key"] for _, headers, _ in requests} == {"r1-auth_a.s1", "r1-auth_b.s2"}


async def test_an_empty_service_is_measured(tmp_path: Path) -> None:
    async with serving(EMPTY, log=tmp_path / "log") as url:
        measured = await generate(order("authorize", url=url))
    assert measured.orders > 0
    assert measured.unexpected == 0
    assert 0 < measured.p50_us <= measured.p99_us


async def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(ProcessFailed):
        await generate(order("authorize"))


async def test_a_service_that_does_not_start_is_told_with_its_words(tmp_path: Path) -> None:
    command = (EMPTY[0], "-c", "raise SystemExit('no such thing')")
    with pytest.raises(ProcessFailed, match="no such thing"):
        async with serving(command, log=tmp_path / "log"):
            pass
