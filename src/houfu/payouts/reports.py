"""The bank's reports: taken once each, whole or not at all, and carried out in parts that a crash may separate.

A report is known by its content: whatever its name, and however often it comes, it is taken once. What it says is carried out
in transactions that also note how far they came, so that whoever is interrupted goes on there. A faulty file is kept and
shown with its fault; nothing of it is used.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo
from hashlib import sha256
from typing import Final, Literal, Protocol

import msgspec
import structlog

from houfu.core.calendar import local_moment
from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection
from houfu.iso20022.message import (
    Entry,
    Message,
    MessageRefused,
    Notification,
    PaymentFile,
    Statement,
    StatusReport,
    TransferStatus,
)
from houfu.iso20022.read import read
from houfu.payouts.actions import packed, unpacked
from houfu.payouts.payment import withdrawal_of
from houfu.payouts.rails.config import RailTerms
from houfu.payouts.rails.rail import Rail
from houfu.payouts.settling import BankAnswer, TermsAt, settle

_SQL = load(__package__)
CHUNK: Final = 500
"""Answers carried out in one transaction: few enough that an order hardly waits for its store's line."""
CONFLICTS_MAX: Final = 5
REPORTS_AT_ONCE: Final = 100
_NOON: Final = time(12)
_REJECTED: Final = "RJCT"
_SEEN_BEFORE: Final = frozenset({"DUPL", "DU01", "AM05"})
"""Reasons for which a bank turns a file away that came before, as a file handed over once more does."""

_log = structlog.get_logger()

ReportKind = Literal["pain.002", "camt.054", "camt.053", "unknown"]


