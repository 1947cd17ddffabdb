"""Taking up the bank's statement of a day: its lines, which payouts they are, and where bank and books differ.

Nothing here posts a journal: what the bank says that the books do not know is handed back.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import msgspec
from asyncpg import Record

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022.message import MessageRefused, Statement
from houfu.payouts.settling import BankAnswer
from houfu.reconciliation.breaks import (
    Candidate,
    Found,
    UnmatchedLine,
    break_of_line,
    break_of_missing_day,
    break_of_opening,
    break_of_payout,
)
from houfu.reconciliation.closing import Closing
from houfu.reconciliation.days import End, days_between, working_day_before
from houfu.reconciliation.statement import LINE_COLUMNS, TakenUp, content_sha, credits_and_debits, line_rows

_SQL = load(__package__)

DAYS_EARLY: Final = 3
DAYS_LATE: Final = 5
"""Working days that a payout without an id may be booked before and after it was expected."""
RETURN_DAYS: Final = 10
"""Working days within which a payment without an id may come back."""
LOOKED_BACK: Final = 3
"""Working days whose bookings are held against the statements once more: what came to the books late is found."""
SUGGESTED_MAX: Final = 2_000
"""Lines of a statement for which a payout is suggested; the ones after it have to do without."""


class StatementRefused(MessageRefused):
    """The day has a statement that says otherwise. Nothing was taken up."""


async def take_up_statement(
    connection: Connection,
    statement: Statement,
    *,
    rail: str,
    report_sha: bytes,
    calendar: Calendar,
    ids: IdMaker,
    now: datetime,
) -> TakenUp:
    """Record a day's statement with its lines, match them, open and close breaks; in the caller's transaction.

    A day has one statement. The same again, in whatever message, writes nothing. Another for the same day is
    StatementRefused: a bank corrects by lines of a later day. Two workers at once follow each other.
    """
    await lock_rail(connection, rail)
    day = statement.day
    row = await connection.fetchrow(_SQL["statement"], rail, day)
    if row is not None:
        if row["content_sha256"] != content_sha(statement):
            raise StatementRefused(
                f"{rail} has a statement of {day} already, {row['statement_id']}, and it says otherwise"
            )
        return await _taken(connection, rail, statement, known=True, opened=0, closed=0, now=now)
    await _record(connection, rail, statement, report_sha=report_sha, calendar=calendar, now=now)
    await _match(connection, rail, statement, calendar=calendar, now=now)
    found = await _off(connection, rail, statement, calendar=calendar)
    closed = await close_what_came(connection, rail, reason=Closing.LINE_CAME, now=now)
    chained, agreed = await _chain(connection, rail, statement, calendar=calendar, now=now)
    await _open_breaks(connection, rail, [*found, *chained], currency=statement.currency, ids=ids, now=now)
    opened = len(found) + len(chained)
    return await _taken(
        connection, rail, statement, known=False, opened=opened, closed=closed + agreed, now=now
    )


async def lock_rail(connection: Connection, rail: str) -> None:
    """Lock what is reconciled of a rail: everybody who changes it comes through here first."""
    await connection.execute(_SQL["open_rail"], rail)
    await connection.execute(_SQL["lock_rail"], rail)


async def news_of_day(
    connection: Connection, rail: str, day: date, *, at: datetime
) -> tuple[BankAnswer, ...]:
    """What the day's matched lines say that the books do not know, payments before returns."""
    return tuple(
        BankAnswer(
            withdrawal_id=row["withdrawal_id"].hex,
            outcome="paid" if row["kind"] == "payment" else "returned",
            at=at,
            booked_on=row["booked_on"],
            reference=row["reference"],
            reason=row["return_reason"],
            words=row["words"],
        )
        for row in await connection.fetch(_SQL["news_of_day"], rail, day)
    )


async def close_what_came(connection: Connection, rail: str, *, reason: Closing, now: datetime) -> int:
    """Close the breaks of payouts that have a line by now; how many that were."""
    rows = await connection.fetch(_SQL["breaks_whose_line_came"], rail)
    return await _close(connection, [row["break_id"] for row in rows], reason, now=now)


async def _taken(
    connection: Connection,
    rail: str,
    statement: Statement,
    *,
    known: bool,
    opened: int,
    closed: int,
    now: datetime,
) -> TakenUp:
    row = await connection.fetchrow(_SQL["count_matches"], rail, statement.day)
    assert row is not None  # noqa: S101 (an aggregate)
    return TakenUp(
        rail=rail,
        day=statement.day,
        known=known,
        lines=len(statement.entries),
        matched_by_id=row["by_id"],
        matched_by_account=row["by_account"],
        breaks_opened=opened,
        breaks_closed=closed,
        news=await news_of_day(connection, rail, statement.day, at=min(statement.created_at, now)),
    )


async def _record(
    connection: Connection,
    rail: str,
    statement: Statement,
    *,
    report_sha: bytes,
    calendar: Calendar,
    now: datetime,
) -> None:
    came, went = credits_and_debits(statement)
    await connection.execute(
        _SQL["insert_statement"],
        rail,
        statement.day,
        statement.statement_id,
        statement.currency,
        statement.opening,
        statement.closing,
        came,
        went,
        len(statement.entries),
        working_day_before(calendar, statement.day),
        content_sha(statement),
        report_sha,
        now,
    )
    await connection.copy_records_to_table(
        "bank_lines", records=line_rows(rail, statement), columns=LINE_COLUMNS
    )


