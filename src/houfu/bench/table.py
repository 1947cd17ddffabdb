"""What was measured, side by side: samples of rows over rounds, their medians, ratios and bars."""

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Final

import msgspec

ROWS: Final[Mapping[str, str]] = {
    "tpcb": "pgbench TPC-B, 8 clients",
    "function_spread": "pgbench, one SQL function per call",
    "function_hot": "  on one hot store",
    "engine_spread": "engine in process, 400 in flight",
    "engine_hot": "  on one hot store",
    "engine_capture": "  capture",
    "engine_repay": "  repay",
    "http_empty": "HTTP, an empty handler (load generator's limit)",
    "http_spread": "HTTP single calls, 64 connections",
    "http_aged": "  after older postings",
    "http_hot": "  on one hot store",
    "http_batch": "  batches of 100, 4 connections",
    "http_capture": "  single captures",
    "http_repay": "  single repayments",
}
"""Every row there is, in the order in which a round goes through them."""


class Sample(msgspec.Struct, frozen=True):
    """One row in one round: orders a second, and how long a call took where that was looked at."""

    per_second: int
    p50_us: int | None = None
    p99_us: int | None = None


class Spread(msgspec.Struct, frozen=True):
    """The same figure over all rounds."""

    median: int
    least: int
    most: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: orders a second; calls' microseconds; ratios in percent of TPC-B's rate in the same
    round, None where that was not measured."""

    name: str
    label: str
    per_second: Spread
    of_tpcb_percent: Spread | None
    p50_us: Spread | None
    p99_us: Spread | None


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the product, and what was measured: the median over rounds. `reached` compares the two."""

    name: str
    asked: str
    measured: str
    reached: bool


def rows_of(samples: Mapping[str, Sequence[Sample]]) -> list[Row]:
    """The table's rows, in the order of ROWS; every row has a sample of every round."""
    return [
        Row(
            name=name,
            label=label,
            per_second=spread([sample.per_second for sample in samples[name]]),
            of_tpcb_percent=_ratio(samples, name, "tpcb"),
            p50_us=_latency([sample.p50_us for sample in samples[name]]),
            p99_us=_latency([sample.p99_us for sample in samples[name]]),
        )
        for name, label in ROWS.items()
        if samples.get(name)
    ]


def bars_of(samples: Mapping[str, Sequence[Sample]]) -> list[Bar]:
    """The bars whose rows were measured."""
    found: list[Bar] = []
    for name, wording, row, base, least in (
        ("engine", "engine at least 5 times TPC-B", "engine_spread", "tpcb", 500),
        ("engine_hot", "engine on a hot store no slower than spread", "engine_hot", "engine_spread", 100),
        ("http", "HTTP single at least 1.5 times TPC-B", "http_spread", "tpcb", 150),
        ("http_hot", "HTTP on a hot store no slower than spread", "http_hot", "http_spread", 100),
        ("http_batch", "HTTP batch at least 4 times TPC-B", "http_batch", "tpcb", 400),
        ("history", "HTTP single after older postings within 10%", "http_aged", "http_spread", 90),
        ("aim", "beyond: HTTP single above one SQL function per call", "http_spread", "function_spread", 100),
    ):
        ratio = _ratio(samples, row, base)
        if ratio is not None:
            found.append(
                Bar(name=name, asked=wording, measured=times(ratio.median), reached=ratio.median >= least)
            )
    for row, name, wording in (
        ("http_spread", "http_p99", "HTTP single"),
        ("http_hot", "http_hot_p99", "HTTP single on a hot store"),
    ):
        slowest = _latency([sample.p99_us for sample in samples.get(row, ())])
        if slowest is not None:
            found.append(
                Bar(
                    name=name,
                    asked=f"99 of 100 calls under 30 ms, {wording}",
                    measured=milliseconds(slowest.median),
                    reached=slowest.median < P99_US_MAX,
                )
            )
    return found


P99_US_MAX: Final = 30_000


def times(percent: int) -> str:
    """A ratio in words: 523 is 5.23x."""
    return f"{percent // 100}.{percent % 100:02d}x"


def milliseconds(microseconds: int) -> str:
    """A duration in words, rounded half up to a tenth."""
    tenths = (microseconds + 50) // 100
    return f"{tenths // 10}.{tenths % 10} ms"


def _ratio(samples: Mapping[str, Sequence[Sample]], row: str, base: str) -> Spread | None:
    """The median of the ratios of each round: drift of the machine hits both sides of one."""
    pairs = [
        (sample.per_second, beside.per_second)
        for sample, beside in zip(samples.get(row, ()), samples.get(base, ()), strict=False)
        if beside.per_second
    ]
    return spread([mine * 100 // other for mine, other in pairs]) if pairs else None


def _latency(values: Sequence[int | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return spread(known) if known else None


def spread(values: Sequence[int]) -> Spread:
    """The median (of an even number the lower of the middle two) and the extremes; there must be a value."""
    return Spread(median_low(values), min(values), max(values))
