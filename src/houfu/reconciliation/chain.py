"""Statements as a chain: each opens with what the one before closed with, and no working day is without one."""

from uuid import UUID

from asyncpg import Record

from houfu.core.calendar import Calendar
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022.message import Statement
from houfu.reconciliation.breaks import Found, break_of_missing_day, break_of_opening
from houfu.reconciliation.days import End, days_between

_SQL = load(__package__)


async def hold_against_neighbours(
    connection: Connection, rail: str, statement: Statement, *, calendar: Calendar
) -> tuple[list[Found], list[UUID]]:
    """What is off between the statement and the ones before and after it, and the open breaks that are none any more
    because it came."""
    missed = await connection.fetch(_SQL["breaks_about_statement"], rail, statement.day, "day_missing")
    settled: list[UUID] = [row["break_id"] for row in missed if row["status"] != "closed"]
    found: list[Found] = []
    this = End(day=statement.day, opening=statement.opening, closing=statement.closing)
    before = _end(await connection.fetchrow(_SQL["statement_before"], rail, statement.day))
    after = _end(await connection.fetchrow(_SQL["statement_after"], rail, statement.day))
    for earlier, later in ((before, this), (this, after)):
        if earlier is None or later is None:
            continue
        between = days_between(calendar, earlier.day, later.day)
        if between:
            rows = await connection.fetch(_SQL["missing_days"], rail, between)
            found += [break_of_missing_day(row["day"]) for row in rows]
            continue
        off = earlier.closing - later.opening
        known = await connection.fetch(_SQL["breaks_about_statement"], rail, later.day, "opening_differs")
        settled += [row["break_id"] for row in known if row["status"] != "closed" and row["amount"] != off]
        if off and all(row["amount"] != off for row in known):
            found.append(break_of_opening(earlier, later, currency=statement.currency))
    return found, settled


def _end(row: Record | None) -> End | None:
    return None if row is None else End(day=row["day"], opening=row["opening"], closing=row["closing"])
