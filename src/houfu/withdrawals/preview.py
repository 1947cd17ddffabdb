"""What a withdrawal would do, told before it is asked for: accepted or why not, fee, net, dates, warnings.

The request decides by the same function on locked rows, so that the preview is the truth.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

import msgspec

from houfu.core.calendar import Calendar
from houfu.core.money import MAX_AMOUNT, in_words
from houfu.core.reason import Language, Reason
from houfu.withdrawals.account import Account, Destination, History
from houfu.withdrawals.cautions import Caution, day_count_caution
from houfu.withdrawals.checks import too_many_in_24_hours, too_many_today
from houfu.withdrawals.fees import FeeRule
from houfu.withdrawals.judging import Case, case_of, judge, largest_safe_amount
from houfu.withdrawals.occasion import Occasion, occasion_of
from houfu.withdrawals.sums import count_free_at, sum_free_at
from houfu.withdrawals.terms import WithdrawalTerms

ARRIVAL_NOTE: Final[Mapping[Language, str]] = MappingProxyType(
    {
        "zh": "到账日涉及尚未公布放假安排的年份,为暂定日期,安排公布后可能调整",
        "en": "The dates rest on a year whose official holiday notice is not known yet: they are provisional and may "
        "move once it is",
    }
)
"""What is said beside provisional dates."""


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to "what would it cost, when would it arrive". Refused: a reason, and nothing else. Fen.

    Where the dates rest on a year whose notice is not known, `provisional` and a note say so; else they are left out.
    """

    accepted: bool
    reason: Reason | None
    fee: int | None
    fee_rule: FeeRule | None
    net: int | None
    arrives_on: date | None
    latest_on: date | None
    provisional: bool = False
    arrival_note_zh: str | None = None
    arrival_note_en: str | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A quote for one store, with what is collected for its liability first (A10) and what to beware of.

    Refused: None in place of every amount and date, and no warnings but one: a withdrawal too many of the day says what
    asking for it sets off (D6). `facts` are the figures that the reason's wording names. `largest_safe_amount` still
    tells what would be accepted without any warning, 0 when no amount would.
    """

    accepted: bool
    reason: Reason | None
    fee: int | None
    fee_rule: FeeRule | None
    net: int | None
    liability_collected: int | None
    arrives_on: date | None
    latest_on: date | None
    provisional: bool
    warnings: tuple[Caution, ...]
    largest_safe_amount: int
    facts: Mapping[str, str]


def preview(
    occasion: Occasion, account: Account, history: History, *, amount: int, destination: Destination | None
) -> Preview:
    """Judge a withdrawal of `amount` fen, in the documented order of checks. Without a `destination` the checks of a
    bank account are left out.

    Raises ValueError that names the argument: an amount outside 1..2^53-1.
    """
    check_amount(amount)
    terms = occasion.terms
    case = case_of(occasion, account, history, destination)
    verdict = judge(case, amount)
    safe = largest_safe_amount(case)
    if verdict.refusal is not None:
        reason = verdict.refusal.reason
        one_too_many = reason is Reason.DAILY_COUNT_EXCEEDED and too_many_today(terms, history)
        return Preview(
            accepted=False,
            reason=reason,
            fee=None,
            fee_rule=None,
            net=None,
            liability_collected=None,
            arrives_on=None,
            latest_on=None,
            provisional=False,
            warnings=(day_count_caution(terms.clause, history),) if one_too_many else (),
            largest_safe_amount=safe,
            facts=facts_of(reason, case, amount, destination),
        )
    arrival = occasion.arrival
    return Preview(
        accepted=True,
        reason=None,
        fee=verdict.fee.amount,
        fee_rule=verdict.fee.rule,
        net=amount - account.liability - verdict.fee.amount,
        liability_collected=account.liability,
        arrives_on=arrival.arrives_on,
        latest_on=arrival.latest_on,
        provisional=arrival.provisional,
        warnings=tuple([bound.caution(amount) for bound in verdict.broken]),
        largest_safe_amount=safe,
        facts={},
    )


def facts_of(reason: Reason, case: Case, amount: int, destination: Destination | None) -> dict[str, str]:
    """The figures of this request that the wording of `reason` names: moments are local, sums as people read them."""
    terms, asked_at = case.occasion.terms, case.occasion.asked_at
    match reason:
        case Reason.BANK_ACCOUNT_COOLING:
            changed_at = None if destination is None else destination.changed_at
            rests_until = terms.clause.bank_account.rests_until(changed_at)
            return {} if rests_until is None else {"usable_from": terms.shown(terms.opening(rests_until))}
        case Reason.DAILY_COUNT_EXCEEDED:
            free_at = count_free_at(
                terms,
                case.history,
                asked_at=asked_at,
                today_full=too_many_today(terms, case.history),
                hours_full=too_many_in_24_hours(terms, case.history),
            )
            return {"frees_up_at": terms.shown(free_at)}
        case Reason.DAILY_AMOUNT_EXCEEDED:
            over = [ceiling for ceiling in case.ceilings if amount > ceiling.most]
            possible = max(0, min(ceiling.most for ceiling in over))
            return {
                "still_possible": in_words(possible),
                "frees_up_at": terms.shown(sum_free_at(terms, over, amount, asked_at=asked_at)),
            }
        case _:
            return {}


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

    Raises ValueError as `preview` and `occasion_of` do, and for a negative count or total.
    """
    check_amount(amount)
    if prior_count < 0:
        raise ValueError("prior_count: must not be negative")
    if prior_year_total < 0:
        raise ValueError("prior_year_total: must not be negative")
    seen = preview(
        occasion_of(terms, calendar, asked_at=asked_at, promotion=promotion),
        Account(withdrawable=amount),
        History(prior_count=prior_count, prior_year_total=prior_year_total),
        amount=amount,
        destination=None,
    )
    return Quote(
        accepted=seen.accepted,
        reason=seen.reason,
        fee=seen.fee,
        fee_rule=seen.fee_rule,
        net=seen.net,
        arrives_on=seen.arrives_on,
        latest_on=seen.latest_on,
        provisional=seen.provisional,
        arrival_note_zh=ARRIVAL_NOTE["zh"] if seen.provisional else None,
        arrival_note_en=ARRIVAL_NOTE["en"] if seen.provisional else None,
    )


def check_amount(amount: int) -> None:
    """Raise ValueError unless `amount` lies in 1..2^53-1, the integers every JSON reader holds exactly."""
    if not 1 <= amount <= MAX_AMOUNT:
        raise ValueError(f"amount: must be a whole number of fen from 1 to {MAX_AMOUNT}")
