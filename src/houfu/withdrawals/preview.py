"""What a withdrawal would do, told before it is asked for: accepted or why not, fee, net, dates, warnings.

The request decides by the same function on locked rows, so that the preview is the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from houfu.withdrawals.sums import count_free_at, sum_free_at
from houfu.withdrawals.terms import WithdrawalTerms

YEAR_FIRST, YEAR_LAST = 2000, 2999
"""Years a withdrawal may be asked in; anything outside is a slip of the caller."""

ARRIVAL_NOTE: Final[Mapping[Language, str]] = MappingProxyType(
    {
        "zh": "到账日涉及尚未公布放假安排的年份,为暂定日期,安排公布后可能调整",
        "en": "The dates rest on a year whose official holiday notice is not known yet: they are provisional and may "
        "move once it is",
    }
)
"""What is said beside provisional dates."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When the money arrives: the day to expect and the latest day (D1)."""

    arrives_on: date
    latest_on: date
    provisional: bool
    """Whether the dates rest on a year whose official notice is not in the calendar yet."""


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


@dataclass(frozen=True, slots=True)
class Preview:
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
    terms: WithdrawalTerms,
    calendar: Calendar,
    account: Account,
    history: History,
    *,
    amount: int,
    asked_at: datetime,
    promotion: bool,
    destination: Destination | None,
) -> Preview:
    """Judge a withdrawal of `amount` fen asked at `asked_at`, in the documented order of checks. Without a
    `destination` the checks of a bank account are left out.

    Raises ValueError that names the argument: an amount outside 1..2^53-1, a moment without an offset or of no
    sensible year.
    """
    check_amount(amount)
    check_asked_at(asked_at)
    case = case_of(terms, account, history, destination, asked_at=asked_at)
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
    arrival = arrival_of(terms, calendar, asked_at=asked_at, promotion=promotion)
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
        warnings=tuple(bound.caution(amount) for bound in verdict.broken),
        largest_safe_amount=safe,
        facts={},
    )


def facts_of(reason: Reason, case: Case, amount: int, destination: Destination | None) -> dict[str, str]:
    """The figures of this request that the wording of `reason` names: moments are local, sums as people read them."""
    terms, asked_at = case.terms, case.asked_at
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
