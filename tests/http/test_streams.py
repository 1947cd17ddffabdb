"""A body that is made while it is sent: whole through both doors, and stopped as soon as the caller leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from litestar.exceptions import LitestarException

from front import Front
from houfu.http.asgi import Door
from houfu.http.caller import EVERYONE
from houfu.http.fields import Nothing
from houfu.http.reply import Reply
from houfu.http.route import Call, Route
from http_caller import Caller


class Source:
    """A body of as many parts as are asked for, that knows whether it was closed."""

    def __init__(self, parts: int, *, fault: Exception | None = None) -> None:
        self.parts, self.fault = parts, fault
        self.made = 0
        self.closed = asyncio.Event()

    async def make(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.made < self.parts:
                self.made += 1
                yield b"%07d\n" % self.made
            if self.fault is not None:
                raise self.fault
        finally:
            self.closed.set()


def door_to(front: Front, source: Source, *, hot: bool) -> Door:
    """A door with one route, which answers with the source's parts."""

    async def handle(call: Call[Nothing, Nothing, Nothing]) -> Reply:
        return Reply(200, b"first\n", ((b"x-own", b"1"),), media_type=b"text/plain", parts=source.make())

    route = Route(
        method="POST",
        address="/v1/authorizations/stream" if hot else "/v1/stream",
        operation="stream",
        summary="",
        tag="",
        roles=EVERYONE,
        path=Nothing,
        query=Nothing,
        body=Nothing,
        answers={},
        files=("text/plain",),
        handle=handle,
        public=True,
        hot=hot,
    )
    return Door([route], front.service, document={}, pages=())


@pytest.mark.parametrize("hot", [True, False])
async def test_a_body_in_parts_arrives_whole_and_in_order(front: Front, hot: bool) -> None:
    source = Source(1_000)
    door = door_to(front, source, hot=hot)
    caller = Caller("/v1/authorizations/stream" if hot else "/v1/stream", method="POST")
    await door(caller.scope, caller.receive, caller.send)
    head, *parts = caller.sent
    headers = dict(head["headers"])
    assert head["status"] == 200
    assert (headers[b"content-type"], headers[b"x-own"]) == (b"text/plain", b"1")
    assert headers[b"cache-control"] == b"no-store"
    assert b"content-length" not in headers
    assert [part.get("more_body", False) for part in parts] == [True] * 1_001 + [False]
    body = b"".join(part["body"] for part in parts)
    assert body == b"first\n" + b"".join(b"%07d\n" % number for number in range(1, 1_001))
    assert source.closed.is_set()


@pytest.mark.parametrize("hot", [True, False])
async def test_a_body_is_no_longer_made_when_the_caller_leaves(front: Front, hot: bool) -> None:
    source = Source(10_000_000)
    door = door_to(front, source, hot=hot)
    caller = Caller("/v1/authorizations/stream" if hot else "/v1/stream", method="POST", patience=20)
    await door(caller.scope, caller.receive, caller.send)
    assert source.closed.is_set()
    assert source.made < 100
    assert all(message.get("more_body", True) for message in caller.sent)


@pytest.mark.parametrize("hot", [True, False])
async def test_a_body_that_cannot_be_finished_breaks_off_without_its_end(front: Front, hot: bool) -> None:
    source = Source(3, fault=ValueError("no more"))
    door = door_to(front, source, hot=hot)
    caller = Caller("/v1/authorizations/stream" if hot else "/v1/stream", method="POST")
    with pytest.raises((ValueError, LitestarException)):
        await door(caller.scope, caller.receive, caller.send)
    assert source.closed.is_set()
    assert all(message.get("more_body", True) for message in caller.sent)
