"""Every bad row is named by file, line, column and reason; good rows come as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from houfu.importing import reading
from houfu.importing.columns import COLUMNS, Kind
from houfu.importing.fault import FAULTS_SHOWN_MAX, Fault, Faults
from houfu.importing.reading import read_rows
from houfu.importing.rows import check_metrics, check_orders, check_stores
from importing.files import METRICS, ORDERS, STORES, with_line, write_csv, write_parquet

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TODAY = date(2026, 3, 2)
LINES: dict[Kind, Sequence[str]] = {"stores": STORES, "metrics": METRICS, "orders": ORDERS}


def check(path: Path, kind: Kind) -> tuple[list[object], Faults]:
    faults = Faults()
    rows = read_rows(path, kind, faults)
    known = {"a1", "a2"}.__contains__
    match kind:
        case "stores":
            found = check_stores(str(path), rows, faults, today=TODAY)
        case "metrics":
            found = check_metrics(str(path), rows, faults, known=known, today=TODAY)
        case "orders":
            found = check_orders(str(path), rows, faults, known=known, currency="CNY", now=NOW)
    return list(found), faults


def told(faults: Faults) -> list[tuple[int, str | None, str]]:
    return [(fault.line, fault.column, fault.reason) for fault in faults.shown]


@pytest.mark.parametrize("kind", LINES)
def test_good_files_have_no_fault(tmp_path: Path, kind: Kind) -> None:
    found, faults = check(write_csv(tmp_path / "good.csv", LINES[kind]), kind)
    assert told(faults) == []
    assert len(found) == len(LINES[kind]) - 1


BAD: list[tuple[Kind, int, str, str | None, str]] = [
    ("stores", 2, "-a,n,o,3,2025-01-15,mobile,c", "store_id", "must be 1 to 64 letters"),
    ("stores", 2, ",n,o,3,2025-01-15,mobile,c", "store_id", "must not be empty"),
    ("stores", 2, "a1,,o,3,2025-01-15,mobile,c", "name", "must not be empty"),
    ("stores", 2, f"a1,{'n' * 201},o,3,2025-01-15,mobile,c", "name", "must be 1 to 200 printable"),
    ("stores", 2, "a1,n\x07,o,3,2025-01-15,mobile,c", "name", "must be 1 to 200 printable"),
    ("stores", 2, "a1,n,o,3.0,2025-01-15,mobile,c", "level", "must be a whole number"),
    ("stores", 2, "a1,n,o, 3,2025-01-15,mobile,c", "level", "must be a whole number"),
    ("stores", 2, "a1,n,o,3,2025-01-15,mobile,c", "store_id", "repeats line 2"),
    ("stores", 2, "a1,n,o,0,2025-01-15,mobile,c", "level", "must lie between 1 and 100"),
    ("stores", 2, "a1,n,o,3,2025-02-30,mobile,c", "opened_on", "must be a date"),
    ("stores", 2, "a1,n,o,3,20250115,mobile,c", "opened_on", "must be a date"),
    ("stores", 2, "a1,n,o,3,1999-01-15,mobile,c", "opened_on", "must lie in the years"),
    ("stores", 2, "a1,n,o,3,2026-03-03,mobile,c", "opened_on", "must not lie ahead"),
    ("stores", 2, "a1,n,o,3,2025-01-15,landline,c", "phone_kind", "must be mobile or virtual"),
    ("stores", 2, "a1,n,o,3,2025-01-15,mobile", None, "has 6 cells where the head has 7"),
    ("metrics", 3, "a9,2025-10,1,1,1,1,1,1,1,1", "store_id", "is no store that is known"),
    ("metrics", 3, "a1,2025-13,1,1,1,1,1,1,1,1", "month", "must be a month"),
    ("metrics", 3, "a1,2026-03,1,1,1,1,1,1,1,1", "month", "is not over"),
    ("metrics", 3, "a1,2025-09,1,1,1,1,1,1,1,1", "month", "repeats line 2"),
    ("metrics", 3, "a1,2025-10,1,12.5,1,1,1,1,1,1", "gmv", "must be a whole number"),
    ("metrics", 3, "a1,2025-10,1,1e5,1,1,1,1,1,1", "gmv", "must be a whole number"),
    ("metrics", 3, "a1,2025-10,1,-1,1,1,1,1,1,1", "gmv", "must lie between 0 and 9007199254740991"),
    ("metrics", 3, "a1,2025-10,1,9007199254740992,1,1,1,1,1,1", "gmv", "must lie between 0 and"),
    ("metrics", 3, f"a1,2025-10,1,{10**30},1,1,1,1,1,1", "gmv", "must be a whole number"),
    ("metrics", 3, "a1,2025-10,1,1,501,1,1,1,1,1", "dsr_description", "must lie between 0 and 500"),
    ("metrics", 3, "a1,2025-10,1,1,1,1,1,10001,1,1", "return_rate_bp", "must lie between 0 and 10000"),
    ("orders", 4, "a9,n3,b1,1,2026-02-25T10:00:00Z,,,", "store_id", "is no store that is known"),
    ("orders", 4, "a1,n1,b1,1,2026-02-25T10:00:00Z,,,", "order_id", "repeats line 2"),
    ("orders", 4, "a1,n3,b1,0,2026-02-25T10:00:00Z,,,", "amount", "must lie between 1 and"),
    ("orders", 4, "a1,n3,b1,1.00,2026-02-25T10:00:00Z,,,", "amount", "must be a whole number"),
    ("orders", 4, "a1,n3,b1,٣,2026-02-25T10:00:00Z,,,", "amount", "must be a whole number"),
    ("orders", 4, "a1,n3,b1,1,2026-02-25 10:00,,,", "ordered_at", "must name its offset"),
    ("orders", 4, "a1,n3,b1,1,yesterday,,,", "ordered_at", "must be a moment"),
    ("orders", 4, "a1,n3,b1,1,2026-03-02T10:00:00+08:00,,,", "ordered_at", "must not lie ahead"),
    ("orders", 4, "a1,n3,b1,5,2026-02-25T10:00:00Z,6,,", "shipped_amount", "must not be more than amount"),
    ("orders", 4, "a1,n3,b1,5,2026-02-25T10:00:00Z,4,5,", "repaid_amount", "must not be more than shipped"),
    ("orders", 4, "a1,n3,b1,5,2026-02-25T10:00:00Z,4,,5", "returned_amount", "must not be more than"),
    ("orders", 4, "a1,n3,b1,5,2026-02-25T10:00:00Z,-4,,", "shipped_amount", "must lie between 0 and"),
]


@pytest.mark.parametrize(("kind", "line", "text", "column", "reason"), BAD)
def test_a_bad_row_is_named_by_line_and_column(
    tmp_path: Path, kind: Kind, line: int, text: str, column: str | None, reason: str
) -> None:
    lines = with_line(LINES[kind], line, text)
    if reason.startswith("repeats") and kind == "stores":
        lines.append(text)
        line = len(lines)
    found, faults = check(write_csv(tmp_path / "bad.csv", lines), kind)
    assert [(at, name) for at, name, _ in told(faults)] == [(line, column)]
    assert told(faults)[0][2].startswith(reason)
    assert len(found) == len(lines) - 2


def test_all_faults_of_a_row_and_of_all_rows_are_told(tmp_path: Path) -> None:
    lines = [STORES[0], "-,,o,x,today,fax,", "a1,n,o,3,2025-01-15,mobile,c", "a2,n,o,300,2025-01-15,mobile,c"]
    _, faults = check(write_csv(tmp_path / "bad.csv", lines), "stores")
    assert [(line, column) for line, column, _ in told(faults)] == [
        (2, "store_id"),
        (2, "name"),
        (2, "level"),
        (2, "opened_on"),
        (2, "phone_kind"),
        (2, "category"),
        (4, "level"),
    ]


def test_a_thousand_faults_are_told_and_all_are_counted(tmp_path: Path) -> None:
    lines = [STORES[0], *(f"a{n},n,o,x,2025-01-15,mobile,c" for n in range(1_500))]
    _, faults = check(write_csv(tmp_path / "bad.csv", lines), "stores")
    assert faults.count == 1_500
    assert len(faults.shown) == FAULTS_SHOWN_MAX
    assert faults.shown[-1] == Fault(
        file=str(tmp_path / "bad.csv"),
        line=FAULTS_SHOWN_MAX + 1,
        column="level",
        reason="must be a whole number, in digits alone",
    )


@pytest.mark.parametrize(
    ("head", "column", "reason"),
    [
        ("store_id,name,owner_id,level,opened_on,phone_kind", "category", "is missing in the head"),
        (f"{STORES[0]},colour", "colour", "is no column of stores"),
        (f"{STORES[0]},level", "level", "is named twice"),
        ("", "store_id", "is missing in the head"),
    ],
)
def test_a_head_that_does_not_fit_is_told_on_line_1(
    tmp_path: Path, head: str, column: str, reason: str
) -> None:
    found, faults = check(write_csv(tmp_path / "bad.csv", [head, *STORES[1:]]), "stores")
    assert found == []
    assert any(line == 1 and name == column and why.startswith(reason) for line, name, why in told(faults))


def test_lines_count_as_an_editor_shows_them_also_after_a_cell_of_several(tmp_path: Path) -> None:
    lines = [STORES[0], 'a1,"one\ntwo",o,3,2025-01-15,mobile,c', "", "a2,n,o,x,2025-01-15,mobile,c"]
    _, faults = check(write_csv(tmp_path / "bad.csv", lines), "stores")
    assert [(line, column) for line, column, _ in told(faults)] == [(2, "name"), (5, "level")]


def test_what_is_no_csv_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes("\n".join(STORES).encode("gb18030"))
    assert told(check(path, "stores")[1])[0][2].startswith("is not UTF-8")
    write_csv(path, [*STORES, 'a3,"never closed'])
    assert told(check(path, "stores")[1])[-1][2].startswith("is not a CSV from here on")
    assert told(check(tmp_path / "none.csv", "stores")[1])[0][2].startswith("cannot be read")


def test_files_beyond_the_stated_limits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "big.csv", STORES)
    monkeypatch.setattr(reading, "ROWS_MAX", 1)
    assert told(check(path, "stores")[1]) == [(3, None, "has more than 1 rows: split it")]
    monkeypatch.setattr(reading, "BYTES_MAX", 1)
    assert told(check(path, "stores")[1])[0][2].startswith("is larger than")


def test_a_byte_order_mark_and_any_order_of_columns_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_text(
        "category,phone_kind,opened_on,level,owner_id,name,store_id\nc,mobile,2025-01-15,3,o,n,a1\n",
        "utf-8-sig",
    )
    found, faults = check(path, "stores")
    assert told(faults) == []
    assert getattr(found[0], "store_id", None) == "a1"


TYPES: dict[Kind, dict[str, str]] = {
    "stores": {"level": "integer", "opened_on": "date"},
    "metrics": {column.name: "bigint" for column in COLUMNS["metrics"] if column.whole},
    "orders": {"amount": "bigint", "ordered_at": "timestamptz", "shipped_amount": "bigint"}
    | {"repaid_amount": "integer", "returned_amount": "bigint"},
}


@pytest.mark.parametrize("kind", LINES)
def test_parquet_says_the_same_as_csv(tmp_path: Path, kind: Kind) -> None:
    csv = write_csv(tmp_path / "good.csv", LINES[kind])
    from_csv, _ = check(csv, kind)
    from_parquet, faults = check(write_parquet(tmp_path / "good.parquet", csv, TYPES[kind]), kind)
    assert told(faults) == []
    assert from_parquet == from_csv


@pytest.mark.parametrize(
    ("types", "column", "reason"),
    [
        ({"amount": "double"}, "amount", "must be an integer column, and is DOUBLE"),
        ({"amount": "decimal(18,2)"}, "amount", "must be an integer column, and is DECIMAL(18,2)"),
        ({"amount": "varchar"}, "amount", "must be an integer column, and is VARCHAR"),
        ({"ordered_at": "timestamp"}, "ordered_at", "must be a text, date or timestamptz column"),
        ({"order_id": "blob"}, "order_id", "must be a text, date or timestamptz column"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_refused_whole(
    tmp_path: Path, types: dict[str, str], column: str, reason: str
) -> None:
    csv = write_csv(tmp_path / "orders.csv", ORDERS)
    path = write_parquet(tmp_path / "orders.parquet", csv, TYPES["orders"] | types)
    found, faults = check(path, "orders")
    assert found == []
    assert [(line, name) for line, name, _ in told(faults)] == [(1, column)]
    assert told(faults)[0][2].startswith(reason)


def test_a_bad_row_of_a_parquet_file_is_named_as_if_it_had_a_head(tmp_path: Path) -> None:
    csv = write_csv(
        tmp_path / "orders.csv", with_line(ORDERS, 3, ORDERS[2].replace("20000,2026", "0,2026", 1))
    )
    path = write_parquet(tmp_path / "orders.parquet", csv, TYPES["orders"])
    assert [(line, column) for line, column, _ in told(check(path, "orders")[1])] == [(3, "amount")]


def test_what_only_begins_like_parquet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1 and then nothing of the kind")
    assert told(check(path, "stores")[1])[0][2].startswith("is not a readable Parquet file")
