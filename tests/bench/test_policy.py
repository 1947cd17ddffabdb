"""Every row can be measured, and none whose answers are wrong. How fast is not a matter of tests."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import duckdb
import msgspec
import pytest
from rich.console import Console

from houfu.bench.decisions import ROWS, SINGLE, TABLES
from houfu.bench.floor import floor_statement
from houfu.bench.memory import peak_memory_kb
from houfu.bench.parity import compare_with_python, sums_of
from houfu.bench.policy import Plan, measure
from houfu.bench.policy_render import show
from houfu.bench.processes import ProcessFailed, work
from houfu.bench.stores import write_stores
from houfu.bench.work import Job, candidate_policy
from houfu.policy.diff import diff
from houfu.policy.document import shipped_policy

INPUTS = [term.name for term in shipped_policy().terms.inputs]


def test_every_row_is_measured_and_nothing_stays_behind(tmp_path: Path) -> None:
    heard: list[str] = []
    report = measure(
        Plan(rounds=1, stores=3_000, decisions=200, folder=tmp_path),
        on_progress=lambda what, _done, _of: heard.append(what),
    )
    assert [row.name for row in report.single] == list(SINGLE)
    assert [row.name for row in report.tables] == list(TABLES)
    assert {row.name: row.unavailable for row in (*report.single, *report.tables)} == dict.fromkeys(
        [*SINGLE, *TABLES]
    )
    assert all(row.p50_ns and row.p50_ns.median > 0 for row in report.single)
    assert all(row.took_ms and row.peak_mb and row.peak_mb.median > 0 for row in report.tables)
    assert report.parity is not None
    assert (report.parity.compared, report.parity.differing) == (3_000, 0)
    assert [bar.name for bar in report.bars] == ["decision_p50", "decision_p99", "duckdb", "backtest"]
    assert heard[-1] == "measured"
    assert list(tmp_path.iterdir()) == []
    assert msgspec.json.decode(msgspec.json.encode(report))["benchmark"] == "policy"
    shown = StringIO()
    show(report, Console(file=shown, width=200))
    assert all(label.strip() in shown.getvalue() for label in (*SINGLE.values(), *TABLES.values()))


def test_rows_that_need_no_file_write_none_and_prove_nothing(tmp_path: Path) -> None:
    report = measure(
        Plan(rows=("compiled",), rounds=1, decisions=100, folder=tmp_path), on_progress=lambda *_: None
    )
    assert [row.name for row in report.single] == ["compiled"]
    assert (report.tables, report.parity, report.input_bytes) == ([], None, 0)


def test_the_floor_reads_every_input_and_has_the_shape_of_an_answer(tmp_path: Path) -> None:
    source, target = tmp_path / "stores.parquet", tmp_path / "answers.parquet"
    write_stores(source, 500)
    statement = floor_statement(shipped_policy(), f"read_parquet('{source}')")
    with duckdb.connect() as connection:
        plan = connection.execute(f"EXPLAIN {statement}").fetchall()[0][1]
        floor = connection.execute(f"DESCRIBE {statement}").fetchall()
        work(
            Job(work="duckdb", stores=500, source=str(source), target=str(target), memory_mb=512),
            folder=tmp_path,
        )
        answer = connection.execute("DESCRIBE FROM read_parquet(?)", [str(target)]).fetchall()
    assert [row[:2] for row in floor] == [row[:2] for row in answer]
    scan = plan[plan.index("READ_PARQUET") :]
    assert all(name in scan for name in INPUTS)


def test_a_wrong_answer_and_a_missing_one_are_found(tmp_path: Path) -> None:
    source, right, wrong = (
        str(tmp_path / name) for name in ("stores.parquet", "right.parquet", "wrong.parquet")
    )
    write_stores(Path(source), 300)
    work(Job(work="duckdb", stores=300, source=source, target=right, memory_mb=512), folder=tmp_path)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (total + CASE store_id WHEN 's-00000007' THEN 1 ELSE 0 END AS total) "
            f"FROM read_parquet('{right}') WHERE store_id <> 's-00000008') TO '{wrong}'"
        )
    policy = shipped_policy()
    assert compare_with_python(policy, source, right, rows=300, of=300).differing == 0
    found = compare_with_python(policy, source, wrong, rows=300, of=300)
    assert (found.compared, found.differing) == (300, 2)
    assert {example.split(":")[0] for example in found.examples} == {"s-00000007", "s-00000008"}
    true, false = sums_of(right), sums_of(wrong)
    assert (true.stores, false.stores) == (300, 299)
    assert true.limits != false.limits
    assert true.fingerprint != false.fingerprint


def test_the_other_version_of_a_backtest_differs_in_its_rating_boost() -> None:
    (change,) = [each for each in diff(shipped_policy(), candidate_policy()).changes if "layers" in each.path]
    assert "25" in change.en


def test_work_that_breaks_off_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match=r"nowhere\.parquet"):
        work(
            Job(
                work="duckdb",
                stores=1,
                source=str(tmp_path / "nowhere.parquet"),
                target=str(tmp_path / "answers.parquet"),
                memory_mb=512,
            ),
            folder=tmp_path,
        )


def test_memory_counts_what_runs_below() -> None:
    alone = peak_memory_kb()
    program = "import sys; held = bytearray(64_000_000); print(len(held), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert peak_memory_kb() > alone + 60_000
        process.communicate()


def test_rows_are_named_once() -> None:
    assert len(set(ROWS)) == len(ROWS)
