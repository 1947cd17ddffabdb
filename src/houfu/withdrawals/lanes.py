"""The one path of every request for money over the interface: concurrent ones become batches (house choice 2)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from houfu.core.calendar import Calendar
from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.db import lanes
from houfu.db.idempotency import Place
from houfu.db.lanes import LANES, Busy, Connect, Unavailable, Work
from houfu.db.tx import Connection
from houfu.policy.document import Policy
from houfu.withdrawals.actions import carry_out
from houfu.withdrawals.ask import Answer, Ask, Cancel, Trouble

__all__ = ["Busy", "Lanes", "Unavailable"]

Command = Ask | Cancel
Result = Answer | Trouble


class Lanes(lanes.Lanes[Command, Result]):
    """The lanes of withdrawals. They lock the same lines as those of orders, and both lock them in id order."""

    def __init__(
        self,
        connect: Connect,
        *,
        clock: Clock,
        policy_at: Callable[[datetime], Policy],
        calendar: Callable[[], Calendar],
        ids: IdMaker,
        lanes: int = LANES,
    ) -> None:
        async def batch(connection: Connection, commands: Sequence[Command]) -> list[Result]:
            now = clock.now()
            return await carry_out(
                connection, commands, policy=policy_at(now), calendar=calendar(), ids=ids, now=now
            )

        work: Work[Command, Result] = Work(
            carry_out=batch,
            place_of=_place,
            in_use=Trouble("idempotency_key_in_use"),
            internal=Trouble("internal"),
        )
        super().__init__(connect, [work] * lanes)


def _place(command: Command) -> Place:
    return command.store_id, command.key
