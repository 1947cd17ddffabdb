"""Two policies on one history of snapshots, decided about and added up by one DuckDB statement.

The history is read once, in a stream: what stays in memory are the sums and the greatest changes. The history is a
Parquet file with `store_id`, every input of both policies, and if it has them `as_of` (date), `category` (text) and
`ordered_month` (fen). Where both policies ask for an input that they measure differently, `<input>__b` is B's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import duckdb

from houfu.policy.diff import diff, name_of
from houfu.policy.document import Policy
from houfu.policy.figures import Said
from houfu.policy.history import B_COLUMN
from houfu.policy.rehearsal import (
    FIRST_FALL,
    FIRST_RISE,
    SCORE_BANDS,
    TENURE_BANDS,
    Cell,
    Rehearsal,
    StoreChange,
    distribution_of,
    effect_of,
    greatest,
    rules_of,
    segments_of,
)
from houfu.policy.sql import select_statement

TOP = 20
"""How many winners and losers are named."""


SAMPLE_ROWS = 100_000
_TOP_ROWS_MAX = 1000
_PLENTY = 10
"""Rows expected over the threshold of the greatest changes, for each that is needed."""

_RISES = (5, 10, 25, 50, 100)
_FALLS = (5, 10, 25, 50)
_DIMENSIONS = ("as_of", "category", "level", "score_band", "tenure_band")


class SnapshotsUnfit(ValueError):
    """The file is no history that both policies can be asked about."""


@dataclass(frozen=True, slots=True)
class _History:
    """A file and which of its columns there are."""

    path: Path
    columns: frozenset[str]
    rows: int

    @property
    def relation(self) -> str:
        return f"read_parquet('{str(self.path).replace(chr(39), chr(39) * 2)}') AS history"


def backtest(
    a: Policy,
    b: Policy,
    snapshots: Path,
    *,
    top: int = TOP,
    threads: int | None = None,
    memory_limit: str | None = None,
    unmeasured: dict[str, int] | None = None,
    sample_rows: int = SAMPLE_ROWS,
) -> Rehearsal:
    """What B would have done to the stores of the history that A decided about.

    `threads` and `memory_limit` (as DuckDB writes it: `2GB`) are DuckDB's own where they are not given. From
    `sample_rows` the size of the greatest changes is guessed; the answer does not depend on it.

    Raises SnapshotsUnfit for a file that cannot be read, lacks an input, or holds a value out of its range; the
    message names it.
    """
    with duckdb.connect() as connection:
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        if memory_limit is not None:
            connection.execute("SET memory_limit = ?", [memory_limit])
        history = _open(connection, snapshots)
        both = _both(a, b, history)
        try:
            sums, changed = _run(connection, both, history, top, sample_rows)
        except duckdb.Error as error:
            raise SnapshotsUnfit(f"{snapshots}: {_first_line(error)}") from None
    return _rehearsal(a, b, sums, changed, top=top, unmeasured=unmeasured or {}, notes=_notes(a, b, history))


def write_decisions(a: Policy, b: Policy, snapshots: Path, out: Path) -> int:
    """Write what both policies say about every row of the history: store_id, as_of if the history has it, a_total,
    b_total, change, a_reasons, b_reasons (masks of `Rules.codes`). Gives the number of rows; raises as `backtest`."""
    with duckdb.connect() as connection:
        history = _open(connection, snapshots)
        moment = "as_of, " if "as_of" in history.columns else ""
        target = str(out).replace("'", "''")
        statement = (
            f"COPY (SELECT store_id, {moment}a_total, b_total, b_total - a_total AS change, a_reasons, b_reasons\n"
            f"FROM (\n{_both(a, b, history)}\n) AS decided) TO '{target}' (FORMAT parquet, COMPRESSION zstd, "
            f"KV_METADATA {{policy_a: '{a.sha256}', policy_b: '{b.sha256}'}})"
        )
        try:
            row = connection.execute(statement).fetchone()
        except duckdb.Error as error:
            raise SnapshotsUnfit(f"{snapshots}: {_first_line(error)}") from None
    return int(row[0]) if row else 0


def _open(connection: duckdb.DuckDBPyConnection, path: Path) -> _History:
    """The file's columns and rows, judged by its footer alone."""
    place = str(path)
    try:
        described = connection.execute("SELECT * FROM read_parquet(?) LIMIT 0", [place]).description or []
        row = connection.execute(
            "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(?)", [place]
        ).fetchone()
    except duckdb.Error as error:
        raise SnapshotsUnfit(f"{path} cannot be read as Parquet: {_first_line(error)}") from None
    return _History(path, frozenset(str(column[0]) for column in described), int(row[0] or 0) if row else 0)


