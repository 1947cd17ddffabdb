"""What is said of decisions: medians, ratios within a round, bars."""

import pytest

from houfu.bench.decisions import (
    Single,
    Table,
    bars_of,
    microseconds,
    seconds,
    single_rows,
    table_rows,
)


def tables(*took_ms: int) -> list[Table]:
    return [Table(took * 1_000_000, 2_048) for took in took_ms]


def test_a_file_of_stores_has_its_ratio_to_the_floor_of_the_same_round() -> None:
    floor, engine = table_rows(
        {"floor": tables(100, 200, 50), "duckdb": tables(150, 220, 200)}, {}, stores=1_000
    )
    assert engine.of_floor_percent is not None
    assert engine.took_ms is not None
    assert engine.peak_mb is not None
    assert floor.stores_per_second is not None
    assert engine.of_floor_percent.median == 150  # of 150, 110 and 400
    assert (engine.took_ms.median, engine.took_ms.least, engine.took_ms.most) == (200, 150, 220)
    assert engine.peak_mb.median == 2
    assert floor.stores_per_second.median == 10_000


def test_a_row_that_cannot_be_measured_says_why_and_has_no_bar() -> None:
    rows = table_rows({"floor": tables(100)}, {"duckdb": "it is away"}, stores=1)
    assert [(row.name, row.unavailable) for row in rows] == [("floor", None), ("duckdb", "it is away")]
    (peer,) = single_rows({}, {"zen": "it is not installed"})
    assert (peer.name, peer.p50_ns, peer.unavailable) == ("zen", None, "it is not installed")
    assert bars_of([peer], rows) == []


def test_single_decisions_are_compared_by_their_medians() -> None:
    rows = single_rows({"compiled": [Single(3_000, 4_000, 3_100)], "zen": [Single(90_000, 99_000, 1)]}, {})
    assert [row.of_compiled_percent.median for row in rows if row.of_compiled_percent] == [100, 3_000]


@pytest.mark.parametrize(("row", "reaches", "misses"), [("duckdb", 199, 200), ("backtest", 399, 400)])
def test_a_file_must_stay_below_its_bar(row: str, reaches: int, misses: int) -> None:
    for took, reached in ((reaches, True), (misses, False)):
        (bar,) = bars_of([], table_rows({"floor": tables(100), row: tables(took)}, {}, stores=1))
        assert (bar.name, bar.reached) == (row, reached)


@pytest.mark.parametrize(
    ("p50_ns", "p99_ns", "reached"),
    [(9_999, 199_999, [True, True]), (10_000, 199_999, [False, True]), (9_999, 200_000, [True, False])],
)
def test_one_decision_must_stay_below_its_bars(p50_ns: int, p99_ns: int, reached: list[bool]) -> None:
    bars = bars_of(single_rows({"compiled": [Single(p50_ns, p99_ns, 1)]}, {}), [])
    assert [bar.reached for bar in bars] == reached


def test_figures_are_put_in_words() -> None:
    assert [microseconds(3_149), microseconds(4), microseconds(5)] == ["3.15 µs", "0.00 µs", "0.01 µs"]
    assert [seconds(1_234), seconds(1_235)] == ["1.23 s", "1.24 s"]
