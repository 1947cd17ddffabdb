"""Advice: the policy really asked again, with one thing changed, and the days on which it counts."""

from datetime import date

import pytest
from hypothesis import given, settings

from houfu.policy.advice import advise
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import evaluate

from .formula import INPUTS, straight
from .test_cases import CASES

TODAY = date(2026, 3, 10)
PLAIN: dict[str, int] = CASES[0]["inputs"] | {
    "months_open": 5,
    "dsr_description": 470,
    "dsr_service": 470,
    "dsr_logistics": 470,
    "dsr_held_months": 0,
    "orders_avg_3m": 300,
    "orders_held_months": 0,
    "return_rate_m1_bp": 800,
    "return_rate_m2_bp": 800,
    "return_rate_m3_bp": 800,
    "good_review_bp": 9600,
    "complaint_bp": 30,
    "violations_12m": 1,
    "course_active": 0,
}
CHANGES: dict[str, dict[str, int]] = {
    "raise_dsr": {"dsr_description": 480, "dsr_service": 480, "dsr_logistics": 480, "dsr_held_months": 1},
    "lower_returns": {"return_rate_m1_bp": 500, "return_rate_m2_bp": 500, "return_rate_m3_bp": 500},
    "complete_course": {"course_active": 1},
    "lower_complaints": {"complaint_bp": 10},
    "raise_good_reviews": {"good_review_bp": 9800},
    "raise_orders": {"orders_avg_3m": 501, "orders_held_months": 3},
    "stay_open": {"months_open": 6},
    "clear_violations": {"violations_12m": 0, "serious_violation": 0},
}
WHEN = {
    "raise_dsr": date(2026, 4, 1),
    "lower_returns": date(2026, 6, 1),
    "complete_course": TODAY,
    "lower_complaints": date(2026, 4, 1),
    "raise_good_reviews": date(2026, 4, 1),
    "raise_orders": date(2026, 6, 1),
    "stay_open": date(2026, 3, 21),
    "clear_violations": date(2026, 8, 2),
}


def test_every_gain_is_what_the_formulas_say_and_the_greatest_comes_first() -> None:
    found = advise(
        shipped_policy(), PLAIN, today=TODAY, opened_on=date(2025, 9, 21), last_violation_on=date(2025, 8, 2)
    )
    now = straight(PLAIN)["total"]
    assert {advice.action: advice.gain for advice in found} == {
        action: straight(PLAIN | changes)["total"] - now for action, changes in CHANGES.items()
    }
    assert {advice.action: advice.when for advice in found} == WHEN
    assert [advice.gain for advice in found] == sorted((advice.gain for advice in found), reverse=True)
    assert all(advice.message_zh and advice.message_en for advice in found)


def test_what_adds_nothing_is_no_advice() -> None:
    capped = PLAIN | {"gmv_12m": 1_000_000}
    assert advise(shipped_policy(), capped, today=TODAY) == ()


def test_a_store_at_zero_is_told_what_ends_it() -> None:
    marked = PLAIN | {"high_risk": 1}
    assert [advice.action for advice in advise(shipped_policy(), marked, today=TODAY)] == ["clear_risk_mark"]
    serious = PLAIN | {"serious_violation": 1}
    assert [advice.action for advice in advise(shipped_policy(), serious, today=TODAY)] == [
        "clear_violations"
    ]


def test_without_the_dates_of_the_store_the_latest_possible_day_is_given() -> None:
    found = {advice.action: advice.when for advice in advise(shipped_policy(), PLAIN, today=TODAY)}
    assert found["stay_open"] == date(2026, 4, 10)
    assert found["clear_violations"] == date(2027, 3, 10)


@settings(max_examples=200, deadline=None)
@given(INPUTS)
def test_advice_always_gains_and_never_comes_before_today(inputs: dict[str, int]) -> None:
    total = evaluate(shipped_policy(), inputs).total
    for advice in advise(shipped_policy(), inputs, today=TODAY):
        assert advice.gain > 0
        assert total + advice.gain <= 2**53 - 1
        assert advice.when >= TODAY


LATEST = {
    "raise_dsr": date(2026, 4, 1),
    "lower_returns": date(2026, 7, 1),
    "complete_course": TODAY,
    "lower_complaints": date(2026, 4, 1),
    "raise_good_reviews": date(2026, 4, 1),
    "raise_orders": date(2026, 7, 1),
    "stay_open": date(2026, 4, 1),
    "clear_violations": date(2026, 10, 1),
}


