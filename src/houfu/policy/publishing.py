"""Publishing policies: one person proposes a version, another approves it, and the stores are told (B14, E4).

Everything here is only ever added to. What runs beside the programme for a trial is in `trials`.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection
from houfu.events import actions as events
from houfu.events.notice import policy_announced
from houfu.funding import actions as funding
from houfu.policy.actions import Known, know, measured
from houfu.policy.book import PolicyBook, Published, Trial
from houfu.policy.document import Policy, load_policy
from houfu.policy.evaluate import evaluate
from houfu.policy.fault import PolicyError
from houfu.policy.periods import local_day
from houfu.policy.publication import (
    MomentTaken,
    OwnProposal,
    Proposal,
    Publication,
    Version,
    VersionTaken,
    VersionUnknown,
    in_force_from,
    must_succeed,
    state_of,
)

ATTEMPTS_MAX: Final = 5
_SQL = load(__package__)


async def open_policy_book(connection: Connection, known: PolicyBook | None = None) -> PolicyBook:
    """The published policies and trials as they are now; what `known` has is not read again."""
    read = {policy.sha256: policy for policy in _policies(known)} if known is not None else {}

    async def policy_of(row: asyncpg.Record) -> Policy:
        if row["sha"] not in read:
            read[row["sha"]] = await asyncio.to_thread(load_policy, row["document"])
        return read[row["sha"]]

    published = [
        Published(await policy_of(row), row["effective_from"])
        for row in await connection.fetch(_SQL["published"])
    ]
    trials = [
        Trial(
            policy=await policy_of(row),
            kind=row["kind"],
            share_bp=row["share_bp"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
        )
        for row in await connection.fetch(_SQL["started_trials"])
    ]
    return PolicyBook(published, trials)


async def refreshed(connection: Connection, book: PolicyBook) -> PolicyBook:
    """The book with what was published, started or ended since it was opened; the very same book where nothing was."""
    row = await connection.fetchrow(_SQL["book_mark"])
    return book if row is not None and book.mark == tuple(row) else await open_policy_book(connection, book)


async def propose(
    connection: Connection, document: str, *, effective_from: datetime | None, author: str, now: datetime
) -> Proposal:
    """Add a version for somebody else to approve. Proposing the same again does nothing.

    PolicyInvalid with every fault of the document, also where it cannot come after the published ones; VersionTaken
    where its number belongs to another content or another date.
    """
    policy = await asyncio.to_thread(load_policy, document)
    version = policy.version
    row = await connection.fetchrow(_SQL["proposal"], version)
    if row is None:
        await check_succession(connection, document)
        # Where somebody was faster, what they proposed is looked at now.
        with contextlib.suppress(asyncpg.UniqueViolationError):
            await connection.execute(
                _SQL["propose"],
                version,
                policy.terms.name,
                policy.sha256,
                document,
                effective_from,
                author,
                now,
            )
        row = await _proposal(connection, version)
    if row["sha"] != policy.sha256:
        raise VersionTaken(f"version {version} exists with other content: give yours a new number")
    if effective_from is not None and row["effective_from"] != effective_from:
        raise VersionTaken(f"version {version} was proposed for another date: give yours a new number")
    return Proposal(
        version=version,
        name=row["name"],
        sha256=row["sha"],
        author=row["author"],
        effective_from=row["effective_from"],
        proposed_at=row["recorded_at"],
    )


async def approve(connection: Connection, version: int, *, approved_by: str, now: datetime) -> Publication:
    """Publish what another person proposed. Approving again changes nothing and gives the first approval.

    In force from the date it was proposed for, or from `now` where that has passed. VersionUnknown, OwnProposal,
    MomentTaken, and PolicyInvalid where it cannot come after what was published meanwhile. Needs a connection outside
    any transaction.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            # Serializable: two approvals at once see each other, and so agree about what came before.
            async with connection.transaction(isolation="serializable"):
                return await _approve(connection, version, approved_by=approved_by, now=now)
        except CONFLICT:
            if attempt == ATTEMPTS_MAX:
                raise
    raise AssertionError("unreachable")


async def _approve(connection: Connection, version: int, *, approved_by: str, now: datetime) -> Publication:
    proposal = await _proposal(connection, version)
    if proposal["author"] == approved_by:
        raise OwnProposal(f"{approved_by} proposed version {version}: another person approves it")
    row = await connection.fetchrow(_SQL["publication"], version)
    if row is None:
        published = await connection.fetch(_SQL["published"])
        effective_from = in_force_from(proposal["effective_from"], first=not published, now=now)
        if any(entry["effective_from"] == effective_from for entry in published):
            raise MomentTaken(f"another version comes into force at {effective_from.isoformat()}")
        await check_succession(connection, proposal["document"])
        await connection.execute(
            _SQL["publish"], version, effective_from, proposal["author"], approved_by, now
        )
        row = await connection.fetchrow(_SQL["publication"], version)
    assert row is not None  # noqa: S101 (it was read or written above)
    asked: datetime | None = row["asked_from"]
    return Publication(
        version=version,
        name=row["name"],
        sha256=row["sha"],
        author=row["author"],
        approved_by=row["approved_by"],
        effective_from=row["effective_from"],
        postponed=asked is not None and asked < row["effective_from"],
        approved_at=row["recorded_at"],
    )


