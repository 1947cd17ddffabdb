"""A policy's inputs, measured from what is known of a store at a moment.

Only full calendar months before the moment count, and only months since the store's opening. A month the
store was open throughout must have metrics where an input needs that very month (the last three): its
absence is an error that names the input and the month. Months before the opening, and an opening month
without metrics, are no trade: zero.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from houfu.core.clock import in_utc
from houfu.policy.document import Policy
from houfu.policy.fault import InputInvalid, InputMissing, InvalidInput, MissingInput
from houfu.policy.periods import (
    MONTHS_A_YEAR,
    add_months,
    full_months,
    local_day,
    period_end,
    window_on,
)
from houfu.policy.terms import Measures

RECENT_MONTHS = 3
VIOLATIONS = frozenset({"violation", "serious_violation"})


class StoreFacts(Struct, frozen=True, kw_only=True):
    """What a store is: its level, the local day it opened, and the kind of its phone number."""

    level: int
    opened_on: date
    phone_kind: Literal["mobile", "virtual"]


class MonthMetrics(Struct, frozen=True, kw_only=True):
    """One calendar month of a store. `month` is its first day; `gmv` fen; DSR in hundredths."""

    month: date
    orders: int
    gmv: int
    dsr_description: int
    dsr_service: int
    dsr_logistics: int
    return_rate_bp: int
    good_review_bp: int
    complaint_bp: int


class Fact(Struct, frozen=True, kw_only=True):
    """Something that happened to a store; the kinds are those of the interface."""

    kind: str
    occurred_at: datetime


class EmergencyGrant(Struct, frozen=True, kw_only=True):
    """A temporary amount, fen, granted by an operator until `ends_at`, excluded (B7)."""

    amount: int
    granted_at: datetime
    ends_at: datetime


def measure_inputs(
    policy: Policy,
    store: StoreFacts,
    *,
    months: Sequence[MonthMetrics],
    facts: Sequence[Fact],
    grants: Sequence[EmergencyGrant],
    day_withdrawn_share_bp: int,
    now: datetime,
    headroom: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Every input the policy declares, in its order. `headroom` has what is left of each partner's facility, fen, by
    the partner's code. An input that cannot be measured has what the policy states for it, if anything.

    Raises InputMissing naming each missing input with its month, and InputInvalid for a store that opens
    in the future. Of several metrics of one month the last given counts.
    """
    zone, measures = policy.zone, policy.terms.measures
    today = local_day(now, zone)
    months_open = full_months(store.opened_on, today)
    if store.opened_on > today:
        raise InputInvalid(
            (InvalidInput("months_open", f"is unknown: the store opens on {store.opened_on}"),)
        )
    past = [fact for fact in facts if in_utc(fact.occurred_at) <= in_utc(now)]
    measured = {
        "level": store.level,
        "months_open": months_open,
        "virtual_phone": int(store.phone_kind == "virtual"),
        "promotion_open": int(window_on(policy.terms.promotion_windows, today) is not None),
        "day_withdrawn_share_bp": day_withdrawn_share_bp,
        "emergency": sum(grant.amount for grant in grants_in_force(grants, now)),
    }
    for partner in policy.terms.partners:
        measured[partner.headroom] = (headroom or {}).get(partner.code, 0)
    measured |= _from_facts(past, measures, now, zone)
    traded, absent = _from_months(store, months, measures, today)
    measured |= traded
    declared = [term.name for term in policy.terms.inputs]
    for term in policy.terms.inputs:
        if term.when_missing is not None and (term.name in absent or term.name not in measured):
            measured[term.name] = term.when_missing
            absent.pop(term.name, None)
    missing = [MissingInput(name, month) for name in declared for month in absent.get(name, ())]
    missing += [MissingInput(name) for name in declared if name not in measured]
    if missing:
        raise InputMissing(tuple(missing))
    return {name: measured[name] for name in declared}


def grants_in_force(grants: Sequence[EmergencyGrant], now: datetime) -> tuple[EmergencyGrant, ...]:
    """The grants that have begun and not ended at `now`."""
    moment = in_utc(now)
    return tuple(grant for grant in grants if in_utc(grant.granted_at) <= moment < in_utc(grant.ends_at))


def last_occurrence(facts: Sequence[Fact], kinds: frozenset[str], now: datetime) -> datetime | None:
    """When the newest fact of one of `kinds` happened, up to `now`."""
    moments = [in_utc(fact.occurred_at) for fact in facts if fact.kind in kinds]
    return max((moment for moment in moments if moment <= in_utc(now)), default=None)


