"""What a withdrawal would set off (D6 to D9, B11), told before the store confirms.

A caution refuses nothing by itself. Each rule on the amount is written once, as the most a withdrawal may be without
breaking it; wording is made only for what is broken.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

import msgspec

from houfu.core.money import BASIS_POINTS, in_words, share_floor
from houfu.core.reason import Language
from houfu.policy.terms import Withdrawals
from houfu.withdrawals.account import Account, History
from houfu.withdrawals.occasion import Occasion

Consequence = Literal["zeroed_suspended_review", "suspended_review", "risk_signal"]
"""What follows from breaking a rule: the limit drops to zero, the store is suspended and a review opens; suspension
and review; a signal to whoever watches for risk."""


class Caution(msgspec.Struct, frozen=True, gc=False):
    """A rule this withdrawal would break, and what follows from it, in both languages."""

    rule: str
    consequence: Consequence
    zh: str
    en: str

    def message(self, language: Language = "zh") -> str:
        return self.en if language == "en" else self.zh


class Bound(msgspec.Struct, frozen=True):
    """A rule that is in force: more than `most` fen breaks it, and `caution(amount)` says what follows.

    `most` is 0 or less where any withdrawal breaks the rule.
    """

    most: int
    caution: Callable[[int], Caution]


def bounds(account: Account, history: History, occasion: Occasion) -> tuple[Bound, ...]:
    """The rules in force for the store on this occasion, gravest consequence first.

    Rules on shares of the limit need a limit: without one they are not in force.
    """
    clause = occasion.terms.clause
    found: list[Bound] = []
    if account.limit_total > 0:
        found.append(_day_share(clause, account, history))
    if history.last_large_on is not None:
        wait_until = history.last_large_on + timedelta(days=clause.large_wait_days)
        if occasion.asked_on < wait_until:
            found.append(_after_large(clause, wait_until))
    if account.limit_total > 0 and account.months_open == 0:
        found.append(_first_month_share(clause, account, history))
    return tuple(found)


def day_count_caution(clause: Withdrawals, history: History) -> Caution:
    """What goes with the refusal of one withdrawal too many (D6): to ask for it although one was told."""
    count, most = history.day_count + 1, clause.day_count_max
    return Caution(
        "D6",
        "suspended_review",
        f"这将是当日第 {count} 笔提现,超过每日 {most} 笔,不予受理:若仍提交申请,店铺将被暂停并进入审核",
        f"This would be withdrawal number {count} of the day, more than {most}, and is refused: asking for it anyway "
        "suspends the store and opens a review",
    )


def is_large(clause: Withdrawals, amount: int, *, limit_total: int) -> bool:
    """Whether a withdrawal counts as large (D7): strictly over its share of a limit that is not zero."""
    return limit_total > 0 and amount * BASIS_POINTS > limit_total * clause.large_share_bp


def _day_share(clause: Withdrawals, account: Account, history: History) -> Bound:
    def caution(amount: int) -> Caution:
        share = percent(clause.day_share_zero_bp)
        day = in_words(history.day_amount + amount)
        return Caution(
            "B11",
            "zeroed_suspended_review",
            f"当日提现合计将达 {day},超过额度的 {share}:额度将降为零,店铺被暂停并进入审核",
            f"Withdrawals of the day would reach {day}, more than {share} of the limit: the limit drops to zero, "
            "the store is suspended and a review opens",
        )

    # "Exceed" (B11): exactly the share is still allowed, so the bound rounds down.
    return Bound(share_floor(account.limit_total, clause.day_share_zero_bp) - history.day_amount, caution)


def _after_large(clause: Withdrawals, wait_until: date) -> Bound:
    days = clause.large_wait_days
    caution = Caution(
        "D7",
        "risk_signal",
        f"大额提现后应间隔 {days} 天再提现:{wait_until} 之前提现将记为风险信号",
        f"After a large withdrawal the next should wait {days} days: one before {wait_until} counts as a risk "
        "signal",
    )
    return Bound(0, lambda _: caution)


def _first_month_share(clause: Withdrawals, account: Account, history: History) -> Bound:
    def caution(amount: int) -> Caution:
        share = percent(clause.first_month_day_share_bp)
        day = in_words(history.day_amount + amount)
        return Caution(
            "D8",
            "risk_signal",
            f"开店首月当日提现合计应低于额度的 {share},此笔将使其达到 {day}:将记为风险信号",
            f"In its first month a store should keep the day's withdrawals under {share} of the limit, and they "
            f"would reach {day}: it counts as a risk signal",
        )

    # "Under" (D8): exactly the share breaks the rule already.
    below = (account.limit_total * clause.first_month_day_share_bp - 1) // BASIS_POINTS
    return Bound(below - history.day_amount, caution)


def percent(bp: int) -> str:
    """Basis points as people read them: `50%`, `12.5%`."""
    whole, hundredths = divmod(bp, 100)
    return f"{whole}%" if hundredths == 0 else f"{whole}.{hundredths:02d}".rstrip("0") + "%"
