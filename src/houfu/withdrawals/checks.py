"""What refuses a withdrawal, in one documented order: broad and cheap checks first, the first that fails is the reason."""

from houfu.core.reason import Reason, Refusal
from houfu.withdrawals.account import Account, Destination, History
from houfu.withdrawals.fees import Fee
from houfu.withdrawals.occasion import Occasion
from houfu.withdrawals.sums import Ceiling
from houfu.withdrawals.terms import WithdrawalTerms


def closed_store(
    occasion: Occasion, account: Account, history: History, destination: Destination | None
) -> Refusal | None:
    """The first reason that refuses the store whatever amount it asks for. Without a `destination` the checks of a
    bank account are left out."""
    terms = occasion.terms
    if occasion.maintenance:
        return Refusal(Reason.MAINTENANCE)
    if account.frozen:
        return Refusal(Reason.ACCOUNT_FROZEN)
    if account.abnormal:
        return Refusal(Reason.ACCOUNT_ABNORMAL)
    if destination is not None:
        if not destination.known:
            return Refusal(Reason.BANK_ACCOUNT_UNKNOWN)
        if terms.clause.bank_account.verified and not destination.verified:
            return Refusal(Reason.BANK_ACCOUNT_UNVERIFIED)
        rests_until = terms.clause.bank_account.rests_until(destination.changed_at)
        if rests_until is not None and occasion.asked_at < rests_until:
            return Refusal(Reason.BANK_ACCOUNT_COOLING)
    if too_many_today(terms, history) or too_many_in_24_hours(terms, history):
        return Refusal(Reason.DAILY_COUNT_EXCEEDED)
    return None


def too_many_today(terms: WithdrawalTerms, history: History) -> bool:
    """Whether one more would be more than a local day may have (D6)."""
    return history.day_count >= terms.clause.day_count_max


def too_many_in_24_hours(terms: WithdrawalTerms, history: History) -> bool:
    """Whether one more would be more than any 24 hours may have."""
    count_max = terms.clause.hours_24.count_max
    return count_max is not None and len(history.hours_24) >= count_max


def unfit_amount(account: Account, amount: int, fee: Fee, ceilings: tuple[Ceiling, ...]) -> Refusal | None:
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
    for ceiling in ceilings:
        if amount > ceiling.most:
            return Refusal(Reason.DAILY_AMOUNT_EXCEEDED)
    # Nothing below may refuse.
    return None
