"""The reference names everything the shipped policy has, and its example prints what it says."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect as shapes

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


def documented() -> dict[str, dict[str, str]]:
    """By heading: the fields of its table, and whether they are required."""
    told: dict[str, dict[str, str]] = {}
    every = REFERENCE.split("\n## Every term\n", 1)[1].split("\n## ", 1)[0]
    for part in every.split("\n### ")[1:]:
        rows: list[tuple[str, str]] = re.findall(r"^\| `(\w+)` \| (\w+) \| \S", part, re.MULTILINE)
        told[part.split("\n", 1)[0]] = dict(rows)
    return told


def terms(cls: shapes.StructType, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """By path: the fields of every struct that a document is made of, and whether they are required."""
    yield (
        path or "document",
        {field.encode_name: "required" if field.required else "optional" for field in cls.fields},
    )
    for field in cls.fields:
        kinds = field.type.types if isinstance(field.type, shapes.UnionType) else (field.type,)
        for kind in kinds:
            inner = kind.item_type if isinstance(kind, shapes.VarTupleType) else kind
            inner = inner.type if isinstance(inner, shapes.Metadata) else inner
            if isinstance(inner, shapes.StructType):
                yield from terms(inner, f"{path}.{field.encode_name}" if path else field.encode_name)


def test_every_term_of_a_document_is_documented_and_no_other() -> None:
    root = shapes.type_info(PolicyTerms)
    assert isinstance(root, shapes.StructType)
    assert documented() == dict(terms(root, ""))


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
