"""What a withdrawal would do, told before it is asked for: accepted or why not, fee, net, dates, warnings.

The request decides by the same function on locked rows, so that the preview is the truth.
"""

from dataclasses import dataclass
from datetime import date, datetime

from houfu.core.calendar import Calendar
from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Reason
from houfu.withdrawals.cautions import Caution, bounds, cautions, cautious_most
from houfu.withdrawals.checks import Account, History, closed_account, unaffordable_amount
from houfu.withdrawals.fees import FeeRule, fee_of
from houfu.withdrawals.terms import WithdrawalTerms

YEAR_FIRST, YEAR_LAST = 2000, 2999
"""Years a withdrawal may be asked in; anything outside is a slip of the caller."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When the money arrives: the day to expect and the latest day (D1)."""

    arrives_on: date
    latest_on: date
    provisional: bool
    """Whether the dates rest on a year whose official notice is not in the calendar yet."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The answer to "what would it cost, when would it arrive". Refused: a reason, and nothing else. Fen."""

    accepted: bool
    reason: Reason | None
    fee: int | None
    fee_rule: FeeRule | None
    net: int | None
    arrives_on: date | None
    latest_on: date | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A quote for one store, with what is collected for its liability first (A10) and what to beware of.

    Refused: no warnings, and None in place of every amount and date; `largest_safe_amount` still tells what would
    be accepted without any warning, 0 when no amount would.
    """

    accepted: bool
    reason: Reason | None
    fee: int | None
    fee_rule: FeeRule | None
    net: int | None
    liability_collected: int | None
    arrives_on: date | None
    latest_on: date | None
    warnings: tuple[Caution, ...]
    largest_safe_amount: int


def preview(
    terms: WithdrawalTerms,
    calendar: Calendar,
    account: Account,
    history: History,
    *,
    amount: int,
    asked_at: datetime,
    promotion: bool,
    bank_account_known: bool,
) -> Preview:
    """Judge a withdrawal of `amount` fen asked at `asked_at`, in the documented order of checks.

    Raises ValueError that names the argument: an amount outside 1..2^53-1, a moment without an offset or of no
    sensible year.
    """
    check_amount(amount)
    check_asked_at(asked_at)
    fee = fee_of(
        terms.clause.fee, amount, prior_count=history.prior_count, prior_year_total=history.prior_year_total
    )
    in_force = bounds(account, history, terms, asked_at=asked_at)
    closed = closed_account(account, terms, asked_at=asked_at, bank_account_known=bank_account_known)
    safe = (
        0 if closed else _largest_safe(terms, account, history, cautious_most(in_force, account.withdrawable))
    )
    refusal = closed or unaffordable_amount(account, amount, fee)
    if refusal is not None:
        return Preview(
            accepted=False,
            reason=refusal.reason,
            fee=None,
            fee_rule=None,
            net=None,
            liability_collected=None,
            arrives_on=None,
            latest_on=None,
            warnings=(),
            largest_safe_amount=safe,
        )
    arrival = arrival_of(terms, calendar, asked_at=asked_at, promotion=promotion)
    return Preview(
        accepted=True,
        reason=None,
        fee=fee.amount,
        fee_rule=fee.rule,
        net=amount - account.liability - fee.amount,
        liability_collected=account.liability,
        arrives_on=arrival.arrives_on,
        latest_on=arrival.latest_on,
        warnings=cautions(in_force, amount),
        largest_safe_amount=safe,
    )


def quote(
    terms: WithdrawalTerms,
    calendar: Calendar,
    *,
    amount: int,
    asked_at: datetime,
    prior_count: int,
    prior_year_total: int,
    promotion: bool,
) -> Quote:
    """The preview of a store about which nothing is known but its past withdrawals: no liability, balance enough.

    Raises ValueError as `preview` does, and for a negative count or total.
    """
    check_amount(amount)
    if prior_count < 0:
        raise ValueError("prior_count: must not be negative")
    if prior_year_total < 0:
        raise ValueError("prior_year_total: must not be negative")
    seen = preview(
        terms,
        calendar,
        Account(withdrawable=amount),
        History(prior_count=prior_count, prior_year_total=prior_year_total),
        amount=amount,
        asked_at=asked_at,
        promotion=promotion,
        bank_account_known=True,
    )
    return Quote(
        accepted=seen.accepted,
        reason=seen.reason,
        fee=seen.fee,
        fee_rule=seen.fee_rule,
        net=seen.net,
        arrives_on=seen.arrives_on,
        latest_on=seen.latest_on,
    )


def arrival_of(terms: WithdrawalTerms, calendar: Calendar, *, asked_at: datetime, promotion: bool) -> Arrival:
    """When money asked for at `asked_at` arrives (D1); during a promotion the bank may take longer."""
    clause = terms.clause
    asked_on = terms.local(asked_at).date()
    arrives_on = calendar.add_working_days(asked_on, clause.working_days)
    latest_on = arrives_on
    if promotion:
        latest_on = max(arrives_on, calendar.add_working_days(asked_on, clause.promotion_latest_working_days))
    return Arrival(arrives_on, latest_on, provisional=calendar.is_provisional(asked_on, latest_on))


def check_amount(amount: int) -> None:
    """Raise ValueError unless `amount` lies in 1..2^53-1, the integers every JSON reader holds exactly."""
    if not 1 <= amount <= MAX_AMOUNT:
        raise ValueError(f"amount: must be a whole number of fen from 1 to {MAX_AMOUNT}")


def check_asked_at(asked_at: datetime) -> None:
    """Raise ValueError unless the moment carries an offset and lies in a year that makes sense."""
    if asked_at.tzinfo is None:
        raise ValueError("asked_at: needs an offset, as in 2026-03-02T10:00:00+08:00")
    if not YEAR_FIRST <= asked_at.year <= YEAR_LAST:
        raise ValueError(f"asked_at: must lie in the years {YEAR_FIRST} to {YEAR_LAST}")


def _largest_safe(terms: WithdrawalTerms, account: Account, history: History, most: int) -> int:
    """`most` where it would be accepted, else 0: what is left of an amount never falls as the amount grows."""
    most = min(most, MAX_AMOUNT)
    fee = fee_of(
        terms.clause.fee, most, prior_count=history.prior_count, prior_year_total=history.prior_year_total
    )
    return most if most > 0 and unaffordable_amount(account, most, fee) is None else 0
