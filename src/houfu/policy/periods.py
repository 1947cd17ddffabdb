"""Months, windows and quarters as the programme counts them: by local calendar days.

A period that lasts n months ends at local midnight of the same day n months later (the last day of a
shorter month), so a day is either wholly inside it or wholly outside. Moments are answered in UTC.
"""

import calendar
import functools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from houfu.core.clock import in_utc
from houfu.policy.terms import Window

MONTHS_A_YEAR = 12
DAYS_OF_ANY_MONTH = 28
PERIOD_MONTHS = {"month": 1, "quarter": 3}
"""How many months each of the assessment's periods has."""


@functools.lru_cache(maxsize=4096)
def add_months(day: date, months: int) -> date:
    """The same day `months` later (earlier if negative), or the last day of a shorter month."""
    count = day.year * MONTHS_A_YEAR + day.month - 1 + months
    year, month = divmod(count, MONTHS_A_YEAR)
    if day.day <= DAYS_OF_ANY_MONTH:
        return date(year, month + 1, day.day)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def full_months(first: date, today: date) -> int:
    """How many months are complete from `first` to `today`; negative if `first` lies ahead."""
    months = (today.year - first.year) * MONTHS_A_YEAR + today.month - first.month
    return months if add_months(first, months) <= today else months - 1


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day at `moment`. Raises ValueError for a moment without an offset."""
    return in_utc(moment).astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment `day` begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def period_end(start: datetime, months: int, zone: ZoneInfo) -> datetime:
    """When a period of `months` that began at `start` is over: local midnight, excluded."""
    return midnight(add_months(local_day(start, zone), months), zone)


def window_on(windows: Sequence[Window], day: date) -> Window | None:
    """The promotion window that `day` lies in; windows never overlap."""
    for window in windows:
        if window.first_day(day.year) <= day <= window.last_day(day.year):
            return window
    return None


def window_end(window: Window, day: date, zone: ZoneInfo) -> datetime:
    """When the window of the year of `day` is over: the midnight after its last local day."""
    return midnight(window.last_day(day.year) + timedelta(days=1), zone)


def next_period(day: date, months: int) -> date:
    """The first day of the next calendar period of `months` (3: quarter), counted from January."""
    index = (day.month - 1) // months * months
    return add_months(date(day.year, index + 1, 1), months)
