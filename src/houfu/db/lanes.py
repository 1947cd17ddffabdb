"""Lanes: where concurrent requests become batches (house choice 2).

Commands are split by a hash of their store over a few connections, one batch in flight on each, so that two
batches never wait for the same line. What arrives while a batch is in flight forms the next one. The queue
is bounded. When the database goes away a batch is carried out again on a new connection: what had been
committed is recognised by its idempotency keys, so nothing takes effect twice.

What the commands are and how a batch of them is carried out, a capability brings along as its `Work`.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import asyncpg
import structlog

from houfu.db.idempotency import Place
from houfu.db.tx import CONFLICT, LOST, Connection, without_values

LANES = 2
QUEUE_MAX = 5_000
"""Commands that may wait in one lane; more are turned away."""
BATCH_MAX = 500
"""Commands in one batch; larger batches gain nothing and lengthen the tail."""
PATIENCE_SECONDS = 10
"""How long a batch is tried anew while the database is away."""
PAUSE_SECONDS = 0.05
CONFLICTS_MAX = 5

_log = structlog.get_logger()

Connect = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]


class OfStore(Protocol):
    """A command: it is about one store."""

    @property
    def store_id(self) -> str: ...


C = TypeVar("C", bound=OfStore)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Work(Generic[C, R]):
    """What a lane does with commands.

    `carry_out` takes a batch on its connection, in one transaction, and gives an answer for each command in their
    order; whatever it raises, nothing was written. `place_of` is where a command's first answer is kept, None for one
    that may be repeated without a key. `in_use` answers a command whose key is with another right now, `internal` one
    that met a bug.
    """

    carry_out: Callable[[Connection, Sequence[C]], Awaitable[list[R]]]
    place_of: Callable[[C], Place | None]
    in_use: R
    internal: R


class Busy(Exception):
    """The queue is full: come back in a second."""


class Unavailable(Exception):
    """The database is away. Whether the commands took effect is told by repeating them with the same keys."""


class _Submission(Generic[C, R]):
    """Commands that came together, their keys, and who waits for them."""

    __slots__ = ("commands", "done", "places")

    def __init__(
        self, commands: Sequence[C], places: Sequence[Place], done: "asyncio.Future[list[R]]"
    ) -> None:
        self.commands = commands
        self.places = places
        self.done = done


class _Lane(Generic[C, R]):
    """One connection, one batch in flight, and the queue of the next."""

    def __init__(self, connect: Connect, work: Work[C, R]) -> None:
        self._connect = connect
        self._work = work
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._waiting: list[_Submission[C, R]] = []
        self._waiting_commands = 0
        self._places: set[Place] = set()
        self._wake = asyncio.Event()
        self._closing = False

    async def submit(self, commands: Sequence[C]) -> list[R]:
        """Queue the commands and wait for their answers. Busy when the queue is full."""
        if self._closing:
            raise Unavailable
        if self._waiting_commands and self._waiting_commands + len(commands) > QUEUE_MAX:
            raise Busy
        places = [place for place in map(self._work.place_of, commands) if place is not None]
        if not self._places.isdisjoint(places):
            return await self._without_those_in_use(commands)
        done: asyncio.Future[list[R]] = asyncio.get_running_loop().create_future()
        submission = _Submission(commands, places, done)
        self._places.update(places)
        self._waiting.append(submission)
        self._waiting_commands += len(commands)
        self._wake.set()
        # A caller that goes away cancels only its waiting: what it asked for is carried out.
        return await submission.done

    async def _without_those_in_use(self, commands: Sequence[C]) -> list[R]:
        """The answers of commands some of whose keys are with another caller's commands right now."""
        in_use = [self._work.place_of(command) in self._places for command in commands]
        free = [command for command, used in zip(commands, in_use, strict=True) if not used]
        answers = iter(await self.submit(free) if free else [])
        return [self._work.in_use if used else next(answers) for used in in_use]

    async def run(self) -> None:
        """Carry out batch after batch until closed and empty."""
        while True:
            while not self._waiting:
                if self._closing:
                    await self._disconnect()
                    return
                self._wake.clear()
                await self._wake.wait()
            # Whoever is about to submit comes along: a batch of many costs little more than a batch of one.
            await asyncio.sleep(0)
            taken: list[_Submission[C, R]] = []
            size = 0
            while self._waiting and (not taken or size + len(self._waiting[0].commands) <= BATCH_MAX):
                submission = self._waiting.pop(0)
                taken.append(submission)
                size += len(submission.commands)
            self._waiting_commands -= size
            await self._finish(taken)

    def close(self) -> None:
        """Take nothing more; what is queued is still carried out."""
        self._closing = True
        self._wake.set()

    async def _finish(self, taken: list[_Submission[C, R]]) -> None:
        commands = [command for submission in taken for command in submission.commands]
        try:
            answers = await self._until_done(commands)
        except Unavailable as away:
            for submission in taken:
                self._places.difference_update(submission.places)
                if not submission.done.done():
                    submission.done.set_exception(away)
            return
        start = 0
        for submission in taken:
            end = start + len(submission.commands)
            self._places.difference_update(submission.places)
            if not submission.done.done():  # done already: its caller went away
                submission.done.set_result(answers[start:end])
            start = end

    async def _until_done(self, commands: list[C]) -> list[R]:
        """The answers, whatever it takes: again on a new connection when the database went away, again when
        another process was faster, one by one when a row among them breaks a constraint."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + PATIENCE_SECONDS
        conflicts = 0
        while True:
            try:
                return await self._once(commands)
            except CONFLICT as conflict:
                conflicts += 1
                if conflicts > CONFLICTS_MAX:
                    return await self._one_by_one(commands, conflict)
            except LOST as lost:
                await self._disconnect()
                if loop.time() >= give_up_at:
                    _log.error("database_away", error=repr(lost), commands=len(commands))
                    raise Unavailable from lost
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception as bug:
                return await self._one_by_one(commands, bug)

    async def _one_by_one(self, commands: list[C], bug: Exception) -> list[R]:
        if len(commands) == 1:
            command = commands[0]
            _log.error(
                "command_failed",
                store_id=command.store_id,
                command=type(command).__name__,
                **without_values(bug),
            )
            return [self._work.internal]
        return [(await self._until_done([command]))[0] for command in commands]

    async def _once(self, commands: list[C]) -> list[R]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return await self._work.carry_out(self._connection, commands)

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class Lanes(Generic[C, R]):
    """Lanes side by side, one for each `work`: a store's commands always go through the same one."""

    def __init__(self, connect: Connect, works: Sequence[Work[C, R]]) -> None:
        self._lanes = [_Lane(connect, work) for work in works]
        self._internal = works[0].internal
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(lane.run()) for lane in self._lanes]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            lane.close()
        await asyncio.gather(*self._tasks)

    async def submit(self, command: C) -> R:
        """Carry out one command. Raises Busy or Unavailable."""
        return (await self._lanes[self._number(command.store_id)].submit((command,)))[0]

    async def submit_all(self, commands: Sequence[C]) -> list[R]:
        """Carry out commands, those of one store in order; answers in the order of the commands.

        Raises Busy or Unavailable; then some may have taken effect, and repeating them tells.
        """
        places: dict[int, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(self._number(command.store_id), []).append(place)
        answers = [self._internal] * len(commands)
        finished = await asyncio.gather(
            *(self._lanes[lane].submit([commands[place] for place in mine]) for lane, mine in places.items())
        )
        for mine, answered in zip(places.values(), finished, strict=True):
            for place, answer in zip(mine, answered, strict=True):
                answers[place] = answer
        return answers

    def _number(self, store_id: str) -> int:
        return zlib.crc32(store_id.encode()) % len(self._lanes)
