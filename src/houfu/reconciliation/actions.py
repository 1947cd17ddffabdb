"""Taking up the bank's statement of a day: its lines, which payouts they are, and where bank and books differ.

Nothing here posts a journal: what the bank says that the books do not know is handed back.
"""

import asyncio
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022.message import MessageRefused, Statement
from houfu.reconciliation.breaks import Found, break_of_line, break_of_payout
from houfu.reconciliation.chain import hold_against_neighbours
from houfu.reconciliation.closing import Closing
from houfu.reconciliation.days import working_day_before
from houfu.reconciliation.lookups import Lookups, payments_of
from houfu.reconciliation.matching import (
    Lines,
    Match,
    Payment,
    matches_by_id,
    named_payments,
    news,
    unmatched_lines,
)
from houfu.reconciliation.statement import (
    LINE_COLUMNS,
    MATCH_COLUMNS,
    TakenUp,
    content_sha,
    credits_and_debits,
    line_rows,
    match_rows,
    numbered,
)
from houfu.reconciliation.upkeep import close_by_itself, close_what_came, open_breaks

_SQL = load(__package__)

LOOKED_BACK: Final = 1
"""Working days whose bookings are held against the statements once more: what came to the books late is found."""


class StatementRefused(MessageRefused):
    """The day has a statement that says otherwise. Nothing was taken up."""


class StatementUnknown(LookupError):
    """The rail has no statement of that day."""


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
    day, currency = statement.day, statement.currency
    row = await connection.fetchrow(_SQL["statement"], rail, day)
    if row is not None:
        if row["content_sha256"] != content_sha(statement):
            raise StatementRefused(
                f"{rail} has a statement of {day} already, {row['statement_id']}, and it says otherwise"
            )
        return await _known(connection, rail, statement, now=now)
    lines = numbered(statement)
    look = Lookups(connection, rail=rail, day=day, currency=currency, calendar=calendar)
    named = named_payments(lines)
    # Two processors: here is computed while PostgreSQL looks up and keeps the lines.
    content, rows = await asyncio.gather(
        asyncio.to_thread(content_sha, statement), look.payments(named.values())
    )

    def match() -> tuple[dict[str, Payment], dict[int, Match]]:
        payments = payments_of(rows)
        return payments, matches_by_id(lines, named, payments, rail=rail, currency=currency)

    (payments, by_id), _ = await asyncio.gather(
        asyncio.to_thread(match),
        _record(
            connection,
            rail,
            statement,
            lines,
            content=content,
            report_sha=report_sha,
            calendar=calendar,
            now=now,
        ),
    )
    await _match(connection, rail, day, lines, by_id.values(), now=now)
    by_account = await look.matches_by_account(
        {number: entry for number, entry in lines.items() if number not in named}
    )
    await _match(connection, rail, day, lines, by_account.values(), now=now)
    matches = by_id | by_account
    repeated = await look.repeated_references(lines, matches)
    unmatched = unmatched_lines(lines, named, payments, matches, day=day, repeated=repeated)
    candidates = await look.candidates(lines, unmatched)
    # What is off.
    closed = await close_what_came(connection, rail, now=now)
    found = [
        break_of_line(line, candidates.get(line.number), rail=rail, day=day, currency=currency)
        for line in unmatched
    ]
    since = working_day_before(calendar, day, count=1 + LOOKED_BACK)
    found += await _payouts_without_line(connection, rail, day, since=since, currency=currency)
    chained, settled = await hold_against_neighbours(connection, rail, statement, calendar=calendar)
    found += chained
    closed += await close_by_itself(connection, settled, Closing.STATEMENT_CAME, now=now)
    await open_breaks(connection, rail, found, currency=currency, ids=ids, now=now)
    return TakenUp(
        rail=rail,
        day=day,
        known=False,
        lines=len(lines),
        matched_by_id=len(by_id),
        matched_by_account=len(by_account),
        breaks_opened=len(found),
        breaks_closed=closed,
        news=news(lines, matches.values(), at=min(statement.created_at, now)),
    )


async def look_again(connection: Connection, rail: str, day: date, *, ids: IdMaker, now: datetime) -> int:
    """Hold what the books learned since against the day's statement, in the caller's transaction; how many breaks that
    opened. StatementUnknown where there is none."""
    await lock_rail(connection, rail)
    row = await connection.fetchrow(_SQL["statement"], rail, day)
    if row is None:
        raise StatementUnknown(f"{rail} has no statement of {day}")
    currency = row["currency"]
    found = await _payouts_without_line(connection, rail, day, since=row["working_before"], currency=currency)
    await open_breaks(connection, rail, found, currency=currency, ids=ids, now=now)
    return len(found)


async def lock_rail(connection: Connection, rail: str) -> None:
    """Lock what is reconciled of a rail: everybody who changes it comes through here first."""
    await connection.execute(_SQL["open_rail"], rail)
    await connection.execute(_SQL["lock_rail"], rail)


async def _record(
    connection: Connection,
    rail: str,
    statement: Statement,
    lines: Lines,
    *,
    content: bytes,
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
        len(lines),
        working_day_before(calendar, statement.day),
        content,
        report_sha,
        now,
    )
    rows = line_rows(rail, statement.day, lines)
    await connection.copy_records_to_table("bank_lines", records=rows, columns=LINE_COLUMNS)


async def _match(
    connection: Connection, rail: str, day: date, lines: Lines, matches: Iterable[Match], *, now: datetime
) -> None:
    rows = match_rows(rail, day, lines, matches, now=now)
    if rows:
        await connection.copy_records_to_table("line_matches", records=rows, columns=MATCH_COLUMNS)


async def _known(connection: Connection, rail: str, statement: Statement, *, now: datetime) -> TakenUp:
    """What a statement came to that was taken up before; its news as far as the books still do not know them."""
    matched = await connection.fetch(_SQL["matches_of_day"], rail, statement.day)
    rows = await connection.fetch(
        _SQL["statuses"], [row["store_id"] for row in matched], [row["withdrawal_id"] for row in matched]
    )
    statuses = {(row["store_id"], row["withdrawal_id"]): row["status"] for row in rows}
    matches = [
        Match(
            number=row["number"],
            store_id=row["store_id"],
            withdrawal_id=row["withdrawal_id"].hex,
            kind=row["kind"],
            status=statuses[row["store_id"], row["withdrawal_id"]],
            matched_by=row["matched_by"],
        )
        for row in matched
    ]
    by_id = sum(match.matched_by == "id" for match in matches)
    return TakenUp(
        rail=rail,
        day=statement.day,
        known=True,
        lines=len(statement.entries),
        matched_by_id=by_id,
        matched_by_account=sum(match.matched_by == "amount_date_name" for match in matches),
        breaks_opened=0,
        breaks_closed=0,
        news=news(numbered(statement), matches, at=min(statement.created_at, now)),
    )


async def _payouts_without_line(
    connection: Connection, rail: str, day: date, *, since: date, currency: str
) -> list[Found]:
    """What the books have as booked after `since` and up to `day`, on days that statements speak of, and none shows."""
    rows = await connection.fetch(_SQL["payouts_without_line"], rail, day, currency, since)
    return [
        break_of_payout(
            store_id=row["store_id"],
            withdrawal_id=row["withdrawal_id"].hex,
            net=row["net"],
            kind=row["kind"],
            day=row["on_day"],
        )
        for row in rows
    ]
