"""How much one export covers: a year (C5), counted in days of the programme."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from houfu.core.calendar import local_moment
from houfu.core.clock import in_utc

DAYS_MAX: Final = 366
"""Local days in one export, today among them."""


class PeriodTooLong(ValueError):
    """What is asked for is longer than a year."""


def a_year_at_most(
    first: datetime | None, before: datetime | None, *, now: datetime, zone: ZoneInfo
) -> tuple[datetime, datetime | None]:
    """The bounds of an export: those asked for, else the last year of them. PeriodTooLong beyond DAYS_MAX."""
    end = min(before, now) if before is not None else now
    # The day in which the last moment lies; a bound at midnight belongs to the day before it.
    last = (
        (end - timedelta(microseconds=1)).astimezone(zone).date()
        if before is not None
        else end.astimezone(zone).date()
    )
    earliest = in_utc(local_moment(last - timedelta(days=DAYS_MAX - 1), time(), zone))
    if first is None:
        return earliest, before
    if first < earliest:
        raise PeriodTooLong
    return first, before
