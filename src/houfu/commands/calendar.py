"""`houfu calendar`: which days work, and importing the year's holiday notice."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from houfu.commands.console import DataDir, Exit, Failed, read_input, say, tell
from houfu.commands.policy_versions import Author, author_named, in_history
from houfu.core.calendar import TABLE_CHARS_MAX
from houfu.db.tx import Connection

app = typer.Typer(help="Working days: see them, import a year's notice.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", help="cn, or the ISO code of a country or of a part, such as DE or DE-BY."
    ),
]
_DAYS_MAX: Final = 400
_NOTE_CHARS_MAX: Final = 2_000
_LISTED: Final = 200


@app.command()
def show(name: Name = "cn", data_dir: DataDir = None) -> None:
    """Show a calendar: its version, the years it covers and those whose days are only foreseen."""
    from houfu.calendars.actions import effective_calendar
    from houfu.calendars.api import CalendarView, calendar_view
    from houfu.policy.publishing import open_policy_book

    _must_be_known(name)

    async def act(connection: Connection, now: datetime) -> CalendarView:
        calendar = await effective_calendar(connection, name, now=now)
        book = await open_policy_book(connection)
        in_use = bool(book.published) and book.at(now).terms.calendar == name
        return calendar_view(calendar, in_use=in_use)

    view = in_history(data_dir, act)
    say(f"{view.name}: version {view.version}, official for {_years(view.years)}.")
    if view.provisional_years:
        say(f"Dates in {_years(view.provisional_years)} are provisional.")
    tell(view)


@app.command()
def days(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, such as 2026-10-01.")],
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="The last day. Default: 30 days on.")
    ] = None,
    name: Name = "cn",
    data_dir: DataDir = None,
) -> None:
    """List days: what each is, and why."""
    from houfu.calendars.actions import effective_calendar
    from houfu.calendars.api import DaysView, days_view
    from houfu.calendars.countries import foreseen

    _must_be_known(name)
    since = _day("--from", first)
    until = since + timedelta(days=30) if last is None else _day("--to", last)
    if not since <= until < since + timedelta(days=_DAYS_MAX):
        raise Failed(Exit.USAGE, f"--to must be --from or one of the {_DAYS_MAX - 1} days after it.")

    async def act(connection: Connection, now: datetime) -> DaysView:
        calendar = await effective_calendar(connection, name, now=now)
        return days_view(foreseen(calendar, until.year), since, until)

    view = in_history(data_dir, act)
    for day in view.data:
        marks = [day.kind.replace("_", "-"), day.name or "", "provisional" if day.provisional else ""]
        say(f"{day.day:%Y-%m-%d %a}  {'  '.join(mark for mark in marks if mark)}")
    tell(view)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The notice as CSV: date,kind,name.")],
    author: Author,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Where it was published.")] = "",
    name: Name = "cn",
    data_dir: DataDir = None,
) -> None:
    """Import a notice: its years replace those of the calendar, every other year stays.

    A running service takes it up within seconds and gives open withdrawals their new dates. The same file again changes nothing.
    """
    from houfu.calendars.actions import Imported, import_notice
    from houfu.calendars.api import imported_view
    from houfu.calendars.version import NoticeInvalid

    _must_be_known(name)
    named = author_named(author)
    if len(note) > _NOTE_CHARS_MAX or not note.isprintable():
        raise Failed(Exit.USAGE, f"--note must be at most {_NOTE_CHARS_MAX} printable characters.")
    try:
        text = read_input(file, bytes_max=4 * TABLE_CHARS_MAX).decode("utf-8")
    except UnicodeDecodeError:
        raise Failed(Exit.NO, f"{file} is not UTF-8.", "Save it as CSV UTF-8.") from None

    async def act(connection: Connection, now: datetime) -> Imported:
        return await import_notice(connection, name, text, author=named, note=note, now=now)

    try:
        imported = in_history(data_dir, act)
    except NoticeInvalid as wrong:
        raise Failed(Exit.NO, f"{file}: {wrong}.") from None
    view = imported_view(imported)
    if not view.changed:
        say(f"It was imported before, as version {view.version.number}: nothing changed.")
    else:
        say(f"Version {view.version.number} of {name} is in force for {_years(view.version.years)}:")
        for words in view.changes_in_words:
            say(f"  {words}")
    tell(view)


@app.command("list")
def list_all(
    name: Name = "cn",
    known: Annotated[
        bool, typer.Option("--known", help="List the names of all calendars there are instead.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """List the notices that were imported of a calendar, the newest first."""
    from houfu.calendars.actions import versions
    from houfu.calendars.countries import STATE_COUNCIL, countries, parts_of
    from houfu.calendars.version import CalendarVersion

    if known:
        tell({"data": [STATE_COUNCIL, *countries()], "parts": {each: parts_of(each) for each in countries()}})
        return
    _must_be_known(name)

    async def act(connection: Connection, now: datetime) -> list[CalendarVersion]:  # noqa: ARG001 (every act takes it)
        found: list[CalendarVersion] = []
        while page := await versions(
            connection, name, before=found[-1].number if found else None, limit=_LISTED
        ):
            found += page
        return found

    found = in_history(data_dir, act)
    for one in found:
        say(f"{one.number:>4}  {one.version}  {_years(one.years)}  {one.imported_by}  {one.note}")
    tell({"data": found})


def _must_be_known(name: str) -> None:
    from houfu.calendars.countries import fault_of

    fault = fault_of(name)
    if fault is not None:
        raise Failed(Exit.USAGE, f"--name: `{name}` {fault}.", "`houfu calendar list --known` names all.")


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Failed(Exit.USAGE, f"{option} must be a day such as 2026-10-01.") from None
    if not 2000 <= day.year < 3000:
        raise Failed(Exit.USAGE, f"{option} must lie in the years 2000 to 2999.")
    return day


def _years(years: list[int]) -> str:
    return ", ".join(str(year) for year in years)
