"""The interface of the line itself: assessing it, seeing it and why it is so, its history, its status."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from houfu.core.calendar import Calendar
from houfu.db.tx import Connection
from houfu.http.caller import BACK_OFFICE, EVERYONE, OPERATOR
from houfu.http.fields import Nothing, PageQuery, StorePath, Text200, moment_of
from houfu.http.idempotent import once
from houfu.http.page import hex_place_of, page_of
from houfu.http.problem import FieldError, Problem, invalid
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.lines import actions, assessing
from houfu.lines.actions import (
    ChangeView,
    LineExplanation,
    LineUnknown,
    LineView,
    StatusUnfit,
    Verb,
)
from houfu.policy.book import PolicyBook
from houfu.policy.evaluate import Decision
from houfu.policy.fault import InputInvalid, InputMissing, PolicyError
from houfu.stores import actions as stores
from houfu.stores.actions import must_exist
from houfu.stores.interface import FactBody, FactView, fact_view
from houfu.stores.store import StoreUnknown

_MISSES: Final[Mapping[type[Exception], str]] = {
    StoreUnknown: "store_unknown",
    LineUnknown: "line_unknown",
}


class AssessmentView(Decision, frozen=True, kw_only=True):
    """The decision that was just made about a store, and when."""

    store_id: str
    assessed_at: datetime


class StatusBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the line's status changes; it stays in the line's history (B14)."""

    cause: Text200


async def assess(call: Call[StorePath, Nothing, Nothing]) -> Reply:
    """Run the policy for the store now. A first decision opens the line."""
    store_id, now = call.path.store_id, call.now()

    async def act(connection: Connection) -> Reply:
        done = await assessing.assess(
            connection,
            [store_id],
            book=call.service.part(PolicyBook),
            cause="assessment_requested",
            author=call.caller.author,
            ids=call.service.ids,
            now=now,
        )
        answer = done.answers[store_id]
        if isinstance(answer, PolicyError):
            raise Problem("inputs_missing", _what_is_wrong(answer))
        if isinstance(answer, StoreUnknown):
            raise answer
        decided = {name: getattr(answer.decision, name) for name in Decision.__struct_fields__}
        return reply(200, AssessmentView(store_id=store_id, assessed_at=now, **decided))

    return await once(call, store_id, act)


async def record_fact(call: Call[StorePath, Nothing, FactBody]) -> Reply:
    """Take note of what happened to a store, and let it act on the store's line at once (B9 to B12)."""
    now, store_id = call.now(), call.path.store_id
    occurred_at = moment_of("occurred_at", call.body.occurred_at)
    if occurred_at > now:
        raise invalid("occurred_at", "lies in the future")

    async def act(connection: Connection) -> Reply:
        fact = await stores.record_fact(
            connection,
            store_id,
            kind=call.body.kind,
            occurred_at=occurred_at,
            note=call.body.note,
            author=call.caller.author,
            ids=call.service.ids,
            now=now,
        )
        book = call.service.part(PolicyBook)
        await assessing.take_up_fact(connection, fact, book=book, ids=call.service.ids, now=now)
        return reply(201, fact_view(fact))

    return await once(call, store_id, act)


async def view(call: Call[StorePath, Nothing, Nothing]) -> Reply:
    """Show the line as of now (C1)."""
    async with call.service.pool.acquire() as connection:
        return reply(200, await _seen(connection, call))


async def explanation(call: Call[StorePath, Nothing, Nothing]) -> Reply:
    """Show how the limit came about, and what would raise it (C2, E3)."""
    store_id = call.path.store_id
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, store_id)
        told = await actions.explanation(
            connection,
            store_id,
            book=call.service.part(PolicyBook),
            calendar=call.service.part(Calendar),
            now=call.now(),
        )
        return reply(200, told)


async def changes(call: Call[StorePath, PageQuery, Nothing]) -> Reply:
    """Show the line's history, newest first (B14, C4)."""
    store_id, limit = call.path.store_id, call.query.limit
    before = hex_place_of(call.query.cursor)
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, store_id)
        found = await actions.changes(connection, store_id, before=before, limit=limit + 1)
    return reply(200, page_of(found, limit, lambda change: change.id, lambda change: change))


