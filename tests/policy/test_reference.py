"""The reference names everything the shipped policy has, and its example prints what it says."""

import contextlib
import io
import re
from pathlib import Path

import msgspec

from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import Decision, PolicyReason
from houfu.policy.terms import PolicyTerms

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text("utf-8")


def test_every_input_reason_section_and_field_is_documented() -> None:
    policy = shipped_policy()
    words = {term.name for term in policy.terms.inputs} | set(policy.rules.codes)
    for cls in (PolicyTerms, Decision, PolicyReason):
        words |= {field.encode_name for field in msgspec.structs.fields(cls)}
    assert {word for word in words if f"`{word}`" not in REFERENCE} == set()


def test_the_reasons_are_documented_in_the_order_of_their_bits() -> None:
    listed = REFERENCE.split("bit 0 first:", 1)[1].split("##", 1)[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == shipped_policy().rules.codes


def test_the_example_prints_what_the_reference_says() -> None:
    example, rest = REFERENCE.split("```python\n", 1)[1].split("```", 1)
    said = rest.split("```\n", 1)[1].split("```", 1)[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example, {})  # noqa: S102 - our own page
    assert printed.getvalue() == said
