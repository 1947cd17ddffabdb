"""Fifty workers on four stores through three processes' engines: they get in each other's way, and nothing is lost.

Three `Lanes` share nothing but the database, as three processes would: their row locks, unique keys and
idempotency meet there.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from houfu.core.ids import IdMaker
from houfu.lines.command import Act, Answer, Authorize, Trouble
from houfu.lines.lanes import Lanes
from lines.programme import Programme, act, authorize, connector, open_programme, small_policy

WORKERS = 50
COMMANDS_OF_WORKER = 30
STORES = [f"s{number}" for number in range(4)]


async def work(
    number: int, engines: list[Lanes], ids: list[str], answered: list[tuple[Any, Answer]]
) -> Counter[str]:
    """One worker's commands; some go to two engines at once under one key."""
    choose, seen = random.Random(number), Counter[str]()
    for step in range(COMMANDS_OF_WORKER):
        command = _command(choose, f"{number}-{step}", ids)
        doubled = choose.random() < 0.3
        chosen = choose.sample(engines, 2 if doubled else 1)
        answers = await asyncio.gather(*(engine.submit(command) for engine in chosen))
        given = [answer for answer in answers if isinstance(answer, Answer)]
        seen.update(answer.code for answer in answers if isinstance(answer, Trouble))
        if not given:
            continue
        assert len({answer.body for answer in given}) == 1
        assert sum(not answer.replayed for answer in given) <= 1
        answered.append((command, given[0]))
        outcome = next((answer.outcome for answer in given if answer.outcome), None)
        if isinstance(command, Authorize) and outcome is not None:
            seen[outcome.reason or "authorized"] += 1
            if outcome.reason is None:
                ids.append(outcome.id)
        elif outcome is not None:
            seen[f"{command.kind} {outcome.reason or 'done'}"] += 1
    return seen


def _command(choose: random.Random, key: str, ids: list[str]) -> Authorize | Act:
    if not ids or choose.random() < 0.4:
        return authorize(choose.choice(STORES), f"o{choose.randrange(60)}", choose.randint(1, 12), key=key)
    id = choose.choice(ids[-40:])
    kind = choose.choice(("capture", "capture", "repay", "repay", "return", "void"))
    whole = kind == "void" or (kind == "capture" and choose.random() < 0.5)
    return act(kind, id, None if whole else choose.randint(1, 6), final=choose.random() < 0.2, key=key)


async def test_opposed_workers_leave_books_that_verify(database: str) -> None:
    async with open_programme(database, small_policy(share_bp=3_333)) as programme, AsyncExitStack() as stack:
        for store_id in STORES:
            await programme.open_store(store_id, level=3)
        engines = [
            await stack.enter_async_context(
                Lanes(
                    connector(database),
                    clock=programme.clock,
                    terms_at=lambda _: programme.terms,
                    ids=IdMaker(),
                )
            )
            for _ in range(3)
        ]
        ids: list[str] = []
        answered: list[tuple[Any, Answer]] = []
        seen: Counter[str] = sum(
            await asyncio.gather(*(work(number, engines, ids, answered) for number in range(WORKERS))),
            Counter(),
        )
        assert "internal" not in seen
        for wanted in (
            "authorized",
            "limit_exceeded",
            "order_already_authorized",
            "capture done",
            "repay done",
            "return done",
        ):
            assert seen[wanted], f"never seen: {wanted}"
        await _check(programme)
        again = await engines[0].submit_all([command for command, _ in answered])
        assert all(isinstance(answer, Answer) and answer.replayed for answer in again)
        assert [answer.body for answer in again if isinstance(answer, Answer)] == [
            answer.body for _, answer in answered
        ]
        await _check(programme)


async def _check(programme: Programme) -> None:
    assert (await programme.verify()).first_break is None
    over = await programme.connection.fetch("select store_id from lines where used > total")
    assert over == []
    twice = await programme.connection.fetch(
        "select store_id, order_id from authorizations where status not in ('refused', 'voided', 'expired') "
        "group by store_id, order_id having count(*) > 1"
    )
    assert twice == []
