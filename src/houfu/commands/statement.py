"""`houfu statement`: a store's entries as a file, and what a month came to."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar
from zoneinfo import ZoneInfo

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell
from houfu.core.ids import STORE_ID
from houfu.db.tx import Connection
from houfu.statements.columns import Format

T = TypeVar("T")

app = typer.Typer(help="Statements of stores.", no_args_is_help=True)

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
English = Annotated[bool, typer.Option("--english", help="Headings and words in English.")]


@app.callback()
def _statements() -> None:
    """Statements of stores."""


@app.command()
def export(
    store: Annotated[str, typer.Option(metavar="ID", help="The store.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the file goes; one that is there is replaced.")
    ],
    format: Annotated[Format, typer.Option(help="What kind of file.")] = "csv",
    from_day: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="The first local day. Default: so that it is a year."),
    ] = None,
    to_day: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="The last local day. Default: today.")
    ] = None,
    english: English = False,
    data_dir: DataDir = None,
) -> None:
    """Write a store's entries of at most 366 days to a file, oldest first."""
    from houfu.http.fields import bounds_of
    from houfu.http.problem import Problem
    from houfu.ledger.actions import store_exists
    from houfu.ledger.entries import EntryFilter
    from houfu.statements.actions import export_entries
    from houfu.statements.columns import Exported
    from houfu.statements.period import DAYS_MAX, PeriodTooLong, a_year_at_most

    _must_be_store("--store", store)
    days = {"--from": _day("--from", from_day), "--to": _day("--to", to_day)}

    async def act(connection: Connection, now: datetime, zone: ZoneInfo) -> Exported:
        if not await store_exists(connection, store):
            raise Failed(Exit.NO, f"There is no store {store}.")
        try:
            bounds = bounds_of(zone, ("", None), ("", None), from_day=days["--from"], to_day=days["--to"])
            first, before = a_year_at_most(*bounds, now=now, zone=zone)
        except Problem as problem:
            raise Failed(Exit.USAGE, f"--from and --to: {problem.errors[0].message}.") from None
        except PeriodTooLong:
            raise Failed(Exit.USAGE, f"One export covers at most {DAYS_MAX} days.") from None
        which = EntryFilter(store_id=store, occurred_from=first, occurred_before=before)
        unfinished = out.with_name(out.name + ".unfinished")
        try:
            with _opened(unfinished) as file:

                async def write(part: bytes) -> None:
                    file.write(part)

                done = await export_entries(
                    connection,
                    which,
                    format=format,
                    write=write,
                    zone=zone,
                    language="en" if english else "zh",
                )
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)
        return done

    done = _in_programme(data_dir, act)
    say(f"{done.rows:,} entries of store {store} are in {out}.")
    tell({"file": os.fspath(out), "format": format, "rows": done.rows, "bytes": done.bytes})


@app.command()
def month(
    store: Annotated[str, typer.Argument(metavar="STORE", help="The store.")],
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month, local to the programme.")],
    english: English = False,
    data_dir: DataDir = None,
) -> None:
    """Tell what a month came to: opening, what came in and went out by kind, closing."""
    from houfu.http.fields import month_of
    from houfu.ledger.actions import chart
    from houfu.ledger.entries import words_of
    from houfu.statements.closing import StatementUnknown, store_month
    from houfu.statements.interface import StatementView, statement_view

    _must_be_store("STORE", store)
    if not _MONTH.fullmatch(month):
        raise Failed(Exit.USAGE, "YYYY-MM must be a month, such as 2026-02.")
    language = "en" if english else "zh"

    async def act(connection: Connection, now: datetime, zone: ZoneInfo) -> StatementView:
        try:
            told = await store_month(connection, store, month_of(month), now=now, zone=zone)
        except StatementUnknown:
            raise Failed(Exit.NO, f"Store {store} has no statement of {month}.") from None
        return statement_view(told, words_of(await chart(connection), language), language)

    told = _in_programme(data_dir, act)
    tell(told)


def _in_programme(data_dir: Path | None, act: Callable[[Connection, datetime, ZoneInfo], Awaitable[T]]) -> T:
    """What `act` answers over the database, at its time and in the programme's zone."""
    from houfu.app import kept_moment, publish_shipped
    from houfu.core.clock import SystemClock
    from houfu.db.tx import connect
    from houfu.policy.publishing import open_policy_book
    from houfu.statements.rendering import RenderingFailed

    async def run(dsn: str) -> T:
        connection = await connect(dsn, as_app=False)
        try:
            now = await kept_moment(connection) or SystemClock().now()
            await publish_shipped(dsn, now=now)
            policy = (await open_policy_book(connection)).at(now)
            return await act(connection, now, policy.zone)
        finally:
            await connection.close()

    with database(settings_of(data_dir)) as dsn:
        try:
            return asyncio.run(run(dsn))
        except RenderingFailed as failed:
            raise Failed(Exit.NO, f"The file could not be made: {failed}") from None


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("wb")
    except OSError as error:
        raise Failed(Exit.USAGE, f"{file.parent} cannot be written to: {error.strerror}") from None


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Failed(Exit.USAGE, f"{option} must be a day, such as 2026-02-28.") from None


def _must_be_store(name: str, store: str) -> None:
    if not STORE_ID.fullmatch(store):
        raise Failed(Exit.USAGE, f"{name} must be a store's id: letters, digits, _ . -, at most 64.")
