"""The simulated bank: the same answer on every run, within the quoted dates."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from houfu.core.calendar import shipped_calendar
from houfu.policy.document import shipped_policy
from houfu.withdrawals.bank import Bank, Paid, Payout, Pending, Rejected, SimulatedBank, simulated_arrival
from houfu.withdrawals.terms import withdrawal_terms
from houfu.withdrawals.withdrawal import INQUIRY_TIME

ZONE = withdrawal_terms(shipped_policy().terms).zone
SIMULATED = SimulatedBank(calendar=shipped_calendar(), zone=ZONE, books_at=INQUIRY_TIME)
BANK: Bank = SIMULATED
PAYOUT = Payout(
    payout_id="wd_0195f1d2a0007c3f8000000000000001.store-1",
    amount=99_400,
    currency="CNY",
    holder="Store One",
    number="6222020200112233445",
    bank_code="102100099996",
    arrives_on=date(2026, 3, 3),
    latest_on=date(2026, 3, 3),
)
CLOSED = replace(PAYOUT, number="6222020200112230000")
BOOKED = datetime(2026, 3, 3, 10, tzinfo=ZONE)
JUST_BEFORE = BOOKED - timedelta(microseconds=1)


async def test_a_payout_is_pending_until_the_bank_books_it() -> None:
    assert await BANK.outcome(PAYOUT, now=JUST_BEFORE) == Pending()
    assert await BANK.outcome(PAYOUT, now=BOOKED) == Paid(BOOKED)
    assert await BANK.outcome(PAYOUT, now=BOOKED + timedelta(days=9)) == Paid(BOOKED)


async def test_a_closed_account_is_rejected_in_plain_words() -> None:
    assert await BANK.outcome(CLOSED, now=JUST_BEFORE) == Pending()
    rejected = await BANK.outcome(CLOSED, now=BOOKED)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.at) == ("AC04", BOOKED)
    assert rejected.message("zh") == "收款账户已销户"
    assert rejected.message("en") == "The account is closed"


async def test_submitting_twice_gives_the_same_acknowledgement() -> None:
    other = replace(PAYOUT, payout_id="wd_0195f1d2a0007c3f8000000000000002.store-1")
    first = await BANK.submit([PAYOUT, other])
    assert [one.payout_id for one in first] == [PAYOUT.payout_id, other.payout_id]
    assert first[0].bank_reference != first[1].bank_reference
    assert await BANK.submit([PAYOUT, other]) == first
    assert await BANK.submit([]) == ()


def promoted(number: int) -> Payout:
    """A payout asked on Thursday 2026-11-12: expected Friday, at the latest Tuesday."""
    return replace(
        PAYOUT,
        payout_id=f"wd_{number:032x}.store-1",
        arrives_on=date(2026, 11, 13),
        latest_on=date(2026, 11, 17),
    )


def test_in_a_promotion_the_bank_takes_any_working_day_up_to_the_latest() -> None:
    days = Counter(simulated_arrival(SIMULATED, promoted(number)) for number in range(300))
    assert set(days) == {date(2026, 11, 13), date(2026, 11, 16), date(2026, 11, 17)}
    assert min(days.values()) > 60


async def test_in_a_promotion_the_answer_stays_once_it_is_known() -> None:
    for payout in map(promoted, range(20)):
        booked = datetime.combine(simulated_arrival(SIMULATED, payout), time(10), tzinfo=ZONE)
        assert await BANK.outcome(payout, now=booked - timedelta(microseconds=1)) == Pending()
        assert await BANK.outcome(payout, now=booked + timedelta(days=30)) == Paid(booked)
