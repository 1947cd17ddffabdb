"""Reading import files as rows of text with their lines, and nothing more than text: no type is guessed.

A CSV is UTF-8 with a head of column names, comma-separated, quoted as RFC 4180 says. A Parquet file's columns must
have fitting types: whole numbers in integer columns, never in floating-point ones; its `line` is the row's number
plus one, as if it had a head.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from houfu.importing.columns import COLUMNS, Kind
from houfu.importing.fault import Faults

BYTES_MAX: Final = 512 * 1024 * 1024
ROWS_MAX: Final = 1_000_000
CELL_MAX: Final = 10_000
"""Characters in one cell of a CSV."""

_CHUNK: Final = 10_000
_PARQUET_MAGIC: Final = b"PAR1"
_DUCKDB: Final[dict[str, Any]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,  # nothing is fetched from a network
    "autoload_known_extensions": False,
}
_INTEGERS: Final = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
)
_TEXTS: Final = frozenset({"VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE"})

Row = tuple[int, Sequence[str]]
"""The line a row begins on, and its cells in the order of the kind's columns; an absent cell is empty."""


def file_sha(path: Path) -> str:
    """SHA-256 of the file's bytes: two files that are the same are one import."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_rows(path: Path, kind: Kind, faults: Faults) -> Iterator[Row]:
    """The rows of a file. What cannot be read at all is added to `faults` and left out."""
    name = str(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            is_parquet = file.read(4) == _PARQUET_MAGIC
    except OSError as error:
        faults.add(name, 1, None, f"cannot be read: {error.strerror}")
        return
    if size > BYTES_MAX:
        faults.add(name, 1, None, f"is larger than {BYTES_MAX // 1024**2} MB: split it")
        return
    rows = _parquet(path, kind, faults) if is_parquet else _csv(path, kind, faults)
    for count, row in enumerate(rows, start=1):
        if count > ROWS_MAX:
            faults.add(name, row[0], None, f"has more than {ROWS_MAX} rows: split it")
            return
        yield row


def _csv(path: Path, kind: Kind, faults: Faults) -> Iterator[Row]:
    name = str(path)
    csv.field_size_limit(CELL_MAX)
    with path.open("r", encoding="utf-8-sig", errors="strict", newline="") as file:
        reader = csv.reader(file, strict=True)
        line = 1
        try:
            head = next(reader, list[str]())
            places = _places(name, kind, head, faults)
            if places is None:
                return
            while True:
                line = reader.line_num + 1
                row = next(reader, None)
                if row is None:
                    return
                if not row:
                    continue
                if len(row) != len(head):
                    faults.add(name, line, None, f"has {len(row)} cells where the head has {len(head)}")
                    continue
                yield line, [row[place] if place >= 0 else "" for place in places]
        except UnicodeDecodeError:
            faults.add(name, line, None, "is not UTF-8 from here on: save the file as UTF-8")
        except csv.Error as error:
            faults.add(name, line, None, f"is not a CSV from here on: {error}")


def _parquet(path: Path, kind: Kind, faults: Faults) -> Iterator[Row]:
    import duckdb

    name = str(path)
    with duckdb.connect(":memory:", config=_DUCKDB) as connection:
        try:
            described = connection.execute("describe select * from read_parquet($1)", [name]).fetchall()
            types = {str(row[0]): str(row[1]) for row in described}
            places = _places(name, kind, list(types), faults)
            if places is None or _ill_typed(name, kind, types, faults):
                return
            cells = ", ".join(
                f"coalesce(cast({column.name} as varchar), '')" if place >= 0 else "''"
                for column, place in zip(COLUMNS[kind], places, strict=True)
            )
            connection.execute(f"select {cells} from read_parquet($1)", [name])  # noqa: S608 (names of ours alone)
            line = 1
            while chunk := connection.fetchmany(_CHUNK):
                for row in chunk:
                    line += 1
                    yield line, row
        except duckdb.Error as error:
            faults.add(name, 1, None, f"is not a readable Parquet file: {str(error).splitlines()[0][:200]}")


def _places(name: str, kind: Kind, head: Sequence[str], faults: Faults) -> list[int] | None:
    """Where each column stands in the head, -1 where an optional one is absent; None where the head is at fault."""
    before = faults.count
    known = [column.name for column in COLUMNS[kind]]
    for column in sorted({found for found in head if head.count(found) > 1}):
        faults.add(name, 1, column, "is named twice in the head")
    for column in head:
        if column not in known:
            faults.add(name, 1, column[:64], f"is no column of {kind}: {', '.join(known)}")
    for column in COLUMNS[kind]:
        if column.name not in head and not column.optional:
            faults.add(name, 1, column.name, "is missing in the head")
    if faults.count > before:
        return None
    return [head.index(column) if column in head else -1 for column in known]


def _ill_typed(name: str, kind: Kind, types: dict[str, str], faults: Faults) -> bool:
    before = faults.count
    for column in COLUMNS[kind]:
        found = types.get(column.name)
        if found is None:
            continue
        if column.whole and found not in _INTEGERS:
            faults.add(name, 1, column.name, f"must be an integer column, and is {found}")
        elif not column.whole and found not in _TEXTS:
            faults.add(name, 1, column.name, f"must be a text, date or timestamptz column, and is {found}")
    return faults.count > before
