"""The fee of a withdrawal (D2), against an independent formula in exact fractions."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.core.money import MAX_AMOUNT
from houfu.policy.document import shipped_policy
from houfu.policy.terms import FeeTerm
from houfu.withdrawals.fees import Fee, FeeRule, breakdown_of, computed_anew, fee_of, steps_of

SHIPPED = shipped_policy().terms.withdrawals.fee
THRESHOLD = 50_000_000


def test_the_shipped_policy_charges_what_the_programme_publishes() -> None:
    assert (
        FeeTerm(first_free=True, rate_ppm=6000, minimum=200, year_threshold=THRESHOLD, charge_failed=False)
        == SHIPPED
    )


CASES = [
    # amount, prior_count, prior_year_total, fee, rule
    (1, 0, 0, 0, "first_free"),
    (MAX_AMOUNT, 0, 0, 0, "first_free"),
    (100_000, 0, THRESHOLD + 1, 0, "first_free"),
    (1, 1, 0, 200, "minimum"),
    (10_000, 1, 0, 200, "minimum"),
    (33_249, 1, 0, 200, "minimum"),  # 1.99494 rounds to 1.99
    (33_250, 1, 0, 200, "rate"),  # 1.995 rounds half up to 2.00: the minimum adds nothing
    (33_334, 1, 0, 200, "rate"),
    (33_416, 1, 0, 200, "rate"),  # 2.00496
    (33_417, 1, 0, 201, "rate"),  # 2.00502
    (5_200_000, 1, 0, 31_200, "rate"),
    (1_000_000, 9, THRESHOLD, 6_000, "rate"),
    (1_000_000, 9, THRESHOLD + 1, 0, "year_threshold"),
    (MAX_AMOUNT, 1, 0, 54_043_195_528_446, "rate"),  # 54043195528445.946
]


@pytest.mark.parametrize(("amount", "prior_count", "prior_year_total", "fee", "rule"), CASES)
def test_the_first_rule_that_fits_sets_the_fee(
    amount: int, prior_count: int, prior_year_total: int, fee: int, rule: str
) -> None:
    found = fee_of(SHIPPED, amount, prior_count=prior_count, prior_year_total=prior_year_total)
    assert found == Fee(fee, FeeRule(rule))


def test_a_policy_may_charge_the_first_withdrawal_too() -> None:
    term = FeeTerm(
        first_free=False, rate_ppm=6000, minimum=200, year_threshold=THRESHOLD, charge_failed=False
    )
    assert fee_of(term, 100_000, prior_count=0, prior_year_total=0) == Fee(600, FeeRule.RATE)


TERMS = st.builds(
    FeeTerm,
    first_free=st.booleans(),
    rate_ppm=st.integers(0, 1_000_000),
    minimum=st.integers(0, 100_000),
    year_threshold=st.integers(0, 2**53 - 1),
    charge_failed=st.just(False),
)


@given(TERMS, st.integers(1, MAX_AMOUNT), st.integers(0, 3), st.integers(0, 2**53 - 1))
def test_the_fee_is_the_published_formula(term: FeeTerm, amount: int, count: int, year_total: int) -> None:
    fee = fee_of(term, amount, prior_count=count, prior_year_total=year_total)
    if (term.first_free and count == 0) or year_total > term.year_threshold:
        assert fee.amount == 0
        assert fee.rule in (FeeRule.FIRST_FREE, FeeRule.YEAR_THRESHOLD)
        return
    exact = Fraction(amount) * Fraction(term.rate_ppm, 1_000_000)
    whole = exact.numerator // exact.denominator
    rounded = whole + 1 if exact - whole >= Fraction(1, 2) else whole
    assert fee.amount == max(rounded, term.minimum)
    assert fee.rule is (FeeRule.MINIMUM if term.minimum > rounded else FeeRule.RATE)


@given(st.integers(1, 10**12))
def test_the_rate_rounds_as_decimal_arithmetic_rounds_half_up(amount: int) -> None:
    fee = fee_of(SHIPPED, amount, prior_count=1, prior_year_total=0)
    yuan = (Decimal(amount) / 100 * Decimal("0.006")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert fee.amount == max(200, int(yuan * 100))


@given(st.integers(1, 10**9))
def test_one_fen_more_never_leaves_less(amount: int) -> None:
    less = amount - fee_of(SHIPPED, amount, prior_count=1, prior_year_total=0).amount
    more = amount + 1 - fee_of(SHIPPED, amount + 1, prior_count=1, prior_year_total=0).amount
    assert more >= less


@given(TERMS, st.integers(1, MAX_AMOUNT), st.integers(0, 3), st.integers(0, 2**53 - 1))
def test_a_breakdown_gives_its_fee_again_and_the_exact_fraction_before_rounding(
    term: FeeTerm, amount: int, count: int, year_total: int
) -> None:
    fee = fee_of(term, amount, prior_count=count, prior_year_total=year_total)
    told = breakdown_of(
        term, amount, prior_count=count, prior_year_total=year_total, policy_version=1, policy_sha256="0" * 64
    )
    kept = msgspec.json.decode(msgspec.json.encode(told), type=type(told))
    assert computed_anew(kept) == fee == Fee(told.fee, told.rule)
    if fee.rule in (FeeRule.RATE, FeeRule.MINIMUM):
        assert Fraction(int(told.numerator), int(told.denominator)) == Fraction(
            amount * term.rate_ppm, 1_000_000
        )
    assert steps_of(kept, "CNY", "zh")
    assert steps_of(kept, "CNY", "en")


STEPS = [
    (100_000, 0, 0, ["No withdrawal came before", "The first is free", "The fee is ¥0.00"]),
    (
        33_417,
        1,
        0,
        [
            "A withdrawal came before",
            "¥0.00 was paid in this calendar year before, not more than ¥500,000.00",
            "¥334.17 x 0.6% = 200.502 fen, rounded half up to the fen: ¥2.01",
            "The fee is ¥2.01",
        ],
    ),
    (
        1_000,
        1,
        THRESHOLD,
        [
            "A withdrawal came before",
            "¥500,000.00 was paid in this calendar year before, not more than ¥500,000.00",
            "¥10.00 x 0.6% = 6 fen, rounded half up to the fen: ¥0.06",
            "Less than the minimum of ¥2.00: ¥2.00 is due",
            "The fee is ¥2.00",
        ],
    ),
    (
        1_000,
        1,
        THRESHOLD + 1,
        [
            "A withdrawal came before",
            "¥500,000.01 was paid in this calendar year before, more than ¥500,000.00: it is free",
            "The fee is ¥0.00",
        ],
    ),
]


@pytest.mark.parametrize(("amount", "count", "year_total", "steps"), STEPS)
def test_the_steps_to_a_fee_are_told_in_words(
    amount: int, count: int, year_total: int, steps: list[str]
) -> None:
    told = breakdown_of(
        SHIPPED, amount, prior_count=count, prior_year_total=year_total, policy_version=1, policy_sha256=""
    )
    assert list(steps_of(told, "CNY", "en")) == steps
    assert len(steps_of(told, "CNY", "zh")) == len(steps)
