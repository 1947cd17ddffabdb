"""A simulated Chinese bank with one customer: it takes files of payments, books them on its own working days and tells
what it did. Pure: moments are arguments and nothing is read or written.

All of it follows from the habits and from what was received, in order: hand the same files and deposits in again, and
the same bank stands there. A report is always due after the file it speaks of was received. So what is due by a moment
is settled as soon as nothing earlier can be received.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from houfu.bank.habits import (
    Booked,
    Habits,
    Rejected,
    booking_moment,
    deposit_day,
    draw,
    execution_day,
    fate,
    happens,
    statement_moment,
)
from houfu.bank.passbook import CURRENCY, Passbook, debit, deposited, rejected, returned
from houfu.bank.reasons import DUPLICATE_PAYMENT
from houfu.bank.receipt import Receipt, objection, refused, taken
from houfu.bank.report import Delivery, Report, Told, delivered_at, delivery, identifier, written
from houfu.core.calendar import local_moment
from houfu.iso20022 import pain001
from houfu.iso20022.message import (
    Entry,
    MessageRefused,
    Notification,
    Party,
    PaymentFile,
    Statement,
    StatusReport,
    Transfer,
    TransferStatus,
)

ANSWERS_AFTER: Final = timedelta(seconds=1)
"""How long after a file the first report on it comes."""
AGAIN_AFTER: Final = timedelta(minutes=30)
"""How long after a report its duplicate comes."""

_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)
_YEAR: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _Settling:
    """A payment that will stand at `status` from `decided_at` on."""

    status: TransferStatus
    decided_at: datetime

    def at(self, now: datetime) -> TransferStatus:
        """How it stands at `now`."""
        if now >= self.decided_at:
            return self.status
        return TransferStatus(end_to_end_id=self.status.end_to_end_id, status="ACSP")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file that was received, whether it was taken or not."""

    receipt: Receipt
    payments: tuple[_Settling, ...]


