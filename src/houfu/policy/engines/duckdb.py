"""A batch on DuckDB, inside this process: one Parquet file to another."""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from houfu.policy.document import Policy
from houfu.policy.engines.batch import (
    STORE,
    Advance,
    Batch,
    EngineFailed,
    FileUnusable,
    absent_inputs,
    metadata,
    unusable,
    unusable_row,
)
from houfu.policy.sql import select_statement

LOOK_EVERY_SECONDS = 0.2

_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)
_TEXTS = frozenset({"VARCHAR"})
_TYPES = "DESCRIBE SELECT * FROM read_parquet(?)"
_ROWS = "SELECT num_rows FROM parquet_file_metadata(?)"
_RANGES = """
    SELECT path_in_schema, min(TRY_CAST(stats_min_value AS HUGEINT)), max(TRY_CAST(stats_max_value AS HUGEINT)),
           bool_and(stats_null_count IS NOT NULL AND stats_null_count = 0),
           bool_and(TRY_CAST(stats_min_value AS HUGEINT) IS NOT NULL
                    AND TRY_CAST(stats_max_value AS HUGEINT) IS NOT NULL)
    FROM parquet_metadata(?) WHERE num_values > 0 GROUP BY path_in_schema
"""


def run_on_duckdb(
    policy: Policy, source: Path, target: Path, *, memory: str | None = None, advance: Advance
) -> Batch:
    """Decide about every store of `source`, and write `target` in the same order.

    `target` is written beside its place and put there at the end, all at once; a file that is there is replaced.
    What does not fit into `memory` (as "4GB"; None: four fifths of the machine's) goes to disk, beside `target`
    too. Raises InputMissing, InputInvalid, FileUnusable and EngineFailed, having written nothing.
    """
    if target.exists() and (not target.is_file() or target.samefile(source)):
        raise FileUnusable(f"{target} cannot be written: it is {'IN' if target.is_file() else 'no file'}")
    if not source.is_file():
        raise FileUnusable(f"{source} is no file")
    with _room_beside(target) as room, duckdb.connect() as connection:
        _set_up(connection, room, memory)
        relation = f"read_parquet({_literal(_globbed(source))})"
        try:
            types = [
                (str(name), str(kind))
                for name, kind, *_ in connection.execute(_TYPES, [_globbed(source)]).fetchall()
            ]
        except duckdb.Error as error:
            raise FileUnusable(f"{source} cannot be read as Parquet: {_first_line(error)}") from None
        absent = absent_inputs(policy, types, integers=_INTEGERS, texts=_TEXTS)
        proven = _proven(policy, connection, source)
        made = room / "made.parquet"
        statement = _statement(policy, relation, made, absent, proven)
        try:
            stores = _watched(connection, statement, _rows(connection, source), advance)
        except duckdb.Error as error:
            _explain(policy, connection, relation, absent, proven)
            raise EngineFailed(f"DuckDB broke off: {_first_line(error)}") from None
        made.replace(target)
    return Batch(
        stores=stores,
        out=str(target),
        engine="duckdb",
        policy_name=policy.terms.name,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
    )


def _statement(
    policy: Policy, relation: str, made: Path, absent: frozenset[str], proven: frozenset[str]
) -> str:
    if STORE not in proven:
        named = f"CASE WHEN {STORE} IS NULL THEN error('{STORE} is missing') ELSE {STORE} END AS {STORE}"
        relation = f"(SELECT * REPLACE ({named}) FROM {relation}) AS stores"  # noqa: S608 - checked names
    select = select_statement(policy, "duckdb", relation, absent=absent, proven=proven)
    told = ", ".join(f"{_literal(key)}: {_literal(value)}" for key, value in metadata(policy).items())
    return f"COPY (\n{select}\n) TO {_literal(str(made))} (FORMAT parquet, KV_METADATA {{{told}}})"


def _proven(policy: Policy, connection: duckdb.DuckDBPyConnection, source: Path) -> frozenset[str]:
    """The columns whose values the file's own statistics show to be there and within their ranges."""
    declared = {term.name: (term.min, term.max) for term in policy.terms.inputs}
    found: set[str] = set()
    told = connection.execute(_RANGES, [_globbed(source)]).fetchall()
    for name, low, high, filled, known in told:
        if filled and name == STORE:
            found.add(name)
        elif filled and known and name in declared:
            least, most = declared[name]
            if least <= low and high <= most:
                found.add(name)
    return frozenset(found)


def _explain(
    policy: Policy,
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    absent: frozenset[str],
    proven: frozenset[str],
) -> None:
    """Raise InputInvalid for the first store whose inputs cannot be used; return if there is none."""
    wrong = unusable(policy, absent | proven, quote='"')
    try:
        asked = connection.execute(
            f"SELECT * FROM {relation} WHERE {wrong} LIMIT 1"  # noqa: S608 - checked names
        )
        row = asked.fetchone()
        names = [str(column[0]) for column in asked.description or []]
    except duckdb.Error:
        return
    if row is not None:
        raise unusable_row(policy, dict(zip(names, row, strict=True)))


def _watched(connection: duckdb.DuckDBPyConnection, statement: str, rows: int, advance: Advance) -> int:
    """Run the statement on a thread and tell how far it is; whatever ends the wait ends the statement."""
    outcome: list[int | BaseException] = []
    # Not the thread's own join: one that Ctrl-C breaks off takes the thread for ended.
    ended = threading.Event()

    def run() -> None:
        try:
            answer: Any = connection.execute(statement).fetchone()
            outcome.append(int(answer[0]))
        except BaseException as error:
            outcome.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="houfu-batch").start()
    try:
        while not ended.wait(LOOK_EVERY_SECONDS):
            share = connection.query_progress()
            if share > 0:
                advance(min(rows, int(rows * share) // 100), rows, "stores")
    finally:
        # Harmless where it has ended by itself.
        while not ended.wait(0):
            connection.interrupt()
            ended.wait(LOOK_EVERY_SECONDS)
    (answer,) = outcome
    if isinstance(answer, BaseException):
        raise answer
    advance(answer, answer, "stores")
    return answer


def _rows(connection: duckdb.DuckDBPyConnection, source: Path) -> int:
    row: Any = connection.execute(_ROWS, [_globbed(source)]).fetchone()
    return int(row[0])


@contextmanager
def _room_beside(target: Path) -> Generator[Path]:
    """A directory on the target's own disk, gone afterwards with all that is in it."""
    try:
        room = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    except OSError as error:
        raise FileUnusable(f"{target} cannot be written: {error.strerror}") from None
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _set_up(connection: duckdb.DuckDBPyConnection, room: Path, memory: str | None) -> None:
    """Nothing is fetched from a network, and what spills does so where the result goes."""
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute(f"SET temp_directory = {_literal(str(room / 'spilled'))}")
    if memory is not None:
        connection.execute(f"SET memory_limit = {_literal(memory)}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _globbed(path: Path) -> str:
    """The path as a pattern that matches it alone."""
    return re.sub(r"[\[\]*?]", lambda found: f"[{found.group()}]", os.fspath(path.absolute()))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
