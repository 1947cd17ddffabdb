"""What ends a withdrawal: the bank pays it, the bank rejects it, the store takes it back; and what the bank paid
comes back.

Each is a command of `withdrawal.TRANSITIONS`, carried out on locked rows with its journals. A command that comes
twice changes nothing the second time.
"""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from asyncpg import Record

from houfu.core.reason import Reason, Refusal
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.ledger.journal import Books, Journal, Posting, post, reversal
from houfu.withdrawals.cautions import Caution
from houfu.withdrawals.withdrawal import (
    Command,
    Status,
    Withdrawal,
    charging,
    coming_back,
    paying,
    reserving,
    step,
)

_LOCK_LINES = load("houfu.lines")["lock_lines"]
_SQL = load(__package__)
_LOCK_WITHDRAWALS = _SQL["lock_withdrawals"]
_END_WITHDRAWALS = _SQL["end_withdrawals"]
_MEASURE_SHARES_ANEW = _SQL["measure_shares_anew"]

_FIELDS = tuple("withdrawal_id" if name == "id" else name for name in Withdrawal.__struct_fields__)


class Ending(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A command that ends a withdrawal, at the moment the world gave it. `id` is the withdrawal's hex id.

    `charge_fee`: a rejected one still costs its fee (D5, off in the shipped policy). Where it is the bank that speaks:
    its day, its reference, its reason (ISO 20022) and its words.
    """

    store_id: str
    id: str
    command: Command
    at: datetime
    author: str
    charge_fee: bool = False
    booked_on: date | None = None
    reference: str | None = None
    bank_reason: str | None = None
    bank_words: str | None = None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The withdrawal after a command; `changed` tells whether the command changed it."""

    withdrawal: Withdrawal
    changed: bool


class _Books:
    """The books of the stores concerned, and the journals posted to them."""

    def __init__(self, books: dict[str, Books], now: datetime) -> None:
        self._books = books
        self._now = now
        self.journals: list[Journal] = []

    def post(
        self,
        kind: str,
        withdrawal: Withdrawal,
        postings: tuple[Posting, ...],
        *,
        at: datetime,
        reverses: int | None = None,
    ) -> int:
        """Post; the journal's number in the store's books."""
        books, journal = post(
            self._books[withdrawal.store_id],
            kind,
            postings,
            subject=withdrawal.id,
            occurred_at=at,
            recorded_at=self._now,
            reverses=reverses,
        )
        self._books[withdrawal.store_id] = books
        self.journals.append(journal)
        return journal.seq


async def end_withdrawals(
    connection: Connection, endings: Sequence[Ending], *, now: datetime
) -> list[Ended | Refusal | None]:
    """Carry out the commands in their order, in the caller's transaction: for each the withdrawal after it, why the
    command cannot be taken, or None where there is no such withdrawal."""
    store_ids = list({ending.store_id for ending in endings})
    await lock_lines(connection, store_ids)
    rows = await connection.fetch(_LOCK_WITHDRAWALS, [e.store_id for e in endings], [e.id for e in endings])
    withdrawals = {(w.store_id, w.id): w for w in map(withdrawal_of, rows)}
    accounts = await ledger.load_books(connection, store_ids)
    books = _Books({store_id: account.books for store_id, account in accounts.items()}, now)
    outcomes: list[Ended | Refusal | None] = []
    ended: dict[tuple[str, str], Withdrawal] = {}
    for ending in endings:
        at = (ending.store_id, ending.id)
        withdrawal = withdrawals.get(at)
        if withdrawal is None:
            outcomes.append(None)
            continue
        status = step(withdrawal.status, ending.command)
        if isinstance(status, Refusal):
            outcomes.append(status)
            continue
        changed = status is not withdrawal.status
        if changed:
            withdrawal = _end(withdrawal, ending, books)
            withdrawals[at] = ended[at] = withdrawal
        outcomes.append(Ended(withdrawal, changed))
    await ledger.record(connection, books.journals)
    await _record(connection, list(ended.values()))
    return outcomes


async def lock_lines(connection: Connection, store_ids: Sequence[str]) -> None:
    """Lock the stores' lines in id order: what comes before any change of their books."""
    await connection.fetch(_LOCK_LINES, store_ids)


def withdrawal_of(row: Record) -> Withdrawal:
    """The withdrawal in a row of the table."""
    store_id, id, status, reason, *rest = (row[field] for field in _FIELDS)
    values = dict(zip(Withdrawal.__struct_fields__[4:], rest, strict=True))
    values["batch_id"] = None if row["batch_id"] is None else row["batch_id"].hex
    values["warnings"] = msgspec.convert(row["warnings"], tuple[Caution, ...])
    return Withdrawal(
        store_id=store_id,
        id=id.hex,
        status=Status(status),
        reason=None if reason is None else Reason(reason),
        **values,
    )


def _end(withdrawal: Withdrawal, ending: Ending, books: _Books) -> Withdrawal:
    """The withdrawal once the command has moved its money."""
    match ending.command:
        case Command.CONFIRM:
            seq = books.post("payout_paid", withdrawal, paying(withdrawal.net), at=ending.at)
            return msgspec.structs.replace(
                withdrawal,
                status=Status.PAID,
                paid_at=ending.at,
                paid_seq=seq,
                booked_on=ending.booked_on or withdrawal.arrives_on,
                bank_reference=ending.reference or withdrawal.bank_reference,
                due_at=None,
            )
        case Command.CANCEL:
            _give_back("withdrawal_canceled", withdrawal, books, at=ending.at)
            return msgspec.structs.replace(
                withdrawal,
                status=Status.CANCELED,
                returned=withdrawal.amount,
                canceled_at=ending.at,
                canceled_by=ending.author,
                due_at=None,
            )
        case Command.REJECT:
            return _failed(withdrawal, ending, books)
        case Command.RETURN:
            books.post(
                "payout_returned",
                withdrawal,
                coming_back(withdrawal.net),
                at=ending.at,
                reverses=withdrawal.paid_seq,
            )
            failed = _failed(withdrawal, ending, books)
            return msgspec.structs.replace(failed, came_back_on=ending.booked_on or ending.at.date())
        case Command.DISPATCH | Command.RELEASE:
            raise ValueError(f"{ending.command} ends no withdrawal")


def _failed(withdrawal: Withdrawal, ending: Ending, books: _Books) -> Withdrawal:
    """The withdrawal once its money is back with the store, but for a fee that the policy keeps (D5)."""
    _give_back("payout_failed", withdrawal, books, at=ending.at)
    kept = withdrawal.fee if ending.charge_fee else 0
    if kept:
        books.post("failed_payout_fee", withdrawal, charging(kept), at=ending.at)
    return msgspec.structs.replace(
        withdrawal,
        status=Status.FAILED,
        reason=Reason.BANK_REJECTED,
        returned=withdrawal.amount - kept,
        bank_reference=ending.reference or withdrawal.bank_reference,
        bank_reason=ending.bank_reason,
        bank_words=ending.bank_words,
        failed_at=ending.at,
        due_at=None,
    )


def _give_back(kind: str, withdrawal: Withdrawal, books: _Books, *, at: datetime) -> None:
    """Reverse what the request reserved."""
    reserved = reserving(
        withdrawal.amount,
        fee=withdrawal.fee,
        liability_collected=withdrawal.liability_collected,
        net=withdrawal.net,
    )
    books.post(kind, withdrawal, tuple(reversal(reserved)), at=at, reverses=withdrawal.journal_seq)


async def _record(connection: Connection, ended: Sequence[Withdrawal]) -> None:
    if not ended:
        return
    await connection.execute(
        _END_WITHDRAWALS,
        [w.store_id for w in ended],
        [w.id for w in ended],
        [w.status for w in ended],
        [w.reason for w in ended],
        [w.returned for w in ended],
        [w.paid_at for w in ended],
        [w.failed_at for w in ended],
        [w.canceled_at for w in ended],
        [w.canceled_by for w in ended],
        [w.paid_seq for w in ended],
        [w.bank_reference for w in ended],
        [w.bank_reason for w in ended],
        [w.bank_words for w in ended],
        [w.booked_on for w in ended],
        [w.came_back_on for w in ended],
    )
    if undone := list({w.store_id for w in ended if w.status is not Status.PAID}):
        await connection.execute(_MEASURE_SHARES_ANEW, undone)
