"""The versions of the programme's policy: proposing, approving, seeing and replaying them."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import typer

from houfu.commands.console import (
    DataDir,
    Exit,
    Failed,
    database,
    read_input,
    say,
    settings_of,
    tell,
)
from houfu.commands.progress import progress
from houfu.core.ids import STORE_ID
from houfu.db.tx import Connection

T = TypeVar("T")

Author = Annotated[
    str, typer.Option("--author", metavar="NAME", help="Who does it; it stays in the history.")
]
VersionNumber = Annotated[int, typer.Argument(metavar="VERSION", help="The number of a version.", min=1)]

_AUTHOR = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_HEX_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LISTED_AT_ONCE = 200


def publish(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A policy document, YAML, with a version of its own.")
    ],
    author: Author,
    effective_from: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Since when it shall be in force. Default: once approved."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Propose a policy version. It comes into force when another person approves it."""
    from houfu.commands.quote import moment
    from houfu.policy.publication import Proposal
    from houfu.policy.publishing import propose

    since = None if effective_from is None else moment("--effective-from", effective_from)
    text = read_input(file).decode("utf-8", errors="replace")
    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> Proposal:
        return await propose(connection, text, effective_from=since, author=named, now=now)

    proposal = in_history(data_dir, act, about=str(file))
    say(
        f"Version {proposal.version} is proposed and needs approval by another person: "
        f"houfu policy approve {proposal.version} --author NAME"
    )
    tell({"proposed": True, **msgspec.to_builtins(proposal)})


def approve(version: VersionNumber, author: Author, data_dir: DataDir = None) -> None:
    """Approve what another person proposed: it comes into force at its date, at the earliest now.

    A running service takes it up within seconds, a sandbox when its clock moves.
    """
    from houfu.policy.publication import Publication
    from houfu.policy.publishing import approve as approve_it

    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> tuple[Publication, ZoneInfo]:
        published = await approve_it(connection, version, approved_by=named, now=now)
        return published, await _zone(connection, version)

    approved, zone = in_history(data_dir, act)
    if approved.postponed:
        say("The date it was proposed for has passed: it is in force from its approval on.")
    say(f"Version {version} is in force from {_local(approved.effective_from, zone)}.")
    tell({"approved": True, **msgspec.to_builtins(approved)})


def show(
    version: VersionNumber,
    document: Annotated[
        bool,
        typer.Option("--document", help="Only its document, as it was proposed: the text to begin with."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Show a version: where it stands, who proposed and approved it, its hash, its trials, its document."""
    from houfu.policy.publishing import version_of
    from houfu.policy.trials import trials

    async def act(connection: Connection, now: datetime) -> dict[str, object]:
        known, text = await version_of(connection, version, now=now)
        tried = await trials(connection, version)
        return {**msgspec.to_builtins(known), "trials": tried, "document": text}

    shown = in_history(data_dir, act)
    if document:
        sys.stdout.write(str(shown["document"]))
    else:
        tell(shown)


def list_all(data_dir: DataDir = None) -> None:
    """List every version, the newest number first: proposed, scheduled, in force or past, and since when until when."""
    from houfu.policy.publication import Version
    from houfu.policy.publishing import versions
    from houfu.policy.trials import TrialView, trials

    async def act(connection: Connection, now: datetime) -> tuple[list[Version], list[TrialView], ZoneInfo]:
        found: list[Version] = []
        while page := await versions(
            connection, now=now, before=found[-1].version if found else None, limit=_LISTED_AT_ONCE
        ):
            found += page
        open_trials = [trial for trial in await trials(connection) if trial.ended_at is None]
        zone = await _zone(connection, found[0].version) if found else ZoneInfo("UTC")
        return found, open_trials, zone

    found, running, zone = in_history(data_dir, act)
    for one in found:
        since = "" if one.effective_from is None else f" from {_local(one.effective_from, zone)}"
        until = "" if one.effective_to is None else f" until {_local(one.effective_to, zone)}"
        say(f"{one.version:>4}  {one.state.replace('_', ' ')}{since}{until}")
    tell({"data": found, "open_trials": running})


def replay(
    store: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the decisions about this store.")
    ] = None,
    assessment: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this decision of the store; 32 hex digits.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every decision; the default without --store.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make stored decisions again from their stored inputs and compare them bit for bit; shadows' too.

    Exit code 1 where one comes out otherwise; the first is named.
    """
    from houfu.policy.replay import NothingStored, Replayed
    from houfu.policy.replay import replay as make_again

    if (every and store is not None) or (assessment is not None and store is None):
        raise Failed(Exit.USAGE, "--assessment goes with --store, and --all with neither.")
    if store is not None and not STORE_ID.fullmatch(store):
        raise Failed(Exit.USAGE, "--store must be a store's id: letters, digits, _ . -, at most 64.")
    if assessment is not None and not _HEX_ID.fullmatch(assessment):
        raise Failed(Exit.USAGE, "--assessment must be 32 hexadecimal digits.")

    async def act(connection: Connection, now: datetime) -> Replayed:  # noqa: ARG001 (every act takes it)
        with progress("Replaying") as advance:
            return await make_again(
                connection,
                store_id=store,
                assessment_id=assessment,
                advance=lambda done, of: advance(done, of, "decisions"),
            )

    try:
        done = in_history(data_dir, act)
    except NothingStored as nothing:
        raise Failed(Exit.NO, f"{nothing}.") from None
    tell(done)
    if done.first_difference is not None:
        first = done.first_difference
        fields = f" in {', '.join(first.fields)}" if first.fields else ""
        raise Failed(
            Exit.NO,
            f"{done.differing} differ; the first is the {first.source} {first.assessment_id} of store "
            f"{first.store_id} by version {first.policy_version}: {first.problem}{fields}.",
        )


async def _zone(connection: Connection, version: int) -> ZoneInfo:
    """The programme's zone, which is every version's."""
    from houfu.policy.publishing import policy_of

    return (await policy_of(connection, version)).zone


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def in_history(
    data_dir: Path | None, act: Callable[[Connection, datetime], Awaitable[T]], *, about: str = ""
) -> T:
    """Run `act` in the database at its present, a sandbox's own where there is one; what it refuses is said."""
    from houfu.app import kept_moment
    from houfu.core.clock import SystemClock
    from houfu.db.tx import connect
    from houfu.policy.fault import PolicyInvalid
    from houfu.policy.publication import MomentTaken, OwnProposal, VersionTaken, VersionUnknown
    from houfu.policy.trials import TrialUnfit, TrialUnknown

    async def run(dsn: str) -> T:
        connection = await connect(dsn, as_app=False)
        try:
            return await act(connection, await kept_moment(connection) or SystemClock().now())
        finally:
            await connection.close()

    said = f"{about}: " if about else ""
    with database(settings_of(data_dir)) as dsn:
        try:
            return asyncio.run(run(dsn))
        except PolicyInvalid as invalid:
            raise Failed(Exit.NO, f"{about or 'The version'} cannot be used:\n{invalid}") from None
        except (VersionUnknown, TrialUnknown) as unknown:
            raise Failed(Exit.NO, f"{said}{unknown}.", "`houfu policy list` shows what there is.") from None
        except (VersionTaken, OwnProposal, MomentTaken, TrialUnfit) as unfit:
            raise Failed(Exit.NO, f"{said}{unfit}.") from None


def author_named(text: str) -> str:
    """The author that an option names."""
    if not _AUTHOR.fullmatch(text):
        raise Failed(Exit.USAGE, "--author must be 1 to 100 printable characters.")
    return text
