"""What the marketplace tells us of its stores."""

from __future__ import annotations

import asyncio

import pytest

from front import METRICS, STORE, Front


async def test_a_store_is_made_then_changed(front: Front) -> None:
    made = await front.call("PUT", "/v1/stores/s1", STORE)
    assert made.status_code == 201
    assert made.json() == {
        **STORE, "store_id": "s1", "recorded_at": "2026-03-02T01:00:00Z", "updated_at": "2026-03-02T01:00:00Z",
    }  # fmt: skip
    front.clock.move_to(front.clock.now().replace(hour=2))
    changed = await front.call("PUT", "/v1/stores/s1", {**STORE, "level": 2})
    assert (changed.status_code, changed.json()["level"]) == (200, 2)
    assert (changed.json()["recorded_at"], changed.json()["updated_at"]) == (
        "2026-03-02T01:00:00Z", "2026-03-02T02:00:00Z",
    )  # fmt: skip
    assert await front.done("GET", "/v1/stores/s1", caller="merchant") == changed.json()


async def test_stores_page_by_id(front: Front) -> None:
    for store_id in ("b", "a", "c"):
        await front.done("PUT", f"/v1/stores/{store_id}", STORE)
    first = await front.done("GET", "/v1/stores?limit=2")
    assert [store["store_id"] for store in first["data"]] == ["a", "b"]
    rest = await front.done("GET", f"/v1/stores?limit=2&cursor={first['next_cursor']}")
    assert ([store["store_id"] for store in rest["data"]], rest["next_cursor"]) == (["c"], None)


