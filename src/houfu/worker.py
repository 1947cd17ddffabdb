"""Due work: what time itself does. Holds expire, buyers default, layers start and end, lines are assessed anew,
payouts move.

Each kind of work is found by an index on its due moment and does nothing when repeated, so that two workers,
or one that was killed, do no harm. The sandbox and the simulator run the same work by moving the clock.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg
import msgspec
import structlog
from asyncpg import Pool

from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.db.idempotency import forget
from houfu.db.queries import load
from houfu.lines import actions as lines
from houfu.lines import runs
from houfu.lines.assessing import assess
from houfu.lines.command import Due
from houfu.lines.lanes import Lanes
from houfu.policy.book import PolicyBook

_SQL = load("houfu.lines")
_MOVE_CLOCK = load("houfu.db")["move_sandbox_clock"]
CHUNK = 1_000
"""Things done in one go; what is left is due still."""
STEP = timedelta(minutes=1)
"""A clock that is moved stops wherever something is due, but at most once in this time."""
REMEMBERED_FOR = timedelta(days=31)
"""How long an answer is kept under its key; the interface promises 30 days."""
FORGOTTEN_AT_ONCE = 20_000
"""Answers let go of in one statement: it looks through old rows from the start, so few large ones do less."""

_log = structlog.get_logger()


class Payouts(Protocol):
    """The due work of withdrawals."""

    async def run_due(self, now: datetime) -> int:
        """Move payouts that are due by `now`, up to a limit; how many moved. Zero: nothing is left to do."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next payout is due."""
        ...


class Dates(Protocol):
    """The due work of calendars: a notice came, and open dates rest on the version before."""

    async def run_due(self, now: datetime) -> int:
        """Recompute dates, up to a limit; how many were looked at. Zero: nothing is left to do."""
        ...


class Reports(Protocol):
    """The due work of reports."""

    async def run_due(self, now: datetime) -> int:
        """Refresh reports that have grown old; how many of their rows were looked at anew."""
        ...

    async def refresh(self, now: datetime) -> int:
        """Refresh reports however old they are."""
        ...


class Done(msgspec.Struct):
    """How much due work was done, by kind."""

    expired: int = 0
    defaulted: int = 0
    retotaled: int = 0
    assessed: int = 0
    payouts: int = 0
    forgotten: int = 0
    redated: int = 0
    reported: int = 0


