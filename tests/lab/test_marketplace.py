"""Stores, demand and buyers of the simulated marketplace are drawn from the seed alone, within sensible bounds."""

from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest

from houfu.lab.buyers import DEFAULT_DAYS, plan_order
from houfu.lab.categories import CATEGORIES
from houfu.lab.demand import SLOT_PERCENT, Demand, day_parts, draw_count
from houfu.lab.marketplace import draw_metrics, draw_past_metrics, found_shops
from houfu.lab.trade import HOLD_DAYS
from houfu.policy.document import shipped_policy

START = date(2026, 1, 1)


def shops(count: int = 2_000, seed: int = 1):
    return found_shops(count=count, start=START, days=365, seed=seed)


def test_the_same_seed_founds_the_same_stores_and_another_seed_others() -> None:
    assert shops(50) == shops(50)
    assert shops(50) != shops(50, seed=2)


def test_two_thousand_stores_are_of_every_category_level_and_fate() -> None:
    found = shops()
    assert {shop.category.name for shop in found} == {category.name for category in CATEGORIES}
    assert {1, 2, 3, 4, 5} <= {shop.level for shop in found}
    assert len({shop.store_id for shop in found}) == 2_000
    assert 80 < sum(shop.opened_on >= START for shop in found) < 250
    assert 10 < sum(shop.phone_kind == "virtual" for shop in found) < 90
    assert 20 < sum(shop.return_bp > 1_650 for shop in found) < 100
    kinds = {happening.kind for shop in found for happening in shop.happenings}
    assert kinds == {
        "course_completed",
        "violation",
        "serious_violation",
        "funds_frozen",
        "funds_released",
        "high_risk_marked",
        "high_risk_cleared",
    }


def test_nothing_befalls_a_store_before_it_opens_or_after_the_run() -> None:
    end = START + timedelta(days=365)
    for shop in shops():
        for happening in shop.happenings:
            assert max(START, shop.opened_on) <= happening.day < end


def test_metrics_are_within_what_the_interface_takes() -> None:
    random = Random(3)
    for shop in shops(300):
        past = draw_past_metrics(shop, date(2025, 7, 1), random)
        now = draw_metrics(shop, date(2026, 2, 1), orders=4, gmv=9_000, shipped=3, returned=3, random=random)
        for metrics in (past, now):
            assert metrics["orders"] >= 0
            assert metrics["gmv"] >= 0
            for score in ("dsr_description", "dsr_service", "dsr_logistics"):
                assert 0 <= metrics[score] <= 500
            for share in ("return_rate_bp", "good_review_bp", "complaint_bp"):
                assert 0 <= metrics[share] <= 10_000


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.name)
def test_the_eleventh_of_november_is_the_busiest_day_and_the_spring_festival_the_quietest(category) -> None:
    days = [START + timedelta(days=offset) for offset in range(365)]
    by_demand = sorted(days, key=lambda day: day_parts(category, day))
    assert by_demand[-1] == date(2026, 11, 11)
    assert date(2026, 6, 18) in by_demand[-3:]
    assert date(2026, 2, 15) <= by_demand[0] <= date(2026, 2, 21)


def test_a_year_brings_as_many_orders_as_it_was_asked_for() -> None:
    weights = {category.name: category.share for category in CATEGORIES}
    demand = Demand(start=START, orders_a_year=100_000, weights=weights, random=Random(1))
    orders = sum(
        demand.orders(category, START + timedelta(days=offset), hour)
        for offset in range(365)
        for category in CATEGORIES
        for hour in SLOT_PERCENT
    )
    assert 98_000 < orders < 102_000


def test_small_expectations_are_not_lost_to_rounding() -> None:
    random = Random(5)
    assert 150 < sum(draw_count(random, 20_000) for _ in range(10_000)) < 250


def test_an_order_goes_each_way_and_its_steps_come_in_order_one_a_slot() -> None:
    random = Random(7)
    found = shops(200)
    ways: Counter[tuple[str, ...]] = Counter()
    for _ in range(20_000):
        steps = plan_order(random.choice(found), random)
        slots = [(step.days, step.hour) for step in steps]
        assert slots == sorted(slots)
        assert all(step.days > 0 for step in steps)
        ways[tuple(step.verb for step in steps)] += 1
    lapsed, voided, unpaid = ways[()], ways[("void",)], ways[("capture",)]
    assert 150 < lapsed < 350
    assert 450 < voided < 750
    assert 20 < unpaid < 220
    assert ways[("return",)] > 150
    assert ways[("capture", "capture", "repay")] > 100
    assert ways[("capture", "repay", "repay", "repay")] > 3_000
    assert ways[("capture", "repay", "return")] > 200
    assert ways[("capture", "return", "repay")] > 50


def test_the_simulator_counts_days_as_the_shipped_policy_does() -> None:
    terms = shipped_policy().terms.orders
    assert (terms.hold_days, terms.default.after_days) == (HOLD_DAYS, DEFAULT_DAYS)
