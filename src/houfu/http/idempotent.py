"""Once per key: the first answer to a key is given again, with the same bytes, to whoever repeats the request.

The answer is written in the transaction of what it tells about: both are there or neither is. The order engine
keeps its own keys in the same table, in its batches.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

from houfu.db.idempotency import FirstAnswer, recall, remember
from houfu.db.tx import CONFLICT, Connection
from houfu.http.problem import Problem
from houfu.http.reply import REPLAYED, Reply
from houfu.http.route import B, Call, P, Q

ATTEMPTS_MAX: Final = 5
_running: set[tuple[str, str]] = set()
"""Keys whose first request is still running in this process. Across processes the table's rows are waited for."""


async def once(call: Call[P, Q, B], store_id: str, act: Callable[[Connection], Awaitable[Reply]]) -> Reply:
    """Run `act` in a transaction, unless the call's key was answered before; without a key it always runs.

    Problem `idempotency_key_reused` or `idempotency_key_in_use`. A Problem or a fault of `act` itself undoes
    everything and is not remembered.
    """
    with running(store_id, call.key):
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await _attempt(call, store_id, act)
            except CONFLICT:
                # Another process was faster; what it wrote is seen now.
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("unreachable")


@contextmanager
def running(store_id: str, key: str | None) -> Generator[None]:
    """Hold the key while its first request runs in this process. Problem `idempotency_key_in_use` for a second."""
    if key is None:
        yield
        return
    at = (store_id, key)
    if at in _running:
        raise Problem("idempotency_key_in_use")
    _running.add(at)
    try:
        yield
    finally:
        _running.discard(at)


async def _attempt(
    call: Call[P, Q, B], store_id: str, act: Callable[[Connection], Awaitable[Reply]]
) -> Reply:
    async with call.service.pool.acquire() as connection, connection.transaction():
        if call.key is None:
            return await act(connection)
        at, sha = (store_id, call.key), call.request_sha
        if first := (await recall(connection, [at])).get(at):
            if first.request_sha != sha:
                raise Problem("idempotency_key_reused")
            return Reply(first.status, first.body, (REPLAYED,))
        reply = await act(connection)
        await remember(connection, {at: FirstAnswer(sha, reply.status, reply.body)}, now=call.now())
        return reply
