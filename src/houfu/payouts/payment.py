"""Payments, and the files that carry them: how a cut-off's payments are shared out, decided by arguments alone.

A payment pays one withdrawal: its end-to-end id is the withdrawal's, without the store, and stays with it up to the bank's
statement. A file's message id follows from its batch. So what is sent twice is known to be the same.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final

import msgspec

from houfu.iso20022.message import Party, PaymentFile, PaymentGroup, Transfer

PREFIX: Final = "pb"
"""The prefix of a batch's public id."""
FILES_MAX: Final = 99
"""Files of one batch: its number is two digits of the message id."""
_BANK_DIGITS: Final = 3
"""A CNAPS code begins with the number of the bank; payments to one bank stand together."""

_END_TO_END: Final = re.compile(r"wd_([0-9a-f]{32})", re.ASCII)


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What is to be paid for a withdrawal: its net, fen, to the bank account as it was when it was asked."""

    store_id: str
    withdrawal_id: str
    amount: int
    currency: str
    holder: str
    number: str
    bank_code: str
    arrives_on: date


class File(msgspec.Struct, frozen=True, gc=False):
    """Payments that go to the bank in one file, in its order."""

    number: int
    payments: tuple[Payment, ...]

    @property
    def amount(self) -> int:
        return sum(payment.amount for payment in self.payments)


def end_to_end_id(withdrawal_id: str) -> str:
    """What the payment of a withdrawal is called from end to end: 35 characters, the most there may be."""
    return f"wd_{withdrawal_id}"


def withdrawal_of(end_to_end: str | None) -> str | None:
    """The hex id of the withdrawal an end-to-end id pays; None where it is none of ours."""
    found = None if end_to_end is None else _END_TO_END.fullmatch(end_to_end)
    return None if found is None else found.group(1)


def message_id(batch_id: str, number: int) -> str:
    """What a batch's file is called: 35 characters, the most there may be."""
    return f"{batch_id}-{number:02d}"


def files_of(payments: Sequence[Payment], *, payments_max: int) -> list[File]:
    """Payments shared out over files of at most `payments_max`: those of one day and one bank stand together, and
    the same payments always give the same files. ValueError for more than FILES_MAX files take."""
    if len(payments) > payments_max * FILES_MAX:
        raise ValueError(f"{len(payments)} payments are more than {FILES_MAX} files of {payments_max} take")
    ordered = sorted(payments, key=_place)
    return [
        File(number, tuple(ordered[start : start + payments_max]))
        for number, start in enumerate(range(0, len(ordered), payments_max), start=1)
    ]


def payment_file(file: File, *, batch_id: str, debtor: Party, today: date, made_at: datetime) -> PaymentFile:
    """The file as the bank reads it. A payment whose day is past is to be made today."""
    return PaymentFile(
        message_id=message_id(batch_id, file.number),
        created_at=made_at,
        debtor=debtor,
        currency=file.payments[0].currency,
        groups=tuple(_groups(file, today)),
    )


def _groups(file: File, today: date) -> Iterator[PaymentGroup]:
    for (arrives_on, bank), payments in groupby(file.payments, key=lambda p: _place(p)[:2]):
        execution_on = max(arrives_on, today)
        yield PaymentGroup(
            group_id=f"{file.number:02d}-{arrives_on:%Y%m%d}-{bank or 'other'}",
            execution_on=execution_on,
            transfers=tuple(
                Transfer(
                    end_to_end_id(p.withdrawal_id),
                    p.amount,
                    Party(p.holder, p.number, p.bank_code),
                    f"提现 {p.store_id}",
                )
                for p in payments
            ),
        )


def _place(payment: Payment) -> tuple[date, str, str, str]:
    code = payment.bank_code
    bank = code[:_BANK_DIGITS] if code.isascii() and code.isdigit() else ""
    return (payment.arrives_on, bank, payment.store_id, payment.withdrawal_id)
