"""The calendar over HTTP, and the day of the yearly notice as the service lives it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from calendars.notices import EARLIER_2027, NOTICE_2027
from front import SHANGHAI, Front, open_front
from houfu.app import open_service, take_up_news
from houfu.core.calendar import Calendar
from houfu.core.clock import SandboxClock
from houfu.worker import Worker

LAST_DAY = datetime(2026, 12, 31, 10, tzinfo=SHANGHAI)


async def bring(front: Front, text: str = NOTICE_2027, name: str = "cn") -> dict[str, object]:
    body = {"document": text, "note": "made up"}
    return await front.done("PUT", f"/v1/calendars/{name}", body, caller="operator")


async def balance(front: Front) -> None:
    """A store whose order was captured, so that it may withdraw."""
    await front.open_store()
    await front.done(
        "PUT",
        "/v1/stores/s1/bank_accounts/b1",
        {"holder": "h", "number": "6222021234567890", "bank_code": "ICBC"},
    )
    await front.done("POST", "/v1/stores/s1/bank_accounts/b1/verify", {})
    order = (await front.authorize(amount=300_000))["id"]
    await front.done("POST", f"/v1/authorizations/{order}/capture", {"amount": 300_000})


async def withdraw(front: Front, amount: int) -> dict[str, object]:
    return await front.done(
        "POST", "/v1/withdrawals", {"store_id": "s1", "amount": amount, "bank_account_id": "b1"}
    )


async def test_the_calendar_in_force_is_told_with_its_provisional_years(front: Front) -> None:
    (calendar,) = (await front.done("GET", "/v1/calendars"))["data"]
    assert calendar == {
        "name": "cn",
        "version": "2025-11-04",
        "number": 0,
        "years": [2024, 2025, 2026],
        "provisional_years": [2027, 2028, 2029, 2030, 2031],
        "in_use": True,
    }


async def test_days_are_told_with_their_kinds_and_names(front: Front) -> None:
    told = await front.done("GET", "/v1/calendars/cn/days?from_day=2026-02-13&to_day=2026-02-15")
    assert [(day["kind"], day["works"], day["name"]) for day in told["data"]] == [
        ("working", True, None),
        ("make_up", True, "春节"),
        ("holiday", False, "春节"),
    ]
    ahead = await front.done("GET", "/v1/calendars/cn/days?from_day=2027-10-01&to_day=2027-10-02")
    assert [(day["kind"], day["provisional"]) for day in ahead["data"]] == [("holiday", True)] * 2
    egypt = await front.done("GET", "/v1/calendars/EG/days?from_day=2026-06-05&to_day=2026-06-05")
    assert egypt["data"][0]["kind"] == "weekend"
    last = await front.done("GET", "/v1/calendars/cn/days?from_day=2999-12-31&to_day=2999-12-31")
    assert last["data"][0]["provisional"] is True


REFUSED = [
    ("/v1/calendars/XX/days?from_day=2026-01-01&to_day=2026-01-02", 404, "calendar_unknown"),
    ("/v1/calendars/XX/versions", 404, "calendar_unknown"),
    ("/v1/calendars/..%2F..%2Fetc/versions", 404, "route_unknown"),
    ("/v1/calendars/passwd/versions", 422, "input_invalid"),
    ("/v1/calendars/cn/days", 422, "input_invalid"),
    ("/v1/calendars/cn/days?from_day=2026-01-02&to_day=2026-01-01", 422, "input_invalid"),
    ("/v1/calendars/cn/days?from_day=2026-01-01&to_day=2028-01-01", 422, "input_invalid"),
    ("/v1/calendars/cn/days?from_day=0001-01-01&to_day=0001-01-02", 422, "input_invalid"),
    ("/v1/withdrawals/wd_00000000000000000000000000000000.s1/redatings", 404, "withdrawal_unknown"),
]


@pytest.mark.parametrize(("address", "status", "code"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_what_is_none_is_refused(front: Front, address: str, status: int, code: str) -> None:
    answered = await front.call("GET", address)
    assert (answered.status_code, answered.json()["code"]) == (status, code)


async def test_a_notice_is_imported_once_and_its_versions_are_listed(front: Front) -> None:
    first = await front.call(
        "PUT", "/v1/calendars/cn", {"document": NOTICE_2027, "note": "made up"}, caller="operator"
    )
    assert (first.status_code, first.json()["changed"]) == (201, True)
    assert (
        "2027-01-09 is a make-up day and works (元旦); it was expected to rest as any weekend"
        in (first.json()["changes_in_words"])
    )
    again = await front.call("PUT", "/v1/calendars/cn", {"document": NOTICE_2027}, caller="operator")
    assert (again.status_code, again.json()["changed"]) == (200, False)
    await bring(front, EARLIER_2027)
    page = await front.done("GET", "/v1/calendars/cn/versions?limit=1")
    assert [(one["number"], one["version"]) for one in page["data"]] == [(2, "invented-2027-again")]
    rest = await front.done("GET", f"/v1/calendars/cn/versions?cursor={page['next_cursor']}")
    assert [(one["number"], one["imported_by"], one["note"]) for one in rest["data"]] == [
        (1, first.json()["version"]["imported_by"], "made up")
    ]


async def test_a_bad_notice_is_refused_with_its_line(front: Front) -> None:
    text = NOTICE_2027.replace("2027-01-01", "2027-13-01")
    answered = await front.call("PUT", "/v1/calendars/cn", {"document": text}, caller="operator")
    assert (answered.status_code, answered.json()["code"]) == (422, "input_invalid")
    assert answered.json()["errors"] == [
        {"field": "document", "message": "line 6: '2027-13-01' is not a date such as 2026-10-01"}
    ]
    long = await front.call("PUT", "/v1/calendars/cn", {"document": "#" * 1_100_000}, caller="operator")
    assert (long.status_code, long.json()["code"]) == (413, "body_too_large")


async def test_on_the_notice_s_day_quotes_and_open_withdrawals_change_together(front: Front) -> None:
    await balance(front)
    front.clock.move_to(LAST_DAY)
    before = await front.done("POST", "/v1/withdrawals/preview", {"store_id": "s1", "amount": 10_000})
    assert (before["arrives_on"], before["provisional"]) == ("2027-01-04", True)
    asked = await withdraw(front, 10_000)
    await bring(front)
    after = await front.done("POST", "/v1/withdrawals/preview", {"store_id": "s1", "amount": 10_000})
    assert (after["arrives_on"], after["provisional"]) == ("2027-01-05", False)
    done = await front.service.part(Worker).run_due(front.clock.now())
    assert done.redated == 1
    seen = await front.done("GET", f"/v1/withdrawals/{asked['id']}", caller="merchant")
    assert (seen["arrives_on"], seen["provisional"]) == ("2027-01-05", False)
    (moved,) = (await front.done("GET", f"/v1/withdrawals/{asked['id']}/redatings", caller="merchant"))[
        "data"
    ]
    assert (moved["from_arrives_on"], moved["to_arrives_on"]) == ("2027-01-04", "2027-01-05")
    messages = await front.done("GET", "/v1/stores/s1/messages?kind=arrival_changed")
    assert len(messages["data"]) == 1


async def test_a_sandbox_that_moves_on_pays_on_the_new_day(front: Front) -> None:
    await balance(front)
    front.clock.move_to(LAST_DAY)
    asked = await withdraw(front, 10_000)
    await bring(front)
    await front.done("POST", "/v1/sandbox/clock", {"now": "2027-01-05T09:00:00+08:00"}, key=None)
    assert (await front.done("GET", f"/v1/withdrawals/{asked['id']}"))["status"] == "in_transit"
    moved = await front.done("POST", "/v1/sandbox/clock", {"now": "2027-01-05T10:00:00+08:00"}, key=None)
    assert moved["done"]["redated"] == 0
    assert (await front.done("GET", f"/v1/withdrawals/{asked['id']}"))["status"] == "paid"


async def test_another_service_takes_the_notice_up_without_a_restart(database: str) -> None:
    async with open_front(database) as front:
        clock = SandboxClock(front.clock.now())
        async with open_service(database, clock=clock, pool_size=2, lanes=1) as other:
            held = other.part(Calendar)
            await take_up_news(other)
            assert other.part(Calendar) is held
            await bring(front)
            await take_up_news(other)
            assert (other.part(Calendar).number, held.number) == (1, 0)
            assert not other.part(Calendar).is_working_day(date(2027, 1, 4))
            clock.move_to(clock.now() + timedelta(days=366))
            await take_up_news(other)
            assert other.part(Calendar).foreseen_until == held.foreseen_until + 1


async def test_another_country_s_notice_leaves_the_programme_s_calendar(front: Front) -> None:
    await bring(front, NOTICE_2027.replace("# name: cn", "# name: DE"), "DE")
    found = (await front.done("GET", "/v1/calendars"))["data"]
    assert [(one["name"], one["number"], one["in_use"]) for one in found] == [
        ("DE", 1, False),
        ("cn", 0, True),
    ]
