"""The history of a marketplace's inputs, from the database into one Parquet file.

A row is a store at a moment: `store_id`, `as_of`, `category`, `ordered_month`, then every input of the policies as it
could be known then. Where two policies measure an input differently the second's column ends in `__b`. Stores are read
in pages, in order of their id; what is in memory is one page, whatever the history's length.
"""

import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.document import Policy
from houfu.policy.fault import InputInvalid, InputMissing
from houfu.policy.history import (
    B_COLUMN,
    KnownFact,
    Moment,
    PastAssessment,
    PastWithdrawal,
    Revision,
    StoreHistory,
    check_ranges,
    inputs_at,
    measured_apart,
    problem_of,
)
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts
from houfu.policy.periods import add_months, midnight

PAGE_STORES = 500
NAMED_MAX = 1000
"""Store-moments that could not be measured and are named; all are counted."""

_SQL = load(__package__, "snapshots.sql")
_METRICS_MONTHS = 14
_OWN = ("store_id", "as_of", "category", "ordered_month")
_KINDS = {"store_id": "VARCHAR", "as_of": "DATE", "category": "VARCHAR"}

Progress = Callable[[int, int, str], None]
Row = list[Any]


class Unmeasured(msgspec.Struct, frozen=True, kw_only=True):
    """A store that existed at a moment and could not be measured, and why."""

    store_id: str
    as_of: date
    problem: str


