"""The interface of calendars: what each holds, which days work, and importing the year's notice."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import msgspec

from houfu.calendars import actions
from houfu.calendars.countries import CalendarUnknown, foreseen
from houfu.calendars.version import CalendarVersion, DayChange, NoticeInvalid
from houfu.core.calendar import Calendar, DayKind
from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Day, Lines, Note, Nothing, PageQuery, must_be_sensible
from houfu.http.page import page_of, place_of
from houfu.http.problem import invalid
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route

DAYS_MAX: Final = 400
"""Days of one answer."""

_MISSES: Final[Mapping[type[Exception], str]] = {CalendarUnknown: "calendar_unknown"}


class CalendarPath(msgspec.Struct, frozen=True):
    """A path that names a calendar."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$",
            description="`cn`, or the ISO code of a country or of a part, such as DE or DE-BY.",
            examples=["cn"],
        ),
    ]


class DaysQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which days, both included; at most 400."""

    from_day: Day
    to_day: Day


class NoticeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A notice as CSV, and where it was published."""

    document: Lines
    note: Note = ""


class CalendarView(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar. `number` counts what was imported, 0: nothing. `years` are official; `provisional_years` those after them
    whose days are foreseen. `in_use`: the programme's dates follow it."""

    name: str
    version: str
    number: int
    years: list[int]
    provisional_years: list[int]
    in_use: bool


class Calendars(msgspec.Struct, frozen=True):
    """The calendars of the installation."""

    data: list[CalendarView]


class DayView(msgspec.Struct, frozen=True, kw_only=True):
    """A day: what it is, and what it is called where it has a name. `provisional`: its year's notice is not known yet."""

    day: Day
    kind: DayKind
    works: bool
    name: str | None
    provisional: bool


class DaysView(msgspec.Struct, frozen=True, kw_only=True):
    """Days of a calendar, in order."""

    name: str
    version: str
    number: int
    data: list[DayView]


class ImportedView(msgspec.Struct, frozen=True, kw_only=True):
    """What the notice came to. Not `changed`: it was imported before and is in force. `changes` are the days that became
    other ones, `changes_in_words` the same for people."""

    version: CalendarVersion
    changed: bool
    changes: list[DayChange]
    changes_in_words: list[str]


def calendar_view(calendar: Calendar, *, in_use: bool) -> CalendarView:
    """The calendar as it is told."""
    open_years = range(min(calendar.years), calendar.foreseen_until + 1)
    return CalendarView(
        name=calendar.name,
        version=calendar.version,
        number=calendar.number,
        years=sorted(calendar.years),
        provisional_years=[year for year in open_years if not calendar.covers(year)],
        in_use=in_use,
    )


def days_view(calendar: Calendar, first: Day, last: Day) -> DaysView:
    """The days from `first` to `last`."""
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return DaysView(
        name=calendar.name,
        version=calendar.version,
        number=calendar.number,
        data=[
            DayView(
                day=day,
                kind=calendar.kind(day),
                works=calendar.is_working_day(day),
                name=calendar.names.get(day),
                provisional=not calendar.covers(day.year),
            )
            for day in days
        ],
    )


def imported_view(imported: actions.Imported) -> ImportedView:
    """What importing came to, as it is told."""
    return ImportedView(
        version=imported.version,
        changed=imported.changed,
        changes=imported.changes,
        changes_in_words=[change.in_words() for change in imported.changes],
    )


async def show(call: Call[Nothing, Nothing, Nothing]) -> Reply:
    """Show the programme's calendar, and every other that something was imported of."""
    async with call.service.pool.acquire() as connection:
        in_use = call.service.part(Calendar).name
        names = sorted({in_use, *await actions.imported_names(connection)})
        found = [await actions.effective_calendar(connection, name, now=call.now()) for name in names]
    return reply(200, Calendars([calendar_view(each, in_use=each.name == in_use) for each in found]))


async def show_versions(call: Call[CalendarPath, PageQuery, Nothing]) -> Reply:
    """Show what was imported of a calendar, newest first."""
    before, limit = place_of(call.query.cursor, int), call.query.limit
    async with call.service.pool.acquire() as connection:
        found = await actions.versions(connection, call.path.name, before=before, limit=limit + 1)
    return reply(200, page_of(found, limit, lambda version: version.number, lambda version: version))


async def show_days(call: Call[CalendarPath, DaysQuery, Nothing]) -> Reply:
    """Show which days work."""
    first, last = call.query.from_day, call.query.to_day
    must_be_sensible("from_day", first)
    must_be_sensible("to_day", last)
    if last < first:
        raise invalid("to_day", "lies before from_day")
    if (last - first).days >= DAYS_MAX:
        raise invalid("to_day", f"at most {DAYS_MAX} days at once")
    async with call.service.pool.acquire() as connection:
        calendar = await actions.effective_calendar(connection, call.path.name, now=call.now())
    return reply(200, days_view(foreseen(calendar, last.year), first, last))


async def import_notice(call: Call[CalendarPath, Nothing, NoticeBody]) -> Reply:
    """Import the notice: its years replace those of the calendar, and open withdrawals get new dates."""
    try:
        async with call.service.pool.acquire() as connection:
            imported = await actions.import_notice(
                connection,
                call.path.name,
                call.body.document,
                author=call.caller.author,
                note=call.body.note,
                now=call.now(),
            )
            in_use = call.service.part(Calendar)
            call.service.put(await actions.refreshed(connection, in_use, in_use.name, now=call.now()))
    except NoticeInvalid as wrong:
        raise invalid("document", str(wrong)) from None
    return reply(201 if imported.changed else 200, imported_view(imported))


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="GET",
            address="/v1/calendars",
            operation="list_calendars",
            summary="The programme's calendar and every other of which a notice was imported",
            tag="calendars",
            roles=STAFF,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={200: Calendars},
            handle=show,
        ),
        Route(
            method="GET",
            address="/v1/calendars/{name}/versions",
            operation="list_calendar_versions",
            summary="The notices that were imported, newest first",
            tag="calendars",
            roles=STAFF,
            path=CalendarPath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[CalendarVersion]},
            handle=show_versions,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/calendars/{name}/days",
            operation="list_calendar_days",
            summary="Which days work, rest, are worked instead of others, or are provisional",
            tag="calendars",
            roles=STAFF,
            path=CalendarPath,
            query=DaysQuery,
            body=Nothing,
            answers={200: DaysView},
            handle=show_days,
            raises=_MISSES,
        ),
        Route(
            method="PUT",
            address="/v1/calendars/{name}",
            operation="import_notice",
            summary="Import the year's holiday notice (CSV); open withdrawals get new dates",
            tag="calendars",
            roles=OPERATOR,
            path=CalendarPath,
            query=Nothing,
            body=NoticeBody,
            answers={200: ImportedView, 201: ImportedView},
            handle=import_notice,
            raises=_MISSES,
        ),
    ]
