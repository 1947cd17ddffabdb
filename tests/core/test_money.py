"""Shares name their rounding, and amounts read as people write them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.core.money import MAX_AMOUNT, in_words, share_floor, share_half_up


@given(st.integers(0, MAX_AMOUNT), st.integers(0, 10_000))
def test_a_share_in_basis_points_is_rounded_down(amount: int, bp: int) -> None:
    exact = Fraction(amount * bp, 10_000)
    assert 0 <= exact - share_floor(amount, bp) < 1


@given(st.integers(0, MAX_AMOUNT), st.integers(0, 1_000_000))
def test_a_share_in_parts_per_million_is_rounded_half_up(amount: int, ppm: int) -> None:
    exact = Fraction(amount * ppm, 1_000_000)
    assert Fraction(-1, 2) <= exact - share_half_up(amount, ppm) < Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "ppm", "share"),
    [(0, 6_000, 0), (83, 6_000, 0), (84, 6_000, 1), (250, 6_000, 2), (249, 6_000, 1), (1, 500_000, 1)],
)
def test_half_a_fen_goes_up(amount: int, ppm: int, share: int) -> None:
    assert share_half_up(amount, ppm) == share


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (0, "CNY", "¥0.00"),
        (5, "CNY", "¥0.05"),
        (123_450, "CNY", "¥1,234.50"),
        (-123_450, "CNY", "-¥1,234.50"),
        (-5, "CNY", "-¥0.05"),
        (123_450, "USD", "USD 1,234.50"),
        (MAX_AMOUNT, "CNY", "¥90,071,992,547,409.91"),
    ],
)
def test_an_amount_reads_as_people_write_it(amount: int, currency: str, words: str) -> None:
    assert in_words(amount, currency) == words