class Bank:
    """The bank. `account` is its customer's, with `opening` fen on it; it may be overdrawn."""

    def __init__(self, habits: Habits, account: Party, opening: int) -> None:
        self.habits: Final = habits
        self.account: Final = account
        self.opening: Final = opening
        self._files: dict[str, _Kept] = {}
        self._paid: set[str] = set()
        self._deposits = 0
        self._passbook = Passbook(account, opening)
        self._due: defaultdict[date, list[Delivery]] = defaultdict(list)
        """Reports but statements, by the local day they are made; a duplicate with its original."""

    @property
    def files(self) -> int:
        """How many files it keeps, accepted or refused."""
        return len(self._files)

    def receive(self, content: bytes, at: datetime, *, named: str | None = None) -> Receipt:
        """Take a file in. The same file again gets the same receipt and does nothing.

        A file that cannot be read, whose message id is not what its sender `named` it, or whose message id names
        another file, is refused and forgotten. Any other that is refused is kept, and its status report says so.
        """
        try:
            file = pain001.read(content)
        except MessageRefused as fault:
            return refused(None, at, reason="FF01", detail=str(fault))
        if named is not None and named != file.message_id:
            return refused(None, at, reason="FF01", detail=f"报文标识为 {file.message_id}，不是 {named}")
        sha = sha256(content).hexdigest()
        kept = self._files.get(file.message_id)
        if kept is not None:
            if kept.receipt.sha256 == sha:
                return msgspec.structs.replace(kept.receipt, answer_lost=False)
            return refused(file.message_id, at, reason="DU01")
        reason = objection(file, account=self.account, today=self._local_day(at))
        if reason is None:
            lost = happens(self.habits, self.habits.lost_answer_ppm, "answer", file.message_id)
            receipt = taken(file, at, sha256=sha, answer_lost=lost)
            payments = tuple(self._take(file, at))
        else:
            receipt, payments = refused(file.message_id, at, reason=reason, sha256=sha), ()
        self._files[file.message_id] = _Kept(receipt, payments)
        self._answer(receipt, file.message_id)
        return receipt

    def known(self, message_id: str) -> Receipt | None:
        """The receipt of a file that came before, accepted or refused; None: it never came."""
        kept = self._files.get(message_id)
        return None if kept is None else msgspec.structs.replace(kept.receipt, answer_lost=False)

    def status(self, message_id: str, now: datetime) -> StatusReport | None:
        """How a file's payments stand at `now`, each of them, however many reports were lost; None: it never came."""
        kept = self._files.get(message_id)
        if kept is None:
            return None
        receipt = kept.receipt
        return StatusReport(
            message_id=identifier(self.habits.seed, "status", message_id, now.astimezone(UTC).isoformat()),
            created_at=now,
            original_message_id=message_id,
            group_status="ACTC" if receipt.accepted else "RJCT",
            reason=receipt.reason,
            words=receipt.words,
            statuses=tuple(payment.at(now) for payment in kept.payments),
        )

    def deposit(self, amount: int, at: datetime) -> Entry:
        """Money that the owner brings in: a credit of the day's statement. ValueError unless `amount` is positive."""
        if amount <= 0:
            raise ValueError("amount: a deposit is more than nothing")
        self._deposits += 1
        day = deposit_day(self.habits, at)
        entry = deposited(self.account, amount, day, self._reference("deposit", str(self._deposits)))
        self._passbook.book(entry)
        return entry

    def reports(self, since: datetime, until: datetime) -> tuple[Report, ...]:
        """Everything that becomes due after `since` and by `until`, in order of time and name."""
        return tuple(written(due) for due in self._deliveries(since, until))

    def names(self, since: datetime, until: datetime) -> Iterator[str]:
        """The names of those reports, one after the other as they are asked for."""
        return (due.name for due in self._deliveries(since, until))

    def report(self, name: str, until: datetime) -> Report | None:
        """The report of that name, where it is due by `until`."""
        at = delivered_at(name)
        if at is None or at > until:
            return None
        for due in self._deliveries(at - _INSTANT, at):
            if due.name == name:
                return written(due)
        return None

    def next_at(self, after: datetime) -> datetime:
        """When the next report after `after` is due. There always is one: every working day is stated."""
        return next(self._deliveries(after, after + _YEAR)).at

    def _take(self, file: PaymentFile, at: datetime) -> Iterator[_Settling]:
        """Decide every payment of a file, and have its reports ready."""
        rejections: defaultdict[date, list[TransferStatus]] = defaultdict(list)
        entries: defaultdict[date, list[Entry]] = defaultdict(list)
        today = self._local_day(at)
        for group in file.groups:
            first = execution_day(self.habits, group.execution_on, at)
            for transfer in group.transfers:
                decided = (
                    Rejected(DUPLICATE_PAYMENT)
                    if transfer.end_to_end_id in self._paid
                    else fate(
                        self.habits, transfer.end_to_end_id, transfer.creditor.number, handed_in_on=today
                    )
                )
                match decided:
                    case Rejected(code):
                        reference = self._reference("reject", file.message_id, transfer.end_to_end_id)
                        rejections[first].append(rejected(transfer.end_to_end_id, code, reference))
                        yield _Settling(rejections[first][-1], booking_moment(self.habits, first))
                    case Booked():
                        made = tuple(self._movements(transfer, first, decided))
                        for entry in made:
                            entries[entry.booked_on].append(entry)
                        yield _Settling(_settled(made[0]), booking_moment(self.habits, made[0].booked_on))
        self._tell_rejections(file.message_id, rejections)
        self._tell_entries(file.message_id, entries)

    def _movements(self, transfer: Transfer, first: date, booked: Booked) -> Iterator[Entry]:
        """What a payment that is made moves: money out, and perhaps back."""
        end_to_end_id = transfer.end_to_end_id
        self._paid.add(end_to_end_id)
        calendar = self.habits.calendar
        day = calendar.add_working_days(first, booked.late)
        yield debit(transfer, day, self._reference("payment", end_to_end_id))
        if booked.back is not None:
            later, code = booked.back
            back_on = calendar.add_working_days(day, later)
            yield returned(transfer, back_on, self._reference("return", end_to_end_id), code)

    def _answer(self, receipt: Receipt, message_id: str) -> None:
        """The report that a file came."""
        at = receipt.received_at + ANSWERS_AFTER
        report = StatusReport(
            message_id=identifier(self.habits.seed, "file", message_id),
            created_at=at,
            original_message_id=message_id,
            group_status="ACTC" if receipt.accepted else "RJCT",
            reason=receipt.reason,
            words=receipt.words,
            statuses=(),
        )
        self._deliver(report, at, may_be_lost=receipt.accepted)

    def _tell_rejections(self, message_id: str, days: Mapping[date, list[TransferStatus]]) -> None:
        for day, statuses in days.items():
            at = booking_moment(self.habits, day)
            report = StatusReport(
                message_id=identifier(self.habits.seed, "rejections", message_id, day.isoformat()),
                created_at=at,
                original_message_id=message_id,
                group_status=None,
                reason=None,
                words=None,
                statuses=tuple(statuses),
            )
            self._deliver(report, at, may_be_lost=False)

    def _tell_entries(self, message_id: str, days: Mapping[date, list[Entry]]) -> None:
        for day, entries in days.items():
            for entry in entries:
                self._passbook.book(entry)
            at = booking_moment(self.habits, day)
            notification = Notification(
                message_id=identifier(self.habits.seed, "movements", message_id, day.isoformat()),
                created_at=at,
                account_number=self.account.number,
                currency=CURRENCY,
                entries=tuple(entries),
            )
            self._deliver(notification, at, may_be_lost=True)

    def _deliver(self, message: Told, at: datetime, *, may_be_lost: bool) -> None:
        if may_be_lost and happens(self.habits, self.habits.lost_ppm, "lost", message.message_id):
            return
        self._due[self._local_day(at)].extend(self._copies(message, at))

    def _copies(self, message: Told, at: datetime) -> Iterator[Delivery]:
        """The report, and its duplicate if it has one: the same bytes again, or issued anew under another id."""
        yield delivery(message, at)
        if happens(self.habits, self.habits.duplicate_ppm, "duplicate", message.message_id):
            anew = draw(self.habits, "anew", message.message_id) % 2 == 1
            again_at = at + AGAIN_AFTER
            yield delivery(self._anew(message, again_at) if anew else message, again_at, again=not anew)

    def _anew(self, message: Told, at: datetime) -> Told:
        message_id = identifier(self.habits.seed, "anew", message.message_id)
        match message:
            case StatusReport():
                return msgspec.structs.replace(message, message_id=message_id, created_at=at)
            case Notification() | Statement():
                return replace(message, message_id=message_id, created_at=at)

    def _deliveries(self, since: datetime, until: datetime) -> Iterator[Delivery]:
        """Everything due after `since` and by `until`, in order."""
        # A duplicate may come after midnight, so each day starts with what the day before left.
        day, last = self._local_day(since) - _DAY, self._local_day(until)
        waiting: list[Delivery] = []
        while day <= last:
            waiting.extend(due for due in self._of_day(day) if since < due.at <= until)
            waiting.sort(key=_in_order)
            day += _DAY
            midnight = local_moment(day, time(0), self.habits.zone)
            left = [due for due in waiting if due.at >= midnight]
            yield from waiting[: len(waiting) - len(left)]
            waiting = left
        yield from waiting

    def _of_day(self, day: date) -> Iterator[Delivery]:
        """The reports made on a day, and their duplicates."""
        yield from self._due.get(day, ())
        if self.habits.calendar.is_working_day(day):
            at = statement_moment(self.habits, day)
            yield from self._copies(self._passbook.statement(day, seed=self.habits.seed, at=at), at)

    def _local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.habits.zone).date()

    def _reference(self, *parts: str) -> str:
        return identifier(self.habits.seed, *parts)[:20].upper()


def _settled(entry: Entry) -> TransferStatus:
    return TransferStatus(
        end_to_end_id=entry.end_to_end_id or "", status="ACSC", bank_reference=entry.reference
    )


def _in_order(due: Delivery) -> tuple[datetime, str]:
    return due.at, due.name
