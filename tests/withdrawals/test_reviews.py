"""What a broken rule of withdrawals sets off: the line is suspended, a review opens, and a person decides it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from front import NOW, Front, open_front
from houfu.ledger import actions as ledger
from houfu.ledger.journal import post
from houfu.policy.periods import add_months
from withdrawals.programme import check_books

GMV = 2_500_000
"""A month's trade of a store of level 3, fen."""
METRICS: dict[str, Any] = {
    "orders": 300,
    "dsr_description": 470,
    "dsr_service": 470,
    "dsr_logistics": 470,
    "return_rate_bp": 300,
    "good_review_bp": 9_900,
    "complaint_bp": 5,
}
STORE = {
    "name": "小满衣橱",
    "owner_id": "owner-1",
    "level": 3,
    "opened_on": "2024-01-01",
    "phone_kind": "mobile",
    "category": "clothing",
}
ACCOUNT = {"holder": "小满衣橱", "number": "6222020200011111234", "bank_code": "102100099996"}


@pytest.fixture
async def front(database: str) -> AsyncGenerator[Front]:
    async with open_front(database) as front:
        await open_store(front, "s1")
        yield front
        async with front.service.pool.acquire() as connection:
            await check_books(connection)


async def open_store(front: Front, store_id: str, *, gmv: int = GMV) -> None:
    """A store with a year of trade, a line, a bank account that may be paid, and money."""
    await front.done("PUT", f"/v1/stores/{store_id}", STORE)
    for back in range(1, 13):
        month = add_months(date(2026, 3, 1), -back)
        await report(front, month, gmv, store_id)
    address = f"/v1/stores/{store_id}/bank_accounts/b1"
    await front.done("PUT", address, ACCOUNT)
    await front.done("POST", f"{address}/verify", {})
    await front.done("POST", f"/v1/stores/{store_id}/assessment")
    async with front.service.pool.acquire() as connection, connection.transaction():
        account = (await ledger.load_books(connection, [store_id]))[store_id]
        postings = (("buyer_receivable", 100_000_000), ("store_balance", -100_000_000))
        at = NOW.astimezone(UTC)
        _, journal = post(account.books, "given", postings, subject=None, occurred_at=at, recorded_at=at)
        await ledger.record(connection, [journal])


async def report(front: Front, month: date, gmv: int, store_id: str = "s1") -> None:
    await front.done("PUT", f"/v1/stores/{store_id}/metrics/{month:%Y-%m}", {**METRICS, "gmv": gmv})


async def ask(front: Front, amount: int, store_id: str = "s1", **how: Any) -> dict[str, Any]:
    body = {"store_id": store_id, "amount": amount, "bank_account_id": "b1"}
    return await front.done("POST", "/v1/withdrawals", body, **how)


async def line(front: Front, store_id: str = "s1") -> dict[str, Any]:
    return await front.done("GET", f"/v1/stores/{store_id}/line")


async def reviews(front: Front, **query: str) -> list[dict[str, Any]]:
    address = "/v1/reviews?" + "&".join(f"{name}={value}" for name, value in query.items())
    return (await front.done("GET", address, caller="readonly"))["data"]


async def decide(front: Front, id: str, outcome: str, **how: Any) -> dict[str, Any]:
    body = {"outcome": outcome, "note": "近三个月流水无异常"}
    return await front.done("POST", f"/v1/reviews/{id}/decision", body, **{"caller": "operator"} | how)


async def clock(front: Front, to: datetime) -> None:
    await front.done("POST", "/v1/sandbox/clock", {"now": to.isoformat()})


async def told(front: Front, store_id: str = "s1") -> list[str]:
    """The kinds of the store's messages, oldest first."""
    found = await front.done("GET", f"/v1/stores/{store_id}/messages?limit=200")
    return [message["kind"] for message in reversed(found["data"])]


async def causes(front: Front, store_id: str = "s1") -> list[tuple[str, str, str]]:
    """The changes of the store's line, oldest first: cause, author and status after it."""
    async with front.service.pool.acquire() as connection:
        rows = await connection.fetch(
            "select cause, author, to_status from line_changes where store_id = $1 order by change_id",
            store_id,
        )
    return [tuple(row) for row in rows]