def _both(a: Policy, b: Policy, history: _History) -> str:
    """The statement that decides by A, and around it the one that decides by B, in one pass over the history."""
    own = {f"{term.name}{B_COLUMN}": term.name for term in b.terms.inputs}
    apart = [column for column in own if column in history.columns]
    shared = [term.name for term in b.terms.inputs if f"{term.name}{B_COLUMN}" not in apart]
    lacking = [
        [
            term.name
            for term in policy.terms.inputs
            if term.name not in history.columns and f"{term.name}{suffix}" not in history.columns
        ]
        for policy, suffix in ((a, ""), (b, B_COLUMN))
    ]
    stated = [
        {term.name for term in policy.terms.inputs if term.when_missing is not None} for policy in (a, b)
    ]
    for policy, absent, stand_ins in zip((a, b), lacking, stated, strict=True):
        if missing := [name for name in absent if name not in stand_ins]:
            raise SnapshotsUnfit(
                f"{history.path} lacks {', '.join(missing)}: version {policy.version} of {policy.terms.name} asks for it"
            )
    extra = [name for name in ("as_of", "category", "ordered_month") if name in history.columns]
    segments = [name for name in ("level", "months_open") if name in history.columns]
    passed = dict.fromkeys(
        ("store_id", *extra, *segments, *(name for name in shared if name in history.columns), *apart)
    )
    first = select_statement(
        a,
        "duckdb",
        history.relation,
        keep=tuple(passed),
        prefix="a_",
        absent=[n for n in lacking[0] if n in stated[0]],
    )
    # B's own measurements take the place of A's before B reads them; A's stay under another name for the segments.
    hidden = [own[column] for column in apart if own[column] in passed]
    columns = [f"* EXCLUDE ({', '.join((*apart, *hidden))})" if apart else "*"]
    columns += [f'"{column}" AS "{own[column]}"' for column in apart]
    columns += [f'"{name}" AS segment_{name}' for name in segments]
    inner = f"(SELECT {', '.join(columns)} FROM ({first}) AS by_a) AS passed"  # noqa: S608 - names of checked form
    kept = ("store_id", *extra, *(f"segment_{name}" for name in segments), "a_total", "a_score", "a_reasons")
    return select_statement(
        b, "duckdb", inner, keep=kept, prefix="b_", absent=[n for n in lacking[1] if n in stated[1]]
    )


def _dimensioned(both: str, history: _History) -> str:
    """The decisions of both with what they are grouped by."""
    has = history.columns.__contains__
    as_of = "as_of" if has("as_of") else "CAST(NULL AS DATE)"
    category = "category" if has("category") else "CAST(NULL AS VARCHAR)"
    level = (
        "CAST(LEAST(GREATEST(segment_level, 0), 100) AS UTINYINT)"
        if has("level")
        else "CAST(NULL AS UTINYINT)"
    )
    months = "segment_months_open"
    tenure = (
        f"CAST(CASE WHEN {months} < 1 THEN 0 WHEN {months} < 3 THEN 1 WHEN {months} < 6 THEN 2 "
        f"WHEN {months} < 12 THEN 3 WHEN {months} < 24 THEN 4 ELSE 5 END AS UTINYINT)"
        if has("months_open")
        else "CAST(NULL AS UTINYINT)"
    )
    ordered = "ordered_month" if has("ordered_month") else "NULL"
    rises = _bands("change", _RISES, first=FIRST_RISE)
    falls = _bands("-change", _FALLS, first=FIRST_FALL)
    return (
        "SELECT *, CAST(CASE WHEN change = 0 THEN CASE WHEN a_total = 0 THEN 0 ELSE 1 END "
        f"WHEN a_total = 0 THEN 2 WHEN b_total = 0 THEN 3 WHEN change > 0 THEN {rises} ELSE {falls} END AS UTINYINT) AS band\n"
        f"FROM (SELECT store_id, {as_of} AS as_of, {category} AS category, {level} AS level, "
        "CAST(LEAST(GREATEST(a_score, 0) // 20, 4) AS UTINYINT) AS score_band, "
        f"{tenure} AS tenure_band, a_total, b_total, a_reasons, b_reasons, b_total - a_total AS change, "
        f"GREATEST({ordered} - a_total, 0) AS short_a, GREATEST({ordered} - b_total, 0) AS short_b\n"
        f"FROM (\n{both}\n) AS decided) AS compared"
    )


