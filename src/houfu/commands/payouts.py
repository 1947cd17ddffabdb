"""Payouts as a treasurer works them: batches to decide about, their files, and the bank's reports."""

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from houfu.commands.console import DataDir, Exit, Failed, rails_of, read_input, say, settings_of, tell
from houfu.commands.policy_versions import Author, author_named, in_history
from houfu.core.money import in_words
from houfu.db.tx import Connection

if TYPE_CHECKING:
    from houfu.payouts.batch import BatchView
    from houfu.payouts.rails.config import RailsConfig
    from houfu.policy.book import PolicyBook
    from houfu.withdrawals.terms import WithdrawalTerms

T = TypeVar("T")

_BATCH_ID = re.compile(r"(?:pb_)?([0-9a-f]{32})", re.ASCII)
_LISTED_AT_ONCE = 200

Batch = Annotated[str, typer.Argument(metavar="BATCH", help="A batch's id.")]
RailOption = Annotated[str | None, typer.Option("--rail", metavar="RAIL", help="Only this rail's.")]

app = typer.Typer(no_args_is_help=True, help="Payout batches, their files, and the bank's reports.")


@app.command("list")
def list_all(
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help="waiting, approved, rejected or sent."),
    ] = None,
    rail: RailOption = None,
    data_dir: DataDir = None,
) -> None:
    """List batches, newest first: what they carry, who made them and who decided."""
    from houfu.payouts.actions import batches
    from houfu.payouts.batch import BatchStatus, BatchView

    if status is not None and status not in set(BatchStatus):
        raise Failed(Exit.USAGE, f"--status must be one of {', '.join(BatchStatus)}.")
    chosen = None if status is None else BatchStatus(status)

    async def act(desk: "_Desk") -> list[BatchView]:
        found: list[BatchView] = []
        while page := await batches(
            desk.connection,
            status=chosen,
            rail=rail,
            before=_hex(found[-1].id) if found else None,
            limit=_LISTED_AT_ONCE,
        ):
            found += page
        return found

    found = _at_desk(data_dir, act)
    for batch in found:
        _say(batch)
    tell({"data": found})


@app.command("show")
def show(batch: Batch, data_dir: DataDir = None) -> None:
    """Show a batch with its files."""
    from houfu.payouts.actions import batch as batch_of

    id = _hex(batch)
    found = _at_desk(data_dir, lambda desk: batch_of(desk.connection, id))
    _say(found)
    tell(found)


@app.command("cut-off")
def cut_off(author: Author, data_dir: DataDir = None) -> None:
    """Cut off now, whatever the hour: everything scheduled goes into batches, and can be canceled no more."""
    from houfu.core.ids import IdMaker
    from houfu.payouts import actions
    from houfu.payouts.batch import BatchView

    named = author_named(author)

    async def act(desk: "_Desk") -> list[BatchView]:
        made = await actions.cut_off(
            desk.connection,
            desk.rails,
            terms=desk.terms(),
            ids=IdMaker(),
            now=desk.now,
            made_by=named,
            until=actions.EVERYTHING,
        )
        return [await actions.batch(desk.connection, id) for id in made]

    made = _at_desk(data_dir, act)
    if not made:
        say("Nothing is scheduled.")
    for batch in made:
        _say(batch)
    tell({"data": made})


