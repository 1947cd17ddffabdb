"""How a withdrawal is judged: by one function of the amount, which the preview, the request and the search for the
largest safe amount all ask. It makes no words.
"""

from dataclasses import dataclass
from datetime import datetime

from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Reason, Refusal
from houfu.withdrawals.account import Account, Destination, History
from houfu.withdrawals.cautions import Bound, bounds
from houfu.withdrawals.checks import closed_store, unfit_amount
from houfu.withdrawals.fees import Fee, fee_of
from houfu.withdrawals.sums import Ceiling, ceilings
from houfu.withdrawals.terms import WithdrawalTerms


@dataclass(frozen=True, slots=True)
class Case:
    """A store that asks at a moment: all that does not depend on the amount."""

    terms: WithdrawalTerms
    account: Account
    history: History
    asked_at: datetime
    closed: Refusal | None
    """What refuses every amount."""
    ceilings: tuple[Ceiling, ...]
    bounds: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
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
        return bool(self.broken) or self.refusal not in (None, _TOO_SMALL)


_TOO_SMALL = Refusal(Reason.AMOUNT_TOO_SMALL)


def case_of(
    terms: WithdrawalTerms,
    account: Account,
    history: History,
    destination: Destination | None,
    *,
    asked_at: datetime,
) -> Case:
    """The case of a store. Without a `destination` the checks of a bank account are left out."""
    return Case(
        terms=terms,
        account=account,
        history=history,
        asked_at=asked_at,
        closed=closed_store(terms, account, history, destination, asked_at=asked_at),
        ceilings=ceilings(terms, account, history),
        bounds=bounds(account, history, terms, asked_at=asked_at),
    )


def judge(case: Case, amount: int) -> Verdict:
    """Judge `amount` fen, in the documented order of the checks."""
    history = case.history
    fee = fee_of(
        case.terms.clause.fee,
        amount,
        prior_count=history.prior_count,
        prior_year_total=history.prior_year_total,
    )
    refusal = case.closed or unfit_amount(case.account, amount, fee, case.ceilings)
    if refusal is not None:
        return Verdict(refusal, fee, ())
    return Verdict(None, fee, tuple(bound for bound in case.bounds if amount > bound.most))


def largest_safe_amount(case: Case) -> int:
    """The largest amount that is accepted and breaks nothing, fen; 0 where there is none.

    Searched for: what is wrong with an amount is wrong with every larger one too, but for being too small. The whole
    balance is tried first, then where the figures of the rules say the edge lies: so a store costs one judgement or
    three, and only where those figures were not the whole truth one for each bit of its balance.
    """
    whole = min(case.account.withdrawable, MAX_AMOUNT)
    if whole <= 0 or case.closed is not None:
        return 0
    verdict = judge(case, whole)
    if not verdict.too_much:
        return whole if verdict.safe else 0
    fits, exceeds = 0, whole
    most = (*(bound.most for bound in case.bounds), *(ceiling.most for ceiling in case.ceilings))
    edge = max(0, min(most, default=0))
    for tried in (edge, edge + 1):
        if fits < tried < exceeds:
            if judge(case, tried).too_much:
                exceeds = tried
            else:
                fits = tried
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if judge(case, middle).too_much:
            exceeds = middle
        else:
            fits = middle
    return fits if fits > 0 and judge(case, fits).safe else 0
