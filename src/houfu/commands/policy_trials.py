"""`houfu policy trial`: run a version beside the programme, or in its place for a share of the stores."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec import to_builtins

from houfu.commands.console import DataDir, say, tell
from houfu.commands.policy_versions import Author, VersionNumber, author_named, in_history
from houfu.core.money import in_words
from houfu.db.tx import Connection

app = typer.Typer(help="Try a version on real assessments before it is published.", no_args_is_help=True)


@app.command()
def start(
    version: VersionNumber,
    author: Author,
    share_bp: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of 10,000 stores, how many it decides about for real. Default: none, it runs in the shadow.",
            min=1,
            max=10_000,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Let a version decide beside the one in force, for the record alone; with --share-bp propose that it decides about a
    share of the stores, which another person approves."""
    from houfu.policy.trials import TrialView, propose_challenger, start_shadow

    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> TrialView:
        if share_bp is None:
            return await start_shadow(connection, version, author=named, now=now)
        return await propose_challenger(connection, version, share_bp=share_bp, author=named, now=now)

    trial = in_history(data_dir, act)
    if trial.started_at is None:
        say(
            f"Version {version} is proposed as a challenger and needs approval by another person: "
            f"houfu policy trial approve {version} --author NAME"
        )
    else:
        say(f"Version {version} runs as a {trial.kind}.")
    tell(trial)


@app.command()
def approve(version: VersionNumber, author: Author, data_dir: DataDir = None) -> None:
    """Approve the challenger that another person proposed: from now on it decides about its share of the stores."""
    from houfu.policy.trials import TrialView, approve_challenger

    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> TrialView:
        return await approve_challenger(connection, version, approved_by=named, now=now)

    tell(in_history(data_dir, act))


@app.command()
def stop(version: VersionNumber, author: Author, data_dir: DataDir = None) -> None:
    """End a version's trial. Limits it decided stay until the stores' next assessments."""
    from houfu.policy.trials import TrialView, end_trial

    named = author_named(author)

    async def act(connection: Connection, now: datetime) -> TrialView:
        return await end_trial(connection, version, author=named, now=now)

    tell(in_history(data_dir, act))


@app.command()
def report(version: VersionNumber, data_dir: DataDir = None) -> None:
    """Show what a version's newest trial has shown: of a shadow who would gain and lose beside the live decisions, of a
    challenger both groups of stores, and the lines by the version that decided them with what of them is used."""
    from houfu.lines.actions import VersionUsage, usage_by_version
    from houfu.policy.trials import ChallengerReport, ShadowReport
    from houfu.policy.trials import report as report_of

    async def act(
        connection: Connection,
        now: datetime,  # noqa: ARG001 (every act takes it)
    ) -> tuple[ShadowReport | ChallengerReport, list[VersionUsage]]:
        shown = await report_of(connection, version)
        return shown, await usage_by_version(connection) if isinstance(shown, ChallengerReport) else []

    shown, usage = in_history(data_dir, act)
    if isinstance(shown, ShadowReport):
        say(
            f"{shown.decisions} decisions, {shown.errors} errors. Of {shown.stores} stores {shown.gain} would gain "
            f"{in_words(shown.gained)} in all, {shown.lose} would lose {in_words(shown.lost)}, {shown.keep} would keep "
            "theirs."
        )
        tell(shown)
        return
    for name, group in (("The challenger", shown.challenger), ("The others", shown.others)):
        say(
            f"{name}: {group.stores} stores, {in_words(group.total)} in all, {in_words(group.average)} on average, "
            f"{group.zeroed} at zero."
        )
    for one in usage:
        share = f"{one.used * 100 // one.total}%" if one.total else "nothing to use"
        say(
            f"Lines by version {one.policy_version}: {one.lines}, of {in_words(one.total)} {in_words(one.used)} used "
            f"({share})."
        )
    tell({**to_builtins(shown), "lines": usage})