@app.command("approve")
def approve(
    batch: Batch,
    author: Author,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What there is to say.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Let a batch that another made go to the bank. A running service sends it within seconds."""
    _decide(batch, author, approve=True, note=note, data_dir=data_dir)


@app.command("reject")
def reject(
    batch: Batch,
    author: Author,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why it may not go.")],
    data_dir: DataDir = None,
) -> None:
    """Turn a batch down that another made: its withdrawals wait for the next cut-off."""
    _decide(batch, author, approve=False, note=note, data_dir=data_dir)


@app.command("file")
def file(
    batch: Batch,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The file's number.", min=1, max=99)],
    data_dir: DataDir = None,
) -> None:
    """Print a file as it goes to the bank, XML: account numbers in full."""
    from houfu.payouts.actions import file_content

    id = _hex(batch)
    content = _at_desk(data_dir, lambda desk: file_content(desk.connection, id, number))
    sys.stdout.buffer.write(content)


@app.command("reports")
def reports(
    rail: RailOption = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only those that were not taken.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List the newest reports of the bank, and why one was refused."""
    from houfu.payouts import actions
    from houfu.payouts.api import ReportView

    async def act(desk: "_Desk") -> list[ReportView]:
        rows = await actions.reports(
            desk.connection,
            rail=rail,
            status="refused" if refused else None,
            after=None,
            limit=_LISTED_AT_ONCE,
        )
        return [msgspec.convert(dict(row), ReportView) for row in rows]

    found = _at_desk(data_dir, act)
    for report in found:
        fault = "" if report.fault is None else f": {report.fault}"
        say(f"{report.rail}  {report.kind}  {report.name}  {report.status}{fault}")
    tell({"data": found})


@app.command("ingest")
def ingest(
    rail: Annotated[str, typer.Argument(metavar="RAIL", help="The rail whose bank made the file.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pain.002, camt.054 or camt.053.")],
    data_dir: DataDir = None,
) -> None:
    """Take in a report by hand, as if it had come over the rail. Twice is once. Exit code 1 where it is refused."""
    from houfu.calendars.actions import effective_calendar
    from houfu.core.ids import IdMaker
    from houfu.payouts.rails.rail import REPORT_BYTES_MAX
    from houfu.payouts.reports import Ingested
    from houfu.reconciliation.desk import desk_of

    content = read_input(file, bytes_max=REPORT_BYTES_MAX)

    async def act(desk: "_Desk") -> Ingested:
        terms = next((one for one in desk.rails.rails if one.name == rail), None)
        if terms is None:
            known = ", ".join(one.name for one in desk.rails.rails)
            raise Failed(Exit.USAGE, f"There is no rail {rail}.", f"There are {known}.")
        name = desk.book.at(desk.now).terms.calendar
        calendar = await effective_calendar(desk.connection, name, now=desk.now)
        taking = desk_of(lambda: desk.book, lambda: calendar, IdMaker())
        return await taking.ingest(desk.connection, terms, file.name, content, now=desk.now)

    done = _at_desk(data_dir, act)
    tell(done)
    if done.status == "refused":
        raise Failed(Exit.NO, f"{file} was refused: {done.fault}.")
    say(f"{file}: {done.status}, {done.answers} answers.")


def _decide(batch: str, author: str, *, approve: bool, note: str | None, data_dir: Path | None) -> None:
    from houfu.payouts.actions import decide

    id, named = _hex(batch), author_named(author)
    decided = _at_desk(
        data_dir,
        lambda desk: decide(
            desk.connection, id, approve=approve, author=named, note=note, terms=desk.terms(), now=desk.now
        ),
    )
    _say(decided)
    tell(decided)


class _Desk(msgspec.Struct, frozen=True):
    """What a command works with: the database at its present, the policies, and the rails of this installation."""

    connection: Connection
    now: datetime
    book: "PolicyBook"
    rails: "RailsConfig"

    def terms(self) -> "WithdrawalTerms":
        from houfu.withdrawals.terms import withdrawal_terms

        return withdrawal_terms(self.book.at(self.now).terms)


def _at_desk(data_dir: Path | None, act: Callable[[_Desk], Awaitable[T]]) -> T:
    """Run `act` in the database at its present, a sandbox's own where there is one; what it refuses is said."""
    from houfu.payouts.batch import BatchDecided, BatchUnknown, FileUnknown, OwnBatch
    from houfu.payouts.simulated import RAILS
    from houfu.policy.book import NoPolicy
    from houfu.policy.publishing import open_policy_book

    settings = settings_of(data_dir)
    rails = rails_of(settings) or RAILS

    async def run(connection: Connection, now: datetime) -> T:
        return await act(_Desk(connection, now, await open_policy_book(connection), rails))

    try:
        return in_history(data_dir, run)
    except NoPolicy:
        raise Failed(
            Exit.NO, "No policy is in force.", "`houfu serve` puts the shipped one in force."
        ) from None
    except BatchUnknown as unknown:
        raise Failed(
            Exit.NO, f"There is no batch pb_{unknown}.", "`houfu payouts list` shows them."
        ) from None
    except FileUnknown:
        raise Failed(
            Exit.NO, "The batch has no such file.", "`houfu payouts show` lists its files."
        ) from None
    except OwnBatch:
        raise Failed(
            Exit.NO, "Whoever made the batch may not decide about it: another person does."
        ) from None
    except BatchDecided:
        raise Failed(Exit.NO, "The batch was decided about before, otherwise or by another person.") from None


def _hex(batch: str) -> str:
    found = _BATCH_ID.fullmatch(batch)
    if found is None:
        raise Failed(Exit.USAGE, f"{batch} is no id of a batch: pb_ and 32 hexadecimal digits.")
    return found.group(1)


def _say(batch: "BatchView") -> None:
    amount = in_words(batch.amount, batch.currency)
    decided = "" if batch.decided_by is None else f", {batch.decided_by} decided"
    ended = f", {batch.paid} paid, {batch.failed} failed" if batch.paid or batch.failed else ""
    say(
        f"{batch.id}  {batch.rail}  {batch.status}  {batch.payments} payments, {amount}  made by {batch.made_by}"
        f"{decided}{ended}"
    )
