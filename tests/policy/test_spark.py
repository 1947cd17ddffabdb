"""A batch on Spark: a local one, and a cluster reached over Spark Connect."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyspark
import pytest

from houfu.policy.document import shipped_policy
from houfu.policy.engines.batch import FileUnusable
from houfu.policy.engines.spark import run_on_spark
from houfu.policy.fault import InputInvalid, InputMissing

from .test_engines import ROWS, changed, decided, quiet, without, written

PATIENCE_SECONDS = 90


def run(source: Path, target: Path, remote: str | None = None) -> int:
    policy = shipped_policy()
    batch = run_on_spark(policy, str(source), str(target), remote=remote, master="local[2]", advance=quiet)
    assert (batch.engine, batch.policy_sha256) == ("spark", policy.sha256)
    return batch.stores


def parts(out: Path) -> list[Path]:
    return sorted(out.glob("part-*.parquet"))


def assert_decided(out: Path) -> None:
    """The worked cases are decided in `out`, and each of its files names the policy."""
    found: list[dict[str, Any]] = [row for file in parts(out) for row in pq.read_table(file).to_pylist()]
    wanted = decided(shipped_policy(), ROWS)
    assert sorted(found, key=lambda row: row["store_id"]) == sorted(wanted, key=lambda row: row["store_id"])
    for file in parts(out):
        schema = json.loads(pq.read_metadata(file).metadata[b"org.apache.spark.sql.parquet.row.metadata"])
        told = {field["name"]: field["metadata"] for field in schema["fields"]}["reasons"]
        assert told["houfu.policy_sha256"] == shipped_policy().sha256
        assert tuple(told["houfu.reasons"].split(",")) == shipped_policy().rules.codes


def test_a_local_spark_decides_names_what_is_wrong_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    good, bad, out = written(tmp_path / "in.parquet", ROWS), tmp_path / "bad.parquet", tmp_path / "it's out"
    assert run(good, out) == len(ROWS)
    assert_decided(out)
    with pytest.raises(FileUnusable, match="it exists"):
        run(good, out)
    for rows, error, said in (
        (without("gmv_3m"), InputMissing, "missing input: gmv_3m"),
        (changed(level=0, gmv_3m=None), InputInvalid, "gmv_3m is missing (NULL) for store s3"),
        (changed(level=2.5), InputInvalid, "level must be a column of integers, not double"),
    ):
        with pytest.raises(error) as caught:
            run(written(bad, rows), tmp_path / "none")
        assert said in str(caught.value)
    with pytest.raises(FileUnusable, match="cannot be read as Parquet"):
        run(tmp_path / "absent.parquet", tmp_path / "none")
    assert {file.name for file in tmp_path.iterdir()} == {"in.parquet", "bad.parquet", "it's out"}


@contextmanager
def connect_server(log: Path) -> Generator[str]:
    """A Spark Connect server in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(pyspark.__file__).parent
    settings = [
        f"spark.connect.grpc.binding.port={port}",
        "spark.ui.enabled=false",
        "spark.driver.host=127.0.0.1",
    ]
    with log.open("w") as to:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-submit"), "--master", "local[2]",
             *(word for setting in settings for word in ("--conf", setting)),
             "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"],
            env={**os.environ, "SPARK_HOME": str(home)}, stdout=to, stderr=to,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while "Spark Connect server started" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def test_a_cluster_decides_over_spark_connect(tmp_path: Path) -> None:
    good, out = written(tmp_path / "in.parquet", ROWS), tmp_path / "out"
    with connect_server(tmp_path / "server.log") as remote:
        assert run(good, out, remote) == len(ROWS)
        assert_decided(out)
        with pytest.raises(FileUnusable, match="it exists"):
            run(good, out, remote)
        with pytest.raises(InputInvalid, match="store_id is missing"):
            run(written(tmp_path / "bad.parquet", changed(store_id=None)), tmp_path / "none", remote)
