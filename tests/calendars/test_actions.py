"""Importing notices into a real database: merged, once, in order, by whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from calendars.notices import EARLIER_2027, NOTICE_2027, NOTICE_2028
from houfu.calendars.actions import (
    changes_of,
    effective_calendar,
    import_notice,
    imported_names,
    refreshed,
    versions,
)
from houfu.calendars.countries import CalendarUnknown, calendar_of
from houfu.calendars.version import NoticeInvalid
from houfu.db.tx import Connection, connect

NOVEMBER = datetime(2026, 11, 12, 2, tzinfo=UTC)


@pytest.fixture
async def connection(database: str) -> AsyncGenerator[Connection]:
    connection = await connect(database)
    try:
        yield connection
    finally:
        await connection.close()


async def bring(connection: Connection, text: str, *, name: str = "cn", author: str = "treasury") -> bool:
    done = await import_notice(connection, name, text, author=author, note="国办发明电", now=NOVEMBER)
    return done.changed


async def test_without_an_import_the_shipped_calendar_is_in_force(connection: Connection) -> None:
    calendar = await effective_calendar(connection, "cn", now=NOVEMBER)
    assert calendar == calendar_of("cn", 2026)
    assert calendar.number == 0
    assert await versions(connection, "cn", limit=9) == []


async def test_an_import_makes_its_year_official_and_leaves_the_others(connection: Connection) -> None:
    before = await effective_calendar(connection, "cn", now=NOVEMBER)
    assert before.is_provisional(date(2026, 12, 31), date(2027, 1, 5))
    assert await bring(connection, NOTICE_2027)
    after = await effective_calendar(connection, "cn", now=NOVEMBER)
    assert (after.number, after.version, after.years) == (1, "invented-2027", before.years | {2027})
    assert not after.is_provisional(date(2026, 12, 31), date(2027, 1, 5))
    assert before.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert after.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 5)
    # The real make-up days of 2026 are as they were.
    assert [day for day in sorted(after.make_up_days) if day.year == 2026] == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]


async def test_the_same_notice_again_changes_nothing(connection: Connection) -> None:
    assert await bring(connection, NOTICE_2027)
    assert not await bring(connection, NOTICE_2027)
    assert not await bring(connection, NOTICE_2027.replace("\n", "\r\n"), author="another")
    assert await bring(connection, NOTICE_2028)
    assert not await bring(connection, NOTICE_2027)
    assert [version.number for version in await versions(connection, "cn", limit=9)] == [2, 1]


async def test_a_notice_that_was_corrected_can_be_brought_back(connection: Connection) -> None:
    for text in (NOTICE_2027, EARLIER_2027, NOTICE_2027):
        assert await bring(connection, text)
    calendar = await effective_calendar(connection, "cn", now=NOVEMBER)
    assert calendar.number == 3
    assert not calendar.is_working_day(date(2027, 1, 4))


async def test_a_version_tells_who_imported_what_and_what_it_changed(connection: Connection) -> None:
    await bring(connection, NOTICE_2027)
    await bring(connection, EARLIER_2027, author="another")
    newest, oldest = await versions(connection, "cn", limit=9)
    assert (newest.number, newest.imported_by, newest.years, newest.recorded_at) == (
        2,
        "another",
        [2027],
        NOVEMBER,
    )
    assert [change.day for change in await changes_of(connection, newest, now=NOVEMBER)] == [
        date(2027, 1, 2),
        date(2027, 1, 3),
        date(2027, 1, 4),
    ]
    assert len(await changes_of(connection, oldest, now=NOVEMBER)) > 10
    assert await versions(connection, "cn", before=2, limit=9) == [oldest]


async def test_a_calendar_that_somebody_holds_is_read_again_only_where_something_is_new(
    connection: Connection,
) -> None:
    held = await effective_calendar(connection, "cn", now=NOVEMBER)
    assert await refreshed(connection, held, "cn", now=NOVEMBER) is held
    await bring(connection, NOTICE_2027)
    newer = await refreshed(connection, held, "cn", now=NOVEMBER)
    assert newer.number == 1
    assert await refreshed(connection, newer, "cn", now=NOVEMBER) is newer
    next_year = await refreshed(connection, newer, "cn", now=NOVEMBER + timedelta(days=60))
    assert next_year.foreseen_until == newer.foreseen_until + 1
    assert (await refreshed(connection, newer, "DE", now=NOVEMBER)).name == "DE"


async def test_two_who_import_at_once_both_count(database: str, connection: Connection) -> None:
    other = await connect(database)
    try:
        both = await asyncio.gather(bring(connection, NOTICE_2027), bring(other, NOTICE_2028))
    finally:
        await other.close()
    assert both == [True, True]
    assert [version.number for version in await versions(connection, "cn", limit=9)] == [2, 1]
    assert {2027, 2028} < (await effective_calendar(connection, "cn", now=NOVEMBER)).years


async def test_two_who_import_the_same_at_once_import_it_once(database: str, connection: Connection) -> None:
    other = await connect(database)
    try:
        both = await asyncio.gather(bring(connection, NOTICE_2027), bring(other, NOTICE_2027))
    finally:
        await other.close()
    assert sorted(both) == [False, True]
    assert len(await versions(connection, "cn", limit=9)) == 1


async def test_a_notice_can_correct_another_country_as_well(connection: Connection) -> None:
    text = NOTICE_2027.replace("# name: cn", "# name: DE").replace("invented", "extra-holiday")
    assert await bring(connection, text, name="DE")
    germany = await effective_calendar(connection, "DE", now=NOVEMBER)
    assert not germany.is_working_day(date(2027, 1, 4))
    assert not germany.is_provisional(date(2026, 12, 31), date(2027, 1, 5))
    assert not germany.is_working_day(date(2026, 12, 25))
    assert await imported_names(connection) == ["DE"]
    assert (await effective_calendar(connection, "cn", now=NOVEMBER)).number == 0


async def test_what_cannot_be_imported_leaves_nothing(connection: Connection) -> None:
    with pytest.raises(NoticeInvalid, match="line 6"):
        await bring(connection, NOTICE_2027.replace("2027-01-01", "2027-99-01"))
    with pytest.raises(CalendarUnknown, match="names no country"):
        await bring(connection, NOTICE_2027, name="XX")
    with pytest.raises(NoticeInvalid, match="not of DE"):
        await bring(connection, NOTICE_2027, name="DE")
    assert await connection.fetchval("select count(*) from calendar_versions") == 0


@pytest.mark.parametrize(
    "statement", ["update calendar_versions set document = ''", "delete from calendar_versions"]
)
async def test_what_was_imported_is_never_changed(connection: Connection, statement: str) -> None:
    await bring(connection, NOTICE_2027)
    await connection.execute("set role houfu_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
