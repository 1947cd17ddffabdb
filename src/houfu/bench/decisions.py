"""What was measured of the policy engine: samples of rows over rounds, their medians, ratios and bars."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from houfu.bench.table import Bar, Spread, spread, times

SINGLE: Final[Mapping[str, str]] = {
    "compiled": "compiled policy, Python",
    "evaluated": "  with every reason in words",
    "zen": "zen-engine, the same decision",
}
"""Rows that decide about one store at a time, beside `compiled`."""

TABLES: Final[Mapping[str, str]] = {
    "floor": "floor: DuckDB reads and writes, decides nothing",
    "duckdb": "houfu policy evaluate --batch, DuckDB",
    "backtest": "houfu policy backtest, two versions",
    "spark_cold": "Spark, local, with its start",
    "spark_warm": "  once more in the same Java",
}
"""Rows that go through a file of stores, beside `floor`."""

ROWS: Final = (*TABLES, *SINGLE)
"""Every row there is, in the order in which a round goes through them."""

P50_NS_MAX: Final = 10_000
P99_NS_MAX: Final = 200_000


class Single(msgspec.Struct, frozen=True):
    """One decision in one round, nanoseconds: the median and the 99th of 100 with a look at the clock before and
    after each, and the mean without."""

    p50_ns: int
    p99_ns: int
    mean_ns: int


class Table(msgspec.Struct, frozen=True):
    """A file of stores in one round: nanoseconds from reading to having written, and the peak of resident memory."""

    took_ns: int
    peak_kb: int


class SingleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the first table; the ratio is of the medians, in percent of the compiled policy's in the same round.
    `unavailable` says why there are no figures."""

    name: str
    label: str
    p50_ns: Spread | None = None
    p99_ns: Spread | None = None
    mean_ns: Spread | None = None
    of_compiled_percent: Spread | None = None
    unavailable: str | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the second table; the ratio is of the time, in percent of the floor's in the same round."""

    name: str
    label: str
    took_ms: Spread | None = None
    stores_per_second: Spread | None = None
    of_floor_percent: Spread | None = None
    peak_mb: Spread | None = None
    unavailable: str | None = None


def single_rows(samples: Mapping[str, Sequence[Single]], unavailable: Mapping[str, str]) -> list[SingleRow]:
    """The rows of SINGLE that were measured, or could not be."""
    return [
        SingleRow(
            name=name,
            label=label,
            p50_ns=spread([one.p50_ns for one in samples[name]]),
            p99_ns=spread([one.p99_ns for one in samples[name]]),
            mean_ns=spread([one.mean_ns for one in samples[name]]),
            of_compiled_percent=_percent(
                [one.p50_ns for one in samples[name]], [one.p50_ns for one in samples.get("compiled", ())]
            ),
        )
        if samples.get(name)
        else SingleRow(name=name, label=label, unavailable=unavailable[name])
        for name, label in SINGLE.items()
        if samples.get(name) or name in unavailable
    ]


def table_rows(
    samples: Mapping[str, Sequence[Table]], unavailable: Mapping[str, str], *, stores: int
) -> list[TableRow]:
    """The rows of TABLES that were measured, or could not be."""
    return [
        TableRow(
            name=name,
            label=label,
            took_ms=spread([one.took_ns // 1_000_000 for one in samples[name]]),
            stores_per_second=spread([stores * 1_000_000_000 // one.took_ns for one in samples[name]]),
            of_floor_percent=_percent(
                [one.took_ns for one in samples[name]], [one.took_ns for one in samples.get("floor", ())]
            ),
            peak_mb=spread([one.peak_kb // 1024 for one in samples[name]]),
        )
        if samples.get(name)
        else TableRow(name=name, label=label, unavailable=unavailable[name])
        for name, label in TABLES.items()
        if samples.get(name) or name in unavailable
    ]


def bars_of(single: Sequence[SingleRow], tables: Sequence[TableRow]) -> list[Bar]:
    """The bars whose rows were measured."""
    found: list[Bar] = []
    for row in single:
        if row.name == "compiled" and row.p50_ns and row.p99_ns:
            found += [
                Bar(
                    name="decision_p50",
                    asked="half of the compiled decisions under 10 µs",
                    measured=microseconds(row.p50_ns.median),
                    reached=row.p50_ns.median < P50_NS_MAX,
                ),
                Bar(
                    name="decision_p99",
                    asked="99 of 100 under 0.2 ms",
                    measured=microseconds(row.p99_ns.median),
                    reached=row.p99_ns.median < P99_NS_MAX,
                ),
            ]
    below = {
        "duckdb": ("DuckDB under 2 times the floor", 200),
        "backtest": ("a backtest under 4 times the floor", 400),
    }
    for row in tables:
        if row.name in below and row.of_floor_percent:
            asked, percent = below[row.name]
            ratio = row.of_floor_percent.median
            found.append(Bar(name=row.name, asked=asked, measured=times(ratio), reached=ratio < percent))
    return found


def microseconds(nanoseconds: int) -> str:
    """A duration in words, rounded half up to a hundredth: 3,149 ns are 3.15 µs."""
    hundredths = (nanoseconds + 5) // 10
    return f"{hundredths // 100}.{hundredths % 100:02d} µs"


def seconds(milliseconds: int) -> str:
    """A duration in words, rounded half up to a hundredth."""
    hundredths = (milliseconds + 5) // 10
    return f"{hundredths // 100}.{hundredths % 100:02d} s"


def _percent(mine: Sequence[int], other: Sequence[int]) -> Spread | None:
    """The ratios of each round: drift of the machine hits both sides of one."""
    ratios = [a * 100 // b for a, b in zip(mine, other, strict=False) if b]
    return spread(ratios) if ratios else None
