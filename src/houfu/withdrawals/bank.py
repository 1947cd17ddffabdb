"""The bank that pays withdrawals out: the port, and a simulated bank that answers to it.

A payout carries its withdrawal's id from end to end. Submitting the same id again asks for no second payment,
and the bank tells what became of an id at any time: so a crash between "sent" and "recorded" pays nobody twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from hashlib import sha256
from typing import Protocol

from houfu.core.calendar import Calendar, local_moment
from houfu.core.reason import Language

_ACCOUNT_CLOSED_ENDING = "0000"


@dataclass(frozen=True, slots=True)
class Payout:
    """What the bank is asked to pay: `amount` fen, the withdrawal's net, to an account of the store."""

    payout_id: str
    """The withdrawal's public id."""
    amount: int
    currency: str
    holder: str
    number: str
    bank_code: str
    arrives_on: date
    latest_on: date


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The bank has the payout on its books, under a reference of its own."""

    payout_id: str
    bank_reference: str


@dataclass(frozen=True, slots=True)
class Paid:
    """The money reached the account."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """The bank will not pay. `code` is the ISO 20022 external status reason, such as AC04 for a closed account."""

    code: str
    at: datetime
    zh: str
    en: str

    def message(self, language: Language = "zh") -> str:
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Pending:
    """The bank has not decided yet."""


Outcome = Paid | Rejected | Pending


class Bank(Protocol):
    """A bank as the worker sees it. Both calls may be repeated without further effect."""

    async def submit(self, payouts: Sequence[Payout]) -> tuple[Acknowledgement, ...]:
        """Hand payouts over; one acknowledgement each, in order. One id is never paid twice."""
        ...

    async def outcome(self, payout: Payout, *, now: datetime) -> Outcome:
        """What became of a submitted payout, as far as the bank knows at `now`."""
        ...


@dataclass(frozen=True, slots=True)
class SimulatedBank:
    """A bank without chance or memory: its answer follows from the payout alone, on every run and after any crash.

    It books at `books_at` local time on the expected day. Where the dates leave it room, as in a promotion (D1),
    it takes one of the working days from the expected to the latest, by a hash of id and account number.
    Account numbers that end in 0000 belong to closed accounts and are rejected on the expected day.
    """

    calendar: Calendar
    zone: tzinfo
    books_at: time

    async def submit(self, payouts: Sequence[Payout]) -> tuple[Acknowledgement, ...]:
        return tuple(Acknowledgement(payout.payout_id, f"SIM{_digest(payout):016x}") for payout in payouts)

    async def outcome(self, payout: Payout, *, now: datetime) -> Outcome:
        return simulated_outcome(self, payout, now=now)


def simulated_outcome(bank: SimulatedBank, payout: Payout, *, now: datetime) -> Outcome:
    """The simulated bank's answer at `now`."""
    closed = payout.number.endswith(_ACCOUNT_CLOSED_ENDING)
    day = payout.arrives_on if closed else simulated_arrival(bank, payout)
    booked_at = local_moment(day, bank.books_at, bank.zone)
    if now < booked_at:
        return Pending()
    if closed:
        return Rejected("AC04", booked_at, zh="收款账户已销户", en="The account is closed")
    return Paid(booked_at)


def simulated_arrival(bank: SimulatedBank, payout: Payout) -> date:
    """The day on which the simulated bank pays, from the expected to the latest."""
    days = bank.calendar.working_days(payout.arrives_on, payout.latest_on) or (payout.arrives_on,)
    return days[_digest(payout) % len(days)]


def _digest(payout: Payout) -> int:
    return int.from_bytes(sha256(f"{payout.payout_id}|{payout.number}".encode()).digest()[:8], "big")
