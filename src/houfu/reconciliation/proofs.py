"""Reading the days: their proofs, their statements and lines."""

from datetime import date, datetime
from typing import Final, Literal

import msgspec

from houfu.core.ids import public_id
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.reconciliation.actions import StatementUnknown
from houfu.reconciliation.proof import DayState, DayView, Proof, Sums, proof_of, state_of
from houfu.stores.bank_account import masked

_SQL = load(__package__, "proofs.sql")
DAYS_MAX: Final = 400
"""Days listed at once."""


class BankStatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A statement as the bank gave it; amounts in minor units, `opening` and `closing` signed."""

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


class BankLineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a statement, the account's number masked, and the withdrawal that it pays or brings back, where that is
    known."""

    number: int
    reference: str
    amount: int
    credit: bool
    booked_on: date
    end_to_end_id: str | None
    counterparty_name: str | None
    counterparty_number: str | None
    return_reason: str | None
    words: str | None
    withdrawal_id: str | None
    match_kind: Literal["payment", "return"] | None
    matched_by: Literal["id", "amount_date_name", "person"] | None


async def proof(connection: Connection, rail: str, day: date) -> Proof:
    """The proof of a day. StatementUnknown where the bank has sent none."""
    row = await connection.fetchrow(_SQL["days"], rail, day, day, 1)
    if row is None:
        raise StatementUnknown(f"{rail} has no statement of {day}")
    return proof_of(msgspec.convert(dict(row), Sums))


async def days(connection: Connection, rail: str, *, first: date, last: date) -> list[DayView]:
    """Every day from `first` to `last` that has a statement, or should, newest first, at most DAYS_MAX with one."""
    rows = await connection.fetch(_SQL["days"], rail, first, last, DAYS_MAX)
    proofs = [proof_of(msgspec.convert(dict(row), Sums)) for row in rows]
    found = [DayView(rail=rail, day=one.day, state=state_of(one), proof=one) for one in proofs]
    for row in await connection.fetch(_SQL["days_without_statement"], rail, first, last):
        state: DayState = "missing" if row["missed"] else "awaited"
        found.append(DayView(rail=rail, day=row["day"], state=state, proof=None))
    return sorted(found, key=lambda one: one.day, reverse=True)


async def statements(
    connection: Connection, *, rail: str | None, before: tuple[date, str] | None, limit: int
) -> list[BankStatementView]:
    """The statements, newest day first; `before` is the day and rail where the page before ended."""
    day, of_rail = before or (None, None)
    rows = await connection.fetch(_SQL["statements"], rail, day, of_rail, limit)
    return [msgspec.convert(dict(row), BankStatementView) for row in rows]


async def lines(
    connection: Connection, rail: str, day: date, *, matched: bool | None, after: int, limit: int
) -> list[BankLineView]:
    """The lines of a day's statement in the bank's order, from the one after number `after` on."""
    rows = await connection.fetch(_SQL["lines"], rail, day, after, matched, limit)
    return [_line(dict(row)) for row in rows]


def _line(row: dict[str, object]) -> BankLineView:
    store_id, id, number = row.pop("store_id"), row["withdrawal_id"], row["counterparty_number"]
    shown = {
        "withdrawal_id": None if id is None else public_id("wd", getattr(id, "hex", ""), str(store_id)),
        "counterparty_number": None if number is None else masked(str(number)),
    }
    return msgspec.convert(row | shown, BankLineView)
