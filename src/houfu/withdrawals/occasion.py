"""A moment at which stores ask for their money: all that it decides whoever asks, and however much.

Found once, for every request of a batch.
"""

from datetime import date, datetime

import msgspec

from houfu.core.calendar import Calendar
from houfu.withdrawals.terms import WithdrawalTerms

YEAR_FIRST, YEAR_LAST = 2000, 2999
"""Years a withdrawal may be asked in; anything outside is a slip of the caller."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """When the money arrives: the day to expect and the latest day (D1)."""

    arrives_on: date
    latest_on: date
    provisional: bool
    """Whether the dates rest on a year whose official notice is not in the calendar yet."""


class Occasion(msgspec.Struct, frozen=True):
    """A moment at which is asked, under the terms in force."""

    terms: WithdrawalTerms
    asked_at: datetime
    asked_on: date
    """The programme's local day."""
    maintenance: bool
    """Whether withdrawals are closed (D3)."""
    arrival: Arrival


def occasion_of(
    terms: WithdrawalTerms, calendar: Calendar, *, asked_at: datetime, promotion: bool
) -> Occasion:
    """The occasion at `asked_at`.

    Raises ValueError that names the argument: a moment without an offset or of no sensible year.
    """
    check_asked_at(asked_at)
    local = terms.local(asked_at)
    return Occasion(
        terms=terms,
        asked_at=asked_at,
        asked_on=local.date(),
        maintenance=terms.closed.closed_at(local.time()),
        arrival=arrival_of(terms, calendar, asked_at=asked_at, promotion=promotion),
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


def check_asked_at(asked_at: datetime) -> None:
    """Raise ValueError unless the moment carries an offset and lies in a year that makes sense."""
    if asked_at.tzinfo is None:
        raise ValueError("asked_at: needs an offset, as in 2026-03-02T10:00:00+08:00")
    if not YEAR_FIRST <= asked_at.year <= YEAR_LAST:
        raise ValueError(f"asked_at: must lie in the years {YEAR_FIRST} to {YEAR_LAST}")
