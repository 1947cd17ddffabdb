"""Trials: a version runs beside the programme, or in its place for a share of the stores, before anybody publishes it.

A shadow decides about every store that is assessed and nothing comes of it: one person may start it. A challenger's
decisions are real: another person approves it. Both end when somebody ends them, and what they decided is kept.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import asyncpg
import msgspec

from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection
from houfu.policy.book import SHADOWS_MAX, TrialKind
from houfu.policy.publication import OwnProposal
from houfu.policy.publishing import check_succession, version_of

T = TypeVar("T")

ATTEMPTS_MAX: Final = 5
DETAILS_MAX: Final = 10
"""How many stores and errors a report names; it counts all."""
_SQL = load(__package__)


class TrialUnknown(LookupError):
    """The version has no trial that this could be about."""


class TrialUnfit(ValueError):
    """The trial cannot begin: the version is in force or on trial, or as many run as may."""


class TrialView(msgspec.Struct, frozen=True, kw_only=True):
    """A trial as history knows it. A challenger without `started_at` waits for another person's approval."""

    version: int
    kind: TrialKind
    share_bp: int | None
    author: str
    proposed_at: datetime
    approved_by: str | None
    started_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A store whose limit a shadow would make another one; minor units."""

    store_id: str
    live_total: int
    candidate_total: int


class ShadowError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a shadow could not decide, and how often."""

    error: str
    decisions: int


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a shadow decided beside the live decisions at the same assessments.

    `decisions` and `errors` count all; the rest compares the newest pair of each of `stores`: how many would gain, lose
    or keep, both sums of the totals, and by how much the gains and the losses come to. Minor units.
    """

    trial: TrialView
    decisions: int
    errors: int
    unpaired: int
    stores: int
    gain: int
    lose: int
    keep: int
    zeroed_live: int
    zeroed_candidate: int
    live_total: int
    candidate_total: int
    gained: int
    lost: int
    largest_moves: tuple[Moved, ...]
    most_errors: tuple[ShadowError, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The stores that one side decided about since the challenger started, by the newest decision of each."""

    stores: int
    decisions: int
    total: int
    average: int
    zeroed: int
    referred: int


class ChallengerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Both groups since the challenger started; amounts in minor units, `average` rounded down."""

    trial: TrialView
    challenger: Group
    others: Group


async def start_shadow(connection: Connection, version: int, *, author: str, now: datetime) -> TrialView:
    """Let a version decide in the shadow from now on. Where it does already, that trial.

    VersionUnknown, TrialUnfit. Needs a connection outside any transaction, as all that begin or end a trial.
    """

    async def act() -> TrialView:
        running = await _open(connection, version)
        if running is not None and running.kind == "shadow":
            return running
        await _must_be_free(connection, version, running, now)
        if await connection.fetchval(_SQL["open_shadows"]) >= SHADOWS_MAX:
            raise TrialUnfit(f"{SHADOWS_MAX} shadows run already: end one of them")
        await connection.execute(_SQL["put_trial"], version, "shadow", None, author, now, now)
        return await _the_open(connection, version)

    return await _alone(connection, act)


async def propose_challenger(
    connection: Connection, version: int, *, share_bp: int, author: str, now: datetime
) -> TrialView:
    """Propose that a version decides about a share of the stores. The same proposal again is the first one.

    VersionUnknown, TrialUnfit, PolicyInvalid where it could not come after what is published.
    """

    async def act() -> TrialView:
        running = await _open(connection, version)
        if running is not None and (running.kind, running.share_bp) == ("challenger", share_bp):
            return running
        await _must_be_free(connection, version, running, now)
        if await connection.fetchval(_SQL["open_challenger"]):
            raise TrialUnfit("there is a challenger already: end that trial first")
        await connection.execute(_SQL["put_trial"], version, "challenger", share_bp, author, now, None)
        return await _the_open(connection, version)

    return await _alone(connection, act)


async def approve_challenger(
    connection: Connection, version: int, *, approved_by: str, now: datetime
) -> TrialView:
    """Let the challenger that another person proposed decide from now on. Approving again changes nothing.

    TrialUnknown, OwnProposal, PolicyInvalid where it could not come after what was published meanwhile.
    """

    async def act() -> TrialView:
        running = await _open(connection, version)
        if running is None or running.kind != "challenger":
            raise TrialUnknown(f"version {version} is not proposed as a challenger")
        if running.author == approved_by:
            raise OwnProposal(f"{approved_by} proposed the challenger: another person approves it")
        if running.started_at is None:
            await check_succession(connection, (await version_of(connection, version, now=now))[1])
            await connection.execute(_SQL["approve_trial"], version, approved_by, now)
        return await _the_open(connection, version)

    return await _alone(connection, act)


async def end_trial(connection: Connection, version: int, *, author: str, now: datetime) -> TrialView:
    """End the version's trial, whether it started or not. TrialUnknown where none is open."""

    async def act() -> TrialView:
        running = await _open(connection, version)
        if running is None:
            raise TrialUnknown(f"version {version} is not on trial")
        await connection.execute(_SQL["end_trial"], version, author, now)
        return (await trials(connection, version))[0]

    return await _alone(connection, act)


