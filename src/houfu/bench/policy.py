"""`houfu bench policy`: one decision, and files of stores, side by side in one run.

Every round goes through all rows, so that drift of the machine hits all of them; every piece of work has a process of
its own. No figure is given of an engine whose answers differ from the Python function's.
"""

import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import Final, Literal

import msgspec

from houfu.bench.decisions import (
    ROWS,
    SINGLE,
    Single,
    SingleRow,
    Table,
    TableRow,
    bars_of,
    single_rows,
    table_rows,
)
from houfu.bench.machine import Machine, this_machine
from houfu.bench.parity import Parity, Sums
from houfu.bench.processes import work
from houfu.bench.table import Bar
from houfu.bench.work import Done, Job, WrongAnswer
from houfu.policy.document import shipped_policy

ENGINES: Final = ("duckdb", "pyspark", "zen-engine")
SLOW_SHARE: Final = 10
"""zen-engine decides about a tenth of the stores: it takes that much longer."""

OnProgress = Callable[[str, int, int], None]
"""Told what is going on, and how far it is, of how far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `folder` takes the files, some 100 bytes a store; what is put there goes again."""

    rows: Sequence[str] = ROWS
    rounds: int = 3
    stores: int = 10_000_000
    decisions: int = 20_000
    memory_mb: int = 4_096
    seed: int = 1
    folder: Path


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, where, and what was reached. `input_bytes` is the stores' file, `parity` the proof that
    DuckDB says what Python says, None where no row needed it."""

    benchmark: Literal["policy"] = "policy"
    machine: Machine
    engines: dict[str, str | None]
    policy_sha256: str
    rounds: int
    stores: int
    decisions: int
    memory_mb: int
    input_bytes: int
    parity: Parity | None
    single: list[SingleRow]
    tables: list[TableRow]
    bars: list[Bar]


def measure(plan: Plan, *, on_progress: OnProgress) -> Report:
    """Measure the rows of `plan`.

    Raises ProcessFailed where a piece of work broke off, WrongAnswer where one says something else than Python.
    """
    machine = this_machine()
    policy_sha256 = shipped_policy().sha256
    with _room(plan.folder) as room:
        stand = _Stand(plan, room)
        stand.prepare(on_progress)
        works = list(dict.fromkeys(_work_of(row) for row in ROWS if row in plan.rows))
        steps = plan.rounds * len(works)
        done = count(0)
        for nth in range(plan.rounds):
            for name in works:
                on_progress(f"round {nth + 1} of {plan.rounds}: {name}", next(done), steps)
                stand.measure(name)
        on_progress("measured", steps, steps)
        single = single_rows(stand.single, stand.unavailable)
        tables = table_rows(stand.tables, stand.unavailable, stores=plan.stores)
        return Report(
            machine=machine,
            engines={name: _version(name) for name in ENGINES},
            policy_sha256=policy_sha256,
            rounds=plan.rounds,
            stores=plan.stores,
            decisions=plan.decisions,
            memory_mb=plan.memory_mb,
            input_bytes=stand.source.stat().st_size if stand.source.exists() else 0,
            parity=stand.parity,
            single=single,
            tables=tables,
            bars=bars_of(single, tables),
        )


class _Stand:
    """The files that the rows are measured with, and what was measured so far."""

    def __init__(self, plan: Plan, room: Path) -> None:
        self.plan = plan
        self.room = room
        self.source = room / "stores.parquet"
        self.snapshots = room / "snapshots.parquet"
        self.target = room / "answers.parquet"
        self.parity: Parity | None = None
        self.sums: Sums | None = None
        self.single: dict[str, list[Single]] = {}
        self.tables: dict[str, list[Table]] = {}
        self.unavailable: dict[str, str] = {}

    def prepare(self, on_progress: OnProgress) -> None:
        """Write the stores, and prove that DuckDB and Python agree about them."""
        chosen = set(self.plan.rows)
        if not chosen - SINGLE.keys():
            return
        on_progress("drawing stores", 0, 1)
        self._work(self._job("write"))
        if "backtest" in chosen:
            self._work(msgspec.structs.replace(self._job("write_snapshots"), source=str(self.snapshots)))
        if chosen & {"duckdb", "backtest", "spark_cold", "spark_warm"}:
            on_progress("comparing DuckDB's answers with Python's", 0, 1)
            proof = self._work(self._job("prove"))
            self.parity, self.sums = proof.parity, proof.sums
            if self.parity is not None and self.parity.differing:
                raise WrongAnswer(
                    f"{self.parity.differing} of {self.parity.compared} stores differ, such as "
                    f"{self.parity.examples[0]}"
                )
            _remove(self.target)

    def measure(self, name: str) -> None:
        """Do one piece of work once more, and keep what it took."""
        if name in self.unavailable:
            return
        done = self._work(self._job(name))
        rows = _rows_of(name)
        if done.unavailable is not None:
            self.unavailable.update(dict.fromkeys(rows, done.unavailable))
        elif name in SINGLE:
            self.single.setdefault(name, []).append(Single(done.p50_ns, done.p99_ns, done.mean_ns))
        else:
            self._check(name, done)
            for row, took in zip(rows, done.took_ns, strict=True):
                if row in self.plan.rows:
                    self.tables.setdefault(row, []).append(Table(took, done.peak_kb))
        _remove(self.target)

    def _check(self, name: str, done: Done) -> None:
        """What another engine or a backtest says comes to the same."""
        if self.sums is not None and done.sums not in (None, self.sums):
            raise WrongAnswer(f"{name} gives {done.sums}, DuckDB {self.sums}")
        if self.sums is not None and done.limits not in (None, self.sums.limits):
            raise WrongAnswer(f"{name} adds the limits up to {done.limits} fen, they are {self.sums.limits}")

    def _work(self, job: Job) -> Done:
        return work(job, folder=self.room)

    def _job(self, name: str) -> Job:
        plan = self.plan
        stores = plan.stores
        if name in SINGLE:
            stores = plan.decisions if name != "zen" else max(plan.decisions // SLOW_SHARE, 1)
        return Job(
            work=name,
            stores=stores,
            seed=plan.seed,
            source=str(self.snapshots if name == "backtest" else self.source),
            target=str(self.target),
            memory_mb=plan.memory_mb,
        )


def _work_of(row: str) -> str:
    """The work that measures a row: one run of Spark measures two."""
    return "spark" if row.startswith("spark_") else row


def _rows_of(name: str) -> tuple[str, ...]:
    return tuple(row for row in ROWS if _work_of(row) == name)


@contextmanager
def _room(folder: Path) -> Generator[Path]:
    """A directory of this run's own."""
    folder.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix="bench-", dir=folder))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _remove(target: Path) -> None:
    """An engine writes a file, or a directory of files."""
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
