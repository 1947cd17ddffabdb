"""Notices: what is read, what is refused, and what one changes."""

from __future__ import annotations

from datetime import date

import pytest

from calendars.notices import EARLIER_2027, NOTICE_2027, NOTICE_2028
from houfu.calendars.countries import calendar_of
from houfu.calendars.version import YEARS_MAX, NoticeInvalid, changes, laid_over, read_notice, sha_of
from houfu.core.calendar import SATURDAY_AND_SUNDAY, DayKind

CHINA = calendar_of("cn", 2026)
HEAD = "# name: cn\n# version: v\n# years: 2027\ndate,kind,name\n"


def test_a_notice_of_one_year_leaves_every_other_year_as_it_was() -> None:
    after = laid_over(CHINA, [NOTICE_2027])
    assert after.years == CHINA.years | {2027}
    assert after.version == "invented-2027"
    for year in (2024, 2025, 2026):
        assert list(changes(CHINA, after, [year])) == []
    assert after.is_working_day(date(2027, 1, 9))
    assert not after.is_working_day(date(2027, 1, 4))
    # The days that were expected of 2027 are gone, those of 2028 stay.
    assert {day.year for day in after.expected} == {2028, 2029, 2030, 2031}


def test_a_year_can_be_corrected_by_a_later_notice() -> None:
    after = laid_over(CHINA, [NOTICE_2027, NOTICE_2028, EARLIER_2027])
    assert after.years == CHINA.years | {2027, 2028}
    assert [after.kind(date(2027, 1, day)) for day in (1, 2, 3, 4)] == [
        DayKind.HOLIDAY,
        DayKind.MAKE_UP,
        DayKind.WEEKEND,
        DayKind.WORKING,
    ]
    assert after.kind(date(2028, 1, 4)) is DayKind.HOLIDAY


def test_what_a_notice_changes_is_told_in_words() -> None:
    after = laid_over(CHINA, [NOTICE_2027])
    told = [change.in_words() for change in changes(CHINA, after, [2027])]
    assert told[:4] == [
        "2027-01-02 is a holiday (元旦); it was expected to rest as any weekend",
        "2027-01-03 is a holiday (元旦); it was expected to rest as any weekend",
        "2027-01-04 is a holiday (元旦); it was expected to work",
        "2027-01-09 is a make-up day and works (元旦); it was expected to rest as any weekend",
    ]
    corrected = list(changes(after, laid_over(CHINA, [NOTICE_2027, EARLIER_2027]), [2027]))
    assert [change.in_words() for change in corrected] == [
        "2027-01-02 is a make-up day and works (元旦); it was a holiday before (元旦)",
        "2027-01-03 rests as any weekend; it was a holiday before (元旦)",
        "2027-01-04 works; it was a holiday before (元旦)",
    ]
    assert "2027-04-05 works; it was expected to be a holiday (清明节)" in told


def test_the_ends_of_lines_and_a_spreadsheet_s_mark_make_no_other_notice() -> None:
    windows = "\ufeff" + NOTICE_2027.replace("\n", "\r\n")
    assert sha_of(windows) == sha_of(NOTICE_2027)
    assert read_notice("cn", windows, weekend=SATURDAY_AND_SUNDAY) == read_notice(
        "cn", NOTICE_2027, weekend=SATURDAY_AND_SUNDAY
    )


BAD = [
    ("nothing", "", "the table's head lacks name, version, years"),
    (
        "another calendar",
        HEAD.replace("cn", "DE") + "2027-01-01,holiday,x\n",
        "of the calendar DE, not of cn",
    ),
    ("a year without a holiday", HEAD, "has no holiday of 2027"),
    (
        "one of two years without a holiday",
        HEAD.replace("2027", "2027 2028") + "2027-01-01,holiday,x\n2028-01-01,make_up,x\n",
        "has no holiday of 2028",
    ),
    ("a year that is none", HEAD.replace("2027", "99999"), "years: '99999' is not a year from 2000 to 2999"),
    ("a year of many digits", HEAD.replace("2027", "2" * 5000), "is not a year"),
    ("a day of another year", HEAD + "2026-01-01,holiday,x\n", "line 5: 2026-01-01 lies outside"),
    (
        "too many years",
        HEAD.replace("2027", " ".join(str(2030 + n) for n in range(YEARS_MAX + 1))),
        "at most 10 years",
    ),
    (
        "too many rows",
        HEAD.replace("2027", " ".join(str(2030 + n) for n in range(15)))
        + "".join(
            f"{2030 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02},holiday,x\n" for n in range(4_001)
        ),
        "line 4005: a table has at most 4,000 days",
    ),
    ("too long", "#" * 1_000_001, "the table is over 1,000,000 characters"),
    ("no table at all", "\x00\x01\x02", "line 1: expected the column names"),
    ("a page", "<html>\n<body>", "line 1: expected the column names"),
    ("semicolons", HEAD + "2027-01-01;holiday;x\n", "line 5: expected date,kind,name"),
    ("a day that is none", HEAD + "2027-02-29,holiday,x\n", "line 5: '2027-02-29' is not a date"),
    ("a make-up Monday", HEAD + "2027-01-04,make_up,x\n", "line 5: 2027-01-04 works anyway"),
    (
        "a day twice",
        HEAD + "2027-01-01,holiday,x\n2027-01-01,holiday,x\n",
        "line 6: 2027-01-01 is listed twice",
    ),
]


@pytest.mark.parametrize(("name", "text", "complaint"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_notice_is_refused_with_its_line(name: str, text: str, complaint: str) -> None:
    with pytest.raises(NoticeInvalid) as refused:
        read_notice("cn", text, weekend=SATURDAY_AND_SUNDAY)
    assert complaint in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_make_up_day_lies_in_the_weekend_of_its_country() -> None:
    text = HEAD.replace("cn", "EG") + "2027-01-07,holiday,x\n2027-01-08,make_up,x\n"
    egypt = calendar_of("EG", 2026)
    assert read_notice("EG", text, weekend=egypt.weekend).make_up_days == {date(2027, 1, 8)}
    with pytest.raises(NoticeInvalid, match="works anyway"):
        read_notice("EG", text.replace("2027-01-08", "2027-01-10"), weekend=egypt.weekend)
