"""Exports that run: how many at once, and how what one makes becomes the parts of a reply."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Final

PARTS_AHEAD: Final = 4
"""Parts that may be made before the caller has taken them."""
SHARE_OF_POOL: Final = 4
"""One connection of so many may be held by an export; a pool of fewer lends one."""

Produce = Callable[[Callable[[bytes], Coroutine[object, object, None]]], Awaitable[None]]
"""Makes parts and hands each to the function it is given."""


class Exports:
    """The exports of one service. Whoever comes when it is full is asked to come back: they must not take every connection."""

    def __init__(self, pool_size: int) -> None:
        self._slots = asyncio.Semaphore(max(1, pool_size // SHARE_OF_POOL))

    @property
    def full(self) -> bool:
        """Whether as many run as may."""
        return self._slots.locked()

    def one(self) -> AbstractAsyncContextManager[None]:
        """Held by an export while it runs."""
        return self._slots


async def streamed(produce: Produce) -> AsyncGenerator[bytes, None]:
    """The parts that `produce` makes, as they are asked for. It is stopped when nobody asks any more, and what it raises is
    raised here."""
    made: asyncio.Queue[bytes | None] = asyncio.Queue(PARTS_AHEAD)

    gone = False

    async def run() -> None:
        try:
            await produce(made.put)
        finally:
            if not gone:  # else nobody would take it, and what was canceled may end in any way
                await made.put(None)

    producing = asyncio.create_task(run())
    try:
        while (part := await made.get()) is not None:
            yield part
        await producing
    finally:
        gone = True
        producing.cancel()
        await asyncio.wait((producing,))
