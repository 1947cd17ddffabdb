"""A day's statement as it is taken up."""

from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import astuple

from houfu.iso20022.message import Entry, Statement
from houfu.payouts.settling import BankAnswer
from houfu.reconciliation.matching import Lines, Match

_encode = msgspec.json.Encoder().encode

LINE_COLUMNS: Final = ("rail", "day", "number", *Entry.__struct_fields__)
MATCH_COLUMNS: Final = (
    "rail",
    "day",
    "number",
    "store_id",
    "withdrawal_id",
    "kind",
    "amount",
    "matched_by",
    "recorded_at",
)

MatchRow = tuple[str, date, int, str, str, str, int, str, datetime]


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


def numbered(statement: Statement) -> dict[int, Entry]:
    """The statement's lines by their number, from 1 in the bank's order."""
    return dict(enumerate(statement.entries, start=1))


def line_rows(rail: str, day: date, lines: Lines) -> list[tuple[object, ...]]:
    """The lines as rows of bank_lines: its columns are an entry's fields, in their order."""
    return [(rail, day, number, *astuple(entry)) for number, entry in lines.items()]


def match_rows(
    rail: str, day: date, lines: Lines, matches: Iterable[Match], *, now: datetime
) -> list[MatchRow]:
    """The matches as rows of line_matches."""
    return [
        (
            rail,
            day,
            match.number,
            match.store_id,
            match.withdrawal_id,
            match.kind,
            lines[match.number].amount,
            match.matched_by,
            now,
        )
        for match in matches
    ]
