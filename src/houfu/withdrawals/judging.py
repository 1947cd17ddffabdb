"""How a withdrawal is judged: by one function of the amount, which the preview, the request and the search for the
largest safe amount all ask. It makes no words.
"""

import msgspec

from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Reason, Refusal
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

    @property
    def too_much(self) -> bool:
        """Whether something is wrong that a larger amount would not mend."""
        refusal = self.refusal
        return bool(self.broken) or (refusal is not None and refusal.reason is not Reason.AMOUNT_TOO_SMALL)


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


def largest_safe_amount(case: Case) -> int:
    """The largest amount that is accepted and breaks nothing, fen; 0 where there is none.

    Searched for with `judge` itself: what is wrong with an amount is wrong with every larger one too, but for being too
    small. The whole balance is tried first, then where the figures of the rules say that the edge lies; only where those
    were not the whole truth does it take one judgement for each bit of the balance.
    """
    fits, exceeds = 0, min(case.account.withdrawable, MAX_AMOUNT) + 1
    if case.closed is not None or exceeds <= 1:
        return 0
    edge = min([exceeds, *[rule.most for rule in case.ceilings], *[rule.most for rule in case.bounds]])
    best: Verdict | None = None
    for tried in (exceeds - 1, edge, edge + 1):
        if fits < tried < exceeds:
            fits, exceeds, best = _narrowed(case, tried, fits, exceeds, best)
    while exceeds - fits > 1:
        fits, exceeds, best = _narrowed(case, (fits + exceeds) // 2, fits, exceeds, best)
    return fits if best is not None and best.safe else 0


def _narrowed(
    case: Case, tried: int, fits: int, exceeds: int, best: Verdict | None
) -> tuple[int, int, Verdict | None]:
    """The search after one more judgement: the largest amount known not to be too much, with its verdict, and the
    smallest known to be."""
    verdict = judge(case, tried)
    return (fits, tried, best) if verdict.too_much else (tried, exceeds, verdict)
