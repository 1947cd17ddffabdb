"""The business calendar against the State Council's published days (D1) and the closed window (D3)."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.core.calendar import Calendar, ClosedWindow, local_moment, next_time, parse, shipped_calendar

CHINA = shipped_calendar()
SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD = "# name: CN\n# version: 1\n# years: 2026\ndate,kind,name\n"


def days(text: str) -> list[date]:
    """`2026-02-15..2026-02-23` or single dates, separated by spaces."""
    found: list[date] = []
    for part in text.split():
        first, _, last = part.partition("..")
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last or first):
            found.append(day)
            day += timedelta(days=1)
    return found


# As the notices word them: the days off (weekends among them included), then the days worked instead.
PUBLISHED = [
    ("New Year 2024", "2024-01-01", ""),
    ("Spring Festival 2024", "2024-02-10..2024-02-17", "2024-02-04 2024-02-18"),
    ("Tomb-sweeping 2024", "2024-04-04..2024-04-06", "2024-04-07"),
    ("Labour Day 2024", "2024-05-01..2024-05-05", "2024-04-28 2024-05-11"),
    ("Dragon Boat 2024", "2024-06-10", ""),
    ("Mid-autumn 2024", "2024-09-15..2024-09-17", "2024-09-14"),
    ("National Day 2024", "2024-10-01..2024-10-07", "2024-09-29 2024-10-12"),
    ("New Year 2025", "2025-01-01", ""),
    ("Spring Festival 2025", "2025-01-28..2025-02-04", "2025-01-26 2025-02-08"),
    ("Tomb-sweeping 2025", "2025-04-04..2025-04-06", ""),
    ("Labour Day 2025", "2025-05-01..2025-05-05", "2025-04-27"),
    ("Dragon Boat 2025", "2025-05-31..2025-06-02", ""),
    ("National Day and Mid-autumn 2025", "2025-10-01..2025-10-08", "2025-09-28 2025-10-11"),
    ("New Year 2026", "2026-01-01..2026-01-03", "2026-01-04"),
    ("Spring Festival 2026", "2026-02-15..2026-02-23", "2026-02-14 2026-02-28"),
    ("Tomb-sweeping 2026", "2026-04-04..2026-04-06", ""),
    ("Labour Day 2026", "2026-05-01..2026-05-05", "2026-05-09"),
    ("Dragon Boat 2026", "2026-06-19..2026-06-21", ""),
    ("Mid-autumn 2026", "2026-09-25..2026-09-27", ""),
    ("National Day 2026", "2026-10-01..2026-10-07", "2026-09-20 2026-10-10"),
]


@pytest.mark.parametrize(("holiday", "off", "worked"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_a_published_holiday_rests_and_its_make_up_days_work(holiday: str, off: str, worked: str) -> None:
    assert [day for day in days(off) if CHINA.is_working_day(day)] == []
    assert [day for day in days(worked) if not CHINA.is_working_day(day)] == []


def test_the_table_holds_nothing_but_the_published_days() -> None:
    assert CHINA.holidays == {day for _, off, _ in PUBLISHED for day in days(off)}
    assert CHINA.make_up_days == {day for _, _, worked in PUBLISHED for day in days(worked)}


ADDED = [
    ("Monday, one day on", "2026-03-02", 1, "2026-03-03"),
    ("Friday, over the weekend", "2026-03-06", 1, "2026-03-09"),
    ("Saturday, to Monday", "2026-03-07", 1, "2026-03-09"),
    ("onto a make-up Saturday", "2026-02-13", 1, "2026-02-14"),
    ("from a make-up Saturday over the festival", "2026-02-14", 1, "2026-02-24"),
    ("over National Day", "2026-09-30", 1, "2026-10-08"),
    ("three days over a weekend", "2026-11-11", 3, "2026-11-16"),
    ("five days that end on a make-up Saturday", "2026-02-24", 4, "2026-02-28"),
    ("none, from a working day", "2026-03-02", 0, "2026-03-02"),
    ("none, from a Sunday", "2026-03-08", 0, "2026-03-09"),
    ("from the last covered year into one that is not", "2026-12-31", 1, "2027-01-01"),
]


@pytest.mark.parametrize(("name", "day", "count", "expected"), ADDED, ids=[row[0] for row in ADDED])
def test_working_days_are_added(name: str, day: str, count: int, expected: str) -> None:
    assert CHINA.add_working_days(date.fromisoformat(day), count) == date.fromisoformat(expected)


@given(st.dates(date(2023, 1, 1), date(2027, 12, 31)), st.integers(1, 40))
def test_adding_working_days_passes_exactly_that_many(day: date, count: int) -> None:
    end = CHINA.add_working_days(day, count)
    passed = CHINA.working_days(day + timedelta(days=1), end)
    assert len(passed) == count
    assert passed[-1] == end
    assert CHINA.next_working_day(day) == passed[0]


def test_working_days_are_not_added_backwards() -> None:
    with pytest.raises(ValueError, match="count"):
        CHINA.add_working_days(date(2026, 3, 2), -1)


def test_dates_outside_the_covered_years_are_provisional() -> None:
    assert [year for year in range(2022, 2030) if CHINA.covers(year)] == [2024, 2025, 2026]
    assert not CHINA.is_provisional(date(2026, 12, 30), date(2026, 12, 31))
    assert CHINA.is_provisional(date(2026, 12, 31), date(2027, 1, 4))
    assert CHINA.is_provisional(date(2023, 12, 31), date(2024, 1, 2))


def test_outside_the_covered_years_only_weekends_rest() -> None:
    assert CHINA.is_working_day(date(2027, 10, 1))
    assert not CHINA.is_working_day(date(2027, 10, 2))


CLOSED = [
    ("22:59:59.999999", False),
    ("23:00", True),
    ("00:00", True),
    ("02:59:59.999999", True),
    ("03:00", False),
    ("12:00", False),
]


@pytest.mark.parametrize(("moment", "closed"), CLOSED)
def test_a_window_over_midnight_is_closed_from_its_first_up_to_its_last_moment(
    moment: str, closed: bool
) -> None:
    assert ClosedWindow(time(23), time(3)).closed_at(time.fromisoformat(moment)) is closed


def test_a_window_within_a_day_is_closed_there_only() -> None:
    window = ClosedWindow(time(1), time(3))
    assert [hour for hour in range(24) if window.closed_at(time(hour))] == [1, 2]


def test_a_window_of_two_equal_times_never_closes() -> None:
    window = ClosedWindow(time(3), time(3))
    assert not any(window.closed_at(time(hour)) for hour in range(24))


def test_the_next_time_is_later_today_or_else_tomorrow() -> None:
    ten = datetime(2026, 3, 2, 10, tzinfo=SHANGHAI)
    assert next_time(time(23), ten) == datetime(2026, 3, 2, 23, tzinfo=SHANGHAI)
    assert next_time(time(9), ten) == datetime(2026, 3, 3, 9, tzinfo=SHANGHAI)
    assert next_time(time(10), ten) == datetime(2026, 3, 3, 10, tzinfo=SHANGHAI)
    assert ClosedWindow(time(23), time(3)).next_closing(ten) == local_moment(
        date(2026, 3, 2), time(23), SHANGHAI
    )


BAD_TABLES = [
    ("2026-13-01,holiday,x\n", "line 5: '2026-13-01' is not a date"),
    ("20260101,holiday,x\n", "line 5: '20260101' is not a date such as 2026-10-01"),
    ("2026-W01-1,holiday,x\n", "line 5: '2026-W01-1' is not a date"),
    ("２０２６-01-01,holiday,x\n", "is not a date"),
    ('"2026-01-01",holiday,x\n', "is not a date"),
    ("x" * 900_000 + ",holiday,x\n", "line 5: 'x{40}…' is not a date"),
    ("2026-01-01,holiday," + "x" * 101 + "\n", "line 5: a name has at most 100 printable characters"),
    ("2026-01-01,holiday,a\x00b\n", "line 5: a name has at most 100 printable characters"),
    ("2026-01-01,holiday,a\u2028b\n", "line 5: a name has at most 100 printable characters"),
    ("\n\n2026-01-01,holiday,=1+1,x\n", "line 7: expected date,kind,name"),
    ("x" * 1_000_001, "the table is over 1,000,000 characters"),
    ("2026-01-01,rest,x\n", "line 5: 'rest' is neither holiday nor make_up"),
    ("2026-01-01,holiday\n", "line 5: expected date,kind,name"),
    ("2026-01-01,holiday,x\n2026-01-01,holiday,x\n", "line 6: 2026-01-01 is listed twice"),
    ("2026-01-05,make_up,x\n", "line 5: 2026-01-05 works anyway"),
    ("2027-01-01,holiday,x\n", "line 5: 2027-01-01 lies outside the covered years '2026'"),
]


@pytest.mark.parametrize(("rows", "complaint"), BAD_TABLES)
def test_a_bad_table_is_refused_by_line(rows: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(HEAD + rows)


def test_a_table_without_its_head_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks version, years"):
        parse("# name: CN\ndate,kind,name\n")
    with pytest.raises(ValueError, match="years: 'soon' is not a year"):
        parse("# name: CN\n# version: 1\n# years: soon\ndate,kind,name\n")
    with pytest.raises(ValueError, match="line 1: expected the column names"):
        parse("2026-01-01,holiday,x\n")


def test_a_table_is_read_as_written() -> None:
    assert parse(HEAD + "2026-01-01,holiday,元旦\n2026-01-04,make_up,元旦\n") == Calendar(
        name="CN",
        version="1",
        years=frozenset({2026}),
        holidays=frozenset({date(2026, 1, 1)}),
        make_up_days=frozenset({date(2026, 1, 4)}),
    )