async def test_metrics_get_a_revision_when_they_say_something_new(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    address = "/v1/stores/s1/metrics/2026-02"
    assert (await front.done("PUT", address, METRICS))["revision"] == 1
    assert (await front.done("PUT", address, METRICS))["revision"] == 1
    corrected = await front.done("PUT", address, {**METRICS, "orders": 7})
    assert (corrected["revision"], corrected["orders"], corrected["month"]) == (2, 7, "2026-02")
    assert (await front.done("PUT", address, METRICS))["revision"] == 3
    await front.done("PUT", "/v1/stores/s1/metrics/2026-01", METRICS)
    await front.done("PUT", "/v1/stores/s1/metrics/2026-03", METRICS)
    page = await front.done("GET", "/v1/stores/s1/metrics?limit=2")
    assert [(entry["month"], entry["revision"]) for entry in page["data"]] == [("2026-03", 1), ("2026-02", 3)]
    page = await front.done("GET", f"/v1/stores/s1/metrics?limit=2&cursor={page['next_cursor']}")
    assert [entry["month"] for entry in page["data"]] == ["2026-01"]
    assert (await front.rows())["store_metrics"] == 5


async def test_corrections_at_once_all_become_revisions(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    address = "/v1/stores/s1/metrics/2026-02"
    made = await asyncio.gather(
        *(front.done("PUT", address, {**METRICS, "orders": orders}) for orders in range(4))
    )
    assert sorted(entry["revision"] for entry in made) == [1, 2, 3, 4]


async def test_metrics_of_an_unknown_store_are_refused(front: Front) -> None:
    refused = await front.call("PUT", "/v1/stores/nobody/metrics/2026-02", METRICS)
    assert (refused.status_code, refused.json()["code"]) == (404, "store_unknown")


async def test_facts_are_kept_in_the_order_they_were_told(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    for kind, occurred_at in (
        ("violation", "2026-02-25T10:00:00+08:00"),
        ("funds_frozen", "2026-02-01T00:00:00Z"),
    ):
        body = {"kind": kind, "occurred_at": occurred_at, "note": "说明"}
        response = await front.call("POST", "/v1/stores/s1/facts", body)
        assert response.status_code == 201
    page = await front.done("GET", "/v1/stores/s1/facts?limit=1")
    assert [fact["kind"] for fact in page["data"]] == ["funds_frozen"]
    assert page["data"][0]["id"].startswith("fact_")
    page = await front.done("GET", f"/v1/stores/s1/facts?limit=1&cursor={page['next_cursor']}")
    assert [(fact["kind"], fact["occurred_at"], fact["note"]) for fact in page["data"]] == [
        ("violation", "2026-02-25T02:00:00Z", "说明")
    ]


async def test_a_bank_account_shows_its_last_four_digits_alone(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    body = {"holder": "张三", "number": "6222021234567890123", "bank_code": "ICBC"}
    made = await front.call("PUT", "/v1/stores/s1/bank_accounts/b1", body, caller="merchant")
    assert (made.status_code, made.json()["number"]) == (201, "*" * 15 + "0123")
    again = await front.call("PUT", "/v1/stores/s1/bank_accounts/b1", {**body, "number": "12345678"})
    assert (again.status_code, again.json()["number"]) == (200, "****5678")
    page = await front.done("GET", "/v1/stores/s1/bank_accounts", caller="merchant")
    assert [account["number"] for account in page["data"]] == ["****5678"]


BANK_ACCOUNT = {"holder": "张三", "number": "6222021234567890123", "bank_code": "ICBC"}
ADDRESS = "/v1/stores/s1/bank_accounts/b1"


async def test_an_account_that_the_marketplace_puts_is_verified_at_once(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    made = await front.done("PUT", ADDRESS, BANK_ACCOUNT)
    assert (made["verified"], made["verified_by"], made["changed_at"]) == (True, "platform:platform", None)
    assert made["usable_from"] == made["recorded_at"]


async def test_an_account_that_its_store_puts_waits_until_somebody_else_vouches_for_it(front: Front) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    made = await front.done("PUT", ADDRESS, BANK_ACCOUNT, caller="merchant")
    assert (made["verified"], made["verified_by"], made["usable_from"]) == (False, None, None)
    refused = await front.call("POST", f"{ADDRESS}/verify", caller="merchant")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
    front.clock.move_to(front.clock.now().replace(hour=2))
    verified = await front.done("POST", f"{ADDRESS}/verify", caller="operator")
    assert (verified["verified_by"], verified["usable_from"]) == ("operator:operator", "2026-03-02T02:00:00Z")
    assert await front.done("POST", f"{ADDRESS}/verify") == verified
    assert await front.done("PUT", ADDRESS, BANK_ACCOUNT, caller="merchant") == verified
    unknown = await front.call("POST", "/v1/stores/s1/bank_accounts/b9/verify", caller="operator")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "bank_account_unknown")


@pytest.mark.parametrize("changed", [{"holder": "李四"}, {"number": "12345678"}, {"bank_code": "ABC"}])
async def test_a_changed_account_rests_and_by_its_store_must_be_verified_anew(
    front: Front, changed: dict[str, str]
) -> None:
    await front.done("PUT", "/v1/stores/s1", STORE)
    made = await front.done("PUT", ADDRESS, BANK_ACCOUNT)
    front.clock.move_to(front.clock.now().replace(hour=2))
    assert await front.done("PUT", ADDRESS, BANK_ACCOUNT) == made
    by_store = await front.done("PUT", ADDRESS, {**BANK_ACCOUNT, **changed}, caller="merchant")
    assert (by_store["verified"], by_store["changed_at"]) == (False, "2026-03-02T02:00:00Z")
    assert by_store["usable_from"] is None
    front.clock.move_to(front.clock.now().replace(hour=3))
    vouched = await front.done("PUT", ADDRESS, {**BANK_ACCOUNT, **changed})
    assert (vouched["verified"], vouched["changed_at"]) == (True, "2026-03-02T02:00:00Z")
    assert vouched["usable_from"] == "2026-03-03T02:00:00Z"
    back = await front.done("PUT", ADDRESS, BANK_ACCOUNT)
    assert (back["verified"], back["usable_from"]) == (True, "2026-03-03T03:00:00Z")