async def check_succession(connection: Connection, document: str) -> None:
    """PolicyInvalid with every reason why the document cannot come after what is published."""
    published: list[str] = [row["document"] for row in await connection.fetch(_SQL["published"])]

    def check() -> None:
        must_succeed(document, load_policy(document), [load_policy(earlier) for earlier in published])

    # Every document is read: off the loop, which others wait for.
    await asyncio.to_thread(check)


async def publish(
    connection: Connection,
    document: str,
    *,
    effective_from: datetime | None,
    author: str,
    approved_by: str,
    now: datetime,
) -> Policy:
    """Propose and approve in one go, for whoever speaks for both: an installation, a benchmark, a test."""
    proposal = await propose(connection, document, effective_from=effective_from, author=author, now=now)
    await approve(connection, proposal.version, approved_by=approved_by, now=now)
    return load_policy(document)


async def versions(
    connection: Connection, *, now: datetime, before: int | None = None, limit: int
) -> list[Version]:
    """The versions, the highest number first; `before` is the number where the page before ended."""
    return [_version(row, now) for row in await connection.fetch(_SQL["every_version"], before, None, limit)]


async def version_of(connection: Connection, version: int, *, now: datetime) -> tuple[Version, str]:
    """A version and its document. VersionUnknown where nobody proposed it."""
    proposal = await _proposal(connection, version)
    row = await connection.fetchrow(_SQL["every_version"], None, version, 1)
    assert row is not None  # noqa: S101 (a version is never removed)
    return _version(row, now), proposal["document"]


async def policy_of(connection: Connection, version: int) -> Policy:
    """The policy of a version, published or only proposed. VersionUnknown where nobody proposed it."""
    return await asyncio.to_thread(load_policy, (await _proposal(connection, version))["document"])


async def announce(
    connection: Connection,
    store_ids: Sequence[str],
    *,
    current: Policy,
    coming: Policy,
    effective_from: datetime,
    day_withdrawn_share_bp: Mapping[str, int],
    ids: IdMaker,
    now: datetime,
) -> int:
    """Tell the stores of a policy that is to come into force and what it would make of each limit, measured now, as part
    of the caller's transaction (E4). How many were told: a store that is unknown is left out, one that lacks a figure is
    told that the effect cannot be told yet."""
    known = await know(connection, store_ids, now=now)
    facilities = (
        await funding.read_facilities(connection, store_ids) if current.partners or coming.partners else None
    )
    messages = [
        policy_announced(
            store_id,
            id=ids.make(now),
            policy_version=coming.version,
            policy_zh=coming.terms.zh,
            policy_en=coming.terms.en,
            effective_on=local_day(effective_from, coming.zone),
            total_now=total_now,
            total_then=total_then,
            occurred_at=now,
            currency=coming.terms.currency,
        )
        for store_id in store_ids
        if store_id in known
        for total_now, total_then in [
            _totals(
                known[store_id],
                (current, coming),
                share_bp=day_withdrawn_share_bp.get(store_id, 0),
                headroom=None if facilities is None else facilities.headroom(store_id),
                now=now,
            )
        ]
    ]
    await events.send(connection, messages, now=now)
    return len(messages)


def _totals(
    known: Known,
    policies: tuple[Policy, Policy],
    *,
    share_bp: int,
    headroom: Mapping[str, int] | None,
    now: datetime,
) -> tuple[int | None, int | None]:
    """What the policies give for a store as it is known; nothing to tell where either of them cannot decide."""
    try:
        current, coming = (
            evaluate(
                policy,
                measured(policy, known, day_withdrawn_share_bp=share_bp, headroom=headroom, now=now),
            ).total
            for policy in policies
        )
    except PolicyError:
        return None, None
    return current, coming


async def _proposal(connection: Connection, version: int) -> asyncpg.Record:
    row = await connection.fetchrow(_SQL["proposal"], version)
    if row is None:
        raise VersionUnknown(f"nobody proposed version {version}")
    return row


def _version(row: asyncpg.Record, now: datetime) -> Version:
    published: datetime | None = row["effective_from"]
    return Version(
        version=row["version"],
        name=row["name"],
        sha256=row["sha"],
        state=state_of(published, row["effective_to"], now),
        author=row["author"],
        proposed_at=row["proposed_at"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        effective_from=row["asked_from"] if published is None else published,
        effective_to=row["effective_to"],
    )


def _policies(book: PolicyBook) -> list[Policy]:
    return [entry.policy for entry in book.published] + [trial.policy for trial in book.trials]
