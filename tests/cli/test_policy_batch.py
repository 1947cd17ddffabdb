"""`houfu policy evaluate --batch` as its users run it: the answer, the refusals, and Ctrl-C."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from houfu.commands.console import Exit
from houfu.policy.document import shipped_policy
from served import HOUFU, PATIENCE_SECONDS, answer, environment, houfu

CASES = json.loads((Path(__file__).parents[1] / "policy" / "cases" / "policy.json").read_text("utf-8"))
ROWS: list[dict[str, Any]] = [{"store_id": f"s{nth}"} | case["inputs"] for nth, case in enumerate(CASES)]


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    file = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file


def test_a_batch_answers_what_it_did_and_writes_the_decisions(stores: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    said = answer("policy", "evaluate", "--batch", str(stores), "--out", str(out))
    assert said == {
        "stores": len(ROWS),
        "out": str(out),
        "engine": "duckdb",
        "policy_name": "taobao",
        "policy_version": 1,
        "policy_sha256": shipped_policy().sha256,
    }
    totals = [row["total"] for row in pq.read_table(out).to_pylist()]
    assert totals == [case["expect"]["total"] for case in CASES]


@pytest.mark.parametrize(
    "arguments",
    [(), ("in.json", "--batch", "in.parquet", "--out", "o"), ("--batch", "in.parquet"), ("--out", "o"), ("in.json", "--out", "o")],
)  # fmt: skip
def test_one_store_or_a_batch_is_asked_for(arguments: tuple[str, ...]) -> None:
    done = houfu("policy", "evaluate", *arguments)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "either INPUTS.json, or --batch" in done.stderr


def test_a_store_that_cannot_be_decided_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([*ROWS, ROWS[0] | {"level": 0}]), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    done = houfu("policy", "evaluate", "--batch", str(tmp_path / "in.parquet"), "--out", str(out))
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "level must be between 1 and 100, and is 0 for store s0" in done.stderr
    assert not out.exists()


def test_ctrl_c_ends_a_batch_and_leaves_nothing(tmp_path: Path) -> None:
    columns = ", ".join(f"{value}::BIGINT AS {name}" for name, value in CASES[0]["inputs"].items())
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 's' || i AS store_id, {columns} FROM range(5_000_000) AS r(i))"
            f" TO '{tmp_path}/in.parquet' (FORMAT parquet)"
        )
    arguments = [
        "policy",
        "evaluate",
        "--batch",
        f"{tmp_path}/in.parquet",
        "--out",
        f"{tmp_path}/out.parquet",
    ]
    with subprocess.Popen(
        [*HOUFU, *arguments], env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("Decided: ")
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=PATIENCE_SECONDS) == Exit.INTERRUPTED
    assert [file.name for file in tmp_path.iterdir()] == ["in.parquet"]


def test_without_java_or_pyspark_the_sentence_says_what_to_install(stores: Path, tmp_path: Path) -> None:
    batch = [
        "policy",
        "evaluate",
        "--engine",
        "spark",
        "--batch",
        str(stores),
        "--out",
        str(tmp_path / "out"),
    ]
    no_java = houfu(*batch, PATH=str(tmp_path), JAVA_HOME=str(tmp_path))
    assert (no_java.returncode, no_java.stdout) == (Exit.ENGINE, "")
    assert "Java 17 or newer" in no_java.stderr
    hidden = "import sys; sys.modules['pyspark'] = None; from houfu.cli import main; main()"
    no_pyspark = subprocess.run(
        [sys.executable, "-c", hidden, *batch], env=environment(), capture_output=True, text=True, check=False
    )
    assert (no_pyspark.returncode, no_pyspark.stdout) == (Exit.ENGINE, "")
    assert "pip install 'houfu[spark]'" in no_pyspark.stderr
    assert not (tmp_path / "out").exists()
