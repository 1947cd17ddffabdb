"""Message boxes on a real database: an order per store that a follower can trust, whoever sends and however much."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from houfu.core.ids import IdMaker
from houfu.db.tx import Connection
from houfu.events.actions import inbox, send
from houfu.events.message import Kind, Message
from houfu.events.notice import usage_reminder

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
IDS = IdMaker()


def told(store_id: str, used: int = 90) -> Message:
    return usage_reminder(store_id, id=IDS.make(AT), total=100, used=used, warning_bp=8_000, occurred_at=AT)


async def seqs(connection: Connection, store_id: str) -> list[int]:
    """Oldest first."""
    return [sent.seq for sent in await inbox(connection, store_id, limit=1_000)][::-1]


async def test_what_is_sent_is_read_as_it_was_said(app: Connection) -> None:
    message = told("s1")
    await send(app, [message], now=AT)
    (sent,) = await inbox(app, "s1", limit=10)
    assert (sent.message, sent.seq, sent.recorded_at) == (message, 1, AT)


async def test_each_box_counts_for_itself_in_the_order_of_sending(app: Connection) -> None:
    messages = [told("b", 81), told("a", 82), told("b", 83), told("a", 84), told("b", 85)]
    await send(app, messages, now=AT)
    await send(app, [told("a", 86)], now=AT)
    for store_id, expected in {"a": [82, 84, 86], "b": [81, 83, 85]}.items():
        found = (await inbox(app, store_id, limit=10))[::-1]
        assert [(sent.seq, sent.message.data["used"]) for sent in found] == list(enumerate(expected, start=1))
    assert await inbox(app, "nobody", limit=10) == []


async def test_an_inbox_is_read_page_by_page_and_by_kind(app: Connection) -> None:
    await send(app, [told("s1") for _ in range(5)], now=AT)
    first = await inbox(app, "s1", limit=2)
    assert [sent.seq for sent in first] == [5, 4]
    assert [sent.seq for sent in await inbox(app, "s1", before=4, limit=2)] == [3, 2]
    assert len(await inbox(app, "s1", kind=Kind.USAGE_REMINDER, limit=9)) == 5
    assert await inbox(app, "s1", kind=Kind.LINE_OPENED, limit=9) == []


async def test_nothing_to_send_touches_nothing(app: Connection) -> None:
    async with app.transaction():
        await send(app, [], now=AT)
        assert await app.fetchval("select pg_current_xact_id_if_assigned()") is None


async def test_a_transaction_that_is_undone_leaves_no_gap(app: Connection) -> None:
    await send(app, [told("s1")], now=AT)
    with pytest.raises(LookupError):
        async with app.transaction():
            await send(app, [told("s1"), told("s2")], now=AT)
            raise LookupError
    await send(app, [told("s1"), told("s2")], now=AT)
    assert (await seqs(app, "s1"), await seqs(app, "s2")) == ([1, 2], [1])


async def test_a_message_is_sent_once(app: Connection) -> None:
    message = told("s1")
    await send(app, [message], now=AT)
    with pytest.raises(asyncpg.UniqueViolationError, match="a_message_is_sent_once"):
        await send(app, [told("s1"), message], now=AT)
    assert await seqs(app, "s1") == [1]
    await send(app, [told("s1")], now=AT)
    assert await seqs(app, "s1") == [1, 2]


async def test_a_follower_never_sees_a_later_message_before_an_earlier_one(
    app: Connection, other: Connection
) -> None:
    early, late = told("s1", 81), told("s1", 82)
    transaction = app.transaction()
    await transaction.start()
    await send(app, [late], now=AT)
    waiting = asyncio.create_task(send(other, [early], now=AT))
    async with asyncio.timeout(10):
        # The second sender has come as far as the box and waits for the first, whose message nobody sees yet.
        while not await app.fetchval("select exists (select from pg_locks where not granted)"):
            await asyncio.sleep(0)
    assert not waiting.done()
    await transaction.commit()
    await waiting
    found = (await inbox(app, "s1", limit=10))[::-1]
    assert [(sent.seq, sent.message.data["used"]) for sent in found] == [(1, 82), (2, 81)]


async def test_senders_that_meet_in_opposed_orders_all_get_through(
    app: Connection, other: Connection
) -> None:
    stores = [f"s{number}" for number in range(40)]

    async def keep_sending(connection: Connection, order: Sequence[str]) -> None:
        for _ in range(20):
            await send(connection, [told(store_id) for store_id in order], now=AT)

    await asyncio.gather(keep_sending(app, stores), keep_sending(other, stores[::-1]))
    for store_id in stores:
        assert await seqs(app, store_id) == list(range(1, 41))


async def test_a_hundred_thousand_messages_go_in_one_call(app: Connection) -> None:
    await send(app, [told(f"s{number}") for number in range(100_000)], now=AT)
    counted = await app.fetchrow("select count(*), count(distinct store_id), max(seq) from messages")
    assert tuple(counted) == (100_000, 100_000, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "update messages set message_zh = 'x'",
        "delete from messages",
        "truncate messages",
        "delete from message_boxes",
        "truncate message_boxes",
    ],
)
async def test_the_service_cannot_take_back_what_was_said(app: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)
