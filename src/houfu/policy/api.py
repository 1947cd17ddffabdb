"""The interface of policies: propose a version, approve another person's, see them all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, NoReturn

import msgspec

from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Lines, Moment, Nothing, PageQuery, moment_of
from houfu.http.page import page_of, place_of
from houfu.http.problem import FieldError, Problem
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.policy import publishing
from houfu.policy.book import PolicyBook
from houfu.policy.fault import PolicyInvalid
from houfu.policy.publication import (
    MomentTaken,
    OwnProposal,
    Publication,
    Version,
    VersionTaken,
    VersionUnknown,
)
from houfu.policy.source import SOURCE_BYTES_MAX

_REFUSED: Final[Mapping[type[Exception], str]] = {
    VersionUnknown: "policy_unknown",
    VersionTaken: "policy_version_taken",
    OwnProposal: "policy_own_proposal",
    MomentTaken: "policy_moment_taken",
}


class PolicyPath(msgspec.Struct, frozen=True):
    """A path that names a policy version."""

    version: Annotated[
        int, msgspec.Meta(ge=1, le=2**31 - 1, description="The version's number.", examples=[2])
    ]


class PolicyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy to propose. `effective_from`: since when it shall be in force; without it as soon as it is approved."""

    document: Annotated[
        Lines, msgspec.Meta(min_length=1, max_length=SOURCE_BYTES_MAX, description="The document, YAML.")
    ]
    effective_from: Moment | None = None


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed version: another person approves it."""

    version: int
    name: str
    sha256: str
    author: str
    effective_from: datetime | None
    proposed_at: datetime


class VersionView(Version, frozen=True, kw_only=True):
    """A version with its document."""

    document: str


async def propose(call: Call[Nothing, Nothing, PolicyBody]) -> Reply:
    """Propose a version in the name of the caller's key."""
    asked = call.body.effective_from
    since = None if asked is None else moment_of("effective_from", asked)
    async with call.service.pool.acquire() as connection:
        try:
            proposal = await publishing.propose(
                connection,
                call.body.document,
                effective_from=since,
                author=call.caller.author,
                now=call.now(),
            )
        except PolicyInvalid as invalid:
            _refuse(invalid)
    return reply(201, msgspec.convert(msgspec.to_builtins(proposal), ProposalView))


async def approve(call: Call[PolicyPath, Nothing, Nothing]) -> Reply:
    """Approve what another key proposed; the service takes it up at once."""
    async with call.service.pool.acquire() as connection:
        try:
            approved = await publishing.approve(
                connection, call.path.version, approved_by=call.caller.author, now=call.now()
            )
        except PolicyInvalid as invalid:
            _refuse(invalid)
        call.service.put(await publishing.refreshed(connection, call.service.part(PolicyBook)))
    return reply(200, approved)


async def list_versions(call: Call[Nothing, PageQuery, Nothing]) -> Reply:
    """Show the versions, the highest number first."""
    limit = call.query.limit
    before = place_of(call.query.cursor, int)
    async with call.service.pool.acquire() as connection:
        found = await publishing.versions(connection, now=call.now(), before=before, limit=limit + 1)
    return reply(200, page_of(found, limit, lambda one: one.version, lambda one: one))


async def get_version(call: Call[PolicyPath, Nothing, Nothing]) -> Reply:
    """Show a version and its document."""
    async with call.service.pool.acquire() as connection:
        known, document = await publishing.version_of(connection, call.path.version, now=call.now())
    fields = {name: getattr(known, name) for name in Version.__struct_fields__}
    return reply(200, VersionView(document=document, **fields))


def _refuse(invalid: PolicyInvalid) -> NoReturn:
    """The problem that names every fault by line and column."""
    errors = tuple(
        FieldError(
            f"{fault.line}:{fault.column} {fault.path}",
            f"{fault.message} ({fault.suggestion})" if fault.suggestion else fault.message,
        )
        for fault in invalid.faults
    )
    raise Problem("policy_invalid", errors) from None


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="POST",
            address="/v1/policies",
            operation="propose_policy",
            summary="Propose a policy version; another person's key approves it",
            tag="policies",
            roles=OPERATOR,
            path=Nothing,
            query=Nothing,
            body=PolicyBody,
            answers={201: ProposalView},
            handle=propose,
            raises=_REFUSED,
            problems=frozenset({"policy_invalid"}),
        ),
        Route(
            method="POST",
            address="/v1/policies/{version}/approval",
            operation="approve_policy",
            summary="Approve what another key proposed: in force from its date, at the earliest now",
            tag="policies",
            roles=OPERATOR,
            path=PolicyPath,
            query=Nothing,
            body=Nothing,
            answers={200: Publication},
            handle=approve,
            raises=_REFUSED,
            problems=frozenset({"policy_invalid"}),
        ),
        Route(
            method="GET",
            address="/v1/policies",
            operation="list_policies",
            summary="Every version with its state and period, the highest number first",
            tag="policies",
            roles=STAFF,
            path=Nothing,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[Version]},
            handle=list_versions,
        ),
        Route(
            method="GET",
            address="/v1/policies/{version}",
            operation="get_policy",
            summary="A version, its state and its document",
            tag="policies",
            roles=STAFF,
            path=PolicyPath,
            query=Nothing,
            body=Nothing,
            answers={200: VersionView},
            handle=get_version,
            raises=_REFUSED,
        ),
    ]
