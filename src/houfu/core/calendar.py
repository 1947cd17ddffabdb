"""The business calendar: working days with make-up days, T+N, and windows in which a service is closed.

Which days work is data: a versioned table (`calendars/*.csv`) taken from official notices, year by year. In a year the
table does not cover weekends rest and whatever days are expected to; dates there are provisional until the year's notice
is in the table.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

_DAY: Final = timedelta(days=1)
_COLUMNS: Final = "date,kind,name"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YEAR: Final = re.compile(r"2[0-9]{3}", re.ASCII)

SATURDAY_AND_SUNDAY: Final = frozenset({5, 6})
"""The weekend of most countries, as `date.weekday` counts."""
TABLE_CHARS_MAX: Final = 1_000_000
ROWS_MAX: Final = 4_000
"""Rows of one table: every day of ten years."""
NAME_CHARS_MAX: Final = 100


class DayKind(StrEnum):
    """What a day is."""

    WORKING = "working"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKE_UP = "make_up"
    """Of a weekend, and worked instead of another."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days of one country, as one version of its table tells them.

    `years` are those whose official days it holds. `expected` are days of other years that will probably rest.
    `number` counts the versions an installation imported: 0 is none. `foreseen_until` is the last year for which it was
    asked what days are expected to rest.
    """

    name: str
    version: str
    years: frozenset[int]
    holidays: frozenset[date]
    make_up_days: frozenset[date]
    expected: frozenset[date] = frozenset()
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    number: int = 0
    foreseen_until: int = 0
    names: Mapping[date, str] = field(default_factory=dict[date, str], compare=False)

    def covers(self, year: int) -> bool:
        """Whether the table holds the official notice of `year`."""
        return year in self.years

    def is_provisional(self, first: date, last: date) -> bool:
        """Whether any day from `first` to `last` lies in a year the table does not cover."""
        return any(not self.covers(year) for year in range(first.year, last.year + 1))

    def is_working_day(self, day: date) -> bool:
        """Holidays rest, make-up days work, any other day works unless it is of the weekend."""
        if day in self.make_up_days:
            return True
        return day.weekday() not in self.weekend and day not in self.holidays and day not in self.expected

    def kind(self, day: date) -> DayKind:
        """What the day is; a holiday at the weekend is a holiday."""
        if day in self.make_up_days:
            return DayKind.MAKE_UP
        if day in self.holidays or day in self.expected:
            return DayKind.HOLIDAY
        return DayKind.WEEKEND if day.weekday() in self.weekend else DayKind.WORKING

    def next_working_day(self, day: date) -> date:
        """The first working day after `day`."""
        return self.add_working_days(day, 1)

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; with 0, `day` itself or else the first working day after it.

        Raises ValueError if `count` is negative.
        """
        if count < 0:
            raise ValueError(f"count: {count} working days cannot be added")
        while count > 0 or not self.is_working_day(day):
            day += _DAY
            if count > 0 and self.is_working_day(day):
                count -= 1
        return day

    def working_days(self, first: date, last: date) -> tuple[date, ...]:
        """The working days from `first` to `last`, both included."""
        days = (first + _DAY * offset for offset in range((last - first).days + 1))
        return tuple(day for day in days if self.is_working_day(day))


def merged(calendar: Calendar, notice: Calendar) -> Calendar:
    """`calendar` with the years of `notice` in place of its own; every other year stays."""

    def kept(days: frozenset[date]) -> frozenset[date]:
        return frozenset(day for day in days if day.year not in notice.years)

    names = {day: name for day, name in calendar.names.items() if day.year not in notice.years}
    return dataclasses.replace(
        calendar,
        version=notice.version,
        years=calendar.years | notice.years,
        holidays=kept(calendar.holidays) | notice.holidays,
        make_up_days=kept(calendar.make_up_days) | notice.make_up_days,
        expected=kept(calendar.expected),
        names={**names, **notice.names},
    )


def with_expected(calendar: Calendar, days: Mapping[date, str], *, until: int) -> Calendar:
    """`calendar` that takes `days`, by their names, to rest in years up to `until` which it does not cover (D1)."""
    expected = {day: name for day, name in days.items() if not calendar.covers(day.year)}
    return dataclasses.replace(
        calendar,
        expected=frozenset(expected),
        foreseen_until=until,
        names={**calendar.names, **expected},
    )


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A daily stretch of local time without service (D3): from `closed_from` up to, not with, `closed_until`.

    It may run over midnight. Two equal times mean that the service never closes.
    """

    closed_from: time
    closed_until: time

    def closed_at(self, moment: time) -> bool:
        """Whether the service is closed at this local time of day."""
        if self.closed_from <= self.closed_until:
            return self.closed_from <= moment < self.closed_until
        return moment >= self.closed_from or moment < self.closed_until

    def next_closing(self, moment: datetime) -> datetime:
        """The first `closed_from` after `moment`, in the time zone `moment` carries."""
        return next_time(self.closed_from, moment)


def next_time(at: time, after: datetime) -> datetime:
    """The first moment after `after` at which its zone's clocks show `at`."""
    moment = local_moment(after.date(), at, after.tzinfo)
    return moment if moment > after else local_moment(after.date() + _DAY, at, after.tzinfo)


