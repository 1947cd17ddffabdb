"""A day's statement as it is taken up."""

import re
from datetime import date
from hashlib import sha256
from typing import Final

import msgspec

from houfu.iso20022.message import Entry, Statement
from houfu.payouts.settling import BankAnswer

_PAYMENT_ID: Final = re.compile(r"wd_([0-9a-f]{32})", re.ASCII)
_encode = msgspec.json.Encoder().encode

LINE_COLUMNS: Final = (
    "rail",
    "day",
    "number",
    "reference",
    "amount",
    "credit",
    "booked_on",
    "end_to_end_id",
    "payment_id",
    "counterparty_name",
    "counterparty_number",
    "return_reason",
    "words",
)

LineRow = tuple[
    str,
    date,
    int,
    str,
    int,
    bool,
    date,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
]


class TakenUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement came to. `news`: what its lines say that the books do not know yet, payments before returns.

    `known`: the same statement was taken up before; then nothing was written, and `news` is what is still unknown.
    """

    rail: str
    day: date
    known: bool
    lines: int
    matched_by_id: int
    matched_by_account: int
    breaks_opened: int
    breaks_closed: int
    news: tuple[BankAnswer, ...]


def credits_and_debits(statement: Statement) -> tuple[int, int]:
    """The sums that came and went."""
    came = sum(entry.amount for entry in statement.entries if entry.credit)
    return came, sum(entry.amount for entry in statement.entries) - came


def content_sha(statement: Statement) -> bytes:
    """The hash of what a statement says: equal however often, and under whatever message, the bank sends it."""
    head = [statement.account_number, statement.currency, statement.day, statement.opening, statement.closing]
    return sha256(_encode(head) + _encode(statement.entries)).digest()


def line_rows(rail: str, statement: Statement) -> list[LineRow]:
    """The statement's lines as rows of bank_lines, numbered from 1 in the bank's order."""
    day = statement.day
    return [_line_row(rail, day, number, entry) for number, entry in enumerate(statement.entries, start=1)]


def _line_row(rail: str, day: date, number: int, entry: Entry) -> LineRow:
    end_to_end = entry.end_to_end_id
    payment = None if end_to_end is None else _PAYMENT_ID.fullmatch(end_to_end)
    return (
        rail,
        day,
        number,
        entry.reference,
        entry.amount,
        entry.credit,
        entry.booked_on,
        end_to_end,
        None if payment is None else payment[1],
        entry.counterparty_name,
        entry.counterparty_number,
        entry.return_reason,
        entry.words,
    )
