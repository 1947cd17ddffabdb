"""The business calendar: working days with make-up days, T+N, and windows in which a service is closed.

Which days work is data: a versioned table (`calendars/*.csv`) taken from official notices. In a year the table
does not cover only weekends rest, and dates there are provisional until the year's notice is in the table.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from importlib import resources
from typing import Final

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_COLUMNS: Final = "date,kind,name"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days of one country, as one version of its table tells them."""

    name: str
    version: str
    years: frozenset[int]
    holidays: frozenset[date]
    make_up_days: frozenset[date]

    def covers(self, year: int) -> bool:
        """Whether the table holds the official notice of `year`."""
        return year in self.years

    def is_provisional(self, first: date, last: date) -> bool:
        """Whether any day from `first` to `last` lies in a year the table does not cover."""
        return any(not self.covers(year) for year in range(first.year, last.year + 1))

    def is_working_day(self, day: date) -> bool:
        """Holidays rest, make-up days work, any other day works from Monday to Friday."""
        if day in self.holidays:
            return False
        return day in self.make_up_days or day.weekday() < _SATURDAY

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


def parse(text: str) -> Calendar:
    """Read a calendar table: `# key: value` lines, then `date,kind,name` rows of kind holiday or make_up.

    Raises ValueError that names the line: an unknown kind, a bad or repeated date, a date outside the covered
    years, a make-up day that would work anyway.
    """
    header: dict[str, str] = {}
    days: dict[date, str] = {}
    rows_begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            key, colon, value = line[1:].partition(":")
            if colon:
                header.setdefault(key.strip(), value.strip())
        elif line.strip() == _COLUMNS:
            rows_begun = True
        elif line.strip():
            if not rows_begun:
                raise ValueError(f"line {number}: expected the column names {_COLUMNS}")
            day, kind = _row(line, number)
            if day in days:
                raise ValueError(f"line {number}: {day} is listed twice")
            days[day] = kind
    return _calendar(header, days)


def _row(line: str, number: int) -> tuple[date, str]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 3:
        raise ValueError(f"line {number}: expected {_COLUMNS}")
    try:
        day = date.fromisoformat(cells[0])
    except ValueError:
        raise ValueError(f"line {number}: {cells[0]!r} is not a date") from None
    if cells[1] not in ("holiday", "make_up"):
        raise ValueError(f"line {number}: {cells[1]!r} is neither holiday nor make_up")
    if cells[1] == "make_up" and day.weekday() < _SATURDAY:
        raise ValueError(f"line {number}: {day} works anyway and cannot be a make-up day")
    return day, cells[1]


def _calendar(header: dict[str, str], days: dict[date, str]) -> Calendar:
    missing = [key for key in ("name", "version", "years") if not header.get(key)]
    if missing:
        raise ValueError(f"the table's head lacks {', '.join(missing)}")
    for year in header["years"].split():
        if not (year.isascii() and year.isdigit()):
            raise ValueError(f"years: {year!r} is not a year")
    years = frozenset(int(year) for year in header["years"].split())
    outside = sorted(day for day in days if day.year not in years)
    if outside:
        raise ValueError(f"{outside[0]} lies outside the covered years {header['years']}")
    return Calendar(
        name=header["name"],
        version=header["version"],
        years=years,
        holidays=frozenset(day for day, kind in days.items() if kind == "holiday"),
        make_up_days=frozenset(day for day, kind in days.items() if kind == "make_up"),
    )


@cache
def shipped_calendar(name: str = "cn") -> Calendar:
    """The calendar of that name in the package; `cn` follows the State Council's notices (D1)."""
    table = resources.files("houfu.core").joinpath("calendars", f"{name}.csv")
    return parse(table.read_text(encoding="utf-8"))