class TakeUp(Protocol):
    """Who keeps the bank's statements and compares them with the books."""

    async def __call__(
        self, connection: Connection, statement: Statement, *, rail: str, report_sha: bytes, now: datetime
    ) -> Sequence[BankAnswer]:
        """Keep the statement and match its lines, in the caller's transaction; what they say of payments that the books
        do not know yet. Twice is once. MessageRefused where it cannot be."""
        ...


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a report: `taken`, `refused` for `fault`, or a `duplicate` of one that was taken. `answers` were
    carried out."""

    name: str
    kind: ReportKind
    status: Literal["taken", "refused", "duplicate"]
    fault: str | None = None
    answers: int = 0


class Desk:
    """Where the reports of rails are taken in."""

    def __init__(self, take_up: TakeUp, *, terms_at: TermsAt, ids: IdMaker) -> None:
        self._take_up = take_up
        self._terms_at = terms_at
        self._ids = ids

    async def collect(self, connection: Connection, terms: RailTerms, rail: Rail, *, now: datetime) -> int:
        """Take in what waits on the rail, the oldest first, after what was begun before; how many reports. RailAway."""
        done = 0
        for row in await connection.fetch(_SQL["unfinished_reports"], terms.name):
            await self.ingest(connection, terms, row["name"], unpacked(row["content"]), now=now)
            done += 1
        for report in await rail.waiting(limit=REPORTS_AT_ONCE):
            try:
                content = await rail.fetch(report.name)
            except MessageRefused as refused:
                content = report.name.encode()
                await self._refuse(
                    connection,
                    terms,
                    report.name,
                    sha256(content).digest(),
                    packed(content),
                    str(refused),
                    now,
                )
            else:
                await self.ingest(connection, terms, report.name, content, now=now)
            await rail.taken(report.name)
            done += 1
        return done

    async def ingest(
        self, connection: Connection, terms: RailTerms, name: str, content: bytes, *, now: datetime
    ) -> Ingested:
        """Take in one report. What it says is carried out; a faulty one is kept with its fault."""
        sha = sha256(content).digest()
        known = await connection.fetchrow(_SQL["report"], terms.name, sha)
        if known is not None and (known["status"] != "taken" or known["applied"] >= known["entries"]):
            return Ingested(name=name, kind="unknown", status="duplicate")
        # Two processors: it is packed while it is read.
        kept, message = await asyncio.gather(
            asyncio.to_thread(packed, content), asyncio.to_thread(_read_or_refused, content)
        )
        try:
            if isinstance(message, MessageRefused):
                raise message
            kind = _kind_of(message)
            if isinstance(message, Statement):
                return await self._state(connection, terms, name, sha, kept, message, now=now)
            answers = await self._answers(connection, terms, message)
        except MessageRefused as refused:
            return await self._refuse(connection, terms, name, sha, kept, str(refused), now)
        if known is None:
            async with connection.transaction():
                await _keep(connection, terms, name, sha, kept, kind, message, len(answers), now)
                if isinstance(message, StatusReport):
                    await self._answer_file(connection, message, now)
        await self._carry_out(connection, terms, sha, answers, 0 if known is None else known["applied"], now)
        return Ingested(name=name, kind=kind, status="taken", answers=len(answers))

    async def _state(
        self,
        connection: Connection,
        terms: RailTerms,
        name: str,
        sha: bytes,
        kept: bytes,
        statement: Statement,
        *,
        now: datetime,
    ) -> Ingested:
        """A statement: its lines are kept and matched, and what the books do not know yet is carried out."""
        _must_be_ours(terms, statement.account_number)
        entries = len(statement.entries)
        async with connection.transaction():
            await _keep(connection, terms, name, sha, kept, "camt.053", statement, max(1, entries), now)
            news = await self._take_up(connection, statement, rail=terms.name, report_sha=sha, now=now)
        for start in range(0, len(news), CHUNK):
            await self._settled(connection, terms, sha, news[start : start + CHUNK], 0, now)
        await connection.execute(_SQL["advance_report"], terms.name, sha, max(1, entries))
        return Ingested(name=name, kind="camt.053", status="taken", answers=len(news))

    async def _carry_out(
        self,
        connection: Connection,
        terms: RailTerms,
        sha: bytes,
        answers: Sequence[BankAnswer],
        applied: int,
        now: datetime,
    ) -> None:
        for start in range(applied, len(answers), CHUNK):
            part = answers[start : start + CHUNK]
            await self._settled(connection, terms, sha, part, start + len(part), now)

    async def _settled(
        self,
        connection: Connection,
        terms: RailTerms,
        sha: bytes,
        answers: Sequence[BankAnswer],
        reached: int,
        now: datetime,
    ) -> None:
        """Carry some answers out and note how far the report has come."""
        for attempt in range(1, CONFLICTS_MAX + 1):
            try:
                async with connection.transaction():
                    await settle(connection, answers, terms_at=self._terms_at, ids=self._ids, now=now)
                    await connection.execute(_SQL["advance_report"], terms.name, sha, reached)
                return
            except CONFLICT:
                if attempt == CONFLICTS_MAX:
                    raise

    async def _answers(self, connection: Connection, terms: RailTerms, message: Message) -> list[BankAnswer]:
        """What a message says of payments, in its order. MessageRefused where it is none that a bank would send us."""
        zone = self._terms_at(message.created_at).zone
        match message:
            case StatusReport():
                row = await connection.fetchrow(_SQL["file_of_message"], message.original_message_id)
                if row is None or row["rail"] != terms.name:
                    raise MessageRefused(
                        f"it answers the file {message.original_message_id!r}, which was never made for {terms.name}"
                    )
                rows = await connection.fetch(_SQL["payments_of_file"], row["batch_id"], row["number"])
                carried = {payment["withdrawal_id"].hex for payment in rows}
                if _came_before(message):
                    # What becomes of the payments is decided by the file that came first: they may be paid already.
                    _log.warning("file_known_to_bank", file=message.original_message_id, said=message.reason)
                    return []
                if message.group_status == _REJECTED:
                    own = {withdrawal_of(s.end_to_end_id): s for s in message.statuses if s.reason}
                    return [_rejected_with_file(id, message, own.get(id), zone) for id in sorted(carried)]
                # A payment that another file carries is not this answer's to decide about.
                return [
                    _rejected(id, message, s.reason or message.reason, s.words, s.bank_reference, zone)
                    for s in message.statuses
                    if s.status == _REJECTED
                    and (id := withdrawal_of(s.end_to_end_id)) is not None
                    and id in carried
                ]
            case Notification():
                _must_be_ours(terms, message.account_number)
                told = [booking_answer(e, created_at=message.created_at, zone=zone) for e in message.entries]
                return [answer for answer in told if answer is not None]
            case PaymentFile() | Statement():
                raise MessageRefused("it is a payment file, not a report of a bank")

    async def _answer_file(self, connection: Connection, message: StatusReport, now: datetime) -> None:
        if _came_before(message):
            return
        rejected = message.group_status == _REJECTED
        if message.group_status is not None:
            await connection.execute(
                _SQL["file_answered"],
                message.original_message_id,
                "rejected" if rejected else "accepted",
                now,
                (message.words or message.reason or "the bank gave no reason") if rejected else None,
            )
        named = [
            (id, s.bank_reference)
            for s in message.statuses
            if s.bank_reference is not None and (id := withdrawal_of(s.end_to_end_id)) is not None
        ]
        if not named:
            return
        rows = await connection.fetch(_SQL["stores_of_payments"], [id for id, _ in named])
        store_of = {row["withdrawal_id"].hex: row["store_id"] for row in rows}
        ours = [(store_of[id], id, reference) for id, reference in named if id in store_of]
        if ours:
            stores, ids, references = zip(*ours, strict=True)
            await connection.execute(_SQL["note_references"], stores, ids, references)

    async def _refuse(
        self,
        connection: Connection,
        terms: RailTerms,
        name: str,
        sha: bytes,
        kept: bytes,
        fault: str,
        now: datetime,
    ) -> Ingested:
        _log.error("report_refused", rail=terms.name, report=name, fault=fault)
        await connection.execute(
            _SQL["insert_report"],
            terms.name,
            sha,
            name,
            "unknown",
            None,
            "refused",
            fault,
            0,
            kept,
            now,
        )
        return Ingested(name=name, kind="unknown", status="refused", fault=fault)


def booking_answer(entry: Entry, *, created_at: datetime, zone: tzinfo) -> BankAnswer | None:
    """What a booked movement says of a payment of ours; None where it is none: a fee, a top-up, another's.

    The moment is the bank's where it told on the day itself, else that day's noon.
    """
    id = withdrawal_of(entry.end_to_end_id)
    if id is None:
        return None
    told_at = created_at.astimezone(zone)
    at = created_at if told_at.date() == entry.booked_on else local_moment(entry.booked_on, _NOON, zone)
    return BankAnswer(
        withdrawal_id=id,
        outcome="returned" if entry.credit else "paid",
        at=at,
        booked_on=entry.booked_on,
        reference=None if entry.credit else entry.reference,
        reason=entry.return_reason,
        words=entry.words if entry.credit else None,
    )


def _came_before(message: StatusReport) -> bool:
    """Whether the bank says of a file no more than that it has it already. A file's id is never given twice."""
    return message.group_status == _REJECTED and message.reason in _SEEN_BEFORE