async def _match(
    connection: Connection, rail: str, statement: Statement, *, calendar: Calendar, now: datetime
) -> None:
    day = statement.day
    for credit in (False, True):
        await connection.execute(_SQL["match_by_id"], rail, day, statement.currency, credit, now)
    if await connection.fetchval(_SQL["lines_without_id"], rail, day):
        first = working_day_before(calendar, day, count=DAYS_LATE)
        last = calendar.add_working_days(day, DAYS_EARLY)
        await connection.execute(_SQL["match_by_account"], rail, day, statement.currency, now, first, last)
        first = working_day_before(calendar, day, count=RETURN_DAYS)
        await connection.execute(
            _SQL["match_returns_by_account"], rail, day, statement.currency, now, first, day
        )


async def _off(connection: Connection, rail: str, statement: Statement, *, calendar: Calendar) -> list[Found]:
    """The breaks of lines that are nobody's, and of payouts that no line shows."""
    day, currency = statement.day, statement.currency
    rows = await connection.fetch(_SQL["unmatched_lines"], rail, day)
    lines = [_unmatched(dict(row)) for row in rows]
    candidates = await _candidates(connection, rail, statement, lines, calendar=calendar)
    found = [
        break_of_line(line, candidates.get(line.number), rail=rail, day=day, currency=currency)
        for line in lines
    ]
    # Bookings that the books learned of after the statements of the last days are held against those as well.
    since = working_day_before(calendar, day, count=1 + LOOKED_BACK)
    rows = await connection.fetch(_SQL["payouts_without_line"], rail, day, currency, since)
    found += [
        break_of_payout(
            store_id=row["store_id"],
            withdrawal_id=row["withdrawal_id"].hex,
            net=row["net"],
            kind=row["kind"],
            day=row["on_day"],
        )
        for row in rows
    ]
    return found


async def _candidates(
    connection: Connection,
    rail: str,
    statement: Statement,
    lines: Sequence[UnmatchedLine],
    *,
    calendar: Calendar,
) -> dict[int, Candidate]:
    """The payouts that lines without a known id may be, by the line's number."""
    asked = [line.number for line in lines if line.withdrawal_id is None and not line.repeated]
    if not asked:
        return {}
    first = working_day_before(calendar, statement.day, count=RETURN_DAYS)
    last = calendar.add_working_days(statement.day, DAYS_EARLY)
    rows = await connection.fetch(
        _SQL["suggest_payouts"],
        rail,
        statement.day,
        statement.currency,
        first,
        last,
        asked[:SUGGESTED_MAX],
    )
    return {
        row["number"]: Candidate(
            store_id=row["store_id"],
            withdrawal_id=row["withdrawal_id"].hex,
            rule=row["rule"],
            score=row["score"],
        )
        for row in rows
    }


async def _chain(
    connection: Connection, rail: str, statement: Statement, *, calendar: Calendar, now: datetime
) -> tuple[list[Found], int]:
    """Hold the statement against its neighbours: the breaks of days between them and of openings, and how many such
    breaks are closed because it came."""
    day, currency = statement.day, statement.currency
    gone = [
        row["break_id"]
        for row in await connection.fetch(_SQL["breaks_about_statement"], rail, day, "day_missing")
        if row["status"] != "closed"
    ]
    found: list[Found] = []
    this = End(day=day, opening=statement.opening, closing=statement.closing)
    before = _end(await connection.fetchrow(_SQL["statement_before"], rail, day))
    after = _end(await connection.fetchrow(_SQL["statement_after"], rail, day))
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
        gone += [row["break_id"] for row in known if row["status"] != "closed" and row["amount"] != off]
        if off and all(row["amount"] != off for row in known):
            found.append(
                break_of_opening(
                    day=later.day,
                    opening=later.opening,
                    closing=earlier.closing,
                    before=earlier.day,
                    currency=currency,
                )
            )
    return found, await _close(connection, gone, Closing.STATEMENT_CAME, now=now)


async def _close(
    connection: Connection, break_ids: Sequence[object], reason: Closing, *, now: datetime
) -> int:
    if break_ids:
        await connection.execute(_SQL["close_by_itself"], break_ids, reason, now)
    return len(break_ids)


async def _open_breaks(
    connection: Connection, rail: str, found: Sequence[Found], *, currency: str, ids: IdMaker, now: datetime
) -> None:
    if not found:
        return
    suggestions = [one.suggestion for one in found]
    await connection.execute(
        _SQL["insert_breaks"],
        [ids.make(now) for _ in found],
        [rail] * len(found),
        [one.day for one in found],
        [one.kind for one in found],
        [currency] * len(found),
        [one.amount for one in found],
        [one.line_number for one in found],
        [one.store_id for one in found],
        [one.withdrawal_id for one in found],
        [one.match_kind for one in found],
        [None if one is None else one.store_id for one in suggestions],
        [None if one is None else one.withdrawal_id for one in suggestions],
        [None if one is None else one.score for one in suggestions],
        [one.why_zh for one in found],
        [one.why_en for one in found],
        now,
    )


def _unmatched(row: dict[str, object]) -> UnmatchedLine:
    id = row["withdrawal_id"]
    return msgspec.convert(
        row | {"withdrawal_id": None if id is None else getattr(id, "hex", "")}, UnmatchedLine
    )


def _end(row: Record | None) -> End | None:
    return None if row is None else End(day=row["day"], opening=row["opening"], closing=row["closing"])
