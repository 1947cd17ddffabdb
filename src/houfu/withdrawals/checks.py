"""What refuses a withdrawal, in one documented order: broad and cheap checks first, the first that fails is the reason."""

from dataclasses import dataclass
from datetime import date, datetime

from houfu.core.reason import Reason, Refusal
from houfu.withdrawals.fees import Fee
from houfu.withdrawals.terms import WithdrawalTerms


@dataclass(frozen=True, slots=True)
class Account:
    """What the programme knows of a store when it asks for its money. Amounts are in fen."""

    withdrawable: int
    liability: int = 0
    frozen: bool = False
    """The store's funds are frozen."""
    abnormal: bool = False
    """The line is suspended or the store is marked high-risk: a review is due (D10)."""
    limit_total: int = 0
    """The line's total; 0 without one, and then no rule on shares of the limit applies."""
    limit_available: int = 0
    months_open: int = 1
    """Full months since opening; 0 is the first month (D8)."""


@dataclass(frozen=True, slots=True)
class History:
    """The store's withdrawals before this one, those refused, failed or canceled left out."""

    prior_count: int
    """All that are scheduled, in transit or paid: the free first one is granted once."""
    prior_year_total: int
    """Fen, of those *paid* in this calendar year (D2)."""
    day_count: int = 0
    """Asked on this local day."""
    day_amount: int = 0
    """Fen, asked on this local day."""
    last_large_on: date | None = None
    """Local day of the newest large one: a share of the limit over `large_share_bp` (D7)."""


def closed_account(
    account: Account, terms: WithdrawalTerms, *, asked_at: datetime, bank_account_known: bool
) -> Refusal | None:
    """The first reason that refuses the store whatever amount it asks for."""
    if terms.closed.closed_at(terms.local(asked_at).time()):
        return Refusal(Reason.MAINTENANCE)
    if account.frozen:
        return Refusal(Reason.ACCOUNT_FROZEN)
    if account.abnormal:
        return Refusal(Reason.ACCOUNT_ABNORMAL)
    if not bank_account_known:
        return Refusal(Reason.BANK_ACCOUNT_UNKNOWN)
    return None


def unaffordable_amount(account: Account, amount: int, fee: Fee) -> Refusal | None:
    """The first reason that refuses this amount.

    Asking beyond the balance is an attempt to draw the line itself (A6) where the store has no balance at all
    but limit enough; anything else is simply not enough.
    """
    if amount > account.withdrawable:
        if account.withdrawable == 0 and amount <= account.limit_available:
            return Refusal(Reason.LIMIT_NOT_WITHDRAWABLE)
        return Refusal(Reason.BALANCE_INSUFFICIENT)
    if amount - account.liability - fee.amount <= 0:
        return Refusal(Reason.AMOUNT_TOO_SMALL)
    # Nothing below may refuse.
    return None