class Snapshots(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what could not be: `unmeasured` counts store-moments by their problem, `named` has the
    first NAMED_MAX of them."""

    file: str
    rows: int
    stores: int
    moments: tuple[date, ...]
    columns: tuple[str, ...]
    unmeasured: dict[str, int]
    named: tuple[Unmeasured, ...]


class _Taken:
    """The columns of the file and what has been taken so far."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        first = policies[0]
        self.plan: list[tuple[int, str, str]] = [(0, term.name, term.name) for term in first.terms.inputs]
        known = {term.name for term in first.terms.inputs}
        for second in policies[1:]:
            apart = measured_apart(first, second)
            for term in second.terms.inputs:
                if term.name in apart:
                    self.plan.append((1, term.name, f"{term.name}{B_COLUMN}"))
                elif term.name not in known:
                    self.plan.append((1, term.name, term.name))
        self.measured = sorted({which for which, _, _ in self.plan})
        """The policies to measure for; a second one that adds no column has all its inputs from the first."""
        self.columns = (*_OWN, *(column for _, _, column in self.plan))
        self.rows = 0
        self.unmeasured: dict[str, int] = {}
        self.named: list[Unmeasured] = []

    def refuse(self, store_id: str, as_of: date, problem: str) -> None:
        self.unmeasured[problem] = self.unmeasured.get(problem, 0) + 1
        if len(self.named) < NAMED_MAX:
            self.named.append(Unmeasured(store_id=store_id, as_of=as_of, problem=problem))


async def take_snapshots(
    connection: Connection,
    policies: Sequence[Policy],
    out: Path,
    *,
    moments: Sequence[Moment],
    backfilled: bool = False,
    on_progress: Progress = lambda _done, _of, _word: None,
) -> Snapshots:
    """Write the inputs of one policy or two, for every store that existed at each of the `moments`, which must be in
    order and not lie ahead.

    What a facility has left is not kept: a partner's headroom is all that it commits now. Raises ValueError for
    policies of different time zones, and for no moment.
    """
    if len({policy.terms.timezone for policy in policies}) != 1 or not moments:
        raise ValueError("snapshots need one or two policies of one time zone, and at least one moment")
    headroom = {row[0]: row[1] for row in await connection.fetch(_SQL["committed"])}
    total = await connection.fetchval(_SQL["count_stores"])
    taken = _Taken(policies)
    done = 0
    after = ""
    # Beside the file, so that neither what is gathered nor the answer passes through memory.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        with duckdb.connect(f"{folder}/taken.duckdb") as gathered:
            kinds = ", ".join(f'"{name}" {_KINDS.get(name, "BIGINT")}' for name in taken.columns)
            gathered.execute(f"CREATE TABLE taken ({kinds})")
            while page := await connection.fetch(_SQL["stores_page"], after, PAGE_STORES):
                after = page[-1][0]
                histories = await _histories(connection, page, policies[0], moments)
                rows = [
                    row
                    for history in histories
                    for row in _rows(taken, policies, history, moments, headroom, backfilled=backfilled)
                ]
                _add(gathered, taken, rows)
                done += len(page)
                on_progress(done, max(total, done), f"stores, {taken.rows} snapshots")
            _write(gathered, Path(folder) / out.name, policies)
        (Path(folder) / out.name).replace(out)
    return Snapshots(
        file=str(out),
        rows=taken.rows,
        stores=done,
        moments=tuple(moment.day for moment in moments),
        columns=taken.columns,
        unmeasured=dict(sorted(taken.unmeasured.items())),
        named=tuple(taken.named),
    )


async def _histories(
    connection: Connection, page: Sequence[Any], policy: Policy, moments: Sequence[Moment]
) -> list[StoreHistory]:
    """All that is recorded of the stores of a page, up to the last moment."""
    ids = [row[0] for row in page]
    first, last = moments[0], moments[-1]
    this_month = last.day.replace(day=1)
    since = add_months(first.day.replace(day=1), -_METRICS_MONTHS)
    revisions: dict[str, list[Revision]] = {}
    for store_id, recorded_at, *values in await connection.fetch(_SQL["revisions"], ids, since, this_month):
        metrics = MonthMetrics(**dict(zip(MonthMetrics.__struct_fields__, values, strict=True)))
        revisions.setdefault(store_id, []).append(Revision(metrics, recorded_at))
    facts: dict[str, list[KnownFact]] = {}
    for store_id, recorded_at, kind, occurred_at in await connection.fetch(_SQL["facts"], ids, last.at):
        facts.setdefault(store_id, []).append(
            KnownFact(Fact(kind=kind, occurred_at=occurred_at), recorded_at)
        )
    assessments: dict[str, list[PastAssessment]] = {}
    for store_id, *values in await connection.fetch(_SQL["assessments"], ids, last.at):
        assessments.setdefault(store_id, []).append(PastAssessment(*values))
    withdrawals: dict[str, list[PastWithdrawal]] = {}
    for store_id, *values in await connection.fetch(_SQL["withdrawals"], ids, last.at):
        withdrawals.setdefault(store_id, []).append(PastWithdrawal(*values))
    zone = policy.zone
    start = midnight(add_months(first.day.replace(day=1), -1), zone)
    ordered: dict[str, dict[date, int]] = {}
    for store_id, month, amount in await connection.fetch(
        _SQL["ordered"], ids, start, midnight(this_month, zone), policy.terms.timezone
    ):
        ordered.setdefault(store_id, {})[month] = amount
    return [
        StoreHistory(
            store_id=store_id,
            category=category,
            store=StoreFacts(level=level, opened_on=opened_on, phone_kind=phone_kind),
            recorded_at=recorded_at,
            revisions=revisions.get(store_id, ()),
            facts=facts.get(store_id, ()),
            assessments=assessments.get(store_id, ()),
            withdrawals=withdrawals.get(store_id, ()),
            ordered=ordered.get(store_id, {}),
        )
        for store_id, category, level, opened_on, phone_kind, recorded_at in page
    ]


def _rows(
    taken: _Taken,
    policies: Sequence[Policy],
    history: StoreHistory,
    moments: Sequence[Moment],
    headroom: dict[str, int],
    *,
    backfilled: bool,
) -> list[Row]:
    made: list[Row] = []
    for moment in moments:
        if not history.existed(moment, backfilled=backfilled):
            continue
        try:
            measured = [
                inputs_at(policies[which], history, moment, headroom=headroom, backfilled=backfilled)
                for which in taken.measured
            ]
            for policy in policies[len(measured) :]:
                check_ranges(policy, measured[0])
        except (InputMissing, InputInvalid) as error:
            taken.refuse(history.store_id, moment.day, problem_of(error))
            continue
        inputs = [measured[which][name] for which, name, _ in taken.plan]
        made.append([history.store_id, moment.day, history.category, history.ordered_before(moment), *inputs])
    return made


def _add(gathered: duckdb.DuckDBPyConnection, taken: _Taken, rows: list[Row]) -> None:
    if not rows:
        return
    columns = ", ".join(
        f"unnest(${nth}::{_KINDS.get(name, 'BIGINT')}[])" for nth, name in enumerate(taken.columns, 1)
    )
    # By column: one parameter each, however many rows there are.
    gathered.execute(
        f"INSERT INTO taken SELECT {columns}", [list(column) for column in zip(*rows, strict=True)]
    )
    taken.rows += len(rows)


def _write(gathered: duckdb.DuckDBPyConnection, file: Path, policies: Sequence[Policy]) -> None:
    target = str(file).replace("'", "''")
    measured_for = ",".join(policy.sha256 for policy in policies)
    gathered.execute(
        f"COPY taken TO '{target}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{measured_for: '{measured_for}'}})"
    )
