"""A file as the bank takes it in: the receipt for it, and the reasons not to take it."""

from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from houfu.bank.passbook import CURRENCY
from houfu.bank.reasons import FILE_WORDS
from houfu.iso20022.message import Party, PaymentFile

EXECUTION_DAYS_MAX: Final = 370
"""How far ahead a payment may be ordered."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank says of a file as it comes. `reason` and `words` say why one is refused; nothing of it was used.

    `message_id` is None where the file cannot be read, `sha256` where its content was not kept. `answer_lost` asks whoever carries the receipt to lose it:
    the file is taken, and its sender must hear of a failure. Asked again, the bank answers.
    """

    message_id: str | None
    received_at: datetime
    accepted: bool
    sha256: str | None = None
    payments: int = 0
    amount: int = 0
    reason: str | None = None
    words: str | None = None
    answer_lost: bool = False


def objection(file: PaymentFile, *, account: Party, today: date) -> str | None:
    """The first reason not to take a file that was read well, as an ISO external code; None: it is taken."""
    if file.debtor.number != account.number:
        return "AC02"
    if file.currency != CURRENCY:
        return "AM03"
    latest = today + timedelta(days=EXECUTION_DAYS_MAX)
    if any(group.execution_on > latest for group in file.groups):
        return "DT01"
    ids = [transfer.end_to_end_id for group in file.groups for transfer in group.transfers]
    if len(set(ids)) < len(ids):
        return "AM05"
    # Nothing below may refuse.
    return None


def taken(file: PaymentFile, at: datetime, *, sha256: str, answer_lost: bool) -> Receipt:
    """The receipt of a file that is taken."""
    amounts = [transfer.amount for group in file.groups for transfer in group.transfers]
    return Receipt(
        message_id=file.message_id,
        received_at=at,
        accepted=True,
        sha256=sha256,
        payments=len(amounts),
        amount=sum(amounts),
        answer_lost=answer_lost,
    )


def refused(
    message_id: str | None, at: datetime, *, reason: str, detail: str = "", sha256: str | None = None
) -> Receipt:
    """The receipt of a file that is not taken."""
    words = FILE_WORDS[reason]
    return Receipt(
        message_id=message_id,
        received_at=at,
        accepted=False,
        sha256=sha256,
        reason=reason,
        words=f"{words}：{detail}" if detail else words,
    )
