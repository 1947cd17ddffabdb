"""A bank and a worker that fail in every way there is, drawn from a seed: no payment is lost, none is made twice, and in the end
books and bank agree to the fen.

Each run has stores of its own, a rail of its own and a bank with its own habits. Workers are killed after any statement or any
call to the bank; files come truncated, with wrong sums, twice; answers are lost. Then the line is repaired, time goes on, and
the run is judged. `HOUFU_FAULT_RUNS` asks for more runs than the suite has time for.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from banking import payouts_of
from houfu.bank.bank import Bank
from houfu.bank.habits import Habits
from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.iso20022 import camt053
from houfu.iso20022.message import Party, Statement
from houfu.iso20022.read import read
from houfu.payouts import actions
from houfu.payouts.actions import unpacked
from houfu.payouts.payment import withdrawal_of
from houfu.payouts.rails.config import RailsConfig, RailTerms, SimulatedTerms
from houfu.payouts.rails.rail import RailAway, Waiting
from houfu.payouts.simulated import OPENING, SimulatedRail
from houfu.payouts.work import Payouts, Rails
from houfu.reconciliation.proofs import proof
from withdrawals.programme import CLOSED_NUMBER, MONDAY, TERMS, Programme, check_books, open_programme

RUNS = int(os.environ.get("HOUFU_FAULT_RUNS", "40"))
RUNS_A_TEST = 20
END = MONDAY + timedelta(days=18)
STEPS_MAX = 400


class Killed(Exception):
    """The worker's process ended here."""


class Fuse:
    """Burns with every statement and every call to the bank; where it ends, the process does."""

    def __init__(self, length: int | None = None) -> None:
        self.left = length

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            raise Killed


class FusedConnection:
    """A connection whose process may be killed before or after any statement. What was open is rolled back then."""

    def __init__(self, connection: Any, fuse: Fuse) -> None:
        self._connection = connection
        self._fuse = fuse

    def transaction(self, **how: Any) -> Any:
        return self._transaction(**how)

    @asynccontextmanager
    async def _transaction(self, **how: Any) -> AsyncGenerator[None]:
        async with self._connection.transaction(**how):
            yield
            self._fuse.burn()
        self._fuse.burn()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in {"execute", "fetch", "fetchrow", "fetchval", "executemany", "copy_records_to_table"}:
            return found

        async def burning(*given: Any, **named: Any) -> Any:
            self._fuse.burn()
            return await found(*given, **named)

        return burning


class FusedPool:
    """The pool of such a process."""

    def __init__(self, pool: Any, fuse: Fuse) -> None:
        self._pool = pool
        self._fuse = fuse

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[FusedConnection]:
        async with self._pool.acquire() as connection:
            yield FusedConnection(connection, self._fuse)


class BadLine:
    """The way to the bank: it breaks before or after a call, and what comes over it may be cut short or altered."""

    def __init__(self, rail: SimulatedRail, fuse: Fuse, random: Random, *, bad: bool) -> None:
        self._rail = rail
        self._fuse = fuse
        self._random = random
        self._bad = bad
        self._spoilt: dict[str, bytes] = {}
        self._seen: set[str] = set()

    async def _over(self, call: Callable[[], Awaitable[Any]]) -> Any:
        self._fuse.burn()
        if self._bad and self._random.random() < 0.1:
            raise RailAway("the line broke before the bank heard")
        answer = await call()
        if self._bad and self._random.random() < 0.1:
            raise RailAway("the line broke before the bank was heard")
        self._fuse.burn()
        return answer

    async def deliver(self, message_id: str, content: bytes) -> None:
        await self._over(lambda: self._rail.deliver(message_id, content))

    async def has(self, message_id: str, content: bytes) -> bool:
        return await self._over(lambda: self._rail.has(message_id, content))

    async def waiting(self, *, limit: int) -> list[Waiting]:
        found = await self._over(lambda: self._rail.waiting(limit=limit))
        offered: list[Waiting] = []
        for report in found:
            if self._bad and report.name not in self._seen and self._random.random() < 0.2:
                # First a spoilt copy under a name of its own, then the report as it should be.
                spoilt = _spoilt((await self._rail.fetch(report.name)), self._random)
                name = f"spoilt-{report.name}"
                self._spoilt[name] = spoilt
                offered.append(Waiting(name, len(spoilt)))
            self._seen.add(report.name)
            offered.append(report)
        return offered

    async def fetch(self, name: str) -> bytes:
        if name in self._spoilt:
            return self._spoilt[name]
        return await self._over(lambda: self._rail.fetch(name))

    async def taken(self, name: str) -> None:
        if name not in self._spoilt:
            await self._over(lambda: self._rail.taken(name))


