"""The days that statements speak of."""

from datetime import date, timedelta
from typing import Final

import msgspec

from houfu.core.calendar import Calendar

MISSING_DAYS_MAX: Final = 400
"""Days between two statements that are looked at, the last of them: a longer gap is a new beginning."""
_DAY: Final = timedelta(days=1)


class End(msgspec.Struct, frozen=True, kw_only=True):
    """A statement as its neighbours see it."""

    day: date
    opening: int
    closing: int


def working_day_before(calendar: Calendar, day: date, *, count: int = 1) -> date:
    """The `count`-th working day before `day`."""
    while count > 0:
        day -= _DAY
        if calendar.is_working_day(day):
            count -= 1
    return day


def days_between(calendar: Calendar, earlier: date, later: date) -> list[date]:
    """The working days strictly between two days."""
    first = max(earlier + _DAY, later - _DAY * MISSING_DAYS_MAX)
    return list(calendar.working_days(first, later - _DAY))
