"""First answers: what a key was answered with, written in the transaction of what the answer tells about.

Every capability that takes idempotency keys keeps them here, by store and key.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection

_SQL = load(__package__)
_RECALL = _SQL["recall"]
_REMEMBER = _SQL["remember"]
_FORGET = _SQL["forget"]

Place = tuple[str, str]
"""A store's id and an idempotency key."""


class FirstAnswer(msgspec.Struct, frozen=True, gc=False):
    """The first answer to a key: HTTP status and body, and the hash of the request it answered."""

    request_sha: bytes
    status: int
    body: bytes


async def recall(connection: Connection, places: Iterable[Place]) -> dict[Place, FirstAnswer]:
    """The first answers that were given at these places."""
    asked = list(places)
    rows = await connection.fetch(_RECALL, [store_id for store_id, _ in asked], [key for _, key in asked])
    return {(row[0], row[1]): FirstAnswer(row[2], row[3], row[4]) for row in rows}


async def remember(connection: Connection, answers: Mapping[Place, FirstAnswer], *, now: datetime) -> None:
    """Keep first answers. UniqueViolationError where another process answered one of the keys meanwhile."""
    if not answers:
        return
    await connection.execute(
        _REMEMBER,
        [store_id for store_id, _ in answers],
        [key for _, key in answers],
        [first.request_sha for first in answers.values()],
        [first.status for first in answers.values()],
        [first.body for first in answers.values()],
        now,
    )


async def forget(connection: Connection, *, before: datetime, limit: int) -> int:
    """Let go of answers given before a moment, at most `limit`; how many that were."""
    return int((await connection.execute(_FORGET, before, limit)).split()[-1])
