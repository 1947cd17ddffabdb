"""An order through the interface: what each call answers, and how lists page."""

from __future__ import annotations

from typing import Any

import pytest

from front import LIMIT, Front


async def pages(front: Front, address: str, *, limit: int, **how: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    joined = "&" if "?" in address else "?"
    page = await front.done("GET", f"{address}{joined}limit={limit}", **how)
    found = [page["data"]]
    while (cursor := page["next_cursor"]) is not None:
        page = await front.done("GET", f"{address}{joined}limit={limit}&cursor={cursor}", **how)
        found.append(page["data"])
    return found


async def test_an_order_from_hold_to_books(front: Front) -> None:
    await front.open_store()
    made = await front.call(
        "POST", "/v1/authorizations",
        {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": 10_000}, key="a",
    )  # fmt: skip
    assert made.status_code == 201
    order = made.json()
    assert (order["status"], order["over_limit_amount"], order["currency"]) == ("authorized", 0, "CNY")
    assert order["expires_at"].endswith("Z")
    one = f"/v1/authorizations/{order['id']}"
    captured = await front.done("POST", f"{one}/capture", {"amount": 6_000, "final": True})
    assert (captured["captured"], captured["freed"], captured["held"]) == (6_000, 4_000, 0)
    await front.done("POST", f"{one}/repayments", {"amount": 1_000, "currency": "CNY"})
    returned = await front.done("POST", f"{one}/returns", {"amount": 2_000})
    assert returned["outstanding"] == 3_000
    refused = await front.call("POST", f"{one}/void", key="v")
    assert (refused.status_code, refused.json()["reason"]) == (200, "nothing_to_void")
    assert refused.json()["message"]
    seen = await front.done("GET", one, caller="merchant")
    assert (seen["status"], seen["outstanding"], seen["buyer_id"]) == ("captured", 3_000, "b")
    line = await front.done("GET", "/v1/stores/s1/line", caller="merchant")
    assert (line["total"], line["used"], line["available"]) == (LIMIT, 3_000, LIMIT - 3_000)
    assert line["headline"] == "可使用额度:¥4,970.00"
    balance = await front.done("GET", "/v1/stores/s1/balance", caller="merchant")
    assert (balance["withdrawable"], balance["reserved"], balance["liability"]) == (4_000, 0, 0)


async def test_a_capture_without_a_body_takes_everything(front: Front) -> None:
    await front.open_store()
    id = (await front.authorize(amount=700))["id"]
    captured = await front.call("POST", f"/v1/authorizations/{id}/capture", key="c")
    assert captured.json()["captured"] == 700


async def test_refusals_speak_the_language_that_was_asked_for(front: Front) -> None:
    await front.open_store()
    body = {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": LIMIT + 1}
    said = [
        (await front.call("POST", "/v1/authorizations", body, key=key, headers=headers)).json()["message"]
        for key, headers in (
            ("1", {}),
            ("2", {"accept-language": "zh-CN"}),
            ("3", {"accept-language": "en-US"}),
        )
    ]
    assert said == [
        "额度不足,请提升信用",
        "额度不足,请提升信用",
        "The limit is not enough: raise your credit",
    ]


async def test_a_suspended_line_takes_no_order_until_it_is_resumed(front: Front) -> None:
    await front.open_store()
    order = {"store_id": "s1", "order_id": "o1", "buyer_id": "b", "amount": 1}
    for verb, reason in (("suspend", "line_suspended"), ("close", "line_not_open"), ("open", None)):
        line = await front.done("POST", f"/v1/stores/s1/line/{verb}", {"cause": "检查"}, caller="operator")
        assert line["status"] == {"suspend": "suspended", "close": "closed", "open": "open"}[verb]
        answered = (await front.call("POST", "/v1/authorizations", order, key=verb)).json()
        assert answered["reason"] == reason
    unfit = await front.call("POST", "/v1/stores/s1/line/resume", {"cause": "c"}, caller="operator")
    assert (unfit.status_code, unfit.json()["code"]) == (409, "line_status_unfit")
    changes = await front.done("GET", "/v1/stores/s1/line/changes")
    assert [change["to_status"] for change in changes["data"]] == ["open", "closed", "suspended", "open"]
    assert {change["author"] for change in changes["data"]} == {"operator:operator", "platform:platform"}
    assert [[change["to_status"] for change in page] for page in await pages(front, "/v1/stores/s1/line/changes", limit=3)] == [
        ["open", "closed", "suspended"], ["open"],
    ]  # fmt: skip


async def test_an_assessment_without_its_figures_names_them(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", {
        "name": "n", "owner_id": "o", "level": 3, "opened_on": "2025-01-01", "phone_kind": "mobile", "category": "c",
    })  # fmt: skip
    before = await front.rows()
    refused = await front.call("POST", "/v1/stores/s1/assessment", key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "inputs_missing")
    assert {"return_rate_m1_bp", "gmv_3m"} <= {error["field"] for error in refused.json()["errors"]}
    assert await front.rows() == before


@pytest.mark.parametrize("address", ["line", "line/explanation"])
async def test_a_store_without_a_line_has_none_to_show(address: str, front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", {
        "name": "n", "owner_id": "o", "level": 3, "opened_on": "2025-01-01", "phone_kind": "mobile", "category": "c",
    })  # fmt: skip
    for store_id, code in (("s1", "line_unknown"), ("nobody", "store_unknown")):
        response = await front.call("GET", f"/v1/stores/{store_id}/{address}")
        assert (response.status_code, response.json()["code"]) == (404, code)


@pytest.mark.parametrize(
    "address", ["", "/line", "/line/explanation", "/line/changes", "/balance", "/entries", "/facts", "/metrics", "/bank_accounts"]
)  # fmt: skip
async def test_an_unknown_store_is_not_found(address: str, front: Front) -> None:
    response = await front.call("GET", f"/v1/stores/nobody{address}")
    assert (response.status_code, response.json()["code"]) == (404, "store_unknown")


async def test_authorizations_are_filtered_and_paged_whole(front: Front) -> None:
    for store_id in ("s1", "s2"):
        await front.open_store(store_id)
    ids = [(await front.authorize(f"o{nth}", store_id="s1"))["id"] for nth in range(5)]
    others = [(await front.authorize(f"o{nth}", store_id="s2"))["id"] for nth in range(2)]
    await front.done("POST", f"/v1/authorizations/{ids[1]}/void")
    refused = await front.authorize("o1", store_id="s1", amount=LIMIT + 1)
    of_one = await pages(front, "/v1/authorizations?store_id=s1", limit=2)
    assert [[entry["id"] for entry in page] for page in of_one] == [
        [refused["id"], ids[4]], [ids[3], ids[2]], [ids[1], ids[0]],
    ]  # fmt: skip
    of_all = await pages(front, "/v1/authorizations", limit=3, caller="readonly")
    assert [entry["id"] for page in of_all for entry in page] == [*ids, refused["id"], *others]
    of_merchant = await pages(front, "/v1/authorizations", limit=4, caller="merchant")
    assert [len(page) for page in of_merchant] == [4, 2]
    for query, expected in (
        ("store_id=s1&status=voided", [ids[1]]),
        ("store_id=s1&status=refused", [refused["id"]]),
        ("store_id=s1&order_id=o1", [refused["id"], ids[1]]),
        ("order_id=o1", [ids[1], refused["id"], others[1]]),
        ("status=captured", []),
    ):
        page = await front.done("GET", f"/v1/authorizations?{query}")
        assert [entry["id"] for entry in page["data"]] == expected, query


async def test_a_cursor_of_one_list_is_no_cursor_of_another(front: Front) -> None:
    await front.open_store()
    for nth in range(2):
        await front.authorize(f"o{nth}")
    cursor = (await front.done("GET", "/v1/authorizations?limit=1"))["next_cursor"]
    for address in (
        "/v1/authorizations?store_id=s1",
        "/v1/stores/s1/entries?",
        "/v1/stores/s1/line/changes?",
    ):
        refused = await front.call("GET", f"{address}&cursor={cursor}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "cursor"), address


async def test_a_merchant_sees_its_own_accounts_and_staff_all(front: Front) -> None:
    await front.open_store()
    id = (await front.authorize(amount=1_000))["id"]
    await front.done("POST", f"/v1/authorizations/{id}/capture", {"amount": 400})
    await front.done("POST", f"/v1/authorizations/{id}/capture", {"amount": 600})
    entries = await pages(front, "/v1/stores/s1/entries", limit=1, caller="merchant")
    assert [[(e["account"], e["side"], e["amount"], e["subject"]) for e in page] for page in entries] == [
        [("store_balance", "credit", 600, id)], [("store_balance", "credit", 400, id)],
    ]  # fmt: skip
    staff = await pages(front, "/v1/stores/s1/entries", limit=3, caller="readonly")
    assert [[(e["journal"], e["account"], e["amount"]) for e in page] for page in staff] == [
        [(2, "buyer_receivable", 600), (2, "store_balance", 600), (1, "buyer_receivable", 400)],
        [(1, "store_balance", 400)],
    ]
    only = await front.done(
        "GET", "/v1/stores/s1/entries?account=buyer_receivable&occurred_before=2026-03-02T09:00:00Z"
    )
    assert [entry["amount"] for entry in only["data"]] == [600, 400]
    none = await front.done("GET", "/v1/stores/s1/entries?occurred_before=2026-03-02T09:00:00%2B08:00")
    assert none["data"] == []


async def test_a_balance_can_be_asked_as_of_a_past_moment(front: Front) -> None:
    await front.open_store()
    id = (await front.authorize(amount=1_000))["id"]
    await front.done("POST", f"/v1/authorizations/{id}/capture")
    before = await front.done("GET", "/v1/stores/s1/balance?as_of=2026-03-02T00:59:59Z")
    assert (before["withdrawable"], before["as_of"]) == (0, "2026-03-02T00:59:59Z")
    now = await front.done("GET", "/v1/stores/s1/balance?as_of=2026-03-02T01:00:00Z")
    assert now["withdrawable"] == 1_000
