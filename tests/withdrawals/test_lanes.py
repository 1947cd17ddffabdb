"""Requests for money through lanes: batches as orders have, and both on the same lines without a deadlock."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from houfu.core.clock import SandboxClock
from houfu.db.tx import connect
from houfu.lines.command import Authorize
from houfu.lines.lanes import Lanes as OrderLanes
from houfu.withdrawals.ask import Answer, Ask, Cancel, Trouble
from houfu.withdrawals.lanes import Lanes
from withdrawals.programme import COUNTLESS, MONDAY, Programme, check_books, hex_of

WORKERS = 40
COMMANDS_OF_WORKER = 50
STORES = [f"s{number}" for number in range(6)]


@asynccontextmanager
async def lanes_of(programme: Programme) -> AsyncGenerator[Lanes]:
    async with Lanes(
        lambda: connect(programme.dsn, steady_plans=True),
        clock=SandboxClock(MONDAY),
        policy_at=lambda _: programme.policy,
        calendar=lambda: programme.calendar,
        ids=programme.ids,
    ) as lanes:
        yield lanes


@asynccontextmanager
async def order_lanes_of(programme: Programme) -> AsyncGenerator[OrderLanes]:
    async with OrderLanes(
        lambda: connect(programme.dsn, steady_plans=True),
        clock=SandboxClock(MONDAY),
        terms_at=lambda _: programme.policy.terms.orders,
    ) as lanes:
        yield lanes


def canceling(id: str, key: str) -> Cancel:
    store_id = id.partition(".")[2]
    return Cancel(
        store_id=store_id, id=hex_of(id), key=key, request_sha=id.encode()[:32], author="merchant:test"
    )


def id_of(answer: Answer | Trouble) -> str:
    assert isinstance(answer, Answer)
    assert answer.outcome is not None
    return answer.outcome.id


async def connections_of(programme: Programme) -> int:
    return await programme.connection.fetchval(
        "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    )


async def test_requests_and_cancels_that_come_together_are_one_batch_in_their_order(
    programme: Programme,
) -> None:
    await programme.open_store("s1", balance=10_000)
    await programme.open_store("s2", balance=10_000)
    async with lanes_of(programme) as lanes:
        first = id_of(await lanes.submit(programme.asking(6_000, "s1")))
        asked = [
            programme.asking(6_000, "s1"),
            programme.asking(1_000, "s2"),
            canceling(first, "c"),
            programme.asking(6_000, "s1"),
            canceling(first, "c"),
        ]
        answers = await lanes.submit_all(asked)
    assert [getattr(answer, "status", None) for answer in answers] == [200, 201, 200, 201, 200]
    assert [getattr(answer, "replayed", None) for answer in answers] == [False, False, False, False, True]
    assert (await programme.balances("s1"))["store_balance"] == 4_000


async def test_a_key_that_is_with_another_request_is_told_and_the_first_is_carried_out(
    programme: Programme,
) -> None:
    await programme.open_store("s1", balance=10_000)
    async with lanes_of(programme) as lanes:
        ask = programme.asking(1_000, key="k")
        answers = await asyncio.gather(*(lanes.submit(ask) for _ in range(20)))
        assert sum(isinstance(answer, Answer) for answer in answers) == 1
        assert answers.count(Trouble("idempotency_key_in_use")) == 19
        again = await lanes.submit(ask)
        assert isinstance(again, Answer)
        assert again.replayed
    assert (await programme.balances())["store_balance"] == 9_000


async def test_an_ask_that_is_none_spoils_no_neighbour(programme: Programme) -> None:
    await programme.open_store("s1", balance=10_000)
    async with lanes_of(programme) as lanes:
        answers = await lanes.submit_all(
            [programme.asking(1_000), programme.asking(0), programme.asking(500)]
        )
    assert [getattr(answer, "status", answer) for answer in answers] == [201, Trouble("internal"), 201]


async def test_orders_and_withdrawals_on_the_same_lines_never_lock_each_other_out(
    programme: Programme,
) -> None:
    """2,000 commands through both pairs of lanes, each batch over all stores in an order of its own."""
    programme.policy = COUNTLESS
    for store_id in STORES:
        await programme.open_store(store_id, balance=100_000)
    seen: Counter[str] = Counter()

    async def work(number: int, orders: OrderLanes, withdrawals: Lanes) -> None:
        choose = random.Random(number)
        mine: list[str] = []
        for step in range(COMMANDS_OF_WORKER // 5):
            stores = choose.sample(STORES, 5)
            key = f"{number}-{step}"
            if number % 2:
                held = await orders.submit_all(
                    [
                        Authorize(
                            store_id=store_id,
                            order_id=f"o{key}",
                            buyer_id="b1",
                            amount=1,
                            currency="CNY",
                            key=f"o{key}",
                            request_sha=bytes(32),
                            author="platform:test",
                        )
                        for store_id in stores
                    ]
                )
                seen.update(f"order {getattr(answer, 'status', answer)}" for answer in held)
                continue
            asked: list[Ask | Cancel] = [programme.asking(500, store_id) for store_id in stores[:4]]
            asked.append(canceling(choose.choice(mine), key) if mine else programme.asking(500, stores[4]))
            answers = await withdrawals.submit_all(asked)
            seen.update(f"withdrawal {getattr(answer, 'status', answer)}" for answer in answers)
            mine += [id_of(answer) for answer in answers if getattr(answer, "status", 0) == 201]

    before = await connections_of(programme)
    async with order_lanes_of(programme) as orders, lanes_of(programme) as withdrawals:
        await asyncio.gather(*(work(number, orders, withdrawals) for number in range(WORKERS)))
    assert sum(seen.values()) == WORKERS * COMMANDS_OF_WORKER == 2_000
    assert set(seen) == {"order 201", "withdrawal 200", "withdrawal 201"}
    # What a connection counted is told as it ends.
    while await connections_of(programme) > before:
        await asyncio.sleep(0)
    deadlocks = await programme.connection.fetchval(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    assert deadlocks == 0
    await check_books(programme.connection)