def _spoilt(content: bytes, random: Random) -> bytes:
    """A report cut short somewhere, or a statement whose closing balance is a fen off."""
    message = read(content)
    if isinstance(message, Statement) and random.random() < 0.5:
        yuan, fen = divmod(message.closing, 100)
        return content.replace(f"{yuan}.{fen:02d}".encode(), f"{yuan}.{(fen + 1) % 100:02d}".encode(), 1)
    return content[: random.randrange(1, max(2, len(content) - 20))]


class Run:
    """One seed: its stores, its rail, its bank."""

    def __init__(self, programme: Programme, seed: int) -> None:
        self.programme = programme
        self.seed = seed
        self.random = Random(f"faults|{seed}")
        self.clock = SandboxClock(MONDAY)
        self.ids = IdMaker()
        self.terms = RailTerms(
            name=f"r{seed}",
            account=Party("平台备付金", f"0200{seed:012d}", "102100099996"),
            banks=(),
            approval=self.random.choice(("two_people", "automatic")),
            file_payments_max=self.random.choice((1, 2, 100)),
            adapter=SimulatedTerms(),
        )
        self.habits = Habits(
            seed=str(seed),
            **{
                share: self.random.choice((0, 150_000, 400_000))
                for share in (
                    "reject_ppm",
                    "delay_ppm",
                    "return_ppm",
                    "duplicate_ppm",
                    "lost_ppm",
                    "lost_answer_ppm",
                )
            },
            delay_days_max=2,
            return_days_max=3,
        )
        self.asked: list[tuple[str, str]] = []
        self.killed = 0

    async def prepare(self) -> None:
        """One or two stores that ask for some of their money."""
        for n in range(self.random.choice((1, 1, 2))):
            store_id = f"s{self.seed}-{n}"
            number = CLOSED_NUMBER if self.random.random() < 0.15 else "6222020200011111"
            await self.programme.open_store(store_id, balance=1_000_000, number=number)
            for _ in range(self.random.randint(1, 4)):
                view = await self.programme.ask(self.random.randint(5_000, 30_000), store_id)
                assert view.accepted
                self.asked.append((store_id, view.id))

    def process(self, fuse: Fuse, *, bad: bool) -> Payouts:
        """A worker as it is after its start: it remembers nothing but what is written."""
        bank = SimulatedRail(self.programme.pool, self.clock, self.terms, self.habits)
        rails = Rails(
            RailsConfig((self.terms,)),
            {self.terms.name: BadLine(bank, fuse, self.random, bad=bad)},
            {self.terms.name: bank},
        )
        pool = FusedPool(self.programme.pool, fuse)
        return payouts_of(pool, self.clock, self.programme.policy, rails=rails, ids=self.ids)

    async def fail(self) -> None:
        """Days on which everything breaks."""
        until = MONDAY + timedelta(days=7)
        for _ in range(STEPS_MAX):
            workers = [
                self.process(Fuse(self.random.randint(1, 60)), bad=True)
                for _ in range(self.random.choice((1, 1, 2)))
            ]
            done = await asyncio.gather(*(self._work(worker) for worker in workers), return_exceptions=True)
            for outcome in done:
                if isinstance(outcome, BaseException) and not isinstance(outcome, Killed):
                    raise outcome
                self.killed += isinstance(outcome, Killed)
            await self._decide(turns_down=True)
            # Time goes on whether or not the work was done.
            if self.random.random() < 0.5 and not await self._on(until):
                return
        raise AssertionError("time stood still")

    async def heal(self) -> None:
        """The line is repaired, nobody is killed, and time goes on until the bank has nothing more to say."""
        worker = self.process(Fuse(), bad=False)
        for _ in range(STEPS_MAX):
            await self._work(worker)
            await self._decide(turns_down=False)
            await self._work(worker)
            if not await self._on(END):
                return
        raise AssertionError("the bank never came to an end")

    async def _work(self, worker: Payouts) -> None:
        while await worker.run_due(self.clock.now()):
            pass

    async def _on(self, until: datetime) -> bool:
        """Move the clock to where something is due next; False where that is after `until`."""
        due = await self.process(Fuse(), bad=False).next_due()
        moment = self.clock.now() + timedelta(minutes=self.random.randint(1, 180))
        moment = max(moment, due) if due is not None else moment
        if moment > until:
            return False
        self.clock.move_to(moment)
        return True

    async def _decide(self, *, turns_down: bool) -> None:
        """A second person looks at what waits, and may turn a batch down once in a while."""
        connection = self.programme.connection
        for batch_id in await connection.fetch(
            "select batch_id from payout_batches where status = 'waiting' and rail = $1", self.terms.name
        ):
            await actions.decide(
                connection,
                batch_id["batch_id"].hex,
                approve=not turns_down or self.random.random() < 0.8,
                author="wu",
                note=None,
                terms=TERMS,
                now=self.clock.now(),
            )

    async def judge(self) -> None:
        """What the bank did, by its own statements, is what the books say, and it was done once."""
        debits, credits, moved = await self._bank()
        connection = self.programme.connection
        rows = await connection.fetch(
            "select * from withdrawals where store_id = any($1::text[])", [store for store, _ in self.asked]
        )
        assert len(rows) == len(self.asked)
        for row in rows:
            id = row["withdrawal_id"].hex
            seen = (row["status"], row["came_back_on"] is not None, debits[id], credits[id])
            assert seen in {
                ("paid", False, 1, 0),
                ("failed", True, 1, 1),
                ("failed", False, 0, 0),
            }, f"seed {self.seed}: {seen}"
        held = await connection.fetchval(
            "select coalesce(sum(balance), 0)::bigint from balances where account = 'bank' and store_id = any($1::text[])",
            list({store for store, _ in self.asked}),
        )
        assert -held == moved, f"seed {self.seed}"
        days = await connection.fetch("select day from bank_statements where rail = $1", self.terms.name)
        assert days
        for day in days:
            shown = await proof(connection, self.terms.name, day["day"])
            assert shown.proven, f"seed {self.seed}: {shown}"
        refused = await connection.fetchval(
            "select count(*) from bank_reports where rail = $1 and status = 'refused' and name not like 'spoilt-%'",
            self.terms.name,
        )
        assert refused == 0, f"seed {self.seed}"

    async def _bank(self) -> tuple[Counter[str], Counter[str], int]:
        """How often the bank paid and took back each withdrawal, and what left the account in all: from its statements."""
        bank = Bank(self.habits, self.terms.account, OPENING)
        for file in await self.programme.connection.fetch(
            "select content, received_at from simulated_bank_files where rail = $1 order by seq",
            self.terms.name,
        ):
            bank.receive(unpacked(file["content"]), file["received_at"])
        stated: dict[date, Statement] = {}
        debits: Counter[str] = Counter()
        credits: Counter[str] = Counter()
        moved = 0
        for report in bank.reports(MONDAY, self.clock.now()):
            if "camt.053" in report.name:
                statement = camt053.read(report.content)
                stated[statement.day] = statement
        for statement in stated.values():
            for entry in statement.entries:
                id = withdrawal_of(entry.end_to_end_id)
                assert id is not None
                (credits if entry.credit else debits)[id] += 1
                moved += -entry.amount if entry.credit else entry.amount
        return debits, credits, moved


@pytest.mark.parametrize("first", range(0, RUNS, RUNS_A_TEST))
async def test_whatever_fails_no_payment_is_lost_and_none_made_twice(database: str, first: int) -> None:
    killed = 0
    async with open_programme(database) as programme:
        for seed in range(first, min(RUNS, first + RUNS_A_TEST)):
            run = Run(programme, seed)
            await run.prepare()
            await run.fail()
            await run.heal()
            await run.judge()
            killed += run.killed
        await check_books(programme.connection)
    assert killed > 0, "a test of crashes in which nothing crashed"
