"""What the bank says of payments, carried out on the withdrawals they pay.

An answer names a payment by its end-to-end id alone; which store it belongs to is looked up here. An answer that comes
twice changes nothing the second time; one that cannot be (of a payment that never left, or that had failed before) is
left undone and counted.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, Literal

import msgspec
import structlog
from asyncpg import Record

from houfu.core.ids import IdMaker
from houfu.core.reason import Refusal
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.withdrawals.settlement import Ended, Ending, end_withdrawals
from houfu.withdrawals.telling import ended_message
from houfu.withdrawals.terms import WithdrawalTerms
from houfu.withdrawals.withdrawal import Command, Status

_SQL = load(__package__)
AUTHOR: Final = "bank"

_log = structlog.get_logger()

TermsAt = Callable[[datetime], WithdrawalTerms]
"""The terms in force at a moment."""


class BankAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of one payment, as the bank says. `withdrawal_id` is its withdrawal's hex id.

    `paid`: booked on `booked_on`. `rejected`: it will not be paid, for `reason` (ISO 20022). `returned`: it came back on
    `booked_on` after it had been paid. `at` is the bank's moment, `reference` its own.
    """

    withdrawal_id: str
    outcome: Literal["paid", "rejected", "returned"]
    at: datetime
    booked_on: date
    reference: str | None = None
    reason: str | None = None
    words: str | None = None


class Settled(msgspec.Struct):
    """What answers came to: carried out, known before, of payments that are none of ours, impossible as the books stand."""

    applied: int = 0
    known: int = 0
    unknown: int = 0
    impossible: int = 0


async def settle(
    connection: Connection, answers: Sequence[BankAnswer], *, terms_at: TermsAt, ids: IdMaker, now: datetime
) -> Settled:
    """Carry the answers out, in their order and in the caller's transaction; the stores are told.

    Whether a failed attempt costs its fee (D5) is what the policy said when it was asked. What came back of a payment
    that we did not yet know to be paid was paid first.
    """
    rows = await connection.fetch(_SQL["stores_of_payments"], [answer.withdrawal_id for answer in answers])
    known = {row["withdrawal_id"].hex: row for row in rows}
    done = Settled()
    endings: list[Ending] = []
    for answer in answers:
        row = known.get(answer.withdrawal_id)
        if row is None:
            done.unknown += 1
        else:
            endings += _endings(answer, row, terms_at, now)
    outcomes = await end_withdrawals(connection, endings, now=now)
    changed: list[Ended] = []
    for ending, outcome in zip(endings, outcomes, strict=True):
        match outcome:
            case Ended(changed=True):
                changed.append(outcome)
            case Ended():
                done.known += 1
            case Refusal() | None:
                done.impossible += 1
                _log.warning(
                    "bank_answer_impossible",
                    store_id=ending.store_id,
                    withdrawal=ending.id,
                    said=ending.command,
                )
    done.applied = len(changed)
    await events.send(
        connection, [ended_message(each.withdrawal, id=ids.make(now)) for each in changed], now=now
    )
    return done


def _endings(answer: BankAnswer, row: Record, terms_at: TermsAt, now: datetime) -> list[Ending]:
    def ending(command: Command, *, charge_fee: bool = False) -> Ending:
        return Ending(
            store_id=row["store_id"],
            id=answer.withdrawal_id,
            command=command,
            at=min(answer.at, now),
            author=AUTHOR,
            charge_fee=charge_fee,
            booked_on=answer.booked_on,
            reference=answer.reference,
            bank_reason=answer.reason,
            bank_words=answer.words,
        )

    if answer.outcome == "paid":
        return [ending(Command.CONFIRM)]
    charge_fee = terms_at(row["asked_at"]).clause.fee.charge_failed
    if answer.outcome == "rejected":
        return [ending(Command.REJECT, charge_fee=charge_fee)]
    paid_first = [ending(Command.CONFIRM)] if row["status"] == Status.IN_TRANSIT else []
    return [*paid_first, ending(Command.RETURN, charge_fee=charge_fee)]
