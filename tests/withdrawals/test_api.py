"""Withdrawals over HTTP: what is answered, what is a problem, and who may not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from litestar import Litestar

from houfu.core.clock import SandboxClock
from houfu.db.keys import Role, create_key
from houfu.db.tx import connect, open_pool
from houfu.http.asgi import handler_of
from houfu.http.route import Service
from houfu.policy.document import Policy, shipped_policy
from houfu.policy.publishing import open_policy_book
from houfu.policy.terms import Hours24
from houfu.withdrawals import fee_api
from houfu.withdrawals.api import routes
from houfu.withdrawals.lanes import Lanes
from withdrawals.programme import MONDAY, Programme, check_books, policy_with

KEYS: dict[str, tuple[Role, str | None]] = {
    "platform": ("platform", None),
    "operator": ("operator", None),
    "readonly": ("readonly", None),
    "s1": ("merchant", "s1"),
    "s2": ("merchant", "s2"),
}
NOBODY = f"wd_{'0' * 32}.s1"
ASK = {"store_id": "s1", "amount": 100_000, "bank_account_id": "b1"}


@dataclass
class Http:
    """The service as callers see it."""

    client: httpx.AsyncClient
    keys: dict[str, str]
    clock: SandboxClock
    programme: Programme
    policy: Policy | None = None
    """In place of the one in force."""

    async def call(
        self,
        method: str,
        address: str,
        body: object = None,
        *,
        role: str = "platform",
        key: str | None = None,
        language: str | None = None,
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.keys[role]}"}
        if key is not None:
            headers["idempotency-key"] = key
        if language is not None:
            headers["accept-language"] = language
        return await self.client.request(method, address, json=body, headers=headers)

    async def ask(self, key: str = "k", **changed: object) -> httpx.Response:
        return await self.call("POST", "/v1/withdrawals", {**ASK, **changed}, key=key)


@pytest.fixture
async def http(programme: Programme) -> AsyncGenerator[Http]:
    await programme.open_store("s1", balance=1_000_000, liability=40_000)
    await programme.open_store("s2", balance=1_000_000)
    keys = {
        name: (
            await create_key(programme.connection, role=role, store_id=store_id, name=name, now=MONDAY)
        ).key
        for name, (role, store_id) in KEYS.items()
    }
    clock = SandboxClock(MONDAY)
    made: list[Http] = []
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(programme.dsn, size=4))
        book = await open_policy_book(programme.connection)
        parts = [book, programme.calendar, ZoneInfo("Asia/Shanghai")]
        service = Service(pool=pool, clock=clock, ids=programme.ids, parts=parts)
        lanes = await stack.enter_async_context(
            Lanes(
                lambda: connect(programme.dsn, steady_plans=True),
                clock=clock,
                policy_at=lambda now: made[0].policy or book.at(now),
                calendar=lambda: programme.calendar,
                ids=programme.ids,
            )
        )
        service.put(lanes)
        app = Litestar(
            [handler_of(route, service) for route in [*routes(), *fee_api.routes()]], openapi_config=None
        )
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://houfu") as client:
            made.append(Http(client, keys, clock, programme))
            yield made[0]


async def test_a_request_answers_everything_a_preview_does_and_its_id_and_status(http: Http) -> None:
    seen = await http.call("POST", "/v1/withdrawals/preview", ASK)
    asked = await http.ask()
    assert (seen.status_code, asked.status_code) == (200, 201)
    preview, answer = seen.json(), asked.json()
    assert preview == {
        "accepted": True,
        "reason": None,
        "message": None,
        "remedy": None,
        "store_id": "s1",
        "amount": 100_000,
        "currency": "CNY",
        "fee": 0,
        "fee_rule": "first_free",
        "net": 60_000,
        "liability_collected": 40_000,
        "arrives_on": "2026-03-03",
        "latest_on": "2026-03-03",
        "provisional": False,
        "arrival_note": None,
        "warnings": [],
        "largest_safe_amount": 1_000_000,
    }
    assert {name: answer[name] for name in preview} == preview
    assert (answer["status"], answer["bank_account_id"]) == ("scheduled", "b1")
    assert answer["asked_at"] == "2026-03-02T02:00:00Z"
    assert answer["id"].startswith("wd_")
    assert answer["id"].endswith(".s1")


async def test_a_refusal_is_an_outcome_in_the_callers_language(http: Http) -> None:
    for number, (language, words) in enumerate(
        ((None, "可提现余额不足"), ("en", "The withdrawable balance"))
    ):
        body = {**ASK, "amount": 1_000_001}
        refused = await http.call("POST", "/v1/withdrawals", body, key=f"k{number}", language=language)
        assert refused.status_code == 200
        answer = refused.json()
        assert (answer["status"], answer["accepted"]) == ("refused", False)
        assert answer["reason"] == "balance_insufficient"
        assert answer["message"].startswith(words)
        assert answer["remedy"]
        assert (answer["fee"], answer["net"], answer["arrives_on"]) == (None, None, None)


async def test_a_warning_is_shown_before_the_store_confirms(http: Http) -> None:
    limit = await http.programme.connection.fetchval("select total from lines where store_id = 's1'")
    body = {"store_id": "s1", "amount": limit // 2 + 1}
    await http.programme.post("s1", ("buyer_receivable", limit), ("store_balance", -limit))
    seen = (await http.call("POST", "/v1/withdrawals/preview", body, role="s1", language="en")).json()
    assert [warning["rule"] for warning in seen["warnings"]] == ["B11"]
    assert seen["warnings"][0]["consequence"] == "zeroed_suspended_review"
    assert "the limit drops to zero" in seen["warnings"][0]["message"]
    assert seen["largest_safe_amount"] == limit // 2


async def test_a_repeated_request_is_answered_with_the_same_bytes(http: Http) -> None:
    first, again, other = await http.ask(), await http.ask(), await http.ask(amount=99_999)
    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_one_key_many_times_at_once_withdraws_once(http: Http) -> None:
    answers = await asyncio.gather(*(http.ask() for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert (await http.programme.balances())["store_balance"] == 900_000


AT_ONCE: list[tuple[str, dict[str, Any], int, dict[str, int]]] = [
    ("five of the day (D6)", {}, 1_000, {"accepted": 5}),
    (
        "as many as the balance bears",
        {"day_count_max": 1_000, "hours_24": Hours24()},
        90_000,
        {"accepted": 11, "balance_insufficient": 109},
    ),
    (
        "as much as any 24 hours bear",
        {"day_count_max": 1_000, "hours_24": Hours24(amount_max=350_000)},
        50_000,
        {"accepted": 7, "daily_amount_exceeded": 113},
    ),
]


@pytest.mark.parametrize(("name", "changed", "amount", "expected"), AT_ONCE)
async def test_of_120_at_once_exactly_those_pass_that_may(
    http: Http, name: str, changed: dict[str, Any], amount: int, expected: dict[str, int]
) -> None:
    http.policy = policy_with(**changed)
    answers = await asyncio.gather(
        *(http.ask(f"k{number}", amount=amount, store_id="s2") for number in range(120))
    )
    assert {answer.status_code for answer in answers} == {200, 201}
    found = Counter(answer.json()["reason"] or "accepted" for answer in answers)
    # Asking on after the sixth suspends the store (D6, D9): the rest of them are told that instead.
    too_many = found.pop("daily_count_exceeded", 0) + found.pop("account_abnormal", 0)
    assert found == expected
    assert sum(found.values()) + too_many == 120
    balances = await http.programme.balances("s2")
    assert balances["store_balance"] == 1_000_000 - expected["accepted"] * amount
    await check_books(http.programme.connection)


PROBLEMS: list[tuple[str, str, Any, str | None, int, str]] = [
    ("POST", "/v1/withdrawals", ASK, None, 400, "idempotency_key_missing"),
    ("POST", "/v1/withdrawals", {**ASK, "store_id": "nobody"}, "k", 404, "store_unknown"),
    ("POST", "/v1/withdrawals/preview", {**ASK, "store_id": "nobody"}, None, 404, "store_unknown"),
    ("GET", f"/v1/withdrawals/{NOBODY}", None, None, 404, "withdrawal_unknown"),
    ("POST", f"/v1/withdrawals/{NOBODY}/cancel", None, "k", 404, "withdrawal_unknown"),
    ("GET", "/v1/withdrawals?status=gone", None, None, 422, "input_invalid"),
    ("GET", "/v1/withdrawals?limit=201", None, None, 422, "input_invalid"),
    ("GET", "/v1/withdrawals?cursor=x", None, None, 422, "input_invalid"),
    ("GET", "/v1/withdrawals?asked_from=2026-03-02T10:00:00", None, None, 422, "input_invalid"),
    *[
        ("POST", "/v1/withdrawals", {**ASK, **changed}, "k", 422, "input_invalid")
        for changed in (
            {"amount": 0},
            {"amount": -1},
            {"amount": 2**53},
            {"amount": 2**63},
            {"amount": 10.0},
            {"amount": "100"},
            {"currency": "USD"},
            {"bank_account_id": None},
            {"bank_account_id": "b/1"},
            {"extra": 1},
        )
    ],
]


@pytest.mark.parametrize(("method", "address", "body", "key", "status", "code"), PROBLEMS)
async def test_bad_input_is_a_problem_and_nothing_is_written(
    http: Http, method: str, address: str, body: object, key: str | None, status: int, code: str
) -> None:
    answer = await http.call(method, address, body, key=key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    written = await http.programme.connection.fetchval(
        "select (select count(*) from withdrawals) + (select count(*) from idempotency)"
    )
    assert written == 0


async def test_a_merchant_reaches_its_own_withdrawals_only(http: Http) -> None:
    asked = (await http.ask()).json()
    one = f"/v1/withdrawals/{asked['id']}"
    calls: list[tuple[str, str, object, str | None]] = [
        ("POST", "/v1/withdrawals/preview", ASK, None),
        ("POST", "/v1/withdrawals", ASK, "other"),
        ("GET", "/v1/withdrawals?store_id=s1", None, None),
        ("GET", one, None, None),
        ("POST", f"{one}/cancel", None, "other"),
    ]
    for method, address, body, key in calls:
        refused = await http.call(method, address, body, role="s2", key=key)
        assert (refused.status_code, refused.json()["code"]) == (403, "store_not_yours"), address
    assert (await http.call("GET", "/v1/withdrawals", role="s2")).json()["data"] == []
    own = (await http.call("GET", "/v1/withdrawals", role="s1")).json()["data"]
    assert [view["id"] for view in own] == [asked["id"]]
    assert (await http.call("GET", one, role="s1")).status_code == 200


@pytest.mark.parametrize("role", ["operator", "readonly"])
async def test_who_only_looks_on_cannot_move_money(http: Http, role: str) -> None:
    asked = (await http.ask()).json()
    for address, body in (
        ("/v1/withdrawals", ASK),
        (f"/v1/withdrawals/{asked['id']}/cancel", None),
    ):
        refused = await http.call("POST", address, body, role=role, key="other")
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
    assert (await http.call("POST", "/v1/withdrawals/preview", ASK, role=role)).status_code == 200
    assert len((await http.call("GET", "/v1/withdrawals", role=role)).json()["data"]) == 1


async def test_a_canceled_withdrawal_is_shown_as_such(http: Http) -> None:
    one = f"/v1/withdrawals/{(await http.ask()).json()['id']}"
    canceled = await http.call("POST", f"{one}/cancel", role="s1", key="c")
    assert (canceled.status_code, canceled.json()["status"], canceled.json()["returned"]) == (
        200,
        "canceled",
        100_000,
    )
    again = await http.call("POST", f"{one}/cancel", role="s1", key="c")
    assert (again.content, again.headers["idempotent-replayed"]) == (canceled.content, "true")
    assert (await http.call("GET", one)).json() == canceled.json()


async def test_a_list_is_filtered_and_paged_to_its_end(http: Http) -> None:
    made: list[str] = []
    for number in range(5):
        http.clock.move_to(MONDAY + timedelta(hours=number))
        asked = await http.ask(f"k{number}", store_id=f"s{number % 2 + 1}")
        made.insert(0, asked.json()["id"])
    seen: list[str] = []
    address = "/v1/withdrawals?limit=2"
    while True:
        page = (await http.call("GET", address)).json()
        seen += [view["id"] for view in page["data"]]
        if page["next_cursor"] is None:
            break
        address = f"/v1/withdrawals?limit=2&cursor={page['next_cursor']}"
    assert seen == made
    of_store = await http.call("GET", "/v1/withdrawals?store_id=s2&status=scheduled")
    assert [view["id"] for view in of_store.json()["data"]] == made[1::2]
    hours = "asked_from=2026-03-02T11:00:00%2B08:00&asked_before=2026-03-02T13:00:00%2B08:00"
    between = await http.call("GET", f"/v1/withdrawals?{hours}")
    assert [view["id"] for view in between.json()["data"]] == made[2:4]


async def test_how_a_fee_came_about_is_kept_and_told_in_words(http: Http) -> None:
    """D4: inputs, rule and rounding."""
    await http.ask("first")
    one = (await http.ask("second", amount=33_417)).json()
    told = await http.call("GET", f"/v1/withdrawals/{one['id']}/fee", role="s1", language="en")
    fee = told.json()
    assert (told.status_code, fee["fee"], fee["computed_anew"], fee["agrees"]) == (200, 201, 201, True)
    assert fee["breakdown"] == {
        "amount": 33_417,
        "first_free": True,
        "rate_ppm": 6_000,
        "minimum": 200,
        "year_threshold": 50_000_000,
        "prior_count": 1,
        "prior_year_total": 0,
        "policy_version": 1,
        "policy_sha256": shipped_policy().sha256,
        "rule": "rate",
        "rounding": "half_up",
        "numerator": "200502000",
        "denominator": "1000000",
        "fee": 201,
    }
    assert fee["steps"][-1] == "The fee is ¥2.01"
    assert (await http.call("GET", f"/v1/withdrawals/{one['id']}/fee", role="s2")).status_code == 403
    refused = (await http.ask("third", amount=9_000_000)).json()
    none = await http.call("GET", f"/v1/withdrawals/{refused['id']}/fee")
    assert (none.status_code, none.json()["code"]) == (404, "fee_unknown")


async def test_a_disputed_fee_is_taken_down_once_with_what_it_followed_from(http: Http) -> None:
    one = f"/v1/withdrawals/{(await http.ask()).json()['id']}"
    body = {"note": "手续费有误"}
    first = await http.call("POST", f"{one}/fee_dispute", body, role="s1", key="d")
    again = await http.call("POST", f"{one}/fee_dispute", body, role="s1", key="d")
    assert (first.status_code, again.content) == (201, first.content)
    told = first.json()
    assert (told["reason"], told["note"], told["author"]) == ("fee_disputed", "手续费有误", "merchant:s1")
    assert told["fee"]["breakdown"]["rule"] == "first_free"
    rows = await http.programme.connection.fetch("select * from fee_disputes")
    assert [(row["store_id"], row["agrees"]) for row in rows] == [("s1", True)]
    for role, status in (("s2", 403), ("operator", 403), ("readonly", 403)):
        assert (await http.call("POST", f"{one}/fee_dispute", body, role=role, key="e")).status_code == status