async def trials(connection: Connection, version: int | None = None) -> list[TrialView]:
    """The trials of a version, or of every version, newest first."""
    return [msgspec.convert(dict(row), TrialView) for row in await connection.fetch(_SQL["trials"], version)]


async def report(connection: Connection, version: int) -> ShadowReport | ChallengerReport:
    """What the version's newest trial has shown so far. TrialUnknown where it had none that started."""
    started = [trial for trial in await trials(connection, version) if trial.started_at is not None]
    if not started:
        raise TrialUnknown(f"version {version} was never on trial")
    trial = started[0]
    until = trial.ended_at
    if trial.kind == "shadow":
        row = await connection.fetchrow(_SQL["shadow_report"], version, trial.started_at, until)
        moves = await connection.fetch(_SQL["shadow_moves"], version, trial.started_at, until, DETAILS_MAX)
        errors = await connection.fetch(_SQL["shadow_errors"], version, trial.started_at, until, DETAILS_MAX)
        return ShadowReport(
            trial=trial,
            largest_moves=tuple(Moved(**dict(move)) for move in moves),
            most_errors=tuple(ShadowError(**dict(error)) for error in errors),
            **_counted(row),
        )
    rows = await connection.fetch(_SQL["challenger_report"], version, trial.started_at, until)
    groups = {row["is_challenger"]: row for row in rows}
    return ChallengerReport(
        trial=trial, challenger=_group(groups.get(True)), others=_group(groups.get(False))
    )


def _counted(row: asyncpg.Record | None) -> dict[str, int]:
    assert row is not None  # noqa: S101 (an aggregate always has a row)
    return {name: int(value) for name, value in row.items()}


def _group(row: asyncpg.Record | None) -> Group:
    if row is None:
        return Group(stores=0, decisions=0, total=0, average=0, zeroed=0, referred=0)
    counted = {name: int(value) for name, value in row.items() if name != "is_challenger"}
    return Group(average=counted["total"] // counted["stores"], **counted)


async def _must_be_free(
    connection: Connection, version: int, running: TrialView | None, now: datetime
) -> None:
    """TrialUnfit unless the version may go on trial: it exists, is not in force and not on trial already."""
    known, document = await version_of(connection, version, now=now)
    if running is not None:
        raise TrialUnfit(f"version {version} is on trial already: end that trial first")
    if known.state == "in_force":
        raise TrialUnfit(f"version {version} is in force: there is nothing to try")
    await check_succession(connection, document)


async def _open(connection: Connection, version: int) -> TrialView | None:
    return next((trial for trial in await trials(connection, version) if trial.ended_at is None), None)


async def _the_open(connection: Connection, version: int) -> TrialView:
    trial = await _open(connection, version)
    assert trial is not None  # noqa: S101 (it was written in this transaction)
    return trial


async def _alone(connection: Connection, act: Callable[[], Awaitable[T]]) -> T:
    """Run `act` as if nobody else began or ended a trial meanwhile: limits that span rows hold."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            async with connection.transaction(isolation="serializable"):
                return await act()
        except CONFLICT:
            if attempt == ATTEMPTS_MAX:
                raise
    raise AssertionError("unreachable")