def _bands(change: str, edges: Sequence[int], *, first: int) -> str:
    """The number of a change's band by its share of A's total, percent; products fit 64 bits, as a total is below 2^53."""
    written = "".join(
        f"WHEN {change} * 100 < a_total * {edge} THEN {first + nth} " for nth, edge in enumerate(edges)
    )
    return f"CASE {written}ELSE {first + len(edges)} END"


def _run(
    connection: duckdb.DuckDBPyConnection, both: str, history: _History, top: int, sample_rows: int
) -> tuple[list[tuple[Any, ...]], list[StoreChange]]:
    """The sums of every group, and enough of the greatest changes to name `top` stores on either side."""
    compared = _dimensioned(both, history)
    moments = _moments(connection, history)
    needed = min(top * max(1, moments), max(top, _TOP_ROWS_MAX))
    over, under = _thresholds(connection, both, history, needed, sample_rows)
    record = "struct_pack(c := {sign}change, s := store_id, d := as_of, a := a_total, b := b_total)"
    up, down = record.format(sign="-"), record.format(sign="")
    short = "sum(short_a), sum(short_b)" if "ordered_month" in history.columns else "NULL, NULL"
    groups = ", ".join((*_DIMENSIONS, "band", "a_reasons", "b_reasons"))
    tops = f"min({up}, {needed}) FILTER (WHERE change >= {over}), min({down}, {needed}) FILTER (WHERE change <= -{under})"
    rows = connection.execute(
        f"SELECT grouping({groups}), {groups}, count(*), sum(a_total), sum(b_total), {short}, {tops}\n"
        f"FROM (\n{compared}\n) AS banded\n"
        "GROUP BY GROUPING SETS ((as_of, level, score_band, tenure_band, band), (category, band), (a_reasons, b_reasons))"
    ).fetchall()
    changed = [
        _store_change(each) for row in rows if row[0] == _MASKS for side in row[-2:] for each in side or ()
    ]
    for sign, threshold, tuple_of in (("-", over, up), ("", under, down)):
        found = sum((each.change > 0) == (sign == "-") for each in changed)
        if found < needed and threshold > 1:
            # The sample promised more than there is: look again at every change of this side.
            changed = [each for each in changed if (each.change > 0) != (sign == "-")]
            again = connection.execute(
                f"SELECT min({tuple_of}, {needed}) FROM (\n{compared}\n) AS banded WHERE {sign}change < 0"  # noqa: S608
            ).fetchone()
            changed += [_store_change(each) for each in (again[0] if again else None) or ()]
    return rows, changed


def _grouping(*grouped: str) -> int:
    """What `grouping` gives for a set: a bit for each column that is not grouped by, the first the highest."""
    names = (*_DIMENSIONS, "band", "a_reasons", "b_reasons")
    return sum(1 << (len(names) - 1 - nth) for nth, name in enumerate(names) if name not in grouped)


_FINE = _grouping("as_of", "level", "score_band", "tenure_band", "band")
_BY_CATEGORY = _grouping("category", "band")
_MASKS = _grouping("a_reasons", "b_reasons")


def _moments(connection: duckdb.DuckDBPyConnection, history: _History) -> int:
    """How many moments the history may have, from its first and last day in the footer: a store is in it once each."""
    if "as_of" not in history.columns:
        return 1
    row = connection.execute(f"SELECT min(as_of), max(as_of) FROM {history.relation}").fetchone()  # noqa: S608
    if row is None or row[0] is None:
        return 1
    first, last = cast(date, row[0]), cast(date, row[1])
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _thresholds(
    connection: duckdb.DuckDBPyConnection, both: str, history: _History, needed: int, sample_rows: int
) -> tuple[int, int]:
    """A rise and a fall, fen, that plenty of rows but few of all reach, guessed from the first rows; 1: every change."""
    if history.rows <= sample_rows:
        return 1, 1
    sampled = both.replace(history.relation, f"(FROM {history.relation} LIMIT {sample_rows}) AS history", 1)
    place = needed * _PLENTY * sample_rows // history.rows + 1
    row = connection.execute(
        f"SELECT min(change, {place}), max(change, {place})\n"  # noqa: S608 - numbers and statements of ours
        f"FROM (SELECT b_total - a_total AS change FROM (\n{sampled}\n) AS decided) AS compared"
    ).fetchone()
    if row is None:
        return 1, 1
    return max(1, int(row[1][-1])), max(1, -int(row[0][-1]))


