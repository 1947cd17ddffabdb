"""Sending messages and reading a store's box."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events.message import Kind, Message, Sent

_SQL = load(__package__)
_COUNT_UP = _SQL["count_up"]
_INSERT_MESSAGES = _SQL["insert_messages"]


async def send(connection: Connection, messages: Sequence[Message], *, now: datetime) -> None:
    """Put messages into their stores' boxes, in the order given, as part of the caller's transaction.

    The boxes stay locked until that transaction ends: a caller who also locks lines locks them first. Where an id
    was sent to the store before, UniqueViolationError and nothing is sent.
    """
    if not messages:
        return
    counts = sorted(Counter(message.store_id for message in messages).items())
    async with connection.transaction():
        boxes = await connection.fetch(_COUNT_UP, [store for store, _ in counts], [n for _, n in counts])
        sent = dict(counts)
        before: dict[str, int] = {store_id: last - sent[store_id] for store_id, last in boxes}
        seqs: list[int] = []
        for message in messages:
            before[message.store_id] += 1
            seqs.append(before[message.store_id])
        await connection.execute(
            _INSERT_MESSAGES,
            [m.store_id for m in messages],
            seqs,
            [m.id for m in messages],
            [m.kind.value for m in messages],
            [m.message_zh for m in messages],
            [m.message_en for m in messages],
            [m.data for m in messages],
            [m.occurred_at for m in messages],
            now,
        )


async def inbox(
    connection: Connection,
    store_id: str,
    *,
    before: int | None = None,
    kind: Kind | None = None,
    limit: int,
) -> list[Sent]:
    """A store's messages, newest first; `before` is the seq where the page before ended."""
    rows = await connection.fetch(_SQL["inbox"], store_id, before, kind, limit)
    return [_sent(row) for row in rows]


async def store_exists(connection: Connection, store_id: str) -> bool:
    """Whether the marketplace told of this store."""
    return bool(await connection.fetchval(_SQL["store_exists"], store_id))


def _sent(row: Record) -> Sent:
    store_id, seq, id, kind, zh, en, data, occurred_at, recorded_at = row
    return Sent(seq, Message(store_id, id.hex, Kind(kind), zh, en, data, occurred_at), recorded_at)
