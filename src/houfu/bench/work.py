"""One measured piece of work, in a process of its own: `python -m houfu.bench.work < job.json`.

Nothing else runs in the process, so that its peak memory is the work's, and no work warms the next one's heap.
"""

import gc
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median_low
from time import perf_counter_ns
from typing import Final

import duckdb
import msgspec

from houfu.bench.floor import floor_statement
from houfu.bench.memory import peak_memory_kb
from houfu.bench.parity import Parity, Sums, compare_with_python, sums_of
from houfu.bench.stores import stores_statement, write_stores
from houfu.bench.zen import ANSWERS, zen_decision
from houfu.policy.backtest import backtest
from houfu.policy.compile import compile_policy
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.engines.batch import EngineFailed
from houfu.policy.engines.duckdb import run_on_duckdb
from houfu.policy.engines.spark import run_on_spark
from houfu.policy.evaluate import evaluate

PROVEN_ROWS: Final = 50_000
"""About as many stores are decided about by Python too."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, with `stores` stores drawn from `seed`; `source` is their file, `target` where answers go.

    `memory_mb` is what an engine may use before it writes to disk."""

    work: str
    stores: int
    seed: int = 0
    source: str = ""
    target: str = ""
    memory_mb: int = 0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How long it took in nanoseconds: of a table the whole, once for each time that it was done; of single
    decisions each at the median, at 99 of 100, and on average without a look at the clock between them.

    `parity` and `sums` are what was found out about the answers, `limits` the sum of the limits that a backtest found
    under the policy, fen. `unavailable` says why the work was not done at all."""

    took_ns: Sequence[int] = ()
    p50_ns: int = 0
    p99_ns: int = 0
    mean_ns: int = 0
    peak_kb: int = 0
    parity: Parity | None = None
    sums: Sums | None = None
    limits: int | None = None
    unavailable: str | None = None


class WrongAnswer(RuntimeError):
    """Two that must say the same do not; a comparison of their speed would mean nothing."""


def carry_out(job: Job) -> Done:
    """Do the work and measure it."""
    return _WORKS[job.work](job)


def candidate_policy() -> Policy:
    """The other version of a backtest: the shipped policy with a rating boost of 25% instead of 20%."""
    text = shipped_text().replace("base * 2000 // 10000", "base * 2500 // 10000")
    return load_policy(text.replace("version: 1", "version: 2", 1))


def _compiled(job: Job) -> Done:
    return _each(compile_policy(shipped_policy()).decide, _drawn(job))


def _evaluated(job: Job) -> Done:
    policy = shipped_policy()
    return _each(lambda inputs: evaluate(policy, inputs), _drawn(job))


def _zen(job: Job) -> Done:
    policy = shipped_policy()
    stores = _drawn(job)
    try:
        peer = zen_decision(policy)
    except ModuleNotFoundError:
        return Done(unavailable="zen-engine is not installed: it comes with the extra `bench`")
    decide = compile_policy(policy).decide
    for inputs in stores:
        total, base, score, *_ = decide(inputs)
        said = peer(inputs)
        if (total, base, score) != tuple(said[name] for name in ANSWERS[:3]):
            raise WrongAnswer(
                f"zen-engine's graph says {said} of {inputs}, the policy {total}, {base}, {score}"
            )
    return _each(peer, stores)


def _drawn(job: Job) -> list[dict[str, int]]:
    """Stores' inputs, in memory."""
    with duckdb.connect() as connection:
        cursor = connection.execute(stores_statement(job.stores, seed=job.seed))
        names = [column[0] for column in cursor.description or ()][1:]
        return [dict(zip(names, row[1:], strict=True)) for row in cursor.fetchall()]


