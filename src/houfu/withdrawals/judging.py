"""How a withdrawal is judged: by one function of the amount, which the preview, the request and the search for the
largest safe amount all ask. It makes no words.
"""

import msgspec

from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Refusal
from houfu.withdrawals.account import Account, Destination, History
from houfu.withdrawals.cautions import Bound, bounds
from houfu.withdrawals.checks import closed_store, unfit_amount
from houfu.withdrawals.fees import Fee, fee_of
from houfu.withdrawals.occasion import Occasion
from houfu.withdrawals.sums import Ceiling, ceilings


class Case(msgspec.Struct, frozen=True):
    """A store that asks: all that does not depend on the amount."""

    occasion: Occasion
    account: Account
    history: History
    closed: Refusal | None
    """What refuses every amount."""
    ceilings: tuple[Ceiling, ...]
    bounds: tuple[Bound, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What one amount comes to: refused, or accepted with the rules it breaks."""

    refusal: Refusal | None
    fee: Fee
    broken: tuple[Bound, ...]

    @property
    def safe(self) -> bool:
        """Accepted, and nothing follows from it."""
        return self.refusal is None and not self.broken


def case_of(occasion: Occasion, account: Account, history: History, destination: Destination | None) -> Case:
    """The case of a store. Without a `destination` the checks of a bank account are left out."""
    return Case(
        occasion=occasion,
        account=account,
        history=history,
        closed=closed_store(occasion, account, history, destination),
        ceilings=ceilings(occasion.terms, account, history),
        bounds=bounds(account, history, occasion),
    )


def judge(case: Case, amount: int) -> Verdict:
    """Judge `amount` fen, in the documented order of the checks."""
    history = case.history
    fee = fee_of(
        case.occasion.terms.clause.fee,
        amount,
        prior_count=history.prior_count,
        prior_year_total=history.prior_year_total,
    )
    refusal = case.closed or unfit_amount(case.account, amount, fee, case.ceilings)
    if refusal is not None:
        return Verdict(refusal, fee, ())
    return Verdict(None, fee, tuple([bound for bound in case.bounds if amount > bound.most]))


def largest_safe_amount(case: Case, judged: Verdict) -> int:
    """The largest amount that is accepted and breaks nothing, fen; 0 where there is none. `judged` is one amount of
    the case.

    What is wrong with an amount is wrong with every larger one too, but for being too small: so it is the most that
    all rules leave, or where even that is too small, nothing. Where any amount is safe, the most is.
    """
    if case.closed is not None:
        return 0
    most = min(case.account.withdrawable, MAX_AMOUNT)
    for rule in (*case.ceilings, *case.bounds):
        most = min(most, rule.most)
    return most if judged.safe or (most > 0 and judge(case, most).safe) else 0
