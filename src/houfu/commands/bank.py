"""`houfu bank`: the simulated bank as a service of its own, beside Houfu."""

import asyncio
import contextlib
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from houfu.commands.console import DataDir, Exit, Failed, say, settings_of
from houfu.commands.quote import moment
from houfu.commands.serve import Tls, listening, run, serve_on

if TYPE_CHECKING:
    from houfu.bank.habits import BusyWindow, Habits
    from houfu.bank.vault import Vault
    from houfu.core.clock import Clock
    from houfu.iso20022.message import Party

PORT: Final = 8020
OPENING: Final = 100_000_000_000

_ACCOUNT: Final = re.compile(r"[0-9A-Za-z]{1,34}")
_WINDOW: Final = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the command line opens."""

    vault: Path
    directory: Path | None
    habits: "Habits"
    account: "Party"
    opening: int
    start: datetime | None
    """Where the sandbox's clock starts; None: where it stood, or now."""
    sandbox: bool


def bank(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take files from DIR/in as well, and leave reports in DIR/out."),
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(metavar="PEM", help="Serve HTTPS with it.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's key.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Demand certificates signed by it from clients.")
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="A clock that stands still and is moved by a call.")
    ] = False,
    now: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Where a new sandbox's clock starts.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The customer's account. Default: a card number.")
    ] = None,
    account_name: Annotated[
        str, typer.Option(metavar="NAME", help="Whose account it is.")
    ] = "好付备付金专户",
    opening: Annotated[int, typer.Option(metavar="FEN", help="What it holds at first, fen.")] = OPENING,
    seed: Annotated[str, typer.Option(help="Another seed deals other fates.")] = "1",
    books_at: Annotated[
        str, typer.Option(metavar="HH:MM", help="When payments are booked, Shanghai.")
    ] = "10:00",
    statement_at: Annotated[
        str, typer.Option(metavar="HH:MM", help="When the day is stated, Shanghai.")
    ] = "20:00",
    reject_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Payments rejected, per million.")
    ] = 0,
    delay_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Payments booked late, per million.")
    ] = 0,
    delay_days_max: Annotated[
        int, typer.Option(min=1, max=100, help="How many working days late at most.")
    ] = 2,
    return_ppm: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Payments sent back after they were booked, per million."),
    ] = 0,
    return_days_max: Annotated[
        int, typer.Option(min=1, max=100, help="How many working days after it at most.")
    ] = 5,
    duplicate_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Reports delivered twice, per million.")
    ] = 0,
    lost_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Reports never delivered, per million.")
    ] = 0,
    lost_answer_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Files taken whose sender hears a failure, per million.")
    ] = 0,
    busy: Annotated[
        list[str] | None,
        typer.Option(metavar="MM-DD..MM-DD", help="Days of every year on which payments take 1 to 3 days."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Run a simulated Chinese bank. Prints one line of JSON, {"ready": true, "url": ...}, when it serves."""
    from houfu.bank.china import card_number, cnaps_code
    from houfu.bank.habits import Habits
    from houfu.commands.logging import configure_logging
    from houfu.iso20022.message import Party

    if now is not None and not sandbox:
        raise Failed(Exit.USAGE, "--now goes with --sandbox: the real clock cannot be set.")
    if account is not None and _ACCOUNT.fullmatch(account) is None:
        raise Failed(Exit.USAGE, "--account must be 1 to 34 letters and digits.")
    tls = _tls(tls_certificate, tls_key, client_ca)
    start = None if now is None else moment("--now", now)
    try:
        habits = Habits(
            seed=seed,
            books_at=_time("--books-at", books_at),
            statement_at=_time("--statement-at", statement_at),
            reject_ppm=reject_ppm,
            delay_ppm=delay_ppm,
            delay_days_max=delay_days_max,
            return_ppm=return_ppm,
            return_days_max=return_days_max,
            duplicate_ppm=duplicate_ppm,
            lost_ppm=lost_ppm,
            lost_answer_ppm=lost_answer_ppm,
            busy_windows=tuple(_window(window) for window in busy or ()),
        )
    except ValueError as invalid:
        raise Failed(Exit.USAGE, str(invalid)) from None
    settings = settings_of(data_dir)
    configure_logging(settings.log_level)
    opened = Opened(
        vault=settings.data_dir / "bank",
        directory=directory,
        habits=habits,
        account=Party(
            name=account_name,
            number=card_number(1) if account is None else account,
            bank_code=cnaps_code("ICBC", "杭州"),
        ),
        opening=opening,
        start=start,
        sandbox=sandbox,
    )
    with listening(host, port) as listener:
        run(_serve(listener, opened, tls))


async def _serve(listener: socket.socket, opened: Opened, tls: Tls | None) -> None:
    from houfu.bank.branch import Branch
    from houfu.bank.directory import Directory
    from houfu.bank.door import bank_door
    from houfu.bank.vault import Vault, occupy

    try:
        occupy(opened.vault)
        vault = Vault(opened.vault)
        clock = _clock(vault, opened)
        branch = Branch(
            vault,
            clock,
            habits=opened.habits,
            account=opened.account,
            opening=opened.opening,
            opened_at=_opened_at(vault, opened, clock),
        )
        boxes = None if opened.directory is None else Directory(opened.directory, branch, vault)
    except (OSError, ValueError) as fault:
        raise Failed(Exit.USAGE, str(fault)) from None
    if opened.sandbox:
        say(f"The sandbox's clock stands at {clock.now().isoformat()}.")
    if boxes is None:
        await serve_on(listener, bank_door(branch, run_due=_nothing), tls=tls)
        return
    polling = asyncio.create_task(boxes.poll())
    try:
        await serve_on(listener, bank_door(branch, run_due=boxes.run_due), tls=tls)
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling


def _clock(vault: "Vault", opened: Opened) -> "Clock":
    """The clock; a sandbox's goes on from where it stood."""
    from houfu.bank.branch import Moment
    from houfu.core.clock import SandboxClock, SystemClock

    if not opened.sandbox:
        return SystemClock()
    stood = vault.noted("clock", Moment)
    if stood is not None:
        return SandboxClock(stood.at)
    start = SystemClock().now() if opened.start is None else opened.start
    vault.note("clock", Moment(start))
    return SandboxClock(start)


def _opened_at(vault: "Vault", opened: Opened, clock: "Clock") -> datetime:
    """When the bank was set up. Failed where the command line asks for another one."""
    from houfu.bank.branch import Charter, charter

    kept = vault.noted("charter", Charter)
    asked = charter(
        habits=opened.habits,
        account=opened.account,
        opening=opened.opening,
        opened_at=clock.now() if kept is None else kept.opened_at,
    )
    if kept is None:
        vault.note("charter", asked)
    elif kept != asked:
        raise Failed(
            Exit.USAGE,
            f"The bank in {opened.vault} was set up with other options.",
            f"Give those again ({opened.vault / 'charter.json'} lists them), or another --data-dir.",
        )
    return asked.opened_at


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise Failed(Exit.USAGE, "HTTPS needs both --tls-certificate and --tls-key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
    except OSError as fault:
        files = ", ".join(str(path) for path in (certificate, key, client_ca) if path is not None)
        raise Failed(Exit.USAGE, f"{files}: no certificate, key and CA in PEM: {fault}.") from None
    return Tls(certificate, key, client_ca)


def _time(option: str, text: str) -> time:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise Failed(Exit.USAGE, f"{option} must be a time of day, as in 10:00.") from None


def _window(text: str) -> "BusyWindow":
    from houfu.bank.habits import BusyWindow

    match = _WINDOW.fullmatch(text)
    if match is None:
        raise Failed(Exit.USAGE, f"--busy {text}: two days of the year, as in 11-01..11-11.")
    month, day, last_month, last_day = (int(part) for part in match.groups())
    try:
        # In a leap year every day of any year is one.
        first, last = date(2024, month, day), date(2024, last_month, last_day)
    except ValueError as invalid:
        raise Failed(Exit.USAGE, f"--busy {text}: {invalid}.") from None
    return BusyWindow((first.month, first.day), (last.month, last.day))


def _nothing() -> None:
    """Without a directory, nothing is due but answers."""
