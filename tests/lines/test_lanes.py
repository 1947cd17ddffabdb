"""Where requests become batches: bounded, shielded from callers that vanish, patient with the database."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from houfu.db import lanes as engine
from houfu.lines.command import Answer, Trouble
from houfu.lines.lanes import Busy, Lanes, Unavailable
from lines.programme import Programme, authorize, connector, open_programme, outcome_of


@asynccontextmanager
async def lanes_of(
    programme: Programme, connect: Callable[[], Awaitable[Any]] | None = None
) -> AsyncGenerator[Lanes]:
    async with Lanes(
        connect or connector(programme.dsn),
        clock=programme.clock,
        terms_at=lambda _: programme.terms,
        lanes=1,
    ) as lanes:
        yield lanes


@asynccontextmanager
async def held_up(programme: Programme, store_id: str) -> AsyncGenerator[None]:
    """While this lasts, nobody gets past the lock of the store's line."""
    holder = await asyncpg.connect(programme.dsn)
    try:
        async with holder.transaction():
            await holder.execute("select from lines where store_id = $1 for update", store_id)
            yield
    finally:
        await holder.close()


async def waiting_for_lock(programme: Programme) -> None:
    """Return when a batch waits for a lock: everything submitted from now on forms the next."""
    while not await programme.connection.fetchval(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    ):
        await asyncio.sleep(0)


async def test_a_full_queue_turns_commands_away_and_takes_them_again_when_it_has_room(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "QUEUE_MAX", 5)
    await programme.open_store("s1")
    async with lanes_of(programme) as lanes:
        async with held_up(programme, "s1"):
            flying = asyncio.create_task(lanes.submit(authorize("s1", "flying", 1)))
            await waiting_for_lock(programme)
            queued = [asyncio.create_task(lanes.submit(authorize("s1", f"queued{n}", 1))) for n in range(5)]
            await asyncio.sleep(0)
            turned_away = authorize("s1", "late", 1, key="late")
            with pytest.raises(Busy):
                await lanes.submit(turned_away)
            with pytest.raises(Busy):
                await lanes.submit_all([authorize("s1", "late1", 1), authorize("s1", "late2", 1)])
        answers = await asyncio.gather(flying, *queued)
        assert {outcome_of(answer).status for answer in answers} == {"authorized"}
        assert outcome_of(await lanes.submit(turned_away)).status == "authorized"
    assert (await programme.view("s1")).used == 7


async def test_one_submission_larger_than_the_queue_is_taken_when_nobody_waits(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "QUEUE_MAX", 5)
    await programme.open_store("s1")
    async with lanes_of(programme) as lanes:
        answers = await lanes.submit_all([authorize("s1", f"o{n}", 1) for n in range(20)])
    assert {outcome_of(answer).status for answer in answers} == {"authorized"}


async def test_a_client_that_vanishes_does_not_disturb_its_neighbours(programme: Programme) -> None:
    await programme.open_store("s1")
    async with lanes_of(programme) as lanes:
        async with held_up(programme, "s1"):
            flying = asyncio.create_task(lanes.submit(authorize("s1", "flying", 1, key="flying")))
            await waiting_for_lock(programme)
            queued = [
                asyncio.create_task(lanes.submit(authorize("s1", f"o{n}", 1, key=f"queued{n}")))
                for n in range(3)
            ]
            await asyncio.sleep(0)
            flying.cancel()
            queued[1].cancel()
            await asyncio.wait([flying, queued[1]])
            assert flying.cancelled()
        stayed = await asyncio.gather(queued[0], queued[2])
        assert [outcome_of(answer).status for answer in stayed] == ["authorized", "authorized"]
        # What the vanished asked for happened once; whoever repeats it is told.
        for key, order_id in (("flying", "flying"), ("queued1", "o1")):
            repeated = await lanes.submit(authorize("s1", order_id, 1, key=key))
            assert isinstance(repeated, Answer)
            assert repeated.replayed
    assert (await programme.view("s1")).used == 4


async def test_what_is_queued_when_the_engine_closes_is_still_carried_out_and_nothing_after(
    programme: Programme,
) -> None:
    await programme.open_store("s1")
    async with lanes_of(programme) as lanes:
        queued = [asyncio.create_task(lanes.submit(authorize("s1", f"o{n}", 1))) for n in range(9)]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*queued)
    assert {outcome_of(answer).status for answer in answers} == {"authorized"}
    with pytest.raises(Unavailable):
        await lanes.submit(authorize("s1", "late", 1))


async def test_a_connection_that_is_cut_is_replaced_and_nothing_happens_twice(programme: Programme) -> None:
    await programme.open_store("s1")
    async with lanes_of(programme) as lanes:
        assert outcome_of(await lanes.submit(authorize("s1", "o0", 1))).status == "authorized"
        for number in range(1, 6):
            await programme.connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            answer = await lanes.submit(authorize("s1", f"o{number}", 1))
            assert outcome_of(answer).status == "authorized"
    assert (await programme.view("s1")).used == 6


class CutAfterCommit:
    """A connection that is lost in the moment after a commit: nobody learns whether it took place."""

    def __init__(self, connection: Any, cuts: list[int]) -> None:
        self._connection, self._cuts = connection, cuts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        async with self._connection.transaction():
            yield
        if self._cuts and self._cuts.pop():
            self._connection.terminate()
            raise ConnectionResetError("cut after the commit")


async def test_a_batch_whose_commit_was_not_heard_of_is_answered_as_it_happened(programme: Programme) -> None:
    await programme.open_store("s1")
    cuts = [0, 1, 1, 0, 1]

    async def connect() -> Any:
        return CutAfterCommit(await connector(programme.dsn)(), cuts)

    async with lanes_of(programme, connect) as lanes:
        for number in range(3):
            answer = await lanes.submit(authorize("s1", f"o{number}", 10))
            assert isinstance(answer, Answer)
            assert answer.status == 201
            assert answer.body.startswith(b'{"id":"auth_')
    assert cuts == []
    assert (await programme.view("s1")).used == 30


async def test_a_database_that_stays_away_is_told_and_the_commands_can_be_repeated(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0)
    await programme.open_store("s1")
    away = True

    async def connect() -> Any:
        if away:
            raise ConnectionRefusedError
        return await connector(programme.dsn)()

    async with lanes_of(programme, connect) as lanes:
        command = authorize("s1", "o1", 1, key="k")
        with pytest.raises(Unavailable):
            await lanes.submit(command)
        away = False
        assert outcome_of(await lanes.submit(command)).status == "authorized"


async def test_when_another_process_keeps_being_faster_the_command_is_still_answered(database: str) -> None:
    """Two engines, one unknown store, which has no line to lock: only the keys meet."""
    async with open_programme(database) as programme, lanes_of(programme) as one, lanes_of(programme) as two:
        for number in range(20):
            command = authorize("nobody", "o1", 1, key=f"k{number}")
            answers = await asyncio.gather(one.submit(command), two.submit(command))
            assert not any(isinstance(answer, Trouble) for answer in answers)
            assert len({answer.body for answer in answers if isinstance(answer, Answer)}) == 1
