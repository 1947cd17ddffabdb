"""Nothing that a reader meets is undocumented."""

from __future__ import annotations

import re
import subprocess
import sys

import msgspec
import pytest

from docs.page import ROOT, code_spans_of
from houfu.app import routes
from houfu.commands.console import Exit
from houfu.core.reason import Reason, Request, reasons_of
from houfu.events.message import FIELDS, MEANING, Kind
from houfu.http.problem import KINDS
from houfu.lines.cause import Cause
from houfu.settings import LOG_LEVELS, Settings

REFERENCE = ROOT / "docs" / "reference"
SHARED = ("database_url", "spark_remote", "spark_master")
"""Settings whose variable other programs read too."""

PRINTED = ("reasons", "problems", "commands", "api", "messages")


@pytest.mark.parametrize("name", PRINTED)
def test_a_printed_page_is_what_the_code_says(name: str) -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "tools" / "reference.py", name],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    ).stdout
    shown = (REFERENCE / f"{name}.md").read_text(encoding="utf-8")
    assert shown == printed, f"run: python tools/reference.py {name} > docs/reference/{name}.md"


def test_every_reason_is_documented() -> None:
    assert {reason.value for reason in Reason} <= set(
        code_spans_of((REFERENCE / "reasons.md").read_text(encoding="utf-8"))
    )


def test_every_reason_has_its_place_in_the_order_of_checks_or_in_a_table_of_states() -> None:
    of_orders = (REFERENCE / "states.md").read_text(encoding="utf-8")
    of_withdrawals = (REFERENCE / "withdrawals.md").read_text(encoding="utf-8")
    for reason in reasons_of(Request.AUTHORIZATION):
        assert f"`{reason}`" in of_orders
    for reason in (*reasons_of(Request.WITHDRAWAL), *reasons_of(Request.WITHDRAWAL_COMMAND)):
        assert f"`{reason}`" in of_withdrawals


def test_every_problem_is_documented() -> None:
    assert set(KINDS) <= set(code_spans_of((REFERENCE / "problems.md").read_text(encoding="utf-8")))


def test_every_kind_of_message_every_field_of_its_data_and_every_cause_is_documented() -> None:
    documented = set(code_spans_of((REFERENCE / "messages.md").read_text(encoding="utf-8")))
    assert {kind.value for kind in Kind} <= documented
    assert {field for meaning in MEANING.values() for field in meaning.fields} == set(FIELDS)
    assert set(FIELDS) <= documented
    assert {cause.value for cause in Cause} <= documented


def test_every_route_is_documented() -> None:
    called = {f"{route.method} {route.address}" for route in routes()}
    assert called <= set(code_spans_of((REFERENCE / "api.md").read_text(encoding="utf-8")))


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(
        re.findall(
            r"^\| `([A-Z_]+)` \| ([^|]+) \|",
            (REFERENCE / "settings.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    defaults = {
        field.name.upper() if field.name in SHARED else f"HOUFU_{field.name.upper()}": field.default
        for field in msgspec.structs.fields(Settings)
    }
    assert rows == {name: "none" if default is None else f"`{default}`" for name, default in defaults.items()}


def test_every_variable_that_is_read_is_documented() -> None:
    read = set(
        re.findall(
            r'"((?:HOUFU|DATABASE|SPARK)_[A-Z_]+)"',
            (ROOT / "src/houfu/settings.py").read_text(encoding="utf-8"),
        )
    )
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    assert read
    assert {name for name in read if f"`{name}`" not in page} == set()
    assert {level for level in LOG_LEVELS if f"`{level}`" not in page} == set()


def test_every_exit_code_is_documented() -> None:
    rows = re.findall(
        r"^\| ([0-9]+) \| `([A-Z]+)` \|",
        (REFERENCE / "exit-codes.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {(int(code), name) for code, name in rows} == {(int(code), code.name) for code in Exit}
