"""The proof of a day: opening + in - out = closing, and books against bank, to the fen."""

from datetime import date, datetime
from typing import Literal

import msgspec

DayState = Literal["proven", "breaks", "unexplained", "unsettled", "missing", "awaited"]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank says of a day beside what the books say; amounts in minor units.

    `opening` + `credits` - `debits` = `closing` is a constraint of the table. `opening_follows`: it opens with what the
    statement before closed with; None for the first.
    `paid` and `came_back` are the books', of the bank's days that the statement speaks of.
    `differs_by`: how much more left the account, by the bank, than by the books. Of that, `other_days` is of payouts
    that bank and books have on different days, `open_amount` of breaks that wait for people, `closed_amount` of breaks
    that two people closed; `unexplained` is the rest. `unsettled`: lines that the books have yet to learn of.
    `proven`: nothing waits and nothing is unexplained.
    """

    rail: str
    day: date
    statement_id: str
    currency: str
    opening: int
    credits: int
    debits: int
    closing: int
    opening_follows: bool | None
    lines: int
    matched: int
    unmatched: int
    unsettled: int
    payments: int
    paid: int
    returns: int
    came_back: int
    differs_by: int
    other_days: int
    open_breaks: int
    open_amount: int
    closed_breaks: int
    closed_amount: int
    unexplained: int
    proven: bool


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """A day's sums as they are read."""

    rail: str
    day: date
    statement_id: str
    currency: str
    opening: int
    credits: int
    debits: int
    closing: int
    entries: int
    recorded_at: datetime
    opening_follows: bool | None
    matched: int
    unsettled: int
    of_other_days: int
    payments: int
    paid: int
    paid_elsewhere: int
    returns: int
    came_back: int
    came_back_elsewhere: int
    open_breaks: int
    open_amount: int
    closed_breaks: int
    closed_amount: int


class DayView(msgspec.Struct, frozen=True, kw_only=True):
    """A day as the treasurer's list shows it.

    `proven`; `breaks`: some wait for people; `unexplained`: the books differ by more than the breaks say; `unsettled`:
    the books have yet to learn what lines say; `missing`: a later statement came, this day's did not; `awaited`: the
    books have bookings that no statement speaks of yet.
    """

    rail: str
    day: date
    state: DayState
    proof: Proof | None


def proof_of(sums: Sums) -> Proof:
    """The proof that follows from a day's sums."""
    differs_by = (sums.debits - sums.credits) - (sums.paid - sums.came_back)
    other_days = sums.of_other_days - (sums.paid_elsewhere - sums.came_back_elsewhere)
    unexplained = differs_by - other_days - sums.open_amount - sums.closed_amount
    return Proof(
        rail=sums.rail,
        day=sums.day,
        statement_id=sums.statement_id,
        currency=sums.currency,
        opening=sums.opening,
        credits=sums.credits,
        debits=sums.debits,
        closing=sums.closing,
        opening_follows=sums.opening_follows,
        lines=sums.entries,
        matched=sums.matched,
        unmatched=sums.entries - sums.matched,
        unsettled=sums.unsettled,
        payments=sums.payments,
        paid=sums.paid,
        returns=sums.returns,
        came_back=sums.came_back,
        differs_by=differs_by,
        other_days=other_days,
        open_breaks=sums.open_breaks,
        open_amount=sums.open_amount,
        closed_breaks=sums.closed_breaks,
        closed_amount=sums.closed_amount,
        unexplained=unexplained,
        proven=sums.open_breaks == 0 and sums.unsettled == 0 and unexplained == 0,
    )


def state_of(proof: Proof) -> DayState:
    """The one word for a day that has a statement; what people must do comes first."""
    if proof.proven:
        return "proven"
    if proof.open_breaks:
        return "breaks"
    return "unsettled" if proof.unsettled else "unexplained"
