"""A bank that runs by itself: the bank, its vault, its clock."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

import msgspec

from houfu.bank.bank import Bank
from houfu.bank.habits import Habits
from houfu.bank.receipt import Receipt
from houfu.bank.report import Report
from houfu.bank.vault import Received, Vault
from houfu.core.clock import Clock, SandboxClock
from houfu.iso20022.message import Entry, Party, StatusReport

_INSTANT: Final = timedelta(microseconds=1)


class Moment(msgspec.Struct, frozen=True):
    """A moment to be kept, such as where a sandbox's clock stands."""

    at: datetime


class Charter(msgspec.Struct, frozen=True):
    """What a bank was set up with. It stays as long as its vault: other habits would rewrite what was told."""

    opened_at: datetime
    account: Party
    opening: int
    habits: dict[str, str]


def charter(*, habits: Habits, account: Party, opening: int, opened_at: datetime) -> Charter:
    """The charter of a bank with these habits."""
    told = {field.name: str(getattr(habits, field.name)) for field in fields(habits)}
    told["calendar"] = f"{habits.calendar.name} {habits.calendar.version}"
    return Charter(opened_at=opened_at, account=account, opening=opening, habits=told)


class Branch:
    """The bank as its doors use it. Its state is its vault's; each call is over before the next begins."""

    def __init__(
        self, vault: Vault, clock: Clock, *, habits: Habits, account: Party, opening: int, opened_at: datetime
    ) -> None:
        self.clock: Final = clock
        self._vault = vault
        self._made = (habits, account, opening)
        self._latest = opened_at
        self._opened_at = opened_at
        self._bank = self._replayed()

    def now(self) -> datetime:
        """The present moment. It never goes back, whatever the machine's clock does."""
        self._latest = max(self._latest, self.clock.now())
        return self._latest

    def receive(self, content: bytes, *, named: str | None = None) -> Receipt:
        """Take a file in, to last. OSError where it cannot be kept: then it was not taken."""
        at = self.now()
        before = self._bank.files
        receipt = self._bank.receive(content, at, named=named)
        if self._bank.files > before:
            self._keep(Received(at, content))
        return receipt

    def deposit(self, amount: int) -> Entry:
        """Take money in, to last."""
        at = self.now()
        entry = self._bank.deposit(amount, at)
        self._keep(Received(at, amount))
        return entry

    def known(self, message_id: str) -> Receipt | None:
        """The receipt of a file that came before."""
        return self._bank.known(message_id)

    def status(self, message_id: str) -> StatusReport | None:
        """How a file's payments stand now."""
        return self._bank.status(message_id, self.now())

    def names(self, *, after: datetime | None = None, last: str = "", limit: int) -> list[str]:
        """The names of up to `limit` reports that are due, in order: those after `last`, which was due at `after`."""
        since = self._opened_at if after is None else after - _INSTANT
        found: list[str] = []
        for name in self._bank.names(since, self.now()):
            if name > last:
                found.append(name)
            if len(found) == limit:
                break
        return found

    def report(self, name: str) -> Report | None:
        """The report of that name, where it is due."""
        return self._bank.report(name, self.now())

    def reports(self, since: datetime | None, until: datetime) -> tuple[Report, ...]:
        """What became due after `since` (None: ever) and by `until`."""
        return self._bank.reports(self._opened_at if since is None else since, until)

    def move_clock(self, clock: SandboxClock, to: datetime) -> None:
        """Move a sandbox's clock, to last. ValueError when `to` is past."""
        clock.move_to(to)
        self._vault.note("clock", Moment(clock.now()))

    def _keep(self, received: Received) -> None:
        try:
            self._vault.keep(received)
        except OSError:
            # What lasts is what happened.
            self._bank = self._replayed()
            raise

    def _replayed(self) -> Bank:
        bank = Bank(*self._made)
        for received in self._vault.received():
            self._latest = max(self._latest, received.at)
            if isinstance(received.what, bytes):
                bank.receive(received.what, received.at)
            else:
                bank.deposit(received.what, received.at)
        return bank
