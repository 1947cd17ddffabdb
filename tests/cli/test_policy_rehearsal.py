"""Rehearsing a policy on the command line, before it is published."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
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


def test_a_diff_finds_versions_that_were_proposed(candidate: Path, database: str) -> None:
    answer("policy", "publish", str(candidate), "--author", "risk", dsn=database)
    told = answer("policy", "diff", "shipped", "2", dsn=database)
    assert [change["path"] for change in told["changes"]] == ["layers.rating_boost.amount"]
    unknown = houfu("policy", "diff", "shipped", "7", dsn=database)
    assert (unknown.returncode, unknown.stdout) == (Exit.NO, "")
    assert "nobody proposed version 7" in unknown.stderr


def test_a_diff_says_what_is_wrong_with_a_document(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\nversion: 1.5\n", encoding="utf-8")
    done = houfu("policy", "diff", "shipped", str(broken))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert f"{broken} cannot be used" in done.stderr


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Twelve snapshots of the first case's store."""
    given = ", ".join(f"{value}::BIGINT as {name}" for name, value in first_case().items())
    file = tmp_path / "history.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'S' || i as store_id, {given} from range(12) t(i)) to '{file}' (format parquet)"
        )
    return file


def first_case() -> dict[str, int]:
    cases = json.loads(
        (Path(__file__).parents[1] / "policy" / "cases" / "policy.json").read_text(encoding="utf-8")
    )
    return dict((cases if isinstance(cases, list) else cases["cases"])[0]["inputs"])


def test_a_backtest_of_a_file_tells_json_a_table_and_a_page(
    candidate: Path, history: Path, tmp_path: Path
) -> None:
    html, out = tmp_path / "report.html", tmp_path / "both.parquet"
    done = houfu(
        "policy", "backtest", "shipped", str(candidate), "--snapshots", str(history), "--html", str(html), "--out", str(out)
    )  # fmt: skip
    assert done.returncode == Exit.DONE, done.stderr
    told = json.loads(done.stdout, parse_float=pytest.fail)
    assert (told["whole"]["rows"], told["b"]["version"]) == (12, 2)
    assert told["whole"]["net"] == told["whole"]["raised"] - told["whole"]["lowered"]
    assert "taobao version 1 -> taobao version 2: 12 snapshots" in done.stderr
    assert "<title>taobao v1 → v2" in html.read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        assert connection.execute("select count(*) from read_parquet(?)", [str(out)]).fetchone() == (12,)


def test_a_backtest_says_what_a_file_lacks(candidate: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 'S' as store_id, 1 as level) to '{file}' (format parquet)")
    done = houfu("policy", "backtest", "shipped", str(candidate), "--snapshots", str(file))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "lacks months_open, gmv_3m" in done.stderr
    mixed = houfu(
        "policy", "backtest", "shipped", str(candidate), "--snapshots", str(file), "--from", "2026-01-01"
    )
    assert (mixed.returncode, "leave the other options out" in mixed.stderr) == (Exit.USAGE, True)


def test_snapshots_of_an_empty_database_are_an_empty_history(
    candidate: Path, database: str, tmp_path: Path
) -> None:
    out = tmp_path / "history.parquet"
    told = answer("policy", "snapshots", "--policy", "shipped", "--policy", str(candidate), "--from", "2026-01-01",
                  "--to", "2026-03-31", "--out", str(out), dsn=database)  # fmt: skip
    assert (told["rows"], told["moments"]) == (0, ["2026-01-05", "2026-02-05", "2026-03-05"])
    assert out.exists()
    nobody = houfu("policy", "backtest", "shipped", str(candidate), dsn=database)
    assert (nobody.returncode, nobody.stdout) == (Exit.NO, "")
    assert "--backfilled" in nobody.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "today"), "--from must be a day"),
        (("--to", "2999-01-01"), "--to must not lie after today"),
        (("--from", "2026-01-06", "--to", "2026-01-31"), "No moment lies from 2026-01-06 to 2026-01-31"),
    ],
)
def test_snapshots_say_which_option_is_wrong(
    database: str, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = houfu("policy", "snapshots", "--out", str(tmp_path / "h.parquet"), *options, dsn=database)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert said in done.stderr


def test_an_explanation_is_json_a_table_and_a_page(tmp_path: Path) -> None:
    inputs, html = tmp_path / "inputs.json", tmp_path / "waterfall.html"
    inputs.write_text(json.dumps(first_case()), encoding="utf-8")
    done = houfu("policy", "explain", str(inputs), "--today", "2026-03-02", "--html", str(html))
    assert done.returncode == Exit.DONE, done.stderr
    told = json.loads(done.stdout)
    assert told["waterfall"][-1]["running"] == told["decision"]["total"]
    assert all(each["when"] >= "2026-03-02" for each in told["advice"])
    assert "额度由来" in html.read_text(encoding="utf-8")
    inputs.write_text("{}", encoding="utf-8")
    missing = houfu("policy", "explain", str(inputs))
    assert (missing.returncode, "missing input: level" in missing.stderr) == (Exit.USAGE, True)
