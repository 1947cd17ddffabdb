"""`houfu reconcile`: does the bank agree with the books? The days, their proofs, and the tray of breaks."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast, get_args

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell
from houfu.commands.policy_versions import Author, author_named
from houfu.core.ids import parse_public_id
from houfu.core.money import in_words
from houfu.db.tx import Connection

if TYPE_CHECKING:
    from houfu.reconciliation.breaks import Break
    from houfu.reconciliation.proof import DayView, Proof
    from houfu.reconciliation.tray import Closed

T = TypeVar("T")

_BREAK_ID = re.compile(r"(?:break_)?([0-9a-f]{32})", re.ASCII)
_RAIL = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_LISTED_AT_ONCE = 200
_DAYS = timedelta(days=31)

Rail = Annotated[str, typer.Argument(metavar="RAIL", help="The rail's name.")]
BreakName = Annotated[str, typer.Argument(metavar="BREAK", help="A break's id.")]
Day = Annotated[str, typer.Argument(metavar="DAY", help="A day, YYYY-MM-DD.")]

app = typer.Typer(no_args_is_help=True, help="Bank against books: days, their proofs, and breaks.")


@app.command("days")
def days(
    rail: Rail,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Default: 31 days before --to.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Default: today.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the days of a rail and how they stand, newest first."""
    from houfu.reconciliation import proofs

    named = _rail(rail)
    from_, to = _day_or_none("--from", first), _day_or_none("--to", last)

    async def act(connection: Connection, now: datetime) -> "list[DayView]":
        until = to or now.date() + timedelta(days=1)
        return await proofs.days(connection, named, first=from_ or until - _DAYS, last=until)

    found = _in_books(data_dir, act)
    for one in found:
        say(f"{one.day}  {one.state}{'' if one.proof is None else _counts(one.proof)}")
    tell({"data": found})


@app.command("proof")
def proof(rail: Rail, day: Day, data_dir: DataDir = None) -> None:
    """Show the proof of a day. Exit code 1 where it is not proven."""
    from houfu.reconciliation import proofs

    named, on = _rail(rail), _day("DAY", day)
    shown = _in_books(data_dir, lambda connection, _: proofs.proof(connection, named, on))
    _say_proof(shown)
    tell(shown)
    if not shown.proven:
        raise SystemExit(int(Exit.NO))


@app.command("check")
def check(rail: Rail, day: Day, data_dir: DataDir = None) -> None:
    """Hold what the books learned since against a day's statement, and show its proof."""
    from houfu.core.ids import IdMaker
    from houfu.reconciliation import proofs
    from houfu.reconciliation.actions import look_again

    named, on = _rail(rail), _day("DAY", day)

    async def act(connection: Connection, now: datetime) -> "tuple[int, Proof]":
        async with connection.transaction():
            opened = await look_again(connection, named, on, ids=IdMaker(), now=now)
        return opened, await proofs.proof(connection, named, on)

    opened, shown = _in_books(data_dir, act)
    say(f"{opened} more payouts have no line.")
    _say_proof(shown)
    tell(shown)


