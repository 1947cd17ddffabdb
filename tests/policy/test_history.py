"""A store as it was known at a moment: nothing that was recorded later counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.fault import InputInvalid, InputMissing
from houfu.policy.history import (
    KnownFact,
    Moment,
    PastAssessment,
    PastWithdrawal,
    Revision,
    StoreHistory,
    check_day,
    inputs_at,
    measured_apart,
    moments,
    problem_of,
)
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts
from houfu.policy.periods import midnight

POLICY = shipped_policy()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def moment(day: str) -> Moment:
    on = date.fromisoformat(day)
    return Moment(on, midnight(on, SHANGHAI))


def month(text: str, recorded: str, **changes: int) -> Revision:
    fields: dict[str, Any] = {
        "orders": 600, "gmv": 10_000_000, "dsr_description": 485, "dsr_service": 485, "dsr_logistics": 485,
        "return_rate_bp": 400, "good_review_bp": 9850, "complaint_bp": 8,
    }  # fmt: skip
    return Revision(MonthMetrics(month=date.fromisoformat(f"{text}-01"), **(fields | changes)), at(recorded))


def history(**changes: Any) -> StoreHistory:
    return StoreHistory(
        **{
            "store_id": "S1",
            "category": "toys",
            "store": StoreFacts(level=3, opened_on=date(2025, 1, 1), phone_kind="mobile"),
            "recorded_at": at("2025-01-01T09:00"),
            "revisions": [
                month("2025-11", "2025-12-01T03:00"),
                month("2025-12", "2026-01-01T03:00"),
                month("2026-01", "2026-02-01T03:00", return_rate_bp=1600),
                month("2026-01", "2026-02-20T03:00", return_rate_bp=200),
                month("2026-02", "2026-03-01T03:00"),
            ],
        }
        | changes
    )


def measured(of: StoreHistory, day: str, **options: Any) -> dict[str, int]:
    return inputs_at(POLICY, of, moment(day), headroom={}, **options)


def test_a_correction_counts_from_when_it_was_recorded() -> None:
    assert measured(history(), "2026-02-05")["return_rate_m1_bp"] == 1600
    assert measured(history(), "2026-03-05")["return_rate_m2_bp"] == 200


def test_a_month_that_was_not_reported_yet_is_missing_and_named() -> None:
    with pytest.raises(InputMissing) as caught:
        measured(history(), "2026-02-01")
    assert problem_of(caught.value) == "no metrics of 2026-01"


def test_what_was_imported_counts_from_the_end_of_its_month_but_its_corrections_do_not() -> None:
    late = history(
        recorded_at=at("2026-06-01T00:00"),
        revisions=[
            month("2025-11", "2026-06-01T03:00"),
            month("2025-12", "2026-06-01T03:00"),
            month("2026-01", "2026-06-01T03:00", return_rate_bp=1600),
            month("2026-01", "2026-06-02T03:00", return_rate_bp=200),
        ],
        facts=[KnownFact(Fact(kind="violation", occurred_at=at("2026-01-10T08:00")), at("2026-06-01T03:00"))],
    )
    assert not late.existed(moment("2026-02-05"), backfilled=False)
    assert late.existed(moment("2026-02-05"), backfilled=True)
    inputs = measured(late, "2026-02-05", backfilled=True)
    assert (inputs["return_rate_m1_bp"], inputs["violations_12m"]) == (1600, 1)
    with pytest.raises(InputMissing):
        measured(late, "2026-02-05")


def test_a_fact_counts_once_it_is_known() -> None:
    told_late = history(
        facts=[
            KnownFact(
                Fact(kind="high_risk_marked", occurred_at=at("2026-02-01T08:00")), at("2026-02-20T08:00")
            )
        ]
    )
    assert measured(told_late, "2026-02-05")["high_risk"] == 0
    assert measured(told_late, "2026-03-05")["high_risk"] == 1


def test_level_and_phone_are_those_of_the_newest_assessment_then() -> None:
    assessed = history(
        assessments=[
            PastAssessment(at("2026-01-05T00:00"), at("2026-01-05T00:00"), 1, 1),
            PastAssessment(at("2026-02-20T00:00"), at("2026-02-20T00:00"), 2, None),
        ]
    )
    before, after = measured(assessed, "2026-02-05"), measured(assessed, "2026-03-05")
    assert (before["level"], before["virtual_phone"]) == (1, 1)
    assert (after["level"], after["virtual_phone"]) == (2, 0)
    assert measured(history(), "2026-02-05")["level"] == 3


WITHDRAWALS = [
    PastWithdrawal(at("2026-01-10T10:00"), date(2026, 1, 10), 9_000, 10_000, None),
    PastWithdrawal(at("2026-01-20T10:00"), date(2026, 1, 20), 2_000, 10_000, None),
    PastWithdrawal(at("2026-01-20T11:00"), date(2026, 1, 20), 4_000, 10_000, at("2026-02-10T00:00")),
    PastWithdrawal(at("2026-01-20T12:00"), date(2026, 1, 20), 1, 10_000, None),
    PastWithdrawal(at("2026-02-06T12:00"), date(2026, 2, 6), 10_000, 10_000, None),
]


@pytest.mark.parametrize(
    ("day", "assessed", "share"),
    [
        ("2026-02-05", None, 9_000),
        ("2026-02-05", "2026-01-15T00:00", 6_001),
        ("2026-02-05", "2026-01-20T11:30", 6_001),
        ("2026-02-05", "2026-01-21T00:00", 0),
        ("2026-03-05", "2026-01-15T00:00", 10_000),
    ],
)
def test_a_days_share_is_the_highest_since_the_assessment_of_what_had_not_failed_by_then(
    day: str, assessed: str | None, share: int
) -> None:
    past = [] if assessed is None else [PastAssessment(at(assessed), at(assessed), None, None)]
    of = history(withdrawals=WITHDRAWALS, assessments=past)
    assert measured(of, day)["day_withdrawn_share_bp"] == share


def test_a_failed_withdrawal_no_longer_counts_once_it_failed() -> None:
    past = [PastAssessment(at("2026-01-15T00:00"), at("2026-01-15T00:00"), None, None)]
    assert (
        measured(history(withdrawals=WITHDRAWALS[:4], assessments=past), "2026-03-05")[
            "day_withdrawn_share_bp"
        ]
        == 2_001
    )


def test_a_value_out_of_its_range_is_no_snapshot() -> None:
    high = history(store=StoreFacts(level=101, opened_on=date(2025, 1, 1), phone_kind="mobile"))
    with pytest.raises(InputInvalid) as caught:
        measured(high, "2026-02-05")
    assert "level is out of its range: 101" in problem_of(caught.value)


def test_orders_are_those_of_the_last_whole_month() -> None:
    assert history(ordered={date(2026, 1, 1): 700}).ordered_before(moment("2026-02-05")) == 700
    assert history(ordered={date(2026, 1, 1): 700}).ordered_before(moment("2026-03-05")) == 0


@pytest.mark.parametrize(
    ("first", "last", "every", "days"),
    [
        ("2026-01-05", "2026-03-05", "month", ["2026-01-05", "2026-02-05", "2026-03-05"]),
        ("2026-01-06", "2026-03-04", "month", ["2026-02-05"]),
        ("2025-11-20", "2026-07-31", "quarter", ["2026-01-05", "2026-04-05", "2026-07-05"]),
        ("2026-01-06", "2026-01-31", "month", []),
    ],
)
def test_moments_are_local_midnights(first: str, last: str, every: Any, days: list[str]) -> None:
    found = moments(date.fromisoformat(first), date.fromisoformat(last), every=every, day=5, zone=SHANGHAI)
    assert [str(each.day) for each in found] == days
    assert all(each.at.astimezone(SHANGHAI).hour == 0 for each in found)


def test_the_check_day_is_the_policys() -> None:
    assert 1 <= check_day(POLICY) <= 28


def test_only_what_another_policy_measures_differently_is_apart() -> None:
    def other(old: str, new: str) -> frozenset[str]:
        assert old in shipped_text()
        return measured_apart(POLICY, load_policy(shipped_text().replace(old, new, 1)))

    assert other("base * 2000 //", "base * 2500 //") == frozenset()
    assert "dsr_held_months" in other("dsr_held_at_least: 480", "dsr_held_at_least: 470")
    assert other('until: "06-20"', 'until: "06-25"') == {"promotion_open"}
    assert other("max: 10000, zh: 好评率", "max: 10000, when_missing: 9000, zh: 好评率") == {"good_review_bp"}