def _rejected_with_file(
    id: str, message: StatusReport, own: TransferStatus | None, zone: tzinfo
) -> BankAnswer:
    """A payment of a file that is rejected whole: for its own reason where one is told, else for the file's."""
    if own is None:
        return _rejected(id, message, message.reason, message.words, None, zone)
    return _rejected(id, message, own.reason, own.words, own.bank_reference, zone)


def _rejected(
    id: str,
    message: StatusReport,
    reason: str | None,
    words: str | None,
    reference: str | None,
    zone: tzinfo,
) -> BankAnswer:
    day: date = message.created_at.astimezone(zone).date()
    return BankAnswer(
        withdrawal_id=id,
        outcome="rejected",
        at=message.created_at,
        booked_on=day,
        reference=reference,
        reason=reason,
        words=words,
    )


def _read_or_refused(content: bytes) -> Message | MessageRefused:
    try:
        return read(content)
    except MessageRefused as refused:
        return refused


def _must_be_ours(terms: RailTerms, number: str) -> None:
    if number != terms.account.number:
        raise MessageRefused(f"it is about account {number!r}, which is not the account of {terms.name}")


def _kind_of(message: Message) -> ReportKind:
    match message:
        case StatusReport():
            return "pain.002"
        case Notification():
            return "camt.054"
        case Statement():
            return "camt.053"
        case PaymentFile():
            raise MessageRefused("it is a payment file, not a report of a bank")


async def _keep(
    connection: Connection,
    terms: RailTerms,
    name: str,
    sha: bytes,
    kept: bytes,
    kind: ReportKind,
    message: Message,
    entries: int,
    now: datetime,
) -> None:
    await connection.execute(
        _SQL["insert_report"],
        terms.name,
        sha,
        name,
        kind,
        message.message_id,
        "taken",
        None,
        entries,
        kept,
        now,
    )
