"""A version of a calendar: one notice as it was imported, and what it changed.

A notice holds one year or several. Its years replace the same years of what was in force; all others stay. So the calendar in
force is what the package ships, with every version laid over it in order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from houfu.core.calendar import Calendar, DayKind, merged, parse

YEARS_MAX: Final = 10
"""Years of one notice."""
_DAY: Final = timedelta(days=1)


class NoticeInvalid(ValueError):
    """The text is no notice of this calendar; the message says where."""


class CalendarVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was imported: `number` counts a calendar's from 1; `years` are those it holds."""

    calendar: str
    number: int
    version: str
    years: list[int]
    sha256: str
    imported_by: str
    note: str
    recorded_at: datetime


class DayChange(msgspec.Struct, frozen=True, kw_only=True):
    """A day that a version made another one: what it was, and what it is, with the names it had and has. `expected`: what it
    was, was a guess."""

    day: date
    was: DayKind
    was_name: str | None
    expected: bool
    now: DayKind
    name: str | None

    def in_words(self) -> str:
        """The change in a sentence, for the people who import a notice."""
        was = _EXPECTED[self.was] if self.expected else _WAS[self.was]
        return f"{self.day} {_IS[self.now]}{_called(self.name)}; it {was}{_called(self.was_name)}"


_IS: Final = {
    DayKind.WORKING: "works",
    DayKind.WEEKEND: "rests as any weekend",
    DayKind.HOLIDAY: "is a holiday",
    DayKind.MAKE_UP: "is a make-up day and works",
}
_WAS: Final = {
    DayKind.WORKING: "worked before",
    DayKind.WEEKEND: "rested as any weekend before",
    DayKind.HOLIDAY: "was a holiday before",
    DayKind.MAKE_UP: "was a make-up day before",
}
_EXPECTED: Final = {
    DayKind.WORKING: "was expected to work",
    DayKind.WEEKEND: "was expected to rest as any weekend",
    DayKind.HOLIDAY: "was expected to be a holiday",
    DayKind.MAKE_UP: "was expected to be a make-up day",
}


def _called(name: str | None) -> str:
    return f" ({name})" if name else ""


def sha_of(text: str) -> str:
    """SHA-256 of the notice, whatever its ends of lines."""
    return hashlib.sha256(text.removeprefix("\ufeff").replace("\r\n", "\n").encode()).hexdigest()


def read_notice(name: str, text: str, *, weekend: frozenset[int]) -> Calendar:
    """The notice as a calendar of its years alone; NoticeInvalid that names the line or what is missing."""
    try:
        notice = parse(text, weekend=weekend)
    except ValueError as wrong:
        raise NoticeInvalid(str(wrong)) from None
    if notice.name.casefold() != name.casefold():
        raise NoticeInvalid(f"the notice is of the calendar {notice.name}, not of {name}")
    if len(notice.years) > YEARS_MAX:
        raise NoticeInvalid(f"a notice has at most {YEARS_MAX} years")
    empty = sorted(notice.years - {day.year for day in notice.holidays})
    if empty:
        raise NoticeInvalid(
            f"the notice has no holiday of {empty[0]}: a year without any would be taken as official"
        )
    return notice


def laid_over(basis: Calendar, texts: Sequence[str]) -> Calendar:
    """The calendar with every notice laid over it, in order."""
    calendar = basis
    for text in texts:
        calendar = merged(calendar, parse(text, weekend=basis.weekend))
    return calendar


def changes(before: Calendar, after: Calendar, years: Sequence[int]) -> Iterator[DayChange]:
    """The days of those years that `after` has otherwise than `before`, in order; a changed name alone is none."""
    for year in sorted(years):
        day = date(year, 1, 1)
        while day.year == year:
            was, now = before.kind(day), after.kind(day)
            if was is not now:
                yield DayChange(
                    day=day,
                    was=was,
                    was_name=before.names.get(day),
                    expected=not before.covers(year),
                    now=now,
                    name=after.names.get(day),
                )
            day += _DAY
