"""Calendars in force, and importing the notices that change them.

What is imported is only ever added to. The calendar in force is computed from all of it; whoever holds one asks `refreshed`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import msgspec
from asyncpg import Record

from houfu.calendars.countries import (
    YEARS_AHEAD,
    CalendarUnknown,
    calendar_of,
    fault_of,
    foreseen,
    weekend_of,
)
from houfu.calendars.version import CalendarVersion, DayChange, changes, laid_over, read_notice, sha_of
from houfu.core.calendar import Calendar
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection

ATTEMPTS_MAX: Final = 5
VERSIONS_READ: Final = 200
"""Versions looked at to tell whether a notice was imported before."""
_SQL = load(__package__)


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What importing a notice came to. Not `changed`: it was in force already, and nothing was written."""

    version: CalendarVersion
    changed: bool
    changes: list[DayChange]


async def effective_calendar(connection: Connection, name: str, *, now: datetime) -> Calendar:
    """The calendar in force: the shipped or computed one with every imported notice laid over it, as seen at `now`.
    CalendarUnknown."""
    must_be_known(name)
    rows = await connection.fetch(_SQL["documents"], name)
    return _calendar(name, [(row["number"], row["document"]) for row in rows], now)


async def refreshed(connection: Connection, calendar: Calendar, name: str, *, now: datetime) -> Calendar:
    """The calendar of that name as it is now; the very same one where nothing is new."""
    if calendar.name == name and calendar.foreseen_until == now.year + YEARS_AHEAD:
        number = await connection.fetchval(_SQL["newest_number"], name)
        if number == calendar.number:
            return calendar
    return await effective_calendar(connection, name, now=now)


async def import_notice(
    connection: Connection, name: str, text: str, *, author: str, note: str, now: datetime
) -> Imported:
    """Let the years of the notice replace those of the calendar; every other year stays as it is.

    The same text again changes nothing. CalendarUnknown; NoticeInvalid that names the line.
    """
    must_be_known(name)
    notice = read_notice(name, text, weekend=weekend_of(name))
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            async with connection.transaction():
                return await _import(connection, name, text, notice, author=author, note=note, now=now)
        except CONFLICT:
            # Another import was faster; it is seen now.
            if attempt == ATTEMPTS_MAX:
                raise
    raise AssertionError("unreachable")


async def versions(
    connection: Connection, name: str, *, before: int | None = None, limit: int
) -> list[CalendarVersion]:
    """The versions that were imported, newest first; `before` is the number where the page before ended."""
    must_be_known(name)
    return [_version(row) for row in await connection.fetch(_SQL["versions"], name, before, limit)]


async def changes_of(connection: Connection, version: CalendarVersion, *, now: datetime) -> list[DayChange]:
    """The days that a version made other ones than they were before it."""
    rows = await connection.fetch(_SQL["documents_until"], version.calendar, version.number)
    numbered = [(number, row["document"]) for number, row in enumerate(rows, start=1)]
    before = _calendar(version.calendar, numbered[:-1], now)
    after = _calendar(version.calendar, numbered, now)
    return list(changes(before, after, version.years))


async def imported_names(connection: Connection) -> list[str]:
    """The calendars of which something was imported."""
    return [row["name"] for row in await connection.fetch(_SQL["known_names"])]


def must_be_known(name: str) -> None:
    """CalendarUnknown unless there is a calendar of that name."""
    fault = fault_of(name)
    if fault is not None:
        raise CalendarUnknown(f"`{name}` {fault}")


async def _import(
    connection: Connection, name: str, text: str, notice: Calendar, *, author: str, note: str, now: datetime
) -> Imported:
    sha = sha_of(text)
    earlier = await versions(connection, name, limit=VERSIONS_READ)
    for version in earlier:
        if version.sha256 == sha:
            return Imported(version=version, changed=False, changes=[])
        if notice.years.intersection(version.years):
            break  # what came before it was replaced meanwhile: the same text again brings it back
    version = CalendarVersion(
        calendar=name,
        number=earlier[0].number + 1 if earlier else 1,
        version=notice.version,
        years=sorted(notice.years),
        sha256=sha,
        imported_by=author,
        note=note,
        recorded_at=now,
    )
    await connection.execute(
        _SQL["insert_version"],
        name,
        version.number,
        version.version,
        version.years,
        text,
        bytes.fromhex(sha),
        author,
        note,
        now,
    )
    return Imported(version=version, changed=True, changes=await changes_of(connection, version, now=now))


def _calendar(name: str, documents: Sequence[tuple[int, str]], now: datetime) -> Calendar:
    basis = calendar_of(name, now.year)
    if not documents:
        return basis
    calendar = laid_over(basis, [text for _, text in documents])
    return replace(foreseen(calendar, now.year), number=documents[-1][0])


def _version(row: Record) -> CalendarVersion:
    return msgspec.convert(dict(row) | {"sha256": row["sha256"].hex()}, CalendarVersion)
