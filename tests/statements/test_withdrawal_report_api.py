"""The report of withdrawals as its readers see it: as of its last refresh, each their own (C3, D4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from front import NOW, Front
from houfu.db.tx import connect
from houfu.statements.refreshing import refresh
from houfu.worker import Worker
from statements.trade import trade

ADDRESS = "/v1/reports/withdrawals"


async def move(front: Front, **by: int) -> dict[str, Any]:
    to = front.clock.now() + timedelta(**by)
    return await front.done("POST", "/v1/sandbox/clock", {"now": to.isoformat()})


async def test_before_it_was_ever_made_a_report_has_no_moment_and_no_days(front: Front) -> None:
    report = await front.done("GET", ADDRESS)
    assert (report["as_of"], report["days"], report["failures"]) == (None, [], [])
    assert (report["from_day"], report["to_day"]) == ("2026-02-01", "2026-03-02")


async def test_a_report_tells_what_was_so_at_its_moment(front: Front) -> None:
    await trade(front)
    moved = await move(front, minutes=1)
    assert moved["done"]["reported"] == 1
    report = await front.done("GET", ADDRESS, headers={"accept-language": "en"})
    made_at = front.clock.now()
    assert report["as_of"] == made_at.isoformat().replace("+00:00", "Z")
    assert (report["totals"]["asked"], report["totals"]["open"], report["totals"]["refused"]) == (2, 2, 0)
    asked = {"store_id": "s1", "amount": 90_000_000, "bank_account_id": "b1"}
    assert (await front.done("POST", "/v1/withdrawals", asked))["status"] == "refused"
    assert (await front.done("GET", ADDRESS))["totals"] == report["totals"]  # not refreshed yet
    await front.service.part(Worker).run_due(made_at + timedelta(minutes=4, seconds=59))
    assert (await front.done("GET", ADDRESS))["totals"] == report["totals"]
    await front.service.part(Worker).run_due(made_at + timedelta(minutes=5))
    report = await front.done("GET", ADDRESS, headers={"accept-language": "en"})
    assert (report["totals"]["asked"], report["totals"]["refused"]) == (3, 1)
    assert report["failures"] == [
        {
            "reason": "balance_insufficient",
            "group": "not_enough",
            "message": "The withdrawable balance is not enough",
            "count": 1,
            "share_bp": 10_000,
            "bank_reasons": [],
        }
    ]
    assert report["failure_groups"][0]["message"] == "Not enough balance"


async def test_what_was_paid_arrived_and_what_was_charged_is_told(front: Front) -> None:
    await trade(front)
    await move(front, days=4)
    report = await front.done("GET", ADDRESS)
    totals, arrived = report["totals"], report["punctuality"]
    paid = (await front.done("GET", "/v1/withdrawals?status=paid"))["data"]
    assert (totals["paid"], totals["open"], totals["failed"]) == (2, 0, 0)
    assert totals["paid_net"] == sum(each["net"] for each in paid)
    assert totals["fees"] == sum(each["fee"] for each in paid) > 0
    assert (arrived["arrived"], arrived["on_time"], arrived["on_time_bp"], arrived["late"]) == (
        2,
        2,
        10_000,
        0,
    )
    assert [day["day"] for day in report["days"]] == ["2026-03-02"]


async def test_a_merchant_sees_its_own_store_and_staff_one_or_all(front: Front) -> None:
    await trade(front)
    await trade(front, "s2")
    await move(front, minutes=1)
    seen = {
        (caller, query): (await front.done("GET", ADDRESS + query, caller=caller))
        for caller, query in (
            ("readonly", ""),
            ("operator", "?store_id=s1"),
            ("operator", "?store_id=nobody"),
            ("merchant", ""),
            ("merchant", "?store_id=s1"),
            ("stranger", ""),
        )
    }
    assert [(each["store_id"], each["totals"]["asked"]) for each in seen.values()] == [
        (None, 4),
        ("s1", 2),
        ("nobody", 0),
        ("s1", 2),
        ("s1", 2),
        ("s2", 2),
    ]
    assert (await front.call("GET", f"{ADDRESS}?store_id=s1", caller="stranger")).status_code == 403


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("from_day=2026-03-02&to_day=2026-03-02", ["2026-03-02"]),
        ("from_day=2026-03-03", []),
        ("from_day=2026-03-05", []),  # days to come
        ("to_day=2026-03-01", []),
        ("from_day=2025-03-02&to_day=2026-03-02", ["2026-03-02"]),
    ],
)
async def test_a_report_is_of_the_days_that_are_asked_for(front: Front, query: str, days: list[str]) -> None:
    await trade(front)
    await move(front, minutes=1)
    report = await front.done("GET", f"{ADDRESS}?{query}")
    assert [day["day"] for day in report["days"]] == days
    assert report["totals"]["asked"] == (2 if days else 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from_day=2026-03-02&to_day=2026-03-01", "to_day"),
        ("from_day=2025-03-01&to_day=2026-03-02", "from_day"),
        ("from_day=1999-03-01", "from_day"),
        ("to_day=3000-01-01", "to_day"),
    ],
)
async def test_days_that_make_no_report_are_refused(front: Front, query: str, field: str) -> None:
    response = await front.call("GET", f"{ADDRESS}?{query}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)


async def test_a_year_of_the_clock_refreshes_the_report_once(front: Front) -> None:
    await trade(front)
    moved = await move(front, days=365)
    assert moved["done"]["reported"] == 1
    assert (await front.done("GET", f"{ADDRESS}?from_day={NOW.date()}"))["totals"]["paid"] == 2


async def test_orders_and_withdrawals_go_on_while_a_refresh_is_under_way(front: Front) -> None:
    await trade(front)
    other = await connect(front.dsn)
    async with other.transaction():
        assert await refresh(other, now=front.clock.now()) == 1
        made = await front.authorize("during", amount=700)
        await front.done("POST", f"/v1/authorizations/{made['id']}/capture")
        asked = {"store_id": "s1", "amount": 700, "bank_account_id": "b1"}
        assert (await front.done("POST", "/v1/withdrawals", asked))["status"] == "scheduled"
        assert (await front.done("GET", ADDRESS))["as_of"] is None  # nor do readers wait, or see half of it
    await other.close()
    await front.service.part(Worker).run_due(front.clock.now() + timedelta(minutes=5))
    assert (await front.done("GET", ADDRESS))["totals"]["asked"] == 3
