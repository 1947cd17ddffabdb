"""Who may call what: every route, every role, the merchant of another store, and callers without a good key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from front import METRICS, NOW, STORE, Front
from houfu.app import routes
from houfu.http.fields import Nothing
from houfu.http.route import AnyRoute

ORDER = {"store_id": "s1", "order_id": "o9", "buyer_id": "b", "amount": 1}

NOTICE = "# name: cn\n# version: test\n# years: 2031\ndate,kind,name\n2031-01-01,holiday,元旦\n"
BODIES: dict[str, object] = {
    "authorize": ORDER,
    "authorize_batch": {"items": [{**ORDER, "idempotency_key": "batch-1"}]},
    "capture": {"amount": 1},
    "void": {},
    "repay": {"amount": 1},
    "return": {"amount": 1},
    "put_store": STORE,
    "put_metrics": METRICS,
    "record_fact": {"kind": "course_completed", "occurred_at": "2026-03-01T09:00:00+08:00"},
    "put_bank_account": {"holder": "h", "number": "6222021234567890", "bank_code": "ICBC"},
    "verify_bank_account": {},
    "assess": {},
    "suspend_line": {"cause": "c"},
    "resume_line": {"cause": "c"},
    "close_line": {"cause": "c"},
    "open_line": {"cause": "c"},
    "preview_withdrawal": {"store_id": "s1", "amount": 1},
    "request_withdrawal": {"store_id": "s1", "amount": 1, "bank_account_id": "b1"},
    "cancel_withdrawal": {},
    "dispute_withdrawal_fee": {"note": "n"},
    "decide_review": {"outcome": "cleared", "note": "n"},
    "propose_policy": {"document": "version: 2"},
    "approve_policy": {},
    "request_assessment_run": {},
    "accept_referral": {"note": "n"},
    "decline_referral": {"note": "n"},
    "put_facility": {"committed": 1},
    "cut_off_payouts": {},
    "approve_payout_batch": {},
    "reject_payout_batch": {"note": "n"},
    "import_notice": {"document": NOTICE, "note": "n"},
    "check_bank_statement": {},
    "propose_break": {"reason": "bank_fee"},
    "close_break": {},
    "decline_break": {},
    "move_clock": {"now": NOW.isoformat()},
}
"""A body that each call takes."""

READERS = {"platform", "operator", "readonly", "merchant"}
ALLOWED: dict[str, set[str]] = {
    "authorize": {"platform"},
    "authorize_batch": {"platform"},
    "capture": {"platform"},
    "void": {"platform"},
    "repay": {"platform"},
    "return": {"platform"},
    "list_authorizations": READERS,
    "get_authorization": READERS,
    "list_stores": READERS - {"merchant"},
    "put_store": {"platform"},
    "get_store": READERS,
    "put_metrics": {"platform"},
    "list_metrics": READERS,
    "record_fact": {"platform", "operator"},
    "list_facts": READERS,
    "put_bank_account": {"platform", "merchant"},
    "verify_bank_account": {"platform", "operator"},
    "list_bank_accounts": READERS,
    "assess": {"platform", "operator"},
    "get_line": READERS,
    "explain_line": READERS,
    "list_line_changes": READERS,
    "list_messages": READERS,
    "propose_policy": {"operator"},
    "approve_policy": {"operator"},
    "list_policies": READERS - {"merchant"},
    "get_policy": READERS - {"merchant"},
    "request_assessment_run": {"operator"},
    "list_assessment_runs": READERS - {"merchant"},
    "list_referrals": READERS - {"merchant"},
    "accept_referral": {"operator"},
    "decline_referral": {"operator"},
    "put_facility": {"operator"},
    "list_facilities": READERS - {"merchant"},
    "suspend_line": {"operator"},
    "resume_line": {"operator"},
    "close_line": {"operator"},
    "open_line": {"operator"},
    "get_balance": READERS,
    "list_entries": READERS,
    "export_entries": READERS,
    "export_withdrawals": READERS,
    "list_statements": READERS,
    "get_statement": READERS,
    "report_withdrawals": READERS,
    "preview_withdrawal": READERS,  # it only tells
    "request_withdrawal": {"platform", "merchant"},
    "cancel_withdrawal": {"platform", "merchant"},
    "list_withdrawals": READERS,
    "list_reviews": READERS - {"merchant"},
    "list_store_reviews": READERS,
    "decide_review": {"operator"},
    "get_withdrawal": READERS,
    "get_withdrawal_fee": READERS,
    "dispute_withdrawal_fee": {"platform", "merchant"},
    "cut_off_payouts": {"operator"},
    "list_payout_batches": READERS - {"merchant"},
    "get_payout_batch": READERS - {"merchant"},
    "approve_payout_batch": {"operator"},
    "reject_payout_batch": {"operator"},
    "list_payments": READERS - {"merchant"},
    "get_payout_file": {"operator"},
    "list_bank_reports": READERS - {"merchant"},
    "list_calendars": READERS - {"merchant"},
    "list_calendar_versions": READERS - {"merchant"},
    "list_calendar_days": READERS - {"merchant"},
    "import_notice": {"operator"},
    "list_redatings": READERS,
    "list_bank_statements": READERS - {"merchant"},
    "list_reconciled_days": READERS - {"merchant"},
    "get_bank_statement": READERS - {"merchant"},
    "list_bank_lines": READERS - {"merchant"},
    "check_bank_statement": {"operator"},
    "list_breaks": READERS - {"merchant"},
    "get_break": READERS - {"merchant"},
    "propose_break": {"operator"},
    "close_break": {"operator"},
    "decline_break": {"operator"},
    "move_clock": {"platform", "operator"},
}
"""What the interface promises, written apart from the routes."""

ROUTES = {route.operation: route for route in routes()}
GUARDED = [route for route in ROUTES.values() if not route.public]


@dataclass
class World:
    """A store with an order and a withdrawal."""

    front: Front
    authorization: str
    withdrawal: str

    def address(self, route: AnyRoute, *, store_id: str = "s1") -> str:
        id = self.withdrawal if "/withdrawals" in route.address else self.authorization
        filled = {
            "store_id": store_id,
            "id": id.rpartition(".")[0] + f".{store_id}",
            "month": "2026-02",
            "bank_account_id": "b1",
            "version": "1",
            "partner": "bank",
            "rail": "simulated",
            "day": "2026-03-02",
            "break_id": f"break_{'0' * 32}",
            "batch_id": f"pb_{'0' * 32}",
            "number": "1",
            "name": "cn",
        }
        return route.address.format(**filled)

    async def call(self, route: AnyRoute, *, caller: str | None, store_id: str = "s1", **how: Any) -> int:
        body = BODIES.get(route.operation)
        if isinstance(body, dict) and "store_id" in body:
            body = {**body, "store_id": store_id}
        key = "permission" if route.key != "none" else None
        address = self.address(route, store_id=store_id)
        response = await self.front.call(route.method, address, body, caller=caller, key=key, **how)
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
        return response.status_code


@pytest.fixture
async def world(front: Front) -> World:
    await front.open_store()
    await front.done("PUT", "/v1/stores/s1/bank_accounts/b1", BODIES["put_bank_account"])
    authorization = (await front.authorize())["id"]
    await front.done("POST", f"/v1/authorizations/{authorization}/capture", {"amount": 5_000})
    asked = {"store_id": "s1", "amount": 1_000, "bank_account_id": "b1"}
    withdrawal = (await front.done("POST", "/v1/withdrawals", asked))["id"]
    return World(front, authorization, withdrawal)


def test_every_route_is_in_the_table() -> None:
    assert {route.operation for route in GUARDED} == set(ALLOWED)
    with_body = {route.operation for route in GUARDED if route.method != "GET"}
    assert with_body == set(BODIES)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.operation)
async def test_a_route_admits_its_roles_and_no_other(route: AnyRoute, world: World) -> None:
    for caller in ("readonly", "operator", "merchant", "platform"):
        status = await world.call(route, caller=caller)
        if caller in ALLOWED[route.operation]:
            assert status not in {401, 403}, caller
            assert status < 500, caller
        else:
            assert status == 403, caller


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.operation)
async def test_a_merchant_never_reaches_another_store(route: AnyRoute, world: World) -> None:
    about_a_store = route.path is not Nothing or "store_id" in route.body.__struct_fields__
    before = await world.front.rows()
    if about_a_store or "merchant" not in ALLOWED[route.operation]:
        assert await world.call(route, caller="stranger") == 403
        # Nor does the answer tell whether a store exists.
        assert await world.call(route, caller="stranger", store_id="nobody") == 403
        assert await world.front.rows() == before
    else:
        address = world.address(route)
        mine = await world.front.call("GET", address, caller="stranger")
        assert mine.status_code == 200
        # A file has its head and nothing more, a report no day.
        rows = (
            mine.content.splitlines()[1:] if route.files else mine.json().get("data", mine.json().get("days"))
        )
        assert rows == []
        asked = await world.front.call("GET", f"{address}?store_id=s1", caller="stranger")
        assert asked.status_code == 403


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.operation)
async def test_a_route_needs_a_good_key(route: AnyRoute, world: World) -> None:
    before = await world.front.rows()
    for sent in (
        None,
        "Bearer ",
        "Bearer hf_platform_nonsense",
        "Basic abc",
        "hf_platform_x",
        "Bearer " + "x" * 9000,
    ):
        headers = {} if sent is None else {"authorization": sent}
        assert await world.call(route, caller=None, headers=headers) == 401
    assert await world.front.rows() == before


async def test_merchants_lists_hold_their_own_store_alone(world: World) -> None:
    await world.front.open_store("s2")
    await world.front.authorize("o2", store_id="s2")
    for caller, expected in (("merchant", {"s1"}), ("stranger", {"s2"}), ("readonly", {"s1", "s2"})):
        page = await world.front.done("GET", "/v1/authorizations", caller=caller)
        assert {entry["store_id"] for entry in page["data"]} == expected


async def test_a_missing_key_says_how_to_send_one(front: Front) -> None:
    response = await front.call("GET", "/v1/stores", caller=None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="houfu"'
    assert response.json()["code"] == "key_missing"
