"""What a withdrawal costs (D2), and how that came about: inputs, rule and rounding, kept for ever (D4)."""

from enum import StrEnum
from typing import Final, Literal

import msgspec

from houfu.core.money import in_words, share_half_up
from houfu.core.reason import Language
from houfu.policy.figures import figure
from houfu.policy.terms import FeeTerm

_MILLION: Final = 1_000_000


class FeeRule(StrEnum):
    """Which rule set the fee."""

    FIRST_FREE = "first_free"
    YEAR_THRESHOLD = "year_threshold"
    MINIMUM = "minimum"
    RATE = "rate"


class Fee(msgspec.Struct, frozen=True, gc=False):
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


class FeeBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a fee follows from, and what followed. Amounts in fen.

    `prior_count` is 1 where any withdrawal came before, else 0: more the fee does not ask. The rate gives exactly
    `numerator` / `denominator` fen, which may have more digits than a JSON reader holds; "0" / "1" where a rule made
    the withdrawal free.
    """

    amount: int
    first_free: bool
    rate_ppm: int
    minimum: int
    year_threshold: int
    prior_count: int
    prior_year_total: int
    policy_version: int
    policy_sha256: str
    rule: FeeRule
    rounding: Literal["half_up"]
    numerator: str
    denominator: str
    fee: int


def breakdown_of(
    term: FeeTerm,
    amount: int,
    *,
    prior_count: int,
    prior_year_total: int,
    policy_version: int,
    policy_sha256: str,
) -> FeeBreakdown:
    """The fee of `fee_of` with all it follows from."""
    fee = fee_of(term, amount, prior_count=prior_count, prior_year_total=prior_year_total)
    by_rate = fee.rule in (FeeRule.RATE, FeeRule.MINIMUM)
    return FeeBreakdown(
        amount=amount,
        first_free=term.first_free,
        rate_ppm=term.rate_ppm,
        minimum=term.minimum,
        year_threshold=term.year_threshold,
        prior_count=min(prior_count, 1),
        prior_year_total=prior_year_total,
        policy_version=policy_version,
        policy_sha256=policy_sha256,
        rule=fee.rule,
        rounding="half_up",
        numerator=str(amount * term.rate_ppm) if by_rate else "0",
        denominator=str(_MILLION) if by_rate else "1",
        fee=fee.amount,
    )


def computed_anew(breakdown: FeeBreakdown) -> Fee:
    """The fee of the breakdown's inputs by today's `fee_of`."""
    term = FeeTerm(
        first_free=breakdown.first_free,
        rate_ppm=breakdown.rate_ppm,
        minimum=breakdown.minimum,
        year_threshold=breakdown.year_threshold,
        charge_failed=False,
    )
    return fee_of(
        term,
        breakdown.amount,
        prior_count=breakdown.prior_count,
        prior_year_total=breakdown.prior_year_total,
    )


def steps_of(breakdown: FeeBreakdown, currency: str, language: Language) -> tuple[str, ...]:
    """How the fee came about, in words, step by step up to the rule that set it."""
    b = breakdown
    said: list[tuple[str, str]] = []

    def money(fen: int) -> str:
        return in_words(fen, currency)

    if b.prior_count == 0:
        said.append(("此前没有提现", "No withdrawal came before"))
    else:
        said.append(("此前已有提现", "A withdrawal came before"))
    match b.rule:
        case FeeRule.FIRST_FREE:
            said.append(("首笔提现免手续费", "The first is free"))
        case FeeRule.YEAR_THRESHOLD:
            total, over = money(b.prior_year_total), money(b.year_threshold)
            said.append(
                (
                    f"本年度此前已到账 {total},超过 {over}:免手续费",
                    f"{total} was paid in this calendar year before, more than {over}: it is free",
                )
            )
        case FeeRule.RATE | FeeRule.MINIMUM:
            total, over = money(b.prior_year_total), money(b.year_threshold)
            rate, exact = figure(b.rate_ppm, "ppm").en, _exact_fen(int(b.numerator))
            rounded = money(share_half_up(b.amount, b.rate_ppm))
            said += [
                (
                    f"本年度此前已到账 {total},未超过 {over}",
                    f"{total} was paid in this calendar year before, not more than {over}",
                ),
                (
                    f"{money(b.amount)} × {rate} = {exact} 分,四舍五入到分:{rounded}",
                    f"{money(b.amount)} x {rate} = {exact} fen, rounded half up to the fen: {rounded}",
                ),
            ]
            if b.rule is FeeRule.MINIMUM:
                least = money(b.minimum)
                said.append(
                    (
                        f"低于最低手续费 {least},按 {least} 收取",
                        f"Less than the minimum of {least}: {least} is due",
                    )
                )
    said.append((f"手续费 {money(b.fee)}", f"The fee is {money(b.fee)}"))
    return tuple(en if language == "en" else zh for zh, en in said)


def _exact_fen(millionths: int) -> str:
    """Millionths of a fen as fen, every digit that is not zero."""
    whole, rest = divmod(millionths, _MILLION)
    return f"{whole:,}.{rest:06d}".rstrip("0") if rest else f"{whole:,}"
