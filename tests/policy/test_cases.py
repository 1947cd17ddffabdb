"""The worked cases of the shipped policy."""

import json
from pathlib import Path
from typing import Any

import pytest

from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import evaluate

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "cases" / "policy.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_shipped_policy_answers_the_worked_case(case: dict[str, Any]) -> None:
    decision = evaluate(shipped_policy(), case["inputs"])
    assert {field: getattr(decision, field) for field in case["expect"]} == case["expect"]
    assert decision.inputs == case["inputs"]


def test_there_are_forty_worked_cases() -> None:
    assert len(CASES) == 40