async def break_share(front: Front, store_id: str = "s1") -> dict[str, Any]:
    """Withdraw a fen more than half of the limit in one day."""
    total = (await line(front, store_id))["total"]
    return await ask(front, total // 2 + 1, store_id)


async def break_count(front: Front) -> dict[str, Any]:
    for _ in range(5):
        assert (await ask(front, 1_000))["accepted"]
    return await ask(front, 1_000)


async def test_more_than_half_the_limit_in_a_day_suspends_the_line_and_opens_a_review(front: Front) -> None:
    before = await line(front)
    asked = await break_share(front)
    assert (asked["status"], [warning["rule"] for warning in asked["warnings"]]) == (
        "scheduled",
        ["B11"],
    )
    (review,) = await reviews(front, status="open")
    assert review == {
        "id": review["id"],
        "store_id": "s1",
        "rule": "B11",
        "withdrawal_id": asked["id"],
        "status": "open",
        "documents": ["bank_statements_3_months"],
        "opened_at": "2026-03-02T01:00:00Z",
        "due_on": "2026-03-05",
        "overdue": False,
        "decided_at": None,
        "decided_by": None,
        "note": None,
    }
    assert (await line(front))["status"] == "suspended"
    assert (await ask(front, 1_000))["reason"] == "account_abnormal"
    assert (await line(front))["total"] == before["total"]
    await clock(front, NOW + timedelta(seconds=1))
    assert ((await line(front))["status"], (await line(front))["total"]) == ("suspended", 0)
    assert (await causes(front))[1:] == [
        ("withdrawal_share_exceeded", "programme", "suspended"),
        ("withdrawal_share_exceeded", "worker", "suspended"),
    ]
    assert await told(front) == ["line_opened", "line_suspended", "review_opened", "limit_zeroed"]


async def test_the_attempt_of_a_sixth_in_a_day_is_refused_suspends_and_opens_a_review(front: Front) -> None:
    total = (await line(front))["total"]
    refused = await break_count(front)
    assert (refused["status"], refused["reason"]) == ("refused", "daily_count_exceeded")
    (review,) = await reviews(front)
    assert (review["rule"], review["withdrawal_id"], review["status"]) == ("D6", refused["id"], "open")
    assert (await causes(front))[1:] == [("withdrawal_count_exceeded", "programme", "suspended")]
    await clock(front, NOW + timedelta(seconds=1))
    assert (await line(front))["total"] == total
    assert (await ask(front, 1_000))["reason"] == "account_abnormal"


async def test_a_preview_breaks_nothing(front: Front) -> None:
    for _ in range(5):
        await ask(front, 1_000)
    body = {"store_id": "s1", "amount": 1_000}
    seen = await front.done("POST", "/v1/withdrawals/preview", body)
    assert seen["reason"] == "daily_count_exceeded"
    assert await reviews(front) == []
    assert (await line(front))["status"] == "open"


@pytest.mark.parametrize("assessed", [True, False], ids=["after the limit fell", "before it fell"])
async def test_a_cleared_review_gives_line_and_limit_back(front: Front, assessed: bool) -> None:
    total = (await line(front))["total"]
    await break_share(front)
    if assessed:
        await clock(front, NOW + timedelta(days=1))
    (review,) = await reviews(front)
    decided = await decide(front, review["id"], "cleared")
    assert (decided["status"], decided["decided_by"], decided["note"]) == (
        "cleared",
        "operator:operator",
        "近三个月流水无异常",
    )
    now = await line(front)
    assert (now["status"], now["total"]) == ("open", total)
    assert (await causes(front))[-1] == ("review_cleared", "operator:operator", "open")
    await clock(front, NOW + timedelta(days=2))
    assert (await line(front))["total"] == total
    assert (await ask(front, 1_000))["accepted"]
    assert (await told(front))[-1] == "review_decided" or "review_decided" in await told(front)


async def test_an_upheld_review_leaves_the_store_suspended(front: Front) -> None:
    await break_share(front)
    await clock(front, NOW + timedelta(days=1))
    (review,) = await reviews(front)
    before = await causes(front)
    assert (await decide(front, review["id"], "upheld"))["status"] == "upheld"
    now = await line(front)
    assert (now["status"], now["total"]) == ("suspended", 0)
    assert await causes(front) == before
    assert (await ask(front, 1_000))["reason"] == "account_abnormal"


async def test_an_upheld_review_suspends_a_line_that_a_person_had_resumed(front: Front) -> None:
    await break_count(front)
    (review,) = await reviews(front)
    await front.done("POST", "/v1/stores/s1/line/resume", {"cause": "误操作"}, caller="operator")
    await decide(front, review["id"], "upheld")
    assert (await causes(front))[-1] == ("review_upheld", "operator:operator", "suspended")


async def test_a_line_that_a_person_suspended_stays_so_when_a_review_is_cleared(front: Front) -> None:
    await break_count(front)
    (review,) = await reviews(front)
    for verb in ("resume", "suspend"):
        await front.done("POST", f"/v1/stores/s1/line/{verb}", {"cause": "另案调查"}, caller="operator")
    await decide(front, review["id"], "cleared")
    assert (await line(front))["status"] == "suspended"


async def test_a_line_that_another_review_holds_stays_suspended_until_that_is_cleared_too(
    front: Front,
) -> None:
    await break_share(front)
    await front.done("POST", "/v1/stores/s1/line/resume", {"cause": "先行恢复"}, caller="operator")
    await clock(front, NOW + timedelta(seconds=1))
    for _ in range(6):
        await ask(front, 1_000)
    count, share = await reviews(front, status="open")
    assert (count["rule"], share["rule"]) == ("D6", "B11")
    await decide(front, count["id"], "cleared")
    assert (await line(front))["status"] == "suspended"


async def test_what_breaks_a_rule_again_is_covered_by_the_review_that_is_open(front: Front) -> None:
    await break_share(front)
    await front.done("POST", "/v1/stores/s1/line/resume", {"cause": "先行恢复"}, caller="operator")
    again = await ask(front, 1_000)
    assert [warning["rule"] for warning in again["warnings"]][:1] == ["B11"]
    assert (await line(front))["status"] == "suspended"
    (review,) = await reviews(front)
    await decide(front, review["id"], "cleared")
    assert (await line(front))["status"] == "open"


async def test_a_hundred_and_twenty_requests_at_once_pass_five_and_open_one_review(front: Front) -> None:
    answers = await asyncio.gather(*(ask(front, 1_000, key=f"k{number}") for number in range(120)))
    reasons = [answer["reason"] for answer in answers]
    assert (reasons.count(None), reasons.count("daily_count_exceeded")) == (5, 1)
    assert reasons.count("account_abnormal") == 114
    assert len(await reviews(front)) == 1
    assert (await told(front)).count("review_opened") == 1


async def test_a_review_is_decided_once_however_many_try(front: Front) -> None:
    await break_share(front)
    (review,) = await reviews(front)
    address, body = f"/v1/reviews/{review['id']}/decision", {"outcome": "cleared", "note": "n"}
    responses = await asyncio.gather(
        *(front.call("POST", address, body, caller="operator", key=f"k{nth % 4}") for nth in range(8))
    )
    codes = [response.status_code for response in responses]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 409}
    assert (await told(front)).count("review_decided") == 1
    again = await front.call("POST", address, body, caller="operator", key="late")
    assert (again.status_code, again.json()["code"]) == (409, "review_decided")
    nobody = await front.call("POST", f"/v1/reviews/rv_{'0' * 32}.s1/decision", body, caller="operator")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "review_unknown")


