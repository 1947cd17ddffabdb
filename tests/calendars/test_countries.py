"""Calendars before anything is imported: China's table, and other countries by the holidays of their laws."""

from __future__ import annotations

from datetime import date

import pytest

from houfu.calendars.countries import CalendarUnknown, calendar_of, countries, fault_of, foreseen
from houfu.core.calendar import Calendar, DayKind, shipped_calendar

CHINA = calendar_of("cn", 2026)


def test_china_s_calendar_is_the_shipped_table_with_its_make_up_days() -> None:
    shipped = shipped_calendar("cn")
    assert (CHINA.name, CHINA.number, CHINA.years) == ("cn", 0, shipped.years)
    assert (CHINA.holidays, CHINA.make_up_days) == (shipped.holidays, shipped.make_up_days)


PAST_COVERAGE = [
    ("New Year's Day rests every year", date(2026, 12, 31), 1, date(2027, 1, 4)),
    ("over the Spring Festival that the moon sets", date(2027, 2, 4), 1, date(2027, 2, 11)),
    ("over National Day", date(2027, 9, 30), 1, date(2027, 10, 6)),
    ("without any make-up Saturday", date(2027, 2, 12), 1, date(2027, 2, 15)),
]


@pytest.mark.parametrize(
    ("name", "day", "count", "expected"), PAST_COVERAGE, ids=[row[0] for row in PAST_COVERAGE]
)
def test_past_coverage_the_statutory_holidays_are_expected_and_dates_are_provisional(
    name: str, day: date, count: int, expected: date
) -> None:
    arrives = CHINA.add_working_days(day, count)
    assert arrives == expected
    assert CHINA.is_provisional(day, arrives)


def test_within_coverage_nothing_is_expected_and_nothing_is_provisional() -> None:
    assert {day.year for day in CHINA.expected} == set(range(2027, 2032))
    assert not CHINA.is_provisional(date(2026, 1, 1), date(2026, 12, 31))
    assert CHINA.names[date(2027, 1, 1)] == "元旦"
    assert CHINA.names[date(2026, 2, 14)] == "春节"


def test_past_what_the_library_knows_only_weekends_rest() -> None:
    far = foreseen(shipped_calendar("cn"), 2500)
    assert far.expected == frozenset()
    assert [far.is_working_day(date(2500, 1, day)) for day in (1, 2, 4)] == [True, False, True]
    assert far.is_provisional(date(2500, 1, 1), date(2500, 1, 1))


OTHERS = [
    ("DE", "2026-10-03", DayKind.HOLIDAY, "German Unity Day"),
    ("DE", "2026-05-14", DayKind.HOLIDAY, "Ascension"),
    ("DE", "2026-06-04", DayKind.WORKING, "Corpus Christi is none in all of Germany"),
    ("DE-BY", "2026-06-04", DayKind.HOLIDAY, "Corpus Christi in Bavaria"),
    ("DE", "2026-06-06", DayKind.WEEKEND, "a Saturday"),
    ("EG", "2026-06-05", DayKind.WEEKEND, "a Friday"),
    ("EG", "2026-06-07", DayKind.WORKING, "a Sunday"),
    ("SA", "2026-06-05", DayKind.WEEKEND, "a Friday"),
    ("AE", "2026-06-05", DayKind.WORKING, "a Friday"),
    ("JP", "2026-05-05", DayKind.HOLIDAY, "Children's Day"),
    ("US", "2026-07-03", DayKind.HOLIDAY, "Independence Day, observed"),
    ("US-TX", "2026-07-03", DayKind.HOLIDAY, "the same in Texas"),
]


@pytest.mark.parametrize(("name", "day", "kind", "why"), OTHERS, ids=[f"{row[0]} {row[3]}" for row in OTHERS])
def test_another_country_rests_by_its_own_laws_and_weekends(
    name: str, day: str, kind: DayKind, why: str
) -> None:
    calendar = calendar_of(name, 2026)
    assert calendar.kind(date.fromisoformat(day)) is kind
    assert calendar.is_working_day(date.fromisoformat(day)) is (kind is DayKind.WORKING)


def test_another_country_is_official_up_to_the_present_year_and_foreseen_after_it() -> None:
    germany = calendar_of("DE", 2026)
    assert germany.years == frozenset(range(2016, 2027))
    assert germany.version.startswith("holidays ")
    assert not germany.is_provisional(date(2026, 12, 24), date(2026, 12, 28))
    assert germany.is_provisional(date(2026, 12, 31), date(2027, 1, 4))
    assert germany.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert not calendar_of("DE", 2027).is_provisional(date(2026, 12, 31), date(2027, 1, 4))


def test_over_a_weekend_of_friday_and_saturday_sunday_is_the_next_working_day() -> None:
    assert calendar_of("EG", 2026).add_working_days(date(2026, 6, 4), 1) == date(2026, 6, 7)


UNKNOWN = [
    ("XX", "names no country whose holidays are known: they are AD, AE"),
    ("de", "is neither `cn` nor the ISO code"),
    ("DEU", "is neither `cn` nor the ISO code"),
    ("DE-XX", "names no part of DE whose holidays are known: they are BB, BE"),
    ("SG-01", "names no part of SG whose holidays are known: they are none"),
    ("CN", "`cn` is the State Council's"),
    ("CN-BJ", "`cn` is the State Council's"),
    ("", "is neither"),
    ("../../etc/passwd", "is neither"),
    ("DE\n", "is neither"),
    ("HolidayBase", "is neither"),
]


@pytest.mark.parametrize(("name", "fault"), UNKNOWN, ids=[repr(row[0]) for row in UNKNOWN])
def test_an_unknown_calendar_is_refused_with_what_there_is(name: str, fault: str) -> None:
    assert fault in (fault_of(name) or "")
    with pytest.raises(CalendarUnknown):
        calendar_of(name, 2026)


def test_every_country_the_library_knows_makes_a_calendar() -> None:
    assert {"DE", "US", "JP", "SA", "BR"} < set(countries())
    assert "CN" not in countries()
    for name in countries():
        assert isinstance(calendar_of(name, 2026), Calendar)
        assert fault_of(name) is None
