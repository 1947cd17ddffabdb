"""The interface of the message box."""

from datetime import datetime
from typing import Annotated, cast

import msgspec

from houfu.core.reason import Language
from houfu.events import actions
from houfu.events.message import Kind, Sent, Value
from houfu.http.caller import EVERYONE
from houfu.http.fields import Nothing, PageQuery, StorePath
from houfu.http.page import page_of, place_of
from houfu.http.problem import Problem
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_SEQ = cast("type[int]", Seq)


class MessagesQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages: of one kind."""

    kind: Kind | None = None


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the caller's language. `seq` counts the store's messages; `data` is documented by kind."""

    id: str
    store_id: str
    seq: int
    kind: Kind
    message: str
    data: dict[str, Value]
    occurred_at: datetime


async def messages(call: Call[StorePath, MessagesQuery, Nothing]) -> Reply:
    """Show a store's messages, newest first (C4)."""
    store_id, query = call.path.store_id, call.query
    before = place_of(query.cursor, _SEQ)
    async with call.service.pool.acquire() as connection:
        if not await actions.store_exists(connection, store_id):
            raise Problem("store_unknown")
        found = await actions.inbox(
            connection, store_id, before=before, kind=query.kind, limit=query.limit + 1
        )
    return reply(200, page_of(found, query.limit, lambda one: one.seq, lambda one: _view(one, call.language)))


def _view(sent: Sent, language: Language) -> MessageView:
    return MessageView(
        id=sent.public_id,
        store_id=sent.message.store_id,
        seq=sent.seq,
        kind=sent.message.kind,
        message=sent.words(language),
        data=sent.message.data,
        occurred_at=sent.message.occurred_at,
    )


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="GET",
            address="/v1/stores/{store_id}/messages",
            operation="list_messages",
            summary="What the store was told, newest first",
            tag="messages",
            roles=EVERYONE,
            path=StorePath,
            query=MessagesQuery,
            body=Nothing,
            answers={200: Page[MessageView]},
            handle=messages,
            problems=frozenset({"store_unknown"}),
        )
    ]