def _from_facts(past: Sequence[Fact], measures: Measures, now: datetime, zone: ZoneInfo) -> dict[str, int]:
    moment = in_utc(now)

    def counting(kinds: frozenset[str], months: int) -> int:
        return sum(
            fact.kind in kinds and moment < period_end(fact.occurred_at, months, zone) for fact in past
        )

    return {
        "violations_12m": counting(VIOLATIONS, measures.violation_months),
        "serious_violation": int(counting(frozenset({"serious_violation"}), measures.violation_months) > 0),
        "course_active": int(counting(frozenset({"course_completed"}), measures.course_months) > 0),
        "high_risk": _is_on(past, on="high_risk_marked", off="high_risk_cleared"),
        "funds_frozen": _is_on(past, on="funds_frozen", off="funds_released"),
    }


def _is_on(past: Sequence[Fact], *, on: str, off: str) -> int:
    """1 if the newest of the two kinds is `on`; of two at one moment the one given last."""
    turns = [fact for fact in past if fact.kind in {on, off}]
    newest = max(enumerate(turns), key=lambda turn: (in_utc(turn[1].occurred_at), turn[0]), default=None)
    return int(newest is not None and newest[1].kind == on)


def _from_months(
    store: StoreFacts, months: Sequence[MonthMetrics], measures: Measures, today: date
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """What the months tell, and the months that are missing for each input."""
    this_month = today.replace(day=1)
    opening = store.opened_on.replace(day=1)
    first_whole = opening if store.opened_on.day == 1 else add_months(opening, 1)
    known = {entry.month: entry for entry in months if opening <= entry.month < this_month}
    year = [add_months(this_month, -back) for back in range(1, MONTHS_A_YEAR + 1)]
    recent = year[:RECENT_MONTHS]
    absent: dict[str, list[str]] = {}
    for nth, month in enumerate(recent, start=1):
        if month not in known and month >= first_whole:
            for name in _needs(nth):
                absent.setdefault(name, []).append(f"{month:%Y-%m}")
    traded = [known[month] for month in recent if month in known]
    gmv_months = max(1, len(traded))
    newest = known.get(recent[0])
    measured = {
        "gmv_months": gmv_months,
        "gmv_3m": sum(entry.gmv for entry in traded),
        # Older months that nobody reported only lower the annual cap; they never raise a limit.
        "gmv_12m": sum(known[month].gmv for month in year if month in known),
        "orders_avg_3m": sum(entry.orders for entry in traded) // gmv_months,
        "dsr_description": newest.dsr_description if newest else 0,
        "dsr_service": newest.dsr_service if newest else 0,
        "dsr_logistics": newest.dsr_logistics if newest else 0,
        "good_review_bp": newest.good_review_bp if newest else 0,
        "complaint_bp": newest.complaint_bp if newest else 0,
        "dsr_held_months": _held_months(known, recent[0], dsr_at_least=measures.dsr_held_at_least),
        "orders_held_months": _held_months(known, recent[0], orders_over=measures.orders_held_more_than),
    }
    for nth, month in enumerate(recent, start=1):
        measured[f"return_rate_m{nth}_bp"] = known[month].return_rate_bp if month in known else 0
    return measured, absent


def _needs(nth: int) -> tuple[str, ...]:
    """The inputs that need the `nth` month back."""
    always = ("gmv_3m", "gmv_months", "gmv_12m", "orders_avg_3m", f"return_rate_m{nth}_bp")
    if nth > 1:
        return always
    newest = ("dsr_description", "dsr_service", "dsr_logistics", "good_review_bp", "complaint_bp")
    return (*always, *newest, "dsr_held_months", "orders_held_months")


def _held_months(
    known: Mapping[date, MonthMetrics],
    newest: date,
    *,
    dsr_at_least: int | None = None,
    orders_over: int | None = None,
) -> int:
    """How many consecutive months, newest backwards, keep to the threshold."""
    held = 0
    month = newest
    while month in known:
        entry = known[month]
        lowest = min(entry.dsr_description, entry.dsr_service, entry.dsr_logistics)
        if dsr_at_least is not None and lowest < dsr_at_least:
            break
        if orders_over is not None and entry.orders <= orders_over:
            break
        held += 1
        month = add_months(month, -1)
    return held
