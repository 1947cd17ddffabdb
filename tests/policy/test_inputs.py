"""Inputs measured from a store's months and facts."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.fault import InputInvalid, InputMissing, MissingInput
from houfu.policy.inputs import (
    EmergencyGrant,
    Fact,
    MonthMetrics,
    StoreFacts,
    last_occurrence,
    measure_inputs,
)
from houfu.policy.periods import add_months

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 10, 9, tzinfo=SHANGHAI)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def month(text: str, **changes: int) -> MonthMetrics:
    fields: dict[str, Any] = {
        "orders": 600,
        "gmv": 10_000_000,
        "dsr_description": 485,
        "dsr_service": 485,
        "dsr_logistics": 485,
        "return_rate_bp": 400,
        "good_review_bp": 9850,
        "complaint_bp": 8,
    }
    return MonthMetrics(month=date.fromisoformat(f"{text}-01"), **(fields | changes))


def year_until(newest: str, count: int = 12, **changes: int) -> list[MonthMetrics]:
    last = date.fromisoformat(f"{newest}-01")
    return [month(f"{add_months(last, -back):%Y-%m}", **changes) for back in range(count)]


def measured(
    *,
    opened_on: str = "2024-01-01",
    months: list[MonthMetrics] | None = None,
    facts: list[Fact] | None = None,
    grants: list[EmergencyGrant] | None = None,
    now: datetime = NOW,
    level: int = 3,
    phone_kind: Any = "mobile",
) -> dict[str, int]:
    return measure_inputs(
        shipped_policy(),
        StoreFacts(level=level, opened_on=date.fromisoformat(opened_on), phone_kind=phone_kind),
        months=year_until("2026-02") if months is None else months,
        facts=facts or [],
        grants=grants or [],
        day_withdrawn_share_bp=1200,
        now=now,
    )


def test_a_store_with_a_full_year_gets_every_declared_input_in_order() -> None:
    inputs = measured()
    assert list(inputs) == [term.name for term in shipped_policy().terms.inputs]
    assert (
        inputs
        | {
            "level": 3,
            "months_open": 26,
            "gmv_3m": 30_000_000,
            "gmv_months": 3,
            "gmv_12m": 120_000_000,
            "orders_avg_3m": 600,
            "dsr_held_months": 12,
            "orders_held_months": 12,
            "day_withdrawn_share_bp": 1200,
        }
        == inputs
    )
    assert evaluate(shipped_policy(), inputs).score > 0


def test_the_current_month_is_not_full_and_does_not_count() -> None:
    with_current = [*year_until("2026-02"), month("2026-03", gmv=99_999_999, dsr_service=100)]
    assert measured(months=with_current) == measured()


@pytest.mark.parametrize(
    "opened_on, today, months_open",
    [
        ("2026-03-10", "2026-03-10", 0),
        ("2026-02-11", "2026-03-10", 0),
        ("2026-02-10", "2026-03-10", 1),
        ("2026-01-31", "2026-02-27", 0),
        ("2026-01-31", "2026-02-28", 1),
        ("2026-01-31", "2026-03-30", 1),
        ("2026-01-31", "2026-03-31", 2),
        ("2025-03-10", "2026-03-10", 12),
        ("2024-02-29", "2025-02-28", 12),
    ],
)
def test_full_months_are_counted_by_anniversary(opened_on: str, today: str, months_open: int) -> None:
    inputs = measured(opened_on=opened_on, now=at(f"{today}T12:00:00"), months=year_until("2026-02", 24))
    assert inputs["months_open"] == months_open


def test_the_day_is_the_programmes_local_day() -> None:
    late = datetime.fromisoformat("2026-03-09T16:30:00+00:00")  # already the 10th in Shanghai
    assert measured(opened_on="2026-02-10", now=late, months=[])["months_open"] == 1


def test_a_store_in_its_first_month_without_metrics_gets_level_times_a_thousand_yuan() -> None:
    inputs = measured(opened_on="2026-02-20", months=[])
    assert (inputs["gmv_months"], inputs["gmv_3m"], inputs["dsr_service"]) == (1, 0, 0)
    assert evaluate(shipped_policy(), inputs).total == 300_000


def test_an_opening_month_counts_if_it_has_data_and_is_no_trade_if_not() -> None:
    opened = "2026-01-20"
    only_february = measured(opened_on=opened, months=[month("2026-02")])
    assert (only_february["gmv_months"], only_february["gmv_3m"]) == (1, 10_000_000)
    assert only_february["return_rate_m2_bp"] == 0
    both = measured(opened_on=opened, months=[month("2026-02"), month("2026-01", orders=201, gmv=4)])
    assert (both["gmv_months"], both["gmv_3m"], both["orders_avg_3m"]) == (2, 10_000_004, 400)
    assert both["return_rate_m2_bp"] == 400


def test_months_before_the_opening_do_not_count() -> None:
    inputs = measured(opened_on="2026-02-01", months=year_until("2026-02"))
    assert (inputs["gmv_months"], inputs["gmv_12m"], inputs["dsr_held_months"]) == (1, 10_000_000, 1)


def test_a_missing_newest_month_is_an_error_that_names_every_input_and_the_month() -> None:
    with pytest.raises(InputMissing, match=r"dsr_service \(2026-02\)") as caught:
        measured(months=year_until("2026-01"))
    assert set(caught.value.names) == {
        "gmv_3m", "gmv_months", "gmv_12m", "orders_avg_3m", "return_rate_m1_bp", "dsr_description",
        "dsr_service", "dsr_logistics", "good_review_bp", "complaint_bp", "dsr_held_months", "orders_held_months",
    }  # fmt: skip
    assert {entry.month for entry in caught.value.missing} == {"2026-02"}


def test_a_missing_third_month_names_its_return_rate_and_month() -> None:
    with pytest.raises(InputMissing) as caught:
        measured(months=year_until("2026-02", 2))
    assert MissingInput("return_rate_m3_bp", "2025-12") in caught.value.missing
    assert "dsr_service" not in caught.value.names


def test_a_month_opened_on_its_first_day_is_a_whole_month() -> None:
    with pytest.raises(InputMissing):
        measured(opened_on="2026-02-01", months=[])
    assert measured(opened_on="2026-02-02", months=[])["gmv_3m"] == 0


def test_older_months_without_data_only_lower_the_yearly_sum() -> None:
    assert measured(months=year_until("2026-02", 3))["gmv_12m"] == 30_000_000


@pytest.mark.parametrize(
    "changes, dsr, orders",
    [
        ({}, 12, 12),
        ({"2026-02": {"dsr_logistics": 479}}, 0, 12),
        ({"2026-01": {"dsr_description": 479}}, 1, 12),
        ({"2026-02": {"orders": 500}}, 12, 0),
        ({"2025-11": {"orders": 500}}, 12, 3),
        (
            {"2025-11": {"dsr_description": 480, "dsr_service": 480, "dsr_logistics": 480, "orders": 501}},
            12,
            12,
        ),
    ],
)
def test_held_months_run_backwards_from_the_newest(
    changes: dict[str, dict[str, int]], dsr: int, orders: int
) -> None:
    newest = date(2026, 2, 1)
    names = [f"{add_months(newest, -back):%Y-%m}" for back in range(12)]
    inputs = measured(months=[month(name, **changes.get(name, {})) for name in names])
    assert (inputs["dsr_held_months"], inputs["orders_held_months"]) == (dsr, orders)


@pytest.mark.parametrize(
    "facts, expected",
    [
        ([], {}),
        ([("violation", "2025-03-11T00:00:00")], {"violations_12m": 1}),
        ([("violation", "2025-03-10T23:59:59")], {}),
        ([("serious_violation", "2026-01-01T00:00:00")], {"violations_12m": 1, "serious_violation": 1}),
        ([("violation", "2026-03-10T09:00:01")], {}),
        ([("course_completed", "2025-12-11T00:00:00")], {"course_active": 1}),
        ([("course_completed", "2025-12-10T23:59:59")], {}),
        ([("funds_frozen", "2026-01-01T00:00:00")], {"funds_frozen": 1}),
        ([("funds_frozen", "2026-01-01T00:00:00"), ("funds_released", "2026-01-02T00:00:00")], {}),
        ([("funds_released", "2026-01-02T00:00:00"), ("funds_frozen", "2026-01-01T00:00:00")], {}),
        (
            [("high_risk_cleared", "2026-01-01T00:00:00"), ("high_risk_marked", "2026-01-01T00:00:00")],
            {"high_risk": 1},
        ),
        ([("high_risk_marked", "2020-01-01T00:00:00")], {"high_risk": 1}),
        ([("high_risk_marked", "2027-01-01T00:00:00")], {}),
    ],
)
def test_facts_become_flags_and_counts(facts: list[tuple[str, str]], expected: dict[str, int]) -> None:
    inputs = measured(facts=[Fact(kind=kind, occurred_at=at(moment)) for kind, moment in facts])
    names = ("violations_12m", "serious_violation", "course_active", "funds_frozen", "high_risk")
    assert {name: inputs[name] for name in names} == dict.fromkeys(names, 0) | expected


@pytest.mark.parametrize(
    "now, is_open",
    [
        ("2026-05-31T23:59:59", 0),
        ("2026-06-01T00:00:00", 1),
        ("2026-06-20T23:59:59", 1),
        ("2026-06-21T00:00:00", 0),
        ("2026-10-24T00:00:00", 1),
        ("2026-11-13T23:59:59", 1),
        ("2026-11-14T00:00:00", 0),
    ],
)
def test_a_promotion_window_includes_both_local_days(now: str, is_open: int) -> None:
    newest = add_months(at(now).date().replace(day=1), -1)
    inputs = measured(now=at(now), months=year_until(f"{newest:%Y-%m}"))
    assert inputs["promotion_open"] == is_open


def test_only_grants_in_force_are_summed() -> None:
    def grant(amount: int, begins: timedelta, ends: timedelta) -> EmergencyGrant:
        return EmergencyGrant(amount=amount, granted_at=NOW + begins, ends_at=NOW + ends)

    day = timedelta(days=1)
    grants = [grant(1, -day, day), grant(2, -day, 0 * day), grant(4, 0 * day, day), grant(8, day, 2 * day)]
    assert measured(grants=grants)["emergency"] == 5


def test_a_virtual_phone_is_an_input() -> None:
    assert measured(phone_kind="virtual")["virtual_phone"] == 1


def test_a_store_that_opens_in_the_future_has_no_inputs() -> None:
    with pytest.raises(InputInvalid, match="months_open"):
        measured(opened_on="2026-03-11")


def test_a_moment_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        measured(now=datetime(2026, 3, 10))  # noqa: DTZ001 - what is refused


def test_an_input_that_nobody_can_measure_is_named() -> None:
    text = shipped_text().replace(
        "\nmeasures:",
        "\n  - {name: weather, unit: count, min: 0, max: 9, zh: 天气, en: weather}\n\nmeasures:",
        1,
    )
    with pytest.raises(InputMissing) as caught:
        measure_inputs(
            load_policy(text),
            StoreFacts(level=1, opened_on=date(2026, 3, 1), phone_kind="mobile"),
            months=[],
            facts=[],
            grants=[],
            day_withdrawn_share_bp=0,
            now=NOW,
        )
    assert caught.value.names == ("weather",)


def test_the_newest_fact_of_a_kind_is_found() -> None:
    facts = [Fact(kind="course_completed", occurred_at=at(f"2026-0{n}-01T00:00:00")) for n in (1, 3, 2, 9)]
    assert last_occurrence(facts, frozenset({"course_completed"}), NOW) == at("2026-03-01T00:00:00")
    assert last_occurrence(facts, frozenset({"violation"}), NOW) is None
