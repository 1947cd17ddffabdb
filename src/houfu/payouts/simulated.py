"""The built-in simulated bank as a rail. What it was handed lies in the database: all the memory it has, for its books follow
from it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import asyncpg
from asyncpg import Pool, Record

from houfu.bank.bank import Bank
from houfu.bank.habits import BusyWindow, Habits
from houfu.bank.receipt import Receipt
from houfu.bank.report import delivered_at
from houfu.core.clock import Clock
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022.message import MessageRefused, Party
from houfu.payouts.actions import packed, unpacked
from houfu.payouts.rails.config import RailsConfig, RailTerms, SimulatedTerms
from houfu.payouts.rails.rail import RailAway, RailRefused, Waiting
from houfu.policy.document import Policy

_SQL = load(__package__)
OPENING: Final = 100_000_000_000
"""What the platform holds at the simulated bank in the beginning, fen."""
RAILS: Final = RailsConfig(
    (
        RailTerms(
            name="simulated",
            account=Party("后付平台备付金", "0200001019000000001", "102100099996"),
            banks=(),
            approval="automatic",
            file_payments_max=10_000,
            adapter=SimulatedTerms(),
        ),
    )
)
"""The rails of an installation that was given none."""
_INSTANT: Final = timedelta(microseconds=1)
ATTEMPTS_MAX: Final = 5


def habits_of(policy: Policy) -> Habits:
    """How the built-in bank behaves: it takes its time where the policy says that banks do (D1)."""
    return Habits(
        zone=policy.zone,
        busy_windows=tuple(
            BusyWindow(_month_day(window.first), _month_day(window.last))
            for window in policy.terms.promotion_windows
        ),
    )


class SimulatedRail:
    """The way to a simulated bank."""

    def __init__(self, pool: "Pool[Record]", clock: Clock, terms: RailTerms, habits: Habits) -> None:
        self._pool = pool
        self._clock = clock
        self._name = terms.name
        self._bank = Bank(habits, terms.account, OPENING)
        self._opened_at: datetime | None = None
        self._seq = 0
        self._last = ""
        self._reading = asyncio.Lock()

    async def deliver(self, message_id: str, content: bytes) -> None:
        """Hand the file over; the bank may lose its answer, and then only asking tells."""
        received_at = self._clock.now()
        async with self._pool.acquire() as connection:
            kept = packed(content)
            await _insert(connection, self._name, message_id, kept, received_at)
            same = await connection.fetchval(_SQL["bank_file_is"], self._name, message_id, kept)
        receipts = await self._read()
        if not same:
            raise RailRefused(f"the bank has another file called {message_id}")
        if self._bank.known(message_id) is None:
            raise RailRefused(f"the bank cannot read the file {message_id}")
        receipt = receipts.get(message_id)
        if receipt is not None and receipt.answer_lost:
            raise RailAway("the bank's answer was lost")

    async def has(self, message_id: str, content: bytes) -> bool:  # noqa: ARG002 (the bank knows the file by its id)
        """Whether the bank has the file."""
        await self._read()
        return self._bank.known(message_id) is not None

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """The reports that are due and not taken yet, the oldest first."""
        await self._read()
        return [Waiting(name, None) for name in islice(self._names(), limit)]

    async def fetch(self, name: str) -> bytes:
        """The report of that name."""
        await self._read()
        report = self._bank.report(name, self._clock.now())
        if report is None:
            raise MessageRefused(f"the bank has no report {name!r}")
        return report.content

    async def taken(self, name: str) -> None:
        """The report was recorded."""
        self._last = max(self._last, name)

    async def next_at(self) -> datetime | None:
        """When the next report is due; it may be past. None while the bank was handed nothing."""
        await self._read()
        if self._seq == 0:
            return None
        name = next(self._names(), None)
        return self._bank.next_at(self._clock.now()) if name is None else delivered_at(name)

    def _names(self) -> Iterator[str]:
        """The reports that are due and not taken, in order."""
        last = delivered_at(self._last)
        since = self._opened_at if last is None else last - _INSTANT
        if since is None:
            return iter(())
        names = self._bank.names(since, self._clock.now())
        return (name for name in names if name > self._last)

    async def _read(self) -> dict[str, Receipt]:
        """Let the bank take in what was handed over since the last look, by whomever; the receipts of that."""
        async with self._reading, self._pool.acquire() as connection:
            if self._seq == 0:
                self._last = await connection.fetchval(_SQL["last_name_taken"], self._name) or ""
            rows = await connection.fetch(_SQL["bank_files"], self._name, self._seq)
            receipts: dict[str, Receipt] = {}
            for row in rows:
                if self._opened_at is None:
                    self._opened_at = row["received_at"]
                receipt = self._bank.receive(unpacked(row["content"]), row["received_at"])
                if receipt.message_id is not None:
                    receipts[receipt.message_id] = receipt
                self._seq = row["seq"]
            return receipts


async def _insert(
    connection: Connection, rail: str, message_id: str, content: bytes, received_at: datetime
) -> None:
    """Keep what was handed over, once."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            await connection.execute(_SQL["insert_bank_file"], rail, message_id, content, received_at)
            return
        except asyncpg.UniqueViolationError as conflict:
            if conflict.constraint_name == "received_once":
                return
            if attempt == ATTEMPTS_MAX:
                raise


def _month_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)