async def test_only_an_operator_decides_and_a_store_sees_its_own(front: Front) -> None:
    await break_share(front)
    (review,) = await reviews(front)
    body = {"outcome": "cleared", "note": "n"}
    for caller in ("readonly", "platform", "merchant", "stranger"):
        response = await front.call("POST", f"/v1/reviews/{review['id']}/decision", body, caller=caller)
        assert response.status_code == 403
    own = await front.done("GET", "/v1/stores/s1/reviews", caller="merchant")
    assert own["data"] == [review]
    assert (await front.call("GET", "/v1/stores/s1/reviews", caller="stranger")).status_code == 403
    assert (await front.call("GET", "/v1/reviews", caller="merchant")).status_code == 403


async def test_reviews_are_filtered_paged_and_shown_as_overdue(front: Front) -> None:
    await open_store(front, "s2")
    for store_id in ("s1", "s2"):
        await break_share(front, store_id)
    assert [review["store_id"] for review in await reviews(front)] == ["s2", "s1"]
    assert [review["store_id"] for review in await reviews(front, store_id="s1")] == ["s1"]
    first = await front.done("GET", "/v1/reviews?limit=1", caller="operator")
    rest = await front.done("GET", f"/v1/reviews?limit=1&cursor={first['next_cursor']}", caller="operator")
    assert [page["data"][0]["store_id"] for page in (first, rest)] == ["s2", "s1"]
    assert rest["next_cursor"] is None
    await decide(front, first["data"][0]["id"], "cleared")
    await clock(front, datetime.fromisoformat("2026-03-05T23:59:00+08:00"))
    assert [review["overdue"] for review in await reviews(front)] == [False, False]
    await clock(front, datetime.fromisoformat("2026-03-06T00:00:00+08:00"))
    assert [review["overdue"] for review in await reviews(front)] == [False, True]


async def test_the_worked_case_of_a_refused_52_000_and_80_000_the_month_after(front: Front) -> None:
    """D10: refused as "账户存在风险", cleared within 3 working days, and a limit of 80,000 in the next month."""
    await break_share(front)
    await clock(front, NOW + timedelta(hours=1))
    refused = await ask(front, 5_200_000, headers={"accept-language": "zh-CN"})
    assert (refused["status"], refused["reason"], refused["message"]) == (
        "refused",
        "account_abnormal",
        "账户存在风险",
    )
    assert "银行流水" in refused["remedy"]
    assert "3 个工作日" in refused["remedy"]
    (review,) = await reviews(front)
    await clock(front, datetime.fromisoformat("2026-03-05T16:00:00+08:00"))
    decided = await decide(front, review["id"], "cleared")
    assert (decided["due_on"], decided["overdue"]) == ("2026-03-05", False)
    assert (await line(front))["total"] > 0
    # March was a good month: the store is assessed upward as April begins.
    await clock(front, datetime.fromisoformat("2026-03-31T23:00:00+08:00"))
    await report(front, date(2026, 3, 1), 19_120_000)
    await clock(front, datetime.fromisoformat("2026-04-01T09:00:00+08:00"))
    assert (await line(front))["total"] == 8_000_000
