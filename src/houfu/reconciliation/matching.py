"""Which payouts a statement's lines are: by the id that goes from end to end, else by amount, date and account."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from houfu.iso20022.message import Entry
from houfu.payouts.settling import BankAnswer
from houfu.reconciliation.breaks import MatchKind, UnmatchedLine

MatchedBy = Literal["id", "amount_date_name", "person"]
Lines = Mapping[int, Entry]
"""A statement's lines by their number, from 1 in the bank's order."""

_PAYMENT_ID: Final = re.compile(r"wd_([0-9a-f]{32})", re.ASCII)
Named = Mapping[int, str]
"""The hex ids of the withdrawals that lines name, by the line's number."""
_KINDS: Final[tuple[tuple[bool, MatchKind], ...]] = ((False, "payment"), (True, "return"))


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What the books know of a withdrawal that a line names. `booked`: the books have it as paid, or had.
    `payment_day` and `return_day`: the statements whose lines paid it and brought it back."""

    store_id: str
    withdrawal_id: str
    net: int
    currency: str
    status: str
    rail: str | None
    booked: bool
    payment_day: date | None
    return_day: date | None

    def line_day(self, kind: MatchKind) -> date | None:
        """The statement that has its line of this kind."""
        return self.payment_day if kind == "payment" else self.return_day


class Match(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A line and the payout it is; `status` is what the books say of that one."""

    number: int
    store_id: str
    withdrawal_id: str
    kind: MatchKind
    status: str
    matched_by: MatchedBy


def named_payments(lines: Lines) -> dict[int, str]:
    """The withdrawals that end-to-end ids name, where they are ours by their form."""
    match = _PAYMENT_ID.fullmatch
    return {
        number: found[1]
        for number, entry in lines.items()
        if entry.end_to_end_id is not None and (found := match(entry.end_to_end_id)) is not None
    }


def matches_by_id(
    lines: Lines, named: Named, payments: Mapping[str, Payment], *, rail: str, currency: str
) -> dict[int, Match]:
    """The lines that are payouts by their id, by number. The earliest line that fits is the payout's, one with another
    amount is nobody's; what came back was paid before, or is by this statement."""
    found: dict[int, Match] = {}
    paid: set[str] = set()
    for credit, kind in _KINDS:
        taken: set[str] = set()
        for number, id in named.items():
            entry = lines[number]
            if entry.credit is not credit or id in taken:
                continue
            known = payments.get(id)
            if known is None or known.line_day(kind) is not None:
                continue
            if known.net != entry.amount or known.rail != rail or known.currency != currency:
                continue
            if credit:
                possible = known.booked or known.payment_day is not None or id in paid
            else:
                possible = known.booked or known.status == "in_transit"
            if not possible:
                continue
            taken.add(id)
            found[number] = Match(
                number=number,
                store_id=known.store_id,
                withdrawal_id=id,
                kind=kind,
                status=known.status,
                matched_by="id",
            )
        paid = taken
    return found


def unmatched_lines(
    lines: Lines,
    named: Named,
    payments: Mapping[str, Payment],
    matches: Mapping[int, Match],
    *,
    day: date,
    repeated: frozenset[str],
) -> list[UnmatchedLine]:
    """The lines that are nobody's, in their order. `repeated`: references that statements of other days have."""
    if len(matches) == len(lines):
        return []
    here = {(match.withdrawal_id, match.kind) for match in matches.values()}
    seen: set[str] = set(repeated)
    found: list[UnmatchedLine] = []
    for number, entry in lines.items():
        again = entry.reference in seen
        seen.add(entry.reference)
        if number in matches:
            continue
        kind: MatchKind = "return" if entry.credit else "payment"
        id = named.get(number)
        known = None if id is None else payments.get(id)
        found.append(
            UnmatchedLine(
                number=number,
                amount=entry.amount,
                credit=entry.credit,
                store_id=known and known.store_id,
                withdrawal_id=known and known.withdrawal_id,
                net=known and known.net,
                status=known and known.status,
                currency=known and known.currency,
                its_rail=known and known.rail,
                taken_day=known and (day if (id, kind) in here else known.line_day(kind)),
                repeated=again,
            )
        )
    return found


def news(lines: Lines, matches: Iterable[Match], *, at: datetime) -> tuple[BankAnswer, ...]:
    """What matched lines say that the books do not know, payments before what came back."""
    told = [
        match
        for match in matches
        if match.status == "in_transit" or (match.status == "paid" and match.kind == "return")
    ]
    told.sort(key=lambda match: (match.kind, match.number))
    return tuple(_answer(lines[match.number], match, at) for match in told)


def _answer(entry: Entry, match: Match, at: datetime) -> BankAnswer:
    return BankAnswer(
        withdrawal_id=match.withdrawal_id,
        outcome="paid" if match.kind == "payment" else "returned",
        at=at,
        booked_on=entry.booked_on,
        reference=entry.reference,
        reason=entry.return_reason,
        words=entry.words,
    )
