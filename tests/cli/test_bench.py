"""A benchmark on the command line: tables for people on stderr, JSON on stdout."""

from __future__ import annotations

import json
from pathlib import Path

from houfu.commands.console import Exit
from served import houfu


def test_figures_are_json_on_stdout_and_in_a_file_and_tables_on_stderr(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    data = tmp_path / "data"
    done = houfu(
        *("bench", "policy", "--rows", "compiled,floor,duckdb", "--rounds", "1", "--stores", "1000"),
        *("--decisions", "100", "--json", str(file), "--data-dir", str(data)),
    )
    assert done.returncode == Exit.DONE, done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads(file.read_text(encoding="utf-8"))
    assert [row["name"] for row in told["tables"]] == ["floor", "duckdb"]
    assert told["parity"]["differing"] == 0
    assert "one store at a time" in done.stderr
    assert "DuckDB and Python: 0 of 1,000 stores differ" in done.stderr
    assert list(data.iterdir()) == []


def test_a_row_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    done = houfu("bench", "policy", "--rows", "compiled,magic", "--data-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "There is no row magic." in done.stderr
    assert "spark_cold" in done.stderr
