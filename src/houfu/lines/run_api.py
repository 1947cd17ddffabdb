"""The interface of what happens to many lines: runs over all stores, and decisions that wait for a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from houfu.db.tx import Connection
from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Note, Nothing, PageQuery, StorePath
from houfu.http.idempotent import once
from houfu.http.page import hex_place_of, page_of, place_of
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.lines import referrals, runs
from houfu.lines.assessing import assess
from houfu.lines.referrals import Referral, ReferralUnknown, Verdict
from houfu.lines.runs import Run
from houfu.policy.book import PolicyBook
from houfu.stores.actions import must_exist
from houfu.stores.store import StoreUnknown

_MISSES: Final[Mapping[type[Exception], str]] = {
    StoreUnknown: "store_unknown",
    ReferralUnknown: "referral_unknown",
}
_PLACE = tuple[datetime, str]


class RunView(Run, frozen=True, kw_only=True):
    """A run as it stands; `stores_left` is what it has yet to meet."""

    stores_left: int


class ReferralsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which referrals: those in one status."""

    status: Literal["open", "accepted", "declined", "superseded"] | None = None


class VerdictBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person who looked has to say; it is kept."""

    note: Note = ""


async def request(call: Call[Nothing, Nothing, Nothing]) -> Reply:
    """Begin a run that assesses every store; the service works it off."""
    async with call.service.pool.acquire() as connection:
        run = await runs.request(connection, author=call.caller.author, ids=call.service.ids, now=call.now())
        return reply(201, await _view(connection, run))


async def show(call: Call[Nothing, PageQuery, Nothing]) -> Reply:
    """Show the runs, newest first."""
    before, limit = hex_place_of(call.query.cursor), call.query.limit
    async with call.service.pool.acquire() as connection:
        found = await runs.runs(connection, before=before, limit=limit + 1)
    return reply(200, page_of(found, limit, lambda run: run.run_id, lambda run: run))


async def show_referrals(call: Call[Nothing, ReferralsQuery, Nothing]) -> Reply:
    """Show the decisions that wait, or waited, for a person, newest first."""
    query = call.query
    before = place_of(query.cursor, _PLACE)
    async with call.service.pool.acquire() as connection:
        found = await referrals.referrals(
            connection, status=query.status, before=before, limit=query.limit + 1
        )
    return reply(
        200, page_of(found, query.limit, lambda one: (one.referred_at, one.store_id), lambda one: one)
    )


async def _close(call: Call[StorePath, Nothing, VerdictBody], verdict: Verdict) -> Reply:
    store_id, now = call.path.store_id, call.now()

    async def act(connection: Connection) -> Reply:
        await must_exist(connection, store_id)
        closed = await referrals.close(
            connection, store_id, verdict, note=call.body.note, author=call.caller.author, now=now
        )
        if verdict == "accepted":
            await assess(
                connection,
                [store_id],
                book=call.service.part(PolicyBook),
                cause="referral_accepted",
                author=call.caller.author,
                ids=call.service.ids,
                now=now,
                referral="accepted",
            )
        return reply(200, closed)

    return await once(call, store_id, act)


async def accept(call: Call[StorePath, Nothing, VerdictBody]) -> Reply:
    """Let the policy decide anew, and let what it says now act on the line."""
    return await _close(call, "accepted")


async def decline(call: Call[StorePath, Nothing, VerdictBody]) -> Reply:
    """Leave the line as it is."""
    return await _close(call, "declined")


async def _view(connection: Connection, run: Run) -> RunView:
    left = await runs.stores_left(connection, run)
    return RunView(**{name: getattr(run, name) for name in Run.__struct_fields__}, stores_left=left)


def routes() -> list[AnyRoute]:
    """The routes of runs and referrals."""
    made: list[AnyRoute] = [
        Route(
            method="POST",
            address="/v1/assessment_runs",
            operation="request_assessment_run",
            summary="Assess every store; the service works it off and can be interrupted",
            tag="lines",
            roles=OPERATOR,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={201: RunView},
            handle=request,
        ),
        Route(
            method="GET",
            address="/v1/assessment_runs",
            operation="list_assessment_runs",
            summary="The runs over all stores and how far they have come, newest first",
            tag="lines",
            roles=STAFF,
            path=Nothing,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[Run]},
            handle=show,
        ),
        Route(
            method="GET",
            address="/v1/referrals",
            operation="list_referrals",
            summary="Decisions that the policy refers to a person, newest first",
            tag="lines",
            roles=STAFF,
            path=Nothing,
            query=ReferralsQuery,
            body=Nothing,
            answers={200: Page[Referral]},
            handle=show_referrals,
        ),
    ]
    for verdict, summary, handle in (
        ("accept", "Accept the store's referred decision: it is made anew and applied", accept),
        ("decline", "Decline the store's referred decision: its limit stays", decline),
    ):
        made.append(
            Route(
                method="POST",
                address=f"/v1/stores/{{store_id}}/referral/{verdict}",
                operation=f"{verdict}_referral",
                summary=summary,
                tag="lines",
                roles=OPERATOR,
                path=StorePath,
                query=Nothing,
                body=VerdictBody,
                answers={200: Referral},
                handle=handle,
                key="optional",
                raises=_MISSES,
            )
        )
    return made
