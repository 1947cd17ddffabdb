"""Which calendars there are, and what each holds before anything is imported.

`cn` is the State Council's table in the package. Any other is a country by its ISO 3166-1 code, such as `DE`, or a part of
one, such as `DE-BY`: its public holidays follow from its laws, as the library `holidays` computes them. The same library
tells which days of a year without a notice will probably rest, so that a date told early is seldom wrong.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from houfu.core.calendar import Calendar, shipped_calendar, with_expected

STATE_COUNCIL: Final = "cn"
"""The one calendar whose days are a table of notices, with make-up days (D1)."""
YEARS_BACK: Final = 10
"""Years before the present one that a country's calendar covers."""
_NEAR: Final = timedelta(days=31)
"""How far ahead the dates of a withdrawal lie at most."""
YEARS_AHEAD: Final = 5
"""Years after the present one whose days are foreseen: more than a sandbox's clock may be moved at once."""

_COUNTRY: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?", re.ASCII)
_NAMES_IN: Final = {"CN": "zh_CN"}
_NAMES_ELSEWHERE: Final = "en_US"
"""The language of the holidays' names, where the library has it, whatever language this machine speaks."""


class CalendarUnknown(LookupError):
    """There is no calendar of this name; the message says what names there are."""


@lru_cache(maxsize=256)
def fault_of(name: str) -> str | None:
    """What is wrong with a calendar's name; None where it is good."""
    if name == STATE_COUNCIL:
        return None
    parts = _COUNTRY.fullmatch(name)
    if parts is None:
        return f"is neither `{STATE_COUNCIL}` nor the ISO code of a country, such as DE, or of a part, such as DE-BY"
    country, part = parts.groups()
    if country == "CN":
        return f"has no table of its own: `{STATE_COUNCIL}` is the State Council's, with make-up days"
    if country not in countries():
        return f"names no country whose holidays are known: they are {', '.join(countries())}"
    if part is not None and part not in parts_of(country):
        listed = ", ".join(parts_of(country)) or "none"
        return f"names no part of {country} whose holidays are known: they are {listed}"
    return None


@cache
def countries() -> tuple[str, ...]:
    """The ISO 3166-1 codes of the countries whose holidays are known, China's aside, in order."""
    from holidays.registry import COUNTRIES

    codes = {names[1] for names in COUNTRIES.values()}
    return tuple(sorted(code for code in codes if _COUNTRY.fullmatch(code) and code != "CN"))


def parts_of(country: str) -> tuple[str, ...]:
    """The codes of the parts of a country that have holidays of their own."""
    from holidays import country_holidays

    return tuple(
        part for part in country_holidays(country).subdivisions if _COUNTRY.fullmatch(f"{country}-{part}")
    )


@lru_cache(maxsize=64)
def calendar_of(name: str, year: int) -> Calendar:
    """The calendar before anything is imported, as seen in `year`; CalendarUnknown.

    A country's covers the ten years before and `year` itself. Later years are foreseen: laws change, and some feasts wait
    for the moon to be seen.
    """
    return foreseen(_basis(name, year), year)


def foreseen(calendar: Calendar, year: int) -> Calendar:
    """The calendar as seen in `year`, with the days that are expected to rest in years it does not cover. Nothing is computed
    where the library knows no such day; only weekends rest then."""
    until = year + YEARS_AHEAD
    open_years = [each for each in range(year - 1, until + 1) if not calendar.covers(each)]
    return with_expected(calendar, _days(calendar.name, open_years), until=until)


def expected_around(name: str, moment: datetime) -> Calendar:
    """The calendar of that name, with the days that are expected to rest where it covers too little for what is asked at
    `moment`. Needs no database: no imported notice is known."""
    basis = _basis(name, moment.year)
    if all(basis.covers(each.year) for each in (moment, moment + _NEAR)):
        return basis
    return foreseen(basis, moment.year)


def weekend_of(name: str) -> frozenset[int]:
    """The days of the week that rest, as `date.weekday` counts."""
    if name == STATE_COUNCIL:
        return shipped_calendar(STATE_COUNCIL).weekend
    from holidays import country_holidays

    return frozenset(country_holidays(name.partition("-")[0]).weekend)


def _basis(name: str, year: int) -> Calendar:
    if name == STATE_COUNCIL:
        return shipped_calendar(STATE_COUNCIL)
    fault = fault_of(name)
    if fault is not None:
        raise CalendarUnknown(f"`{name}` {fault}")
    from holidays.version import __version__

    years = range(year - YEARS_BACK, year + 1)
    days = _days(name, years)
    return Calendar(
        name=name,
        version=f"holidays {__version__}",
        years=frozenset(years),
        holidays=frozenset(days),
        make_up_days=frozenset(),
        weekend=weekend_of(name),
        names=days,
    )


def _days(name: str, years: Collection[int]) -> Mapping[date, str]:
    """The public holidays of those years, by name. The library takes long to load, so only those who ask for it wait."""
    if not years:
        return {}
    from holidays import country_holidays

    country, _, part = ("CN" if name == STATE_COUNCIL else name).partition("-")
    found = country_holidays(
        country, subdiv=part or None, years=years, language=_NAMES_IN.get(country, _NAMES_ELSEWHERE)
    )
    return dict(sorted(found.items()))
