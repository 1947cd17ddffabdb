"""Rehearsing a policy on the command line, before it is published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from houfu.commands.console import Exit
from houfu.policy.document import shipped_text
from served import answer, houfu


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """The shipped policy as version 2, with a rating boost of 25%."""
    text = (
        shipped_text()
        .replace("version: 1\n", "version: 2\n", 1)
        .replace("base * 2000 //", "base * 2500 //", 1)
    )
    file = tmp_path / "candidate.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_diff_tells_both_languages_on_stderr_and_json_on_stdout(candidate: Path) -> None:
    done = houfu("policy", "diff", "shipped", str(candidate))
    assert done.returncode == Exit.DONE
    told = json.loads(done.stdout)
    assert (told["a"]["version"], told["b"]["version"]) == (1, 2)
    (change,) = told["changes"]
    assert (change["path"], change["en"]) == (
        "layers.rating_boost.amount",
        "rating_boost: 20% -> 25% of the base",
    )
    assert "基础额度的20% -> 25%" in done.stderr
    assert "1 change from version 1 to version 2." in done.stderr


def test_a_diff_of_equals_is_empty_and_no_failure(tmp_path: Path) -> None:
    same = tmp_path / "same.yaml"
    same.write_text(shipped_text(), encoding="utf-8")
    assert answer("policy", "diff", str(same), "shipped")["changes"] == []


def test_a_diff_finds_published_versions(candidate: Path, database: str) -> None:
    answer("policy", "publish", str(candidate), "--author", "risk", dsn=database)
    told = answer("policy", "diff", "shipped", "2", dsn=database)
    assert [change["path"] for change in told["changes"]] == ["layers.rating_boost.amount"]
    unknown = houfu("policy", "diff", "shipped", "7", dsn=database)
    assert (unknown.returncode, unknown.stdout) == (Exit.NO, "")
    assert "No version 7 is published; there is 2" in unknown.stderr


def test_a_diff_says_what_is_wrong_with_a_document(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\nversion: 1.5\n", encoding="utf-8")
    done = houfu("policy", "diff", "shipped", str(broken))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert f"{broken} cannot be used" in done.stderr
