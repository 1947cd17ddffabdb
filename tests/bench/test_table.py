"""What is said of samples: medians, ratios within a round, bars."""

import pytest

from houfu.bench.table import ROWS, Sample, bars_of, milliseconds, rows_of, times


def rates(*values: int) -> list[Sample]:
    return [Sample(value) for value in values]


def test_a_row_shows_median_and_extremes_and_the_median_of_its_ratios() -> None:
    samples = {"tpcb": rates(100, 200, 50), "engine_spread": rates(500, 600, 400)}
    tpcb, engine = rows_of(samples)
    assert (engine.per_second.median, engine.per_second.least, engine.per_second.most) == (500, 400, 600)
    assert engine.of_tpcb_percent is not None
    assert engine.of_tpcb_percent.median == 500  # of 500, 300 and 800
    assert tpcb.of_tpcb_percent is not None
    assert tpcb.of_tpcb_percent.median == 100


def test_rows_come_in_one_order_whatever_was_asked() -> None:
    samples = {name: rates(1) for name in reversed(list(ROWS))}
    assert [row.name for row in rows_of(samples)] == list(ROWS)


def test_without_tpcb_there_is_no_ratio_to_it() -> None:
    assert rows_of({"engine_spread": rates(5)})[0].of_tpcb_percent is None
    assert bars_of({"engine_spread": rates(5)}) == []


@pytest.mark.parametrize(
    ("row", "base", "bar", "reaches", "misses"),
    [
        ("engine_spread", "tpcb", "engine", 500, 499),
        ("engine_hot", "engine_spread", "engine_hot", 100, 99),
        ("http_spread", "tpcb", "http", 150, 149),
        ("http_hot", "http_spread", "http_hot", 100, 99),
        ("http_batch", "tpcb", "http_batch", 400, 399),
        ("http_aged", "http_spread", "history", 90, 89),
        ("http_spread", "function_spread", "aim", 100, 99),
    ],
)
def test_a_bar_is_reached_from_its_limit_on(row: str, base: str, bar: str, reaches: int, misses: int) -> None:
    for rate, reached in ((reaches, True), (misses, False)):
        found = {one.name: one.reached for one in bars_of({base: rates(100), row: rates(rate)})}
        assert found[bar] is reached


@pytest.mark.parametrize(("p99_us", "reached"), [(29_999, True), (30_000, False)])
def test_the_tail_has_a_bar(p99_us: int, reached: bool) -> None:
    (bar,) = bars_of({"http_spread": [Sample(1, 10, p99_us)]})
    assert (bar.name, bar.reached) == ("http_p99", reached)


def test_figures_are_put_in_words() -> None:
    assert [times(523), times(7), times(1200)] == ["5.23x", "0.07x", "12.00x"]
    assert [milliseconds(14_349), milliseconds(14_350), milliseconds(0)] == ["14.3 ms", "14.4 ms", "0.0 ms"]
