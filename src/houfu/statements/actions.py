"""Exporting what is chosen: rows leave the database as text that is ready to be shown, and are never all in memory."""

import csv
import io
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.core.reason import Language
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.ledger.entries import EVER, SEQ_MAX, EntryFilter, words_of
from houfu.statements.columns import (
    ENTRIES,
    FEE_RULES,
    KINDS,
    STATUSES,
    WITHDRAWALS,
    Exported,
    Format,
    Table,
    in_language,
    reasons,
)
from houfu.statements.month import STATEMENT, StoreMonth, statement_rows
from houfu.statements.rendering import render

_SQL = load(__package__)
EXPORT_SECONDS_MAX: Final = 3_600
"""How long one export may take."""
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Leads a CSV file, so that spreadsheets read it as UTF-8."""

Write = Callable[[bytes], Coroutine[object, object, None]]


class WithdrawalFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which withdrawals: of one store or all, in one status, asked from a moment on and before another, of amounts between two,
    both included. Whatever is None leaves all in."""

    store_id: str | None = None
    status: str | None = None
    asked_from: datetime | None = None
    asked_before: datetime | None = None
    amount_min: int | None = None
    amount_max: int | None = None


class Rows(msgspec.Struct, frozen=True):
    """A statement that yields the rows of a table, with what it takes after the store, the zone and the language's words."""

    table: Table
    statement: str
    store_id: str | None
    arguments: tuple[object, ...]


async def entry_rows(connection: Connection, which: EntryFilter, *, language: Language) -> Rows:
    """The rows of an export of entries."""
    chart = await ledger.chart(connection)
    shown = which.accounts(chart)
    return Rows(
        ENTRIES,
        _SQL["export_entries"],
        which.store_id,
        (
            shown,
            [account.name for account in chart if account.grows_by_debit],
            words_of(chart, language),
            in_language(KINDS, language),
            which.kind,
            *which.bounds(),
            which.order_id,
        ),
    )


def withdrawal_rows(which: WithdrawalFilter, *, language: Language) -> Rows:
    """The rows of an export of withdrawals."""
    return Rows(
        WITHDRAWALS,
        _SQL["export_withdrawals"],
        which.store_id,
        (
            in_language(STATUSES, language),
            in_language(FEE_RULES, language),
            reasons(language),
            which.status,
            which.asked_from or EVER[0],
            which.asked_before or EVER[1],
            which.amount_min or 0,
            SEQ_MAX if which.amount_max is None else which.amount_max,
        ),
    )


async def export_entries(
    connection: Connection,
    which: EntryFilter,
    *,
    format: Format,
    write: Write,
    zone: ZoneInfo,
    language: Language = "zh",
) -> Exported:
    """Write the entries that are chosen, oldest first, by calling `write` with parts as they are made. Memory does not grow
    with how many there are, in CSV and XLSX."""
    rows = await entry_rows(connection, which, language=language)
    return await export(connection, rows, format=format, write=write, zone=zone, language=language)


async def export_withdrawals(
    connection: Connection,
    which: WithdrawalFilter,
    *,
    format: Format,
    write: Write,
    zone: ZoneInfo,
    language: Language = "zh",
) -> Exported:
    """Write the withdrawals that are chosen, as `export_entries` does."""
    rows = withdrawal_rows(which, language=language)
    return await export(connection, rows, format=format, write=write, zone=zone, language=language)


async def export(
    connection: Connection, rows: Rows, *, format: Format, write: Write, zone: ZoneInfo, language: Language
) -> Exported:
    """Write rows in a format. Raises what `write` raises, once the statement is stopped."""
    if format != "csv":
        return await render(
            rows.table,
            lambda to: _copy(connection, rows, to, zone=zone, defused=False),
            format=format,
            write=write,
            language=language,
            about=rows.store_id or "",
        )
    head = BYTE_ORDER_MARK + csv_line([column.heading(language) for column in rows.table.columns])
    await write(head)
    size = len(head)

    async def write_lines(lines: bytes) -> None:
        nonlocal size
        # No field holds a line's end, so each of these ends a row: RFC 4180 wants two characters for it.
        ended = lines.replace(b"\n", b"\r\n")
        size += len(ended)
        await write(ended)

    count = await _copy(connection, rows, write_lines, zone=zone, defused=True)
    return Exported(count, size)


async def export_month(
    month: StoreMonth, names: dict[str, str], *, write: Write, language: Language
) -> Exported:
    """Write a month's statement as PDF. `names` are the accounts' in the language."""
    rows = statement_rows(month, names, language)

    async def source(to: Write) -> int:
        await to(b"".join(map(csv_line, rows)))
        return len(rows)

    about = f"{month.store_id}  {month.month:%Y-%m}  {month.currency}"
    return await render(STATEMENT, source, format="pdf", write=write, language=language, about=about)


async def count_up_to(connection: Connection, rows: Rows, most: int, *, zone: ZoneInfo) -> int:
    """How many rows there are, at most `most`."""
    counting = _SQL["count_rows"].replace(":rows", rows.statement)
    found = await connection.fetchval(
        counting.replace(":most", str(most)), rows.store_id, zone.key, False, *rows.arguments
    )
    return int(found)


async def _copy(connection: Connection, rows: Rows, write: Write, *, zone: ZoneInfo, defused: bool) -> int:
    """Let the database write the rows as CSV without a head; how many there were."""
    status = await connection.copy_from_query(
        rows.statement,
        rows.store_id,
        zone.key,
        defused,
        *rows.arguments,
        output=write,
        format="csv",
        timeout=EXPORT_SECONDS_MAX,
    )
    return int(status.rpartition(" ")[2])


def csv_line(fields: Sequence[str]) -> bytes:
    """Fields as one line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(fields)
    return text.getvalue().encode()