def _each(decide: Callable[[Mapping[str, int]], object], stores: Sequence[Mapping[str, int]]) -> Done:
    """Decide about every store twice: timed one by one, then all together."""
    took = [0] * len(stores)
    for inputs in stores[: len(stores) // 10]:
        decide(inputs)
    gc.collect()
    for nth, inputs in enumerate(stores):
        start = perf_counter_ns()
        decide(inputs)
        took[nth] = perf_counter_ns() - start
    start = perf_counter_ns()
    for inputs in stores:
        decide(inputs)
    together = perf_counter_ns() - start
    took.sort()
    return Done(
        p50_ns=median_low(took),
        p99_ns=took[len(took) * 99 // 100],
        mean_ns=together // len(stores),
        peak_kb=peak_memory_kb(),
    )


def _floor(job: Job) -> Done:
    statement = floor_statement(shipped_policy(), f"read_parquet('{_text(job.source)}')")

    def copy() -> None:
        with duckdb.connect() as connection:
            connection.execute(f"SET memory_limit = '{_memory(job)}'")
            connection.execute(f"COPY ({statement}) TO '{_text(job.target)}' (FORMAT parquet)")

    return _timed(copy)


def _duckdb(job: Job) -> Done:
    def run() -> None:
        run_on_duckdb(
            shipped_policy(), Path(job.source), Path(job.target), memory=_memory(job), advance=_unheard
        )

    return _timed(run)


def _prove(job: Job) -> Done:
    """DuckDB's answers, and what Python says of some of the stores."""
    done = _duckdb(job)
    parity = compare_with_python(
        shipped_policy(), job.source, job.target, rows=min(PROVEN_ROWS, job.stores), of=job.stores
    )
    return msgspec.structs.replace(done, parity=parity, sums=sums_of(job.target))


def _backtest(job: Job) -> Done:
    candidate = candidate_policy()
    found: list[int] = []

    def run() -> None:
        told = backtest(shipped_policy(), candidate, Path(job.source), memory_limit=_memory(job))
        found.append(told.whole.exposure_a)

    return msgspec.structs.replace(_timed(run), limits=found[0])


def _spark(job: Job) -> Done:
    """Twice: the second time its Java runs already and knows the way. It still runs when its memory is looked at."""

    def run() -> None:
        run_on_spark(
            shipped_policy(), job.source, job.target, remote=None, master="local[*]", advance=_unheard
        )

    try:
        cold = _timed(run)
    except EngineFailed as failed:
        return Done(unavailable=f"{failed}. {failed.remedy}")
    shutil.rmtree(job.target)
    warm = _timed(run)
    return msgspec.structs.replace(
        warm, took_ns=(*cold.took_ns, *warm.took_ns), sums=sums_of(f"{job.target}/*.parquet")
    )


def _timed(run: Callable[[], None]) -> Done:
    start = perf_counter_ns()
    run()
    return Done(took_ns=(perf_counter_ns() - start,), peak_kb=peak_memory_kb())


def _write(job: Job) -> Done:
    return _timed(lambda: write_stores(Path(job.source), job.stores, seed=job.seed))


def _write_snapshots(job: Job) -> Done:
    return _timed(lambda: write_stores(Path(job.source), job.stores, seed=job.seed, as_of=_SNAPSHOT_DAY))


def _unheard(_done: int, _of: int, _what: str) -> None:
    """Nobody watches."""


def _memory(job: Job) -> str:
    return f"{job.memory_mb}MiB"


def _text(path: str) -> str:
    return path.replace("'", "''")


_SNAPSHOT_DAY: Final = date(2026, 1, 1)

_WORKS: Final[Mapping[str, Callable[[Job], Done]]] = {
    "compiled": _compiled,
    "evaluated": _evaluated,
    "zen": _zen,
    "floor": _floor,
    "duckdb": _duckdb,
    "backtest": _backtest,
    "spark": _spark,
    "prove": _prove,
    "write": _write,
    "write_snapshots": _write_snapshots,
}


if __name__ == "__main__":
    done = carry_out(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))
    sys.stdout.write("\n" + msgspec.json.encode(done).decode() + "\n")