@app.command("breaks")
def breaks(
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open, proposed or closed.")] = None,
    rail: Annotated[str | None, typer.Option(metavar="RAIL", help="Only this rail's.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only those of one kind.")] = None,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="Only those of one day.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List where bank and books differ, newest first, and what a line probably is."""
    from houfu.reconciliation import tray
    from houfu.reconciliation.breaks import BreakKind, BreakStatus

    in_status = cast("BreakStatus | None", _one_of("--status", status, get_args(BreakStatus)))
    of_kind = cast("BreakKind | None", _one_of("--kind", kind, get_args(BreakKind)))
    named, on = None if rail is None else _rail(rail), _day_or_none("--day", day)

    async def act(connection: Connection, now: datetime) -> "list[Break]":  # noqa: ARG001 (every act takes it)
        found: list[Break] = []
        while page := await tray.breaks(
            connection,
            status=in_status,
            rail=named,
            kind=of_kind,
            day=on,
            before=_hex(found[-1].id) if found else None,
            limit=_LISTED_AT_ONCE,
        ):
            found += page
        return found

    found = _in_books(data_dir, act)
    for one in found:
        _say_break(one)
    tell({"data": found})


@app.command("propose")
def propose(
    name: BreakName,
    author: Author,
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why it can be closed, such as bank_fee.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="What there is to say.")] = "",
    withdrawal: Annotated[
        str | None, typer.Option(metavar="ID", help="What the line is, with matched_by_hand.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Say why a break can be closed; another person closes it."""
    from houfu.reconciliation import tray
    from houfu.reconciliation.closing import Closing

    id, named = _hex(name), author_named(author)
    chosen = _one_of("--reason", reason, tuple(Closing))
    match = None if withdrawal is None else parse_public_id("wd", withdrawal)
    if withdrawal is not None and match is None:
        raise Failed(Exit.USAGE, "--withdrawal must be a withdrawal's id, wd_...")

    async def act(connection: Connection, now: datetime) -> "Break":
        async with connection.transaction():
            return await tray.propose(
                connection, id, reason=Closing(str(chosen)), note=note, match=match, author=named, now=now
            )

    proposed = _in_books(data_dir, act)
    say(f"Another person closes it: houfu reconcile close {proposed.id} --author NAME")
    tell(proposed)


@app.command("close")
def close(name: BreakName, author: Author, data_dir: DataDir = None) -> None:
    """Close a break as another person proposed. What its match tells the books is carried out with it."""
    from houfu.core.ids import IdMaker
    from houfu.payouts.settling import settle
    from houfu.policy.publishing import open_policy_book
    from houfu.reconciliation import tray
    from houfu.withdrawals.terms import withdrawal_terms

    id, named = _hex(name), author_named(author)

    async def act(connection: Connection, now: datetime) -> "Closed":
        book = await open_policy_book(connection)
        async with connection.transaction():
            done = await tray.close(connection, id, author=named, now=now)
            if done.news:
                await settle(
                    connection,
                    done.news,
                    terms_at=lambda at: withdrawal_terms(book.at(at).terms),
                    ids=IdMaker(),
                    now=now,
                )
        return done

    done = _in_books(data_dir, act)
    _say_break(done.closed)
    tell(done.closed)


@app.command("decline")
def decline(
    name: BreakName,
    author: Author,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why it is not taken.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Take a proposal off a break: it is open again."""
    from houfu.reconciliation import tray

    id, named = _hex(name), author_named(author)

    async def act(connection: Connection, now: datetime) -> "Break":
        async with connection.transaction():
            return await tray.decline(connection, id, note=note, author=named, now=now)

    declined = _in_books(data_dir, act)
    _say_break(declined)
    tell(declined)


def _in_books(data_dir: Path | None, act: Callable[[Connection, datetime], Awaitable[T]]) -> T:
    """Run `act` in the database at its present; what it refuses is said."""
    from houfu.app import kept_moment
    from houfu.core.clock import SystemClock
    from houfu.db.tx import connect
    from houfu.reconciliation.actions import StatementUnknown
    from houfu.reconciliation.tray import BreakStatusUnfit, BreakUnknown, ClosingUnfit, OwnProposal

    async def run(dsn: str) -> T:
        connection = await connect(dsn, as_app=False)
        try:
            return await act(connection, await kept_moment(connection) or SystemClock().now())
        finally:
            await connection.close()

    with database(settings_of(data_dir)) as dsn:
        try:
            return asyncio.run(run(dsn))
        except BreakUnknown as unknown:
            raise Failed(Exit.NO, f"{unknown}.", "`houfu reconcile breaks` shows them.") from None
        except StatementUnknown as unknown:
            raise Failed(Exit.NO, f"{unknown}.", "`houfu reconcile days` shows what there is.") from None
        except (BreakStatusUnfit, ClosingUnfit, OwnProposal) as unfit:
            raise Failed(Exit.NO, f"{unfit}.") from None


def _hex(name: str) -> str:
    found = _BREAK_ID.fullmatch(name)
    if found is None:
        raise Failed(Exit.USAGE, f"{name} is no id of a break: break_ and 32 hexadecimal digits.")
    return found.group(1)


def _rail(rail: str) -> str:
    if not _RAIL.fullmatch(rail):
        raise Failed(Exit.USAGE, f"{rail} is no name of a rail: small letters, digits, _ and -.")
    return rail


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Failed(Exit.USAGE, f"{name} must be a day such as 2026-03-02.") from None


def _day_or_none(name: str, text: str | None) -> date | None:
    return None if text is None else _day(name, text)


def _one_of(name: str, text: str | None, choices: tuple[str, ...]) -> str | None:
    if text is not None and text not in choices:
        raise Failed(Exit.USAGE, f"{name} must be one of {', '.join(choices)}.")
    return text


def _counts(proof: "Proof") -> str:
    waiting = f", {proof.open_breaks} breaks wait" if proof.open_breaks else ""
    return f"  {proof.lines} lines, {proof.matched} matched{waiting}"


def _say_proof(proof: "Proof") -> None:
    money = {name: in_words(getattr(proof, name), proof.currency) for name in _MONEY}
    say(
        f"{proof.rail} {proof.day}: {money['opening']} + {money['credits']} - {money['debits']} = {money['closing']}"
    )
    say(
        f"The books paid {money['paid']} and got {money['came_back']} back; the bank differs by "
        f"{money['differs_by']}{_counts(proof)}"
    )
    unexplained = (
        f"{money['unexplained']} is not explained" if proof.unexplained else "every fen is explained"
    )
    say(f"{'Proven' if proof.proven else 'Not proven'}: {unexplained}, {proof.open_breaks} breaks wait.")


_MONEY = ("opening", "credits", "debits", "closing", "paid", "came_back", "differs_by", "unexplained")


def _say_break(one: "Break") -> None:
    likely = "" if one.suggested_withdrawal_id is None else f"  {one.suggested_withdrawal_id}?"
    reason = "" if one.reason_en is None else f" ({one.reason_en})"
    say(
        f"{one.id}  {one.rail} {one.day}  {one.kind}  {in_words(one.amount, one.currency)}  {one.status}{reason}: "
        f"{one.why_en}{likely}"
    )
