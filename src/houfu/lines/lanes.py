"""The order engine: the one path of every command on an order, single, in bulk or simulated, batch by batch."""

from collections.abc import Callable, Sequence
from datetime import datetime

from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.db import lanes
from houfu.db.idempotency import Place
from houfu.db.lanes import LANES, Busy, Connect, Unavailable, Work
from houfu.db.tx import Connection
from houfu.lines.batch import carry_out
from houfu.lines.command import Answer, Command, Due, Trouble
from houfu.policy.terms import Orders

__all__ = ["LANES", "Busy", "Lanes", "Result", "Unavailable"]

Result = Answer | Trouble


class Lanes(lanes.Lanes[Command, Result]):
    """The lanes of commands on orders."""

    def __init__(
        self,
        connect: Connect,
        *,
        clock: Clock,
        terms_at: Callable[[datetime], Orders],
        ids: IdMaker | Sequence[IdMaker] | None = None,
        lanes: int = LANES,
    ) -> None:
        """`ids` may be one maker for each lane: then ids do not depend on which lane is faster, as a simulation needs."""
        makers = [ids or IdMaker()] * lanes if ids is None or isinstance(ids, IdMaker) else ids
        super().__init__(connect, [_work(clock, terms_at, maker) for maker in makers])


def _work(clock: Clock, terms_at: Callable[[datetime], Orders], ids: IdMaker) -> Work[Command, Result]:
    async def batch(connection: Connection, commands: Sequence[Command]) -> list[Result]:
        now = clock.now()
        return await carry_out(connection, commands, terms=terms_at(now), ids=ids, now=now)

    return Work(
        carry_out=batch,
        place_of=_place,
        in_use=Trouble("idempotency_key_in_use"),
        internal=Trouble("internal"),
    )


def _place(command: Command) -> Place | None:
    return None if isinstance(command, Due) else (command.store_id, command.key)