class Worker:
    """Does what is due. `payouts` is the due work of withdrawals, `dates` that of calendars, `reports` that of reports."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        lanes: Lanes,
        *,
        book: Callable[[], PolicyBook],
        ids: IdMaker,
        payouts: Payouts,
        dates: Dates | None = None,
        reports: Reports | None = None,
    ) -> None:
        self._pool = pool
        self._lanes = lanes
        self._book = book
        self._ids = ids
        self._payouts = payouts
        self._dates = dates
        self._reports = reports
        self._forgot_at: datetime | None = None
        self._taken_up: tuple[PolicyBook, datetime] | None = None

    async def run_due(self, now: datetime, *, at_rest: bool = True) -> Done:
        """Do everything that is due by `now`. A second worker, or a second time, does no harm.

        Where a clock that is moved is not `at_rest` yet, reports wait: nobody reads those of the moments on the way.
        """
        done = Done()
        while await self._orders(now, done):
            pass
        while await self._layers(now, done):
            pass
        await self._take_up_runs(now)
        while await self._runs(now, done):
            pass
        while await self._retries(now, done):
            pass
        # Before the payouts, which carry the day of their arrival to the bank.
        while self._dates is not None and (looked_at := await self._dates.run_due(now)):
            done.redated += looked_at
        while moved := await self._payouts.run_due(now):
            done.payouts += moved
        await self._forget(now, done)
        if self._reports is not None and at_rest:
            done.reported += await self._reports.run_due(now)
        return done

    async def move_clock(self, clock: SandboxClock, to: datetime) -> Done:
        """Move a sandbox's clock to `to`, stopping on the way wherever something is due. ValueError when `to` is past."""
        total = Done()
        if to < clock.now():
            clock.move_to(to)
        await self._take_up_runs(clock.now())
        while True:
            due = await self.next_due()
            clock.move_to(to if due is None else min(to, max(due, clock.now() + STEP)))
            async with self._pool.acquire() as connection:
                await connection.execute(_MOVE_CLOCK, clock.now())
            done = await self.run_due(clock.now(), at_rest=False)
            for kind in Done.__struct_fields__:
                setattr(total, kind, getattr(total, kind) + getattr(done, kind))
            if clock.now() >= to:
                if self._reports is not None:
                    total.reported += await self._reports.refresh(to)
                return total

    async def next_due(self) -> datetime | None:
        """When something is due next; it may be past."""
        async with self._pool.acquire() as connection:
            moment = await connection.fetchval(_SQL["next_due"])
            looked = await connection.fetchval(_SQL["looked_until"])
        occasion = None if looked is None else runs.next_due(self._book(), looked)
        moments = (moment, occasion, await self._payouts.next_due())
        return min((due for due in moments if due is not None), default=None)

    async def _forget(self, now: datetime, done: Done) -> None:
        """Once a day, let go of answers that nobody may ask for any more."""
        if self._forgot_at is not None and now - self._forgot_at < timedelta(days=1):
            return
        async with self._pool.acquire() as connection:
            gone = FORGOTTEN_AT_ONCE
            while gone == FORGOTTEN_AT_ONCE:
                gone = await forget(connection, before=now - REMEMBERED_FOR, limit=FORGOTTEN_AT_ONCE)
                done.forgotten += gone
        self._forgot_at = now

    async def _orders(self, now: datetime, done: Done) -> bool:
        """Holds whose time is over, and orders that buyers did not pay in time."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_SQL["due_orders"], now, CHUNK)
        commands = [
            Due(
                kind="expire" if row["expires"] else "default",
                store_id=row["store_id"],
                id=row["authorization_id"].hex,
                at=row["expires_at"] if row["expires"] else row["due_at"],
            )
            for row in rows
        ]
        answers = await self._lanes.submit_all(commands)
        moved = 0
        for command, answer in zip(commands, answers, strict=True):
            outcome = getattr(answer, "outcome", None)
            if outcome is None:
                continue
            moved += 1
            if command.kind == "expire":
                done.expired += 1
            else:
                done.defaulted += 1
        if commands and not moved:
            # Another worker was faster, or the policy's times changed: what is left is looked at next time.
            _log.warning("nothing_of_due_orders_moved", orders=len(commands))
        # An order whose hold expired may be a default as well: look again as long as something moved.
        return moved > 0

    async def _layers(self, now: datetime, done: Done) -> bool:
        async with self._pool.acquire() as connection:
            store_ids = [row["store_id"] for row in await connection.fetch(_SQL["due_lines"], now, CHUNK)]
            if store_ids:
                terms = self._book().at(now).terms.orders
                await lines.retotal(connection, store_ids, terms=terms, ids=self._ids, now=now)
        done.retotaled += len(store_ids)
        return len(store_ids) == CHUNK

    async def _take_up_runs(self, now: datetime) -> None:
        """Begin the runs that are due. Nothing is asked of the database before the next occasion."""
        book = self._book()
        if self._taken_up is not None:
            known, next_at = self._taken_up
            if known is book and now < next_at:
                return
        async with self._pool.acquire() as connection:
            await runs.take_up(connection, book, ids=self._ids, now=now)
        self._taken_up = (book, runs.next_due(book, now))

    async def _runs(self, now: datetime, done: Done) -> bool:
        async with self._pool.acquire() as connection:
            met = await runs.advance(connection, self._book(), ids=self._ids, now=now)
        if met is None:
            return False
        if met.finished_at is not None and met.cause not in runs.NOT_ASSESSING:
            done.assessed += met.stores - met.untouched - met.failed
        return True

    async def _retries(self, now: datetime, done: Done) -> bool:
        """Stores whose last assessment lacked something, or to which something happened since (B11)."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_SQL["lines_to_assess"], now, CHUNK)
            by_cause: dict[str, list[str]] = {}
            for row in rows:
                by_cause.setdefault(row["cause"], []).append(row["store_id"])
            for cause, store_ids in sorted(by_cause.items()):
                made = await assess(
                    connection,
                    store_ids,
                    book=self._book(),
                    cause=cause,
                    author="worker",
                    ids=self._ids,
                    now=now,
                )
                done.assessed += len(store_ids) - len(made.failed)
                for store_id, error in made.failed.items():
                    _log.warning("not_assessed", store_id=store_id, error=str(error))
        return len(rows) == CHUNK