def test_what_a_month_tells_counts_at_the_latest_from_the_next_quarter_on() -> None:
    found = advise(
        shipped_policy(), PLAIN, today=TODAY, opened_on=date(2025, 9, 21), last_violation_on=date(2025, 8, 2)
    )
    assert {advice.action: advice.latest_on for advice in found} == LATEST


@pytest.mark.parametrize(
    "given, today, action, when",
    [
        # A review may take three working days (D10): over a weekend, over the Spring Festival with its make-up days.
        ({"high_risk": 1}, date(2026, 3, 13), "clear_risk_mark", date(2026, 3, 18)),
        ({"high_risk": 1}, date(2026, 2, 12), "clear_risk_mark", date(2026, 2, 24)),
        ({"funds_frozen": 1}, date(2026, 3, 9), "release_funds", date(2026, 3, 12)),
        # A month counts once it has ended.
        ({}, date(2026, 3, 1), "raise_dsr", date(2026, 4, 1)),
        ({}, date(2026, 3, 31), "raise_dsr", date(2026, 4, 1)),
        ({}, date(2026, 12, 31), "raise_dsr", date(2027, 1, 1)),
        # Months already held are not waited for again.
        ({"orders_held_months": 1}, TODAY, "raise_orders", date(2026, 5, 1)),
        ({"orders_held_months": 2}, TODAY, "raise_orders", date(2026, 4, 1)),
        ({"return_rate_m1_bp": 400}, TODAY, "lower_returns", date(2026, 5, 1)),
        ({"return_rate_m1_bp": 400, "return_rate_m2_bp": 500}, TODAY, "lower_returns", date(2026, 4, 1)),
        ({"return_rate_m2_bp": 400, "return_rate_m3_bp": 400}, TODAY, "lower_returns", date(2026, 6, 1)),
    ],
)
def test_the_soonest_day_is_the_one_on_which_it_counts(
    given: dict[str, int], today: date, action: str, when: date
) -> None:
    found = {advice.action: advice for advice in advise(shipped_policy(), PLAIN | given, today=today)}
    assert found[action].when == when
    assert found[action].latest_on >= when


def test_a_store_zeroed_by_several_rules_is_told_what_ends_it_together() -> None:
    marked = PLAIN | {"high_risk": 1, "serious_violation": 1}
    found = advise(shipped_policy(), marked, today=TODAY, last_violation_on=date(2026, 1, 5))
    assert {advice.action: advice.together_with for advice in found} == {
        "clear_risk_mark": ("clear_violations",),
        "clear_violations": ("clear_risk_mark",),
    }
    clean = PLAIN | {"violations_12m": 0}
    assert {advice.gain for advice in found} == {straight(clean)["total"]}
    assert {advice.when for advice in found} == {date(2027, 1, 5)}


def test_what_no_action_can_end_is_not_promised() -> None:
    withdrawn = PLAIN | {"high_risk": 1, "day_withdrawn_share_bp": 9000}
    assert advise(shipped_policy(), withdrawn, today=TODAY) == ()


def boosted(text: str) -> Policy:
    old = "  - kind: rating_boost\n    amount:"
    assert old in shipped_text()
    return load_policy(shipped_text().replace(old, f"  - kind: rating_boost\n    {text}\n    amount:"))


def test_a_layer_with_a_lag_stands_that_much_later() -> None:
    policy = boosted("lag_months: 2")
    # The base rises with the assessment, the boost two months later.
    dsr = next(each for each in advise(policy, PLAIN, today=TODAY) if each.action == "raise_dsr")
    assert (dsr.when, dsr.latest_on) == (date(2026, 4, 1), date(2026, 6, 1))
    # Where only the boost rises, nothing rises before.
    scored = PLAIN | {"dsr_description": 480, "dsr_service": 480, "dsr_logistics": 480}
    dsr = next(each for each in advise(policy, scored, today=TODAY) if each.action == "raise_dsr")
    assert (dsr.when, dsr.latest_on) == (date(2026, 6, 1), date(2026, 6, 1))
    assert dsr.gain == straight(scored | {"dsr_held_months": 1})["total"] - straight(scored)["total"]
