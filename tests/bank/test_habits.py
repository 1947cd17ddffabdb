from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank.paper import SHANGHAI, at
from houfu.bank.habits import (
    SHARES,
    Booked,
    BusyWindow,
    Habits,
    Rejected,
    deposit_day,
    execution_day,
    fate,
)
from houfu.bank.reasons import FILE_WORDS, PAYMENT_WORDS, REJECTS, RETURNS

MONDAY = date(2026, 3, 2)
IDS = [f"wd_{nth:032x}" for nth in range(20_000)]

TOLD = [
    Booked(0, back=None),
    Booked(0, back=None),
    Booked(0, back=None),
    Booked(2, back=None),
    Rejected("AC04"),
    Booked(0, back=None),
    Booked(0, back=None),
    Rejected("AM14"),
]


def fates(habits: Habits, day: date = MONDAY) -> list[Rejected | Booked]:
    return [fate(habits, end_to_end_id, "6222000000000000011", handed_in_on=day) for end_to_end_id in IDS]


def test_unless_told_otherwise_everything_is_booked_at_once_but_to_closed_accounts() -> None:
    assert set(fates(Habits())) == {Booked()}
    closed = fate(Habits(), "wd_1", "6222000000000000000", handed_in_on=MONDAY)
    assert closed == Rejected("AC04")


def test_the_same_payment_meets_the_same_fate_for_ever_and_another_seed_deals_anew() -> None:
    habits = Habits(reject_ppm=200_000, delay_ppm=200_000, return_ppm=200_000)
    assert fates(habits) == fates(habits)
    assert fates(habits) != fates(Habits("2", reject_ppm=200_000, delay_ppm=200_000, return_ppm=200_000))
    # Written down: a change of the hash would change every sandbox there is.
    told = [fate(habits, f"wd_{nth}", "1", handed_in_on=MONDAY) for nth in range(8)]
    assert told == TOLD


@pytest.mark.parametrize("ppm", [10_000, 300_000, 1_000_000])
def test_shares_come_out_as_they_were_asked_for(ppm: int) -> None:
    rejected = sum(isinstance(found, Rejected) for found in fates(Habits(reject_ppm=ppm)))
    assert abs(rejected * 1_000_000 - ppm * len(IDS)) <= 15_000 * len(IDS)
    late = [
        found.late for found in fates(Habits(delay_ppm=ppm, delay_days_max=3)) if isinstance(found, Booked)
    ]
    assert set(late) == {0, 1, 2, 3} - ({0} if ppm == 1_000_000 else set())
    back = [found.back for found in fates(Habits(return_ppm=ppm)) if isinstance(found, Booked) and found.back]
    assert {days for days, _ in back} == {1, 2, 3, 4, 5}
    assert {code for _, code in back} == set(RETURNS)


def test_every_reason_occurs_and_has_words() -> None:
    codes = {found.code for found in fates(Habits(reject_ppm=1_000_000)) if isinstance(found, Rejected)}
    assert codes == set(REJECTS)
    assert {*REJECTS, *RETURNS, "AM05"} == set(PAYMENT_WORDS)
    assert all(words for words in (*PAYMENT_WORDS.values(), *FILE_WORDS.values()))


def test_in_a_busy_window_payments_take_one_of_three_working_days() -> None:
    habits = Habits(busy_windows=(BusyWindow((6, 1), (6, 18)), BusyWindow((12, 30), (1, 2))))
    busy = (date(2026, 6, 1), date(2026, 6, 18), date(2026, 12, 31), date(2026, 1, 2))
    assert all(habits.busy(day) for day in busy)
    assert not any(habits.busy(day) for day in (date(2026, 5, 31), date(2026, 6, 19), date(2026, 1, 3)))
    assert set(fates(habits, date(2026, 6, 5))) == {Booked(0), Booked(1), Booked(2)}
    assert set(fates(habits, date(2026, 6, 19))) == {Booked(0)}


@pytest.mark.parametrize(
    ("wished", "received_at", "day"),
    [
        (date(2026, 3, 3), at(2, 23), date(2026, 3, 3)),
        # Wished for today, but the booking of today is over, or just now.
        (date(2026, 3, 2), at(2, 9, 59), date(2026, 3, 2)),
        (date(2026, 3, 2), at(2, 10), date(2026, 3, 3)),
        (date(2026, 2, 27), at(2, 9), date(2026, 3, 2)),
        # A weekend, and the holidays of the Spring Festival; Saturday the 28th is a make-up day.
        (date(2026, 3, 7), at(6, 12), date(2026, 3, 9)),
        (date(2026, 2, 16), at(14, 12, month=2), date(2026, 2, 24)),
        (date(2026, 2, 28), at(27, 12, month=2), date(2026, 2, 28)),
    ],
)
def test_a_payment_is_executed_on_a_working_day_whose_booking_is_yet_to_come(
    wished: date, received_at: datetime, day: date
) -> None:
    assert execution_day(Habits(), wished, received_at) == day


@given(
    wished=st.dates(date(2026, 1, 1), date(2026, 12, 1)),
    moment=st.datetimes(
        min_value=at(1, 0).replace(tzinfo=None), max_value=at(1, 0, month=12).replace(tzinfo=None)
    ),
)
def test_nothing_is_booked_before_it_was_received(wished: date, moment: datetime) -> None:
    received_at = moment.replace(tzinfo=SHANGHAI)
    habits = Habits()
    day = execution_day(habits, wished, received_at)
    assert day >= wished
    assert habits.calendar.is_working_day(day)
    assert (day, habits.books_at) > (received_at.date(), received_at.time())


def test_money_that_comes_after_the_statement_belongs_to_the_next() -> None:
    assert deposit_day(Habits(), at(6, 19, 59)) == date(2026, 3, 6)
    assert deposit_day(Habits(), at(6, 20)) == date(2026, 3, 9)
    assert deposit_day(Habits(), at(7, 9)) == date(2026, 3, 9)


@pytest.mark.parametrize("name", SHARES)
def test_shares_beyond_the_whole_are_refused(name: str) -> None:
    for ppm in (-1, 1_000_001):
        with pytest.raises(ValueError, match=name):
            Habits(**{name: ppm})