async def _set_status(call: Call[StorePath, Nothing, StatusBody], verb: Verb) -> Reply:
    store_id = call.path.store_id

    async def act(connection: Connection) -> Reply:
        await must_exist(connection, store_id)
        await actions.set_status(
            connection,
            store_id,
            verb,
            cause=call.body.cause,
            author=call.caller.author,
            ids=call.service.ids,
            now=call.now(),
        )
        return reply(200, await _seen(connection, call))

    return await once(call, store_id, act)


async def suspend(call: Call[StorePath, Nothing, StatusBody]) -> Reply:
    """No new orders for now."""
    return await _set_status(call, "suspend")


async def resume(call: Call[StorePath, Nothing, StatusBody]) -> Reply:
    """New orders again."""
    return await _set_status(call, "resume")


async def close(call: Call[StorePath, Nothing, StatusBody]) -> Reply:
    """No new orders, and no assessments."""
    return await _set_status(call, "close")


async def reopen(call: Call[StorePath, Nothing, StatusBody]) -> Reply:
    """Open a closed line again."""
    return await _set_status(call, "open")


async def _seen(connection: Connection, call: Call[StorePath, Nothing, Any]) -> LineView:
    store_id, now = call.path.store_id, call.now()
    await must_exist(connection, store_id)
    policy = call.service.part(PolicyBook).for_store(store_id, now)
    return await actions.view(connection, store_id, policy=policy, language=call.language, now=now)


def _what_is_wrong(error: PolicyError) -> tuple[FieldError, ...]:
    match error:
        case InputMissing():
            return tuple(FieldError(missing.name, f"is missing: {missing}") for missing in error.missing)
        case InputInvalid():
            return tuple(FieldError(invalid.name, invalid.problem) for invalid in error.invalid)
        case _:
            return (FieldError("", str(error)),)


def routes() -> list[AnyRoute]:
    """The routes of the line."""
    line = "/v1/stores/{store_id}/line"
    made: list[AnyRoute] = [
        Route(
            method="POST",
            address="/v1/stores/{store_id}/assessment",
            operation="assess",
            summary="Run the policy for the store now",
            tag="lines",
            roles=BACK_OFFICE,
            path=StorePath,
            query=Nothing,
            body=Nothing,
            answers={200: AssessmentView},
            handle=assess,
            key="optional",
            raises=_MISSES,
            problems=frozenset({"inputs_missing"}),
        ),
        Route(
            method="POST",
            address="/v1/stores/{store_id}/facts",
            operation="record_fact",
            summary="Take note of what happened to a store; it acts on the line at once",
            tag="stores",
            roles=BACK_OFFICE,
            path=StorePath,
            query=Nothing,
            body=FactBody,
            answers={201: FactView},
            handle=record_fact,
            key="optional",
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address=line,
            operation="get_line",
            summary="The line as of now",
            tag="lines",
            roles=EVERYONE,
            path=StorePath,
            query=Nothing,
            body=Nothing,
            answers={200: LineView},
            handle=view,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address=f"{line}/explanation",
            operation="explain_line",
            summary="How the limit came about, and what would raise it",
            tag="lines",
            roles=EVERYONE,
            path=StorePath,
            query=Nothing,
            body=Nothing,
            answers={200: LineExplanation},
            handle=explanation,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address=f"{line}/changes",
            operation="list_line_changes",
            summary="The line's history, newest first",
            tag="lines",
            roles=EVERYONE,
            path=StorePath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[ChangeView]},
            handle=changes,
            raises=_MISSES,
        ),
    ]
    for verb, summary, handle in (
        ("suspend", "Take no new orders for now", suspend),
        ("resume", "Take new orders again", resume),
        ("close", "End the line: no new orders, no assessments", close),
        ("open", "Open a closed line again", reopen),
    ):
        made.append(
            Route(
                method="POST",
                address=f"{line}/{verb}",
                operation=f"{verb}_line",
                summary=summary,
                tag="lines",
                roles=OPERATOR,
                path=StorePath,
                query=Nothing,
                body=StatusBody,
                answers={200: LineView},
                handle=handle,
                key="optional",
                raises=_MISSES | {StatusUnfit: "line_status_unfit"},
            )
        )
    return made