def _store_change(record: Any) -> StoreChange:
    a, b = int(record["a"]), int(record["b"])
    return StoreChange(store_id=str(record["s"]), as_of=record["d"], a=a, b=b, change=b - a)


def _rehearsal(
    a: Policy,
    b: Policy,
    sums: Sequence[tuple[Any, ...]],
    changed: Sequence[StoreChange],
    *,
    top: int,
    unmeasured: dict[str, int],
    notes: tuple[Said, ...],
) -> Rehearsal:
    fine = [row for row in sums if row[0] == _FINE]

    def cells(rows: Sequence[tuple[Any, ...]], column: str, words: Sequence[str] = ()) -> list[Cell]:
        at = 1 + _DIMENSIONS.index(column)
        return [
            Cell(str(words[row[at]] if words else row[at]), int(row[6]), *_figures(row))
            for row in rows
            if row[at] is not None
        ]

    levels = cells(fine, "level")
    moments = cells(fine, "as_of")
    every = [Cell("", int(row[6]), *_figures(row)) for row in fine]
    return Rehearsal(
        a=name_of(a),
        b=name_of(b),
        currency=b.terms.currency,
        changes=diff(a, b).changes,
        whole=effect_of(every),
        moments=segments_of(moments, order=sorted({cell.value for cell in moments}) or ("",)),
        segments={
            "category": segments_of(cells([row for row in sums if row[0] == _BY_CATEGORY], "category")),
            "level": segments_of(levels, order=sorted({cell.value for cell in levels}, key=int) or ("",)),
            "score": segments_of(cells(fine, "score_band", SCORE_BANDS), order=SCORE_BANDS),
            "tenure": segments_of(cells(fine, "tenure_band", TENURE_BANDS), order=TENURE_BANDS),
        },
        distribution=distribution_of(every),
        rules=rules_of(a, b, {(int(row[7]), int(row[8])): int(row[9]) for row in sums if row[0] == _MASKS}),
        winners=greatest((each for each in changed if each.change > 0), top),
        losers=greatest((each for each in changed if each.change < 0), top),
        unmeasured=unmeasured,
        notes=notes,
    )


def _figures(row: tuple[Any, ...]) -> tuple[int, int, int, int | None, int | None]:
    rows, exposure_a, exposure_b, short_a, short_b = row[9:14]
    return (
        int(rows),
        int(exposure_a),
        int(exposure_b),
        None if short_a is None else int(short_a),
        None if short_b is None else int(short_b),
    )


def _notes(a: Policy, b: Policy, history: _History) -> tuple[Said, ...]:
    """What the reader must know of the history to judge the figures."""
    apart = any(column.endswith(B_COLUMN) for column in history.columns)
    ways = [(policy.terms.measures, policy.terms.promotion_windows) for policy in (a, b)]
    if ways[0] == ways[1] or apart:
        return ()
    return (
        Said(
            "两个版本度量输入的方式或大促窗口不同,但快照文件只有一种度量,差异未计入。",
            "The versions measure inputs differently or have other promotion windows, but the history was measured in "
            "one way: that difference is not in the figures.",
        ),
    )


def _first_line(error: duckdb.Error) -> str:
    """What went wrong, on one line; of an unusable value the input and the value alone."""
    line = str(error).splitlines()[0][:300]
    unusable = _UNUSABLE.search(line)
    if unusable is None:
        return line
    value = unusable.group(2).strip()
    return f"{unusable.group(1)} " + (
        "is missing" if value in ("", "missing") else f"is out of its range: {value}"
    )


_UNUSABLE = re.compile(r"'input ([a-z][a-z0-9_]*): ([^']*)'")