def local_moment(day: date, at: time, zone: tzinfo | None) -> datetime:
    """The moment at which clocks of `zone` show `at` on `day`."""
    return datetime.combine(day, at, tzinfo=zone)


def parse(text: str, *, weekend: frozenset[int] = SATURDAY_AND_SUNDAY) -> Calendar:
    """Read a calendar table: `# key: value` lines, then `date,kind,name` rows of kind holiday or make_up.

    Raises ValueError that names the line: an unknown kind, a bad or repeated date, a date outside the covered
    years, a make-up day that would work anyway, more than a table may hold.
    """
    if len(text) > TABLE_CHARS_MAX:
        raise ValueError(f"the table is over {TABLE_CHARS_MAX:,} characters")
    header: dict[str, str] = {}
    days: dict[date, tuple[int, str, str]] = {}
    rows_begun = False
    # Only line feeds end a line, as in every editor; a spreadsheet puts a byte order mark first.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.startswith("#"):
            key, colon, value = line[1:].partition(":")
            if colon:
                header.setdefault(key.strip(), value.strip())
        elif line.strip() == _COLUMNS:
            rows_begun = True
        elif line.strip():
            if not rows_begun:
                raise ValueError(f"line {number}: expected the column names {_COLUMNS}")
            if len(days) == ROWS_MAX:
                raise ValueError(f"line {number}: a table has at most {ROWS_MAX:,} days")
            day, kind, name = _row(line, number, weekend)
            if day in days:
                raise ValueError(f"line {number}: {day} is listed twice")
            days[day] = (number, kind, name)
    return _calendar(header, days, weekend)


def _row(line: str, number: int, weekend: frozenset[int]) -> tuple[date, str, str]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 3:
        raise ValueError(f"line {number}: expected {_COLUMNS}")
    written, kind, name = cells
    try:
        day = date.fromisoformat(written) if _DATE.fullmatch(written) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"line {number}: {_clipped(written)} is not a date such as 2026-10-01")
    if kind not in (DayKind.HOLIDAY, DayKind.MAKE_UP):
        raise ValueError(f"line {number}: {_clipped(kind)} is neither holiday nor make_up")
    if kind == DayKind.MAKE_UP and day.weekday() not in weekend:
        raise ValueError(f"line {number}: {day} works anyway and cannot be a make-up day")
    if len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise ValueError(f"line {number}: a name has at most {NAME_CHARS_MAX} printable characters")
    return day, kind, name


def _calendar(
    header: dict[str, str], days: dict[date, tuple[int, str, str]], weekend: frozenset[int]
) -> Calendar:
    missing = [key for key in ("name", "version", "years") if not header.get(key)]
    if missing:
        raise ValueError(f"the table's head lacks {', '.join(missing)}")
    for key in ("name", "version"):
        if len(header[key]) > NAME_CHARS_MAX or not header[key].isprintable():
            raise ValueError(f"{key}: has at most {NAME_CHARS_MAX} printable characters")
    for year in header["years"].split():
        if not _YEAR.fullmatch(year):
            raise ValueError(f"years: {_clipped(year)} is not a year from 2000 to 2999")
    years = frozenset(int(year) for year in header["years"].split())
    for day, (number, _, _) in days.items():
        if day.year not in years:
            covered = _clipped(header["years"])
            raise ValueError(f"line {number}: {day} lies outside the covered years {covered}")
    return Calendar(
        name=header["name"],
        version=header["version"],
        years=years,
        holidays=_of_kind(DayKind.HOLIDAY, days),
        make_up_days=_of_kind(DayKind.MAKE_UP, days),
        weekend=weekend,
        names={day: name for day, (_, _, name) in days.items()},
    )


def _of_kind(wanted: DayKind, days: Mapping[date, tuple[int, str, str]]) -> frozenset[date]:
    return frozenset(day for day, (_, kind, _) in days.items() if kind == wanted)


def _clipped(text: str) -> str:
    """What somebody wrote, quoted, so short that a message stays readable."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


@cache
def shipped_calendar(name: str = "cn") -> Calendar:
    """The calendar of that name in the package; `cn` follows the State Council's notices (D1)."""
    table = resources.files("houfu.core").joinpath("calendars", f"{name}.csv")
    return parse(table.read_text(encoding="utf-8"))
