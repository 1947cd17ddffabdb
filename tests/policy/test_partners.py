"""Layers with a condition, rules that refer, funding partners, and inputs with a stated stand-in (B1, A7)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from houfu.policy.document import Policy, load_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.explain import explain
from houfu.policy.fault import InputMissing, PolicyInvalid
from houfu.policy.layers import date_layers

LARGE = 60_000_000_00
HEADROOM = (
    "  - {name: bank_headroom, unit: fen, min: 0, max: 100000000000000, zh: 银行剩余, en: left at the bank}\n"
)
BANK = """
partners:
  - code: city_bank
    when: gmv_12m >= 5000000000 AND bank_headroom >= 100000000
    cap: gmv_12m * 2000 // 10000
    headroom: bank_headroom
    price_ppm_per_day: 120
    zh: 城市银行出资
    en: funded by the city bank
"""
REFER = """
refer_rules:
  - code: sudden_growth
    when: gmv_3m > gmv_12m // 2
    zh: 近三个月成交额超过全年一半,需人工复核
    en: more than half of the year's GMV came in the last three months
"""


def edited(*changes: tuple[str, str], more: str = "") -> Policy:
    text = shipped_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return load_policy(text + more)


def bank_policy(more: str = "") -> Policy:
    return edited(("inputs:\n", "inputs:\n" + HEADROOM), more=BANK + more)


def inputs_of(policy: Policy, **given: int) -> dict[str, int]:
    plain: dict[str, int] = {term.name: term.min for term in policy.terms.inputs}
    good: dict[str, Any] = {
        "level": 5, "months_open": 24, "gmv_3m": LARGE // 4, "gmv_months": 3, "gmv_12m": LARGE,
        "orders_avg_3m": 900, "dsr_description": 490, "dsr_service": 490, "dsr_logistics": 490,
        "good_review_bp": 9900,
    }  # fmt: skip
    return plain | good | given


def test_a_large_store_is_routed_to_the_partner_within_its_cap_and_headroom() -> None:
    policy = bank_policy()
    free = evaluate(policy, inputs_of(policy, bank_headroom=0))
    assert free.partner is None
    assert free.total > 60_000_000
    routed = evaluate(policy, inputs_of(policy, bank_headroom=10**12))
    assert routed.partner == "city_bank"
    assert routed.cap == LARGE * 2000 // 10000
    assert routed.reasons[-1].effect == "partner"
    cut = evaluate(policy, inputs_of(policy, bank_headroom=100_012_345))
    assert (cut.total, cut.cap) == (100_010_000, 100_012_345)


def test_a_small_store_is_not_routed() -> None:
    policy = bank_policy()
    assert evaluate(policy, inputs_of(policy, gmv_12m=1_000_000, bank_headroom=10**12)).partner is None


def test_the_waterfall_of_a_routed_store_adds_up() -> None:
    policy = bank_policy()
    explained = explain(policy, inputs_of(policy, bank_headroom=100_012_345))
    assert [step.effect for step in explained.waterfall][-2:] == ["partner", "rounding"]
    assert explained.waterfall[-1].running == explained.decision.total
    assert sum(step.amount for step in explained.waterfall) == explained.decision.total


def test_a_partner_needs_an_input_that_measures_its_facility() -> None:
    with pytest.raises(PolicyInvalid, match="there is no input `bank_headroom`"):
        edited(more=BANK)


def test_a_refer_rule_leaves_the_total_alone_and_asks_for_a_person() -> None:
    policy = edited(more=REFER)
    plain = inputs_of(policy)
    assert evaluate(policy, plain).referred_by == ()
    referred = evaluate(policy, plain | {"gmv_3m": LARGE - 1})
    assert referred.referred_by == ("sudden_growth",)
    assert referred.total > 0


def test_a_layer_whose_condition_fails_adds_nothing() -> None:
    policy = edited(("  - kind: emergency\n", "  - kind: emergency\n    when: level >= 3\n"))
    assert evaluate(policy, inputs_of(policy, level=3, emergency=500)).layers["emergency"] == 500
    assert evaluate(policy, inputs_of(policy, level=2, emergency=500)).layers["emergency"] == 0


def test_a_stated_stand_in_takes_the_place_of_an_absent_input_and_shows() -> None:
    policy = edited(("{name: complaint_bp, unit: bp,", "{name: complaint_bp, when_missing: 50, unit: bp,"))
    given = inputs_of(policy)
    del given["complaint_bp"]
    assert evaluate(policy, given).inputs["complaint_bp"] == 50
    del given["level"]
    with pytest.raises(InputMissing) as refused:
        evaluate(policy, given)
    assert refused.value.names == ("level",)


def test_a_layer_begins_after_its_lag_and_unwinds_in_equal_parts() -> None:
    policy = edited(
        (
            "    lasts: {months: 12}\n",
            "    lasts: {months: 12}\n    lag_months: 1\n    unwinds: {steps: 3, days: 7}\n",
        )
    )
    decision = evaluate(policy, inputs_of(policy, dsr_held_months=2))
    dated = date_layers(
        policy,
        decision,
        assessed_at=datetime(2026, 1, 10, 4, tzinfo=UTC),
        course_completed_at=None,
        grants=(),
    )
    boost = [layer for layer in dated if layer.kind == "rating_boost"]
    amount = decision.layers["rating_boost"]
    local = [(layer.amount, layer.valid_from, layer.valid_until) for layer in boost]
    assert local == [
        (amount, datetime(2026, 2, 9, 16, tzinfo=UTC), datetime(2027, 2, 9, 16, tzinfo=UTC)),
        (amount * 2 // 3, datetime(2027, 2, 9, 16, tzinfo=UTC), datetime(2027, 2, 16, 16, tzinfo=UTC)),
        (amount // 3, datetime(2027, 2, 16, 16, tzinfo=UTC), datetime(2027, 2, 23, 16, tzinfo=UTC)),
    ]
