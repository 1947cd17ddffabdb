"""What a withdrawal costs (D2)."""

from dataclasses import dataclass
from enum import StrEnum

from houfu.core.money import share_half_up
from houfu.policy.terms import FeeTerm


class FeeRule(StrEnum):
    """Which rule set the fee."""

    FIRST_FREE = "first_free"
    YEAR_THRESHOLD = "year_threshold"
    MINIMUM = "minimum"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee in fen, and the rule it follows from."""

    amount: int
    rule: FeeRule


def fee_of(term: FeeTerm, amount: int, *, prior_count: int, prior_year_total: int) -> Fee:
    """The fee on withdrawing `amount` fen; the first rule that fits decides.

    Free as the store's first (`prior_count` is 0); free once the calendar year's paid total is strictly over
    the threshold; else the rate, rounded half up to the fen, and the minimum only where it is more than that.
    """
    if term.first_free and prior_count == 0:
        return Fee(0, FeeRule.FIRST_FREE)
    if prior_year_total > term.year_threshold:
        return Fee(0, FeeRule.YEAR_THRESHOLD)
    by_rate = share_half_up(amount, term.rate_ppm)
    if term.minimum > by_rate:
        return Fee(term.minimum, FeeRule.MINIMUM)
    return Fee(by_rate, FeeRule.RATE)
