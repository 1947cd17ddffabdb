"""A decision: equal to the formulas, refused without its inputs, never in doubt about a type."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import decode_inputs, evaluate, limit_total, policy_reasons
from houfu.policy.explain import explain
from houfu.policy.fault import InputInvalid, InputMissing

from .formula import INPUTS, straight
from .test_cases import CASES

GOOD: dict[str, int] = CASES[0]["inputs"]


@settings(max_examples=1000, deadline=None)
@given(INPUTS)
def test_the_compiled_policy_equals_the_formulas_written_by_hand(inputs: dict[str, int]) -> None:
    decision = evaluate(shipped_policy(), inputs)
    expected = straight(inputs)
    assert {field: getattr(decision, field) for field in expected} == expected


@settings(max_examples=500, deadline=None)
@given(INPUTS)
def test_the_waterfall_adds_up_to_the_total(inputs: dict[str, int]) -> None:
    explained = explain(shipped_policy(), inputs)
    running = 0
    for step in explained.waterfall:
        running += step.amount
        assert step.running == running
    assert running == explained.decision.total


@settings(max_examples=300, deadline=None)
@given(INPUTS)
def test_the_trace_repeats_the_decision_and_names_what_each_rule_read(inputs: dict[str, int]) -> None:
    explained = explain(shipped_policy(), inputs)
    results = {step.code: step.result for step in explained.trace}
    assert results["score"] == explained.decision.score
    assert {kind: results[kind] for kind in explained.decision.layers} == explained.decision.layers
    read = {step.code: step.inputs for step in explained.trace}
    assert read["volume_boost"].keys() == {"months_open", "orders_held_months", "earned"}
    assert read["sales"] == {"level": inputs["level"], "orders_avg_3m": inputs["orders_avg_3m"]}


@settings(max_examples=300, deadline=None)
@given(INPUTS)
def test_the_total_follows_from_the_layers_alone(inputs: dict[str, int]) -> None:
    decision = evaluate(shipped_policy(), inputs)
    summed = decision.base + sum(decision.layers.values())
    assert limit_total(summed, cap=decision.cap, zeroed=decision.zeroed, rounding=10000) == decision.total


@pytest.mark.parametrize("name", sorted(GOOD))
def test_each_missing_input_is_named(name: str) -> None:
    inputs = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(InputMissing, match=name) as caught:
        evaluate(shipped_policy(), inputs)
    assert caught.value.names == (name,)


def test_all_missing_inputs_are_named_at_once() -> None:
    with pytest.raises(InputMissing) as caught:
        evaluate(shipped_policy(), {})
    assert caught.value.names == tuple(term.name for term in shipped_policy().terms.inputs)


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1], -1, 2**53, 2**63, 10**40], ids=repr)
def test_an_input_of_another_type_or_range_is_named(name: str, value: object) -> None:
    with pytest.raises(InputInvalid) as caught:
        evaluate(shipped_policy(), GOOD | {name: value})
    assert caught.value.names == (name,)


def test_every_unusable_input_is_named_at_once_and_an_unknown_one_too() -> None:
    with pytest.raises(InputInvalid) as caught:
        evaluate(shipped_policy(), GOOD | {"level": 0, "emergncy": 5, "gmv_3m": 1.5})
    assert set(caught.value.names) == {"level", "gmv_3m", "emergncy"}


@pytest.mark.parametrize(
    "inputs, expected",
    [
        ({}, "earned_base rating_boost volume_boost training_boost"),
        ({"months_open": 0}, "first_month rating_boost training_boost"),
        ({"gmv_12m": 10_000_000}, "earned_base rating_boost volume_boost training_boost annual_cap"),
        (
            {"virtual_phone": 1, "funds_frozen": 1, "return_rate_m1_bp": 1501},
            "earned_base virtual_phone_reduction return_wave funds_frozen_reduction "
            "rating_boost volume_boost training_boost",
        ),
        (
            {"high_risk": 1, "serious_violation": 1, "course_active": 0, "dsr_held_months": 0},
            "earned_base volume_boost high_risk_marked serious_violation_found",
        ),
        (
            {"promotion_open": 1, "emergency": 1, "day_withdrawn_share_bp": 5001},
            "earned_base rating_boost volume_boost training_boost promotion emergency day_withdrawn_share",
        ),
        (
            {"return_rate_m1_bp": 1501, "return_rate_m2_bp": 1501, "return_rate_m3_bp": 1501},
            "earned_base return_wave rating_boost volume_boost training_boost returns_three_months",
        ),
    ],
)
def test_the_reasons_are_the_rules_that_applied(inputs: dict[str, int], expected: str) -> None:
    codes = expected.split()
    decision = evaluate(shipped_policy(), GOOD | inputs)
    assert [reason.code for reason in decision.reasons] == codes
    every = [reason.code for reason in policy_reasons(shipped_policy())]
    assert decision.mask == sum(1 << every.index(code) for code in codes)


def test_every_reason_has_both_languages_and_every_zero_rule_a_remedy() -> None:
    for reason in policy_reasons(shipped_policy()):
        assert reason.message_zh and reason.message_en
        assert reason.effect != "zero" or (reason.remedy_zh and reason.remedy_en)


def test_a_decision_renders_as_json_with_the_fields_of_the_interface() -> None:
    rendered: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(evaluate(shipped_policy(), GOOD)))
    wanted = {
        "total",
        "base",
        "score",
        "layers",
        "cap",
        "zeroed",
        "zeroed_by",
        "reasons",
        "policy_version",
        "inputs",
    }
    assert wanted <= rendered.keys()
    assert rendered["policy_sha256"] == shipped_policy().sha256


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", "null", "{", '{"level": 1, "level": 2}', "[" * 100_000, '{"level": 1' + "0" * 5000 + "}"],
    ids=["empty", "list", "number", "null", "cut", "twice", "deep", "huge"],
)
def test_inputs_that_are_no_plain_json_object_are_refused(text: str) -> None:
    with pytest.raises(InputInvalid):
        decode_inputs(text)


@pytest.mark.parametrize("text", ["1.0", '"3"', "true", "null", "NaN", "1e2", "[]", "{}"])
def test_a_json_float_or_text_is_refused_by_name(text: str) -> None:
    inputs = decode_inputs(msgspec.json.encode(GOOD).replace(b'"level":3', f'"level":{text}'.encode()))
    with pytest.raises(InputInvalid) as caught:
        evaluate(shipped_policy(), inputs)
    assert caught.value.names == ("level",)
