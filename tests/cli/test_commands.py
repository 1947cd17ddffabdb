"""Commands as their users run them: JSON on stdout, words on stderr, documented exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from houfu.cli import app
from houfu.commands.console import Exit
from houfu.policy.document import shipped_text
from served import answer, houfu

QUOTE = ("quote", "--amount", "5200000", "--asked-at", "2026-02-13T10:00:00+08:00", "--prior-count", "1",
         "--prior-year-total", "0")  # fmt: skip


def commands() -> dict[str, typer.models.CommandInfo]:
    """Every command by its whole name."""
    found = {command.name: command for command in app.registered_commands}
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            name = command.name or getattr(command.callback, "__name__", "")
            found[f"{group.name} {name}"] = command
    return {name: command for name, command in found.items() if name is not None}


def test_every_command_takes_a_data_dir() -> None:
    for name in commands():
        assert "--data-dir" in houfu(*name.split(), "--help").stdout, name


def test_a_quote_needs_no_database() -> None:
    assert answer(*QUOTE) == {
        "accepted": True,
        "reason": None,
        "fee": 31_200,
        "fee_rule": "rate",
        "net": 5_168_800,
        "arrives_on": "2026-02-14",
        "latest_on": "2026-02-14",
    }


def test_a_quote_says_when_its_dates_rest_on_a_year_whose_notice_is_not_known() -> None:
    told = answer(*QUOTE[:4], "2026-12-31T10:00:00+08:00", *QUOTE[5:])
    assert told["provisional"]
    assert told["arrives_on"] == "2027-01-04", "New Year's Day will surely rest"
    assert "暂定" in told["arrival_note_zh"]
    assert "provisional" in told["arrival_note_en"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--amount", "0"), "--amount must be a whole number of fen"),
        (("--amount", "1.5"), "--amount"),
        (("--amount", str(2**53)), "--amount must be"),
        (("--asked-at", "2026-02-13T10:00:00"), "--asked-at must be RFC 3339 with an offset"),
        (("--asked-at", "today"), "--asked-at must be RFC 3339 with an offset"),
        (("--asked-at", "0001-01-01T00:00:00+00:00"), "--asked-at must lie in the years"),
        (("--prior-count", "-1"), "--prior-count must not be negative"),
        (("--prior-year-total", "-1"), "--prior-year-total must not be negative"),
    ],
)
def test_a_quote_says_which_option_is_wrong(changed: tuple[str, str], said: str) -> None:
    done = houfu(*QUOTE, *changed)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert said in done.stderr


def test_a_policy_is_checked_with_every_fault_by_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(shipped_text(), encoding="utf-8")
    assert answer("policy", "validate", str(good))["valid"] is True
    assert answer("policy", "validate", str(good))["warnings"] == []
    bad.write_text("name: x\nversion: 1.5\n", encoding="utf-8")
    done = houfu("policy", "validate", str(bad))
    assert done.returncode == Exit.NO
    assert json.loads(done.stdout)["valid"] is False
    assert f"{bad}:2:10" in done.stderr
    missing = houfu("policy", "validate", str(tmp_path / "none.yaml"))
    assert (missing.returncode, missing.stdout) == (Exit.USAGE, "")


def test_a_policy_decides_without_a_database(tmp_path: Path) -> None:
    cases = json.loads((Path(__file__).parents[1] / "policy" / "cases" / "policy.json").read_text())
    case = next(case for case in (cases["cases"] if isinstance(cases, dict) else cases))
    inputs = tmp_path / "inputs.json"
    inputs.write_text(json.dumps(case["inputs"]))
    decided = answer("policy", "evaluate", str(inputs))
    assert {
        "total",
        "base",
        "score",
        "layers",
        "cap",
        "zeroed_by",
        "reasons",
        "policy_version",
        "inputs",
    } <= set(decided)
    assert decided["inputs"] == case["inputs"]
    for broken, said in (
        ({**case["inputs"], "level": 1.5}, "level must be an integer, not float"),
        ({name: value for name, value in case["inputs"].items() if name != "level"}, "missing input: level"),
        ({**case["inputs"], "unknown": 1}, "unknown"),
    ):
        inputs.write_text(json.dumps(broken))
        done = houfu("policy", "evaluate", str(inputs))
        assert (done.returncode, done.stdout) == (Exit.USAGE, "")
        assert said in done.stderr


def test_keys_are_made_listed_and_revoked(database: str) -> None:
    made = answer("keys", "create", "--role", "merchant", "--store", "s1", "--name", "店主", dsn=database)
    assert made["key"].startswith("hf_merchant_")
    listed = answer("keys", "list", dsn=database)["data"]
    assert [(key["id"], key["name"], key["revoked_at"]) for key in listed] == [(made["id"], "店主", None)]
    assert made["key"] not in json.dumps(listed)
    assert answer("keys", "revoke", made["id"], dsn=database)["revoked_at"] is not None
    assert answer("keys", "list", dsn=database)["data"][0]["revoked_at"] is not None
    assert houfu("keys", "revoke", "0" * 12, dsn=database).returncode == Exit.NO


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create", "--role", "admin", "--name", "n"),
        ("keys", "create", "--role", "merchant", "--name", "n"),
        ("keys", "create", "--role", "platform", "--store", "s1", "--name", "n"),
        ("keys", "create", "--role", "merchant", "--store", "-s", "--name", "n"),
        ("keys", "create", "--role", "platform", "--name", ""),
        ("keys", "create", "--role", "platform", "--name", "a\nb"),
        ("keys", "create", "--name", "n"),
        ("keys", "revoke", "xyz"),
        ("policy", "show", "one"),
        ("nonsense",),
        ("serve", "--now", "2026-03-02T09:00:00+08:00"),
        ("serve", "--sandbox", "--now", "2026-03-02"),
        ("serve", "--port", "65536"),
    ],
)
def test_a_command_that_is_used_wrongly_touches_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = houfu(*arguments, HOUFU_DATA_DIR=str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (Exit.USAGE, ""), done.stderr
    assert done.stderr
    assert not (tmp_path / "none").exists()


def test_a_wrong_setting_is_named() -> None:
    for name, value in (("HOUFU_PORT", "high"), ("HOUFU_POOL_SIZE", "1"), ("HOUFU_LOG_LEVEL", "loud")):
        done = houfu("serve", **{name: value})
        assert done.returncode == Exit.USAGE
        assert name in done.stderr


def test_a_database_that_is_not_there_is_said_so() -> None:
    for command in (("migrate",), ("keys", "list"), ("ledger", "verify"), ("serve", "--port", "0")):
        done = houfu(*command, dsn="postgresql://127.0.0.1:1/none")
        assert (done.returncode, done.stdout) == (Exit.DATABASE, ""), done.stderr
        assert "Nothing listens at" in done.stderr
        assert "Traceback" not in done.stderr
    examined = houfu("doctor", dsn="postgresql://127.0.0.1:1/none")
    assert examined.returncode == Exit.NO
    assert json.loads(examined.stdout)["healthy"] is False


def test_a_database_is_migrated_once(bare_database: str) -> None:
    assert answer("migrate", dsn=bare_database)["applied"]
    assert answer("migrate", dsn=bare_database) == {"applied": []}
    found = json.loads(houfu("doctor", dsn=bare_database).stdout)["findings"]
    # The tests' own server trades safety for speed, which the doctor must not miss.
    assert {finding["subject"] for finding in found if finding["level"] == "broken"} <= {"durability"}


def test_empty_books_verify_and_a_missing_policy_is_said_so(database: str) -> None:
    proof = answer("ledger", "verify", dsn=database)
    assert (proof["verified"], proof["stores"], proof["first_break"]) == (True, 0, None)
    assert houfu("policy", "show", "1", dsn=database).returncode == Exit.NO


def test_a_command_that_is_interrupted_says_so_and_ends_with_its_own_code(tmp_path: Path) -> None:
    """A pipe that nobody writes to keeps the command reading; that it was opened tells that the command is at it."""
    pipe = tmp_path / "policy.yaml"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "houfu.cli", "policy", "validate", str(pipe)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with pipe.open("w"):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (Exit.INTERRUPTED, "houfu: interrupted")
