"""A batch from Parquet to Parquet: what is written, what is refused, and that nothing is left half done."""

import json
import threading
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.engines.batch import FileUnusable
from houfu.policy.engines.duckdb import run_on_duckdb
from houfu.policy.evaluate import evaluate
from houfu.policy.fault import InputInvalid, InputMissing

from .test_cases import CASES

Row = dict[str, Any]
ROWS: list[Row] = [{"store_id": f"s{nth}"} | case["inputs"] for nth, case in enumerate(CASES)]


def quiet(_done: int, _of: int, _word: str) -> None:
    """Nobody watches."""


def written(file: Path, rows: list[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def changed(**values: Any) -> list[Row]:
    """The worked cases, the fourth store's inputs changed."""
    return [row | values if row["store_id"] == "s3" else row for row in ROWS]


def without(name: str) -> list[Row]:
    return [{key: value for key, value in row.items() if key != name} for row in ROWS]


def decided(policy: Policy, rows: list[Row]) -> list[Row]:
    made: list[Row] = []
    for row in rows:
        said = evaluate(policy, {key: value for key, value in row.items() if key != "store_id"})
        answers = {"total": said.total, "base": said.base, "score": said.score}
        made.append({"store_id": row["store_id"]} | answers | {"zeroed": said.zeroed, "reasons": said.mask})
    return made


def test_the_worked_cases_are_decided_in_their_order_with_the_policy_in_the_metadata(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    batch = run_on_duckdb(shipped_policy(), written(tmp_path / "in.parquet", ROWS), out, advance=quiet)
    assert (batch.stores, batch.policy_sha256) == (len(ROWS), shipped_policy().sha256)
    table = pq.read_table(out)
    assert table.to_pylist() == decided(shipped_policy(), ROWS)
    assert [str(field.type) for field in table.schema] == ["string", *["int64"] * 3, "bool", "int64"]
    told = pq.read_metadata(out).metadata
    assert told[b"houfu.policy_sha256"].decode() == shipped_policy().sha256
    assert (told[b"houfu.policy_name"], told[b"houfu.policy_version"]) == (b"taobao", b"1")
    assert tuple(told[b"houfu.reasons"].decode().split(",")) == shipped_policy().rules.codes
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint64()])
@pytest.mark.parametrize("statistics", [True, False])
def test_integers_of_any_width_and_files_without_statistics_decide_the_same(
    tmp_path: Path, kind: pa.DataType, statistics: bool
) -> None:
    table = pa.Table.from_pylist(ROWS)
    at = table.schema.get_field_index("level")
    table = table.set_column(at, "level", table["level"].cast(kind))
    pq.write_table(table, tmp_path / "in.parquet", write_statistics=statistics)
    run_on_duckdb(shipped_policy(), tmp_path / "in.parquet", tmp_path / "out.parquet", advance=quiet)
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == decided(shipped_policy(), ROWS)


def test_a_store_id_may_be_an_integer(tmp_path: Path) -> None:
    rows = [row | {"store_id": nth} for nth, row in enumerate(ROWS)]
    run_on_duckdb(
        shipped_policy(), written(tmp_path / "in.parquet", rows), tmp_path / "out.parquet", advance=quiet
    )
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == decided(shipped_policy(), rows)


@pytest.mark.parametrize(
    "rows, error, said",
    [
        (without("gmv_3m"), InputMissing, "missing input: gmv_3m"),
        (without("store_id"), InputMissing, "missing input: store_id"),
        (changed(level=None), InputInvalid, "level is missing (NULL) for store s3"),
        (changed(level=0), InputInvalid, "level must be between 1 and 100, and is 0 for store s3"),
        (changed(gmv_3m=2**62), InputInvalid, f"and is {2**62} for store s3"),
        (changed(store_id=None), InputInvalid, "store_id is missing (NULL)"),
        (changed(level=2.5), InputInvalid, "level must be a column of integers, not DOUBLE"),
        ([row | {"level": "3"} for row in ROWS], InputInvalid, "level must be a column of integers"),
        ([row | {"high_risk": True} for row in ROWS], InputInvalid, "high_risk must be a column of integers"),
        ([row | {"store_id": 1.5} for row in ROWS], InputInvalid, "store_id must be a column of text"),
        ([row | {"emergncy": 5} for row in ROWS], InputInvalid, "emergncy is no input of this policy"),
    ],
)
def test_what_is_wrong_with_the_inputs_is_named_with_the_store_and_nothing_is_written(
    tmp_path: Path, rows: list[Row], error: type[Exception], said: str
) -> None:
    file = written(tmp_path / "in.parquet", rows)
    with pytest.raises(error) as caught:
        run_on_duckdb(shipped_policy(), file, tmp_path / "out.parquet", advance=quiet)
    assert said in str(caught.value)
    assert [found.name for found in tmp_path.iterdir()] == ["in.parquet"]


def test_a_stated_stand_in_decides_for_a_column_or_a_value_that_is_missing(tmp_path: Path) -> None:
    before = "{name: emergency, unit: fen, min: 0,"
    assert before in shipped_text()
    policy = load_policy(shipped_text().replace(before, before + " when_missing: 70000,"))
    for rows in (without("emergency"), changed(emergency=None)):
        file = written(tmp_path / "in.parquet", rows)
        run_on_duckdb(policy, file, tmp_path / "out.parquet", advance=quiet)
        stated = [row | {"emergency": 70000} if row.get("emergency") is None else row for row in rows]
        assert pq.read_table(tmp_path / "out.parquet").to_pylist() == decided(policy, stated)


@pytest.mark.parametrize("folder", ["it's", 'say "x"', "a[b]", "star*?", "'); DROP TABLE x; --", "店铺"])
def test_a_path_is_only_a_path(tmp_path: Path, folder: str) -> None:
    room = tmp_path / folder
    room.mkdir()
    written(room / "decoy.parquet", changed(level=0))
    file = written(room / "i*.parquet", ROWS)
    written(room / "in.parquet", changed(level=0))
    batch = run_on_duckdb(shipped_policy(), file, room / "o'[ut].parquet", advance=quiet)
    assert batch.stores == len(ROWS)
    assert pq.read_table(room / "o'[ut].parquet").num_rows == len(ROWS)


def test_a_file_that_is_no_parquet_absent_or_the_target_itself_is_refused(tmp_path: Path) -> None:
    good = written(tmp_path / "in.parquet", ROWS)
    (tmp_path / "text.parquet").write_text(json.dumps(ROWS))
    (tmp_path / "link.parquet").symlink_to(good)
    for source, target, said in (
        (tmp_path / "text.parquet", tmp_path / "out.parquet", "cannot be read as Parquet"),
        (tmp_path / "none.parquet", tmp_path / "out.parquet", "is no file"),
        (good, good, "cannot be written"),
        (good, tmp_path / "link.parquet", "cannot be written"),
        (good, tmp_path, "cannot be written"),
        (good, tmp_path / "no" / "out.parquet", "cannot be written"),
    ):
        with pytest.raises(FileUnusable, match=said):
            run_on_duckdb(shipped_policy(), source, target, advance=quiet)
    assert pq.read_table(good).num_rows == len(ROWS)
    assert {file.name for file in tmp_path.iterdir()} == {"in.parquet", "text.parquet", "link.parquet"}


def test_a_failed_batch_leaves_the_earlier_result(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    run_on_duckdb(shipped_policy(), written(tmp_path / "in.parquet", ROWS), out, advance=quiet)
    before = out.read_bytes()
    with pytest.raises(InputInvalid):
        run_on_duckdb(
            shipped_policy(), written(tmp_path / "in.parquet", changed(level=0)), out, advance=quiet
        )
    assert out.read_bytes() == before


def many(file: Path, stores: int) -> Path:
    """A file of so many stores, all like the first worked case."""
    columns = ", ".join(f"{value}::BIGINT AS {name}" for name, value in CASES[0]["inputs"].items())
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 's' || i AS store_id, {columns} FROM range({stores}) AS r(i)) TO '{file}'"
            " (FORMAT parquet)"
        )
    return file


def test_whoever_stops_a_batch_stops_the_engine_and_finds_nothing_half_written(tmp_path: Path) -> None:
    file = many(tmp_path / "in.parquet", 1_500_000)

    def stop(_done: int, _of: int, _word: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_on_duckdb(shipped_policy(), file, tmp_path / "out.parquet", advance=stop)
    assert [found.name for found in tmp_path.iterdir()] == ["in.parquet"]
    for thread in threading.enumerate():
        if thread.name == "houfu-batch":
            thread.join(timeout=10)
            assert not thread.is_alive()
