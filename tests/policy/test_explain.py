"""Explanations: the waterfall always adds up, every step says what it read, and what is missing is told in words."""

import random
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.explain import Explanation, explain, missing_in_words
from houfu.policy.fault import InputMissing, MissingInput
from houfu.policy.inputs import StoreFacts, measure_inputs

from .formula import INPUTS
from .policies import random_policy, random_rows
from .test_cases import CASES

RICHER = shipped_text().replace(
    "\nmeasures:",
    "\n  - {name: bank_headroom, unit: fen, min: 0, max: 100000000000000, zh: 银行剩余, en: left at the bank}\nmeasures:",
    1,
).replace(
    "  - kind: emergency\n    amount: emergency\n",
    "  - kind: loyalty\n    amount: base // 7\n    when: months_open >= 24\n    lasts: {months: 3}\n    zh: 老店\n    en: an old store\n"
    "  - kind: emergency\n    amount: emergency\n",
) + """
refer_rules:
  - {code: sudden, when: gmv_3m > gmv_12m // 2, zh: 骤增, en: sudden growth}
partners:
  - {code: small_bank, when: gmv_12m >= 5000000 AND bank_headroom > 0, cap: gmv_12m // 9, headroom: bank_headroom,
     price_ppm_per_day: 90, zh: 小银行, en: a small bank}
  - {code: big_bank, when: gmv_12m >= 900000, cap: gmv_12m // 3, headroom: bank_headroom,
     price_ppm_per_day: 90, zh: 大银行, en: a big bank}
"""  # fmt: skip


def check(explained: Explanation, rounding: int) -> None:
    """The waterfall starts at nothing, each step leads to the next, and the last is the total."""
    decision, running = explained.decision, 0
    for step in explained.waterfall:
        running += step.amount
        assert step.running == running
        assert step.label_zh
        assert step.label_en
    assert running == decision.total
    assert decision.total % rounding == 0
    effects = [step.effect for step in explained.waterfall]
    order = ["base", "reduction", "layer", "cap", "partner", "rounding", "zero"]
    assert effects == sorted(effects, key=order.index)
    assert effects[0] == "base"
    told = {step.code for step in explained.waterfall}
    # A rule that applied is in the waterfall; a refer rule and a partner whose cap did not bind change no amount.
    assert {reason.code for reason in decision.reasons} - told <= {
        *decision.referred_by,
        *((decision.partner,) if decision.partner else ()),
    }
    layers = sum(step.amount for step in explained.waterfall if step.effect == "layer")
    assert layers == sum(decision.layers.values())
    cut = [
        step
        for step in explained.waterfall
        if step.effect in ("reduction", "cap", "partner", "rounding", "zero")
    ]
    assert all(step.amount <= 0 for step in cut)


@settings(max_examples=300, deadline=None)
@given(INPUTS)
def test_the_waterfall_of_the_shipped_policy_adds_up_to_the_fen(inputs: dict[str, int]) -> None:
    check(explain(shipped_policy(), inputs), 10_000)


@pytest.fixture(scope="module")
def richer() -> Policy:
    return load_policy(RICHER)


@settings(max_examples=300, deadline=None)
@given(INPUTS, st.sampled_from([0, 1, 99_999, 10_000_000, 10**13]), st.integers(0, 30))
def test_the_waterfall_adds_up_with_partners_conditions_and_referrals(
    richer: Policy, inputs: dict[str, int], headroom: int, months_open: int
) -> None:
    check(explain(richer, inputs | {"bank_headroom": headroom, "months_open": months_open}), 10_000)


def test_every_effect_of_the_richer_policy_is_met(richer: Policy) -> None:
    rng, met = random.Random(7), set[str]()
    for case in CASES:
        for _ in range(40):
            given = case["inputs"] | {
                "bank_headroom": rng.choice((0, 700_000, 10**13)),
                "virtual_phone": rng.randint(0, 1),
            }
            given |= {"emergency": rng.choice((0, 123_456)), "months_open": rng.randint(1, 30)}
            explained = explain(richer, given)
            check(explained, 10_000)
            met |= {step.effect for step in explained.waterfall}
    assert met == {"base", "reduction", "layer", "cap", "partner", "rounding", "zero"}


@pytest.mark.parametrize("seed", range(25))
def test_the_waterfall_of_any_policy_adds_up(seed: int) -> None:
    policy = random_policy(seed)
    for inputs in random_rows(policy, seed, 40):
        check(explain(policy, inputs), policy.terms.round_down_to)


def test_the_trace_tells_what_every_rule_read_and_gave() -> None:
    explained = explain(shipped_policy(), CASES[0]["inputs"])
    rules = shipped_policy().rules
    told = {step.code: step for step in explained.trace}
    bases = {term.code for term, _, _ in rules.base}
    assert set(rules.codes) - set(told) <= bases  # the ways to the base that were not taken
    assert {term.code for term, _ in rules.steps} <= set(told)
    assert told["score"].result == explained.decision.score
    assert told["score"].inputs == {code: told[code].result for code in ("credit", "sales", "service")}
    for step in explained.trace:
        for name, value in step.inputs.items():
            assert value == (explained.decision.inputs | {"base": value}).get(name, value)


def test_what_a_store_lacks_is_told_in_the_words_of_its_inputs_with_its_months() -> None:
    store = StoreFacts(level=3, opened_on=date(2024, 5, 1), phone_kind="mobile")
    with pytest.raises(InputMissing) as refused:
        measure_inputs(
            shipped_policy(), store, months=(), facts=(), grants=(), day_withdrawn_share_bp=0,
            now=datetime.fromisoformat("2026-03-10T09:00:00+08:00"),
        )  # fmt: skip
    told = missing_in_words(shipped_policy(), refused.value)
    by_name = {fact.name: fact for fact in told.facts}
    assert by_name["gmv_3m"].months == ("2025-12", "2026-01", "2026-02")
    assert by_name["return_rate_m2_bp"].months == ("2026-01",)
    assert "近3个整月成交额 (2025-12、2026-01、2026-02)" in told.message_zh
    assert "complaint rate (2026-02)" in told.message_en
    assert told.remedy_zh == "请补报2025-12、2026-01、2026-02的经营数据,然后重新评估"
    assert told.remedy_en == "report the figures of 2025-12, 2026-01, 2026-02, then ask for an assessment"


def test_an_input_that_belongs_to_no_month_is_asked_for_by_its_name() -> None:
    missing = InputMissing(
        (MissingInput("level"), MissingInput("gmv_3m", "2026-02"), MissingInput("unknown"))
    )
    told = missing_in_words(shipped_policy(), missing)
    assert told.message_zh == "无法评估额度,缺少:店铺等级;近3个整月成交额 (2026-02);unknown"
    assert told.remedy_zh == "请补报2026-02的经营数据,提供店铺等级、unknown,然后重新评估"
    assert (
        told.remedy_en
        == "report the figures of 2026-02 and give store level, unknown, then ask for an assessment"
    )
