"""A small programme on a real database: stores with lines, balances and bank accounts, and a bank that remembers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import msgspec
from asyncpg import Pool, Record

from banking import payouts_of
from houfu.core.calendar import Calendar, shipped_calendar
from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect, open_pool
from houfu.iso20022 import pain001
from houfu.ledger import actions as ledger
from houfu.ledger.journal import Posting, post
from houfu.ledger.verify import INVARIANTS as OF_LEDGER
from houfu.ledger.verify import verify
from houfu.lines.assessing import assess
from houfu.payouts.actions import unpacked
from houfu.payouts.work import Payouts
from houfu.policy.actions import Assessed
from houfu.policy.book import PolicyBook, Published
from houfu.policy.document import Policy, shipped_policy, shipped_text
from houfu.policy.periods import add_months
from houfu.policy.publishing import publish
from houfu.policy.terms import Hours24
from houfu.withdrawals import actions
from houfu.withdrawals.ask import Answer, Ask, Cancel, Trouble, WithdrawalView
from houfu.withdrawals.invariants import INVARIANTS as OF_WITHDRAWALS
from houfu.withdrawals.terms import WithdrawalTerms, withdrawal_terms

TERMS = withdrawal_terms(shipped_policy().terms)
MONDAY = datetime(2026, 3, 2, 10, tzinfo=TERMS.zone)
TUESDAY = MONDAY + timedelta(days=1)
CLOSED_NUMBER = "6222020200010000"

_numbers = count(1)


def policy_with(**changed: Any) -> Policy:
    """The shipped policy, but for these terms of withdrawals."""
    terms = shipped_policy().terms
    clause = msgspec.structs.replace(terms.withdrawals, **changed)
    return replace(shipped_policy(), terms=msgspec.structs.replace(terms, withdrawals=clause))


COUNTLESS = policy_with(day_count_max=100_000, hours_24=Hours24())
"""A store may withdraw as often as it likes."""


@dataclass
class Programme:
    """The programme under one policy, on one connection."""

    dsn: str
    connection: Connection
    pool: Pool[Record]
    policy: Policy
    calendar: Calendar = field(default_factory=shipped_calendar)
    ids: IdMaker = field(default_factory=IdMaker)
    clock: SandboxClock = field(default_factory=lambda: SandboxClock(MONDAY))

    def terms_at(self, moment: datetime) -> WithdrawalTerms:
        return withdrawal_terms(self.policy.terms)

    async def open_store(
        self,
        store_id: str = "s1",
        *,
        balance: int = 0,
        liability: int = 0,
        opened_on: date = date(2024, 1, 1),
        number: str = "6222020200011111",
        at: datetime = MONDAY,
    ) -> int:
        """A store with a line, as much balance and liability, and the bank account b1; its limit."""
        await self.connection.execute(
            "insert into stores values ($1, 'Store', 'o1', 3, $2, 'mobile', 'clothing', $3, $3)",
            store_id,
            opened_on,
            at,
        )
        await self.connection.executemany(
            "insert into store_metrics values ($1, $2, 1, 300, 30000000, 485, 485, 485, 300, 9900, 5, $3)",
            [(store_id, add_months(date(at.year, at.month, 1), -back), at) for back in range(1, 13)],
        )
        await self.connection.execute(
            "insert into bank_accounts values ($1, 'b1', 'Holder', $2, 'ICBC', $3, $3, $3, 'test')",
            store_id,
            number,
            at,
        )
        made = await assess(
            self.connection,
            [store_id],
            book=PolicyBook([Published(self.policy, datetime(2020, 1, 1, tzinfo=UTC))]),
            cause="opened",
            author="test",
            ids=self.ids,
            now=at,
        )
        assessed = made.answers[store_id]
        assert isinstance(assessed, Assessed)
        if balance:
            await self.post(store_id, ("buyer_receivable", balance), ("store_balance", -balance))
        if liability:
            await self.post(store_id, ("store_liability", liability), ("bank", -liability))
        return assessed.decision.total

    async def post(self, store_id: str, *postings: Posting, at: datetime = MONDAY) -> None:
        async with self.connection.transaction():
            await self.connection.fetch("select from lines where store_id = $1 for update", store_id)
            account = (await ledger.load_books(self.connection, [store_id]))[store_id]
            _, journal = post(account.books, "given", postings, subject=None, occurred_at=at, recorded_at=at)
            await ledger.record(self.connection, [journal])

    async def note(self, kind: str, store_id: str = "s1", *, at: datetime = MONDAY) -> None:
        await self.connection.execute(
            "insert into store_facts values ($1, $2, $3, $4, $4, 'test', '')",
            store_id,
            self.ids.make(at),
            kind,
            at,
        )

    def asking(
        self,
        amount: int,
        store_id: str = "s1",
        *,
        key: str | None = None,
        account: str = "b1",
        language: str = "zh",
    ) -> Ask:
        return Ask(
            store_id=store_id,
            amount=amount,
            bank_account_id=account,
            key=key or f"k{next(_numbers)}",
            request_sha=sha256(f"{amount}|{account}".encode()).digest(),
            author="merchant:test",
            language="en" if language == "en" else "zh",
        )

    async def answer(
        self, ask: Ask, *, at: datetime = MONDAY, connection: Connection | None = None
    ) -> Answer | Trouble:
        return await actions.request(
            connection or self.connection,
            ask,
            policy=self.policy,
            calendar=self.calendar,
            ids=self.ids,
            now=at.astimezone(UTC),
        )

    async def ask(
        self, amount: int, store_id: str = "s1", *, at: datetime = MONDAY, account: str = "b1"
    ) -> WithdrawalView:
        answer = await self.answer(self.asking(amount, store_id, account=account), at=at)
        assert isinstance(answer, Answer)
        assert answer.outcome is not None
        return answer.outcome

    async def cancel(
        self, id: str, *, at: datetime = MONDAY, key: str | None = None, store_id: str = "s1"
    ) -> Answer | Trouble:
        command = Cancel(
            store_id=store_id,
            id=hex_of(id),
            key=key or f"k{next(_numbers)}",
            request_sha=sha256(id.encode()).digest(),
            author="merchant:test",
        )
        return await actions.cancel(
            self.connection, command, policy=self.policy, calendar=self.calendar, now=at
        )

    async def work(self, now: datetime, *, payouts: Payouts | None = None) -> int:
        """Do everything that is due by `now`, as the worker does who stops wherever something is due."""
        worker = payouts or payouts_of(self.pool, self.clock, self.policy, ids=self.ids)
        moved = 0
        while (due := await worker.next_due()) is not None and due <= now:
            if due > self.clock.now():
                self.clock.move_to(due)
            moved += await self.run(worker)
        if now > self.clock.now():
            self.clock.move_to(now)
        return moved + await self.run(worker)

    async def run(self, payouts: Payouts) -> int:
        """Do what is due by the present."""
        moved = 0
        while done := await payouts.run_due(self.clock.now()):
            moved += done
        return moved

    async def handed(self) -> list[str]:
        """What the bank was handed, in order: the ids of withdrawals, without their stores."""
        files = await self.connection.fetch("select content from simulated_bank_files order by seq")
        return [
            transfer.end_to_end_id
            for file in files
            for group in pain001.read(unpacked(file["content"])).groups
            for transfer in group.transfers
        ]

    async def look(self, id: str, store_id: str = "s1") -> WithdrawalView:
        return await actions.withdrawal(
            self.connection, store_id, hex_of(id), policy=self.policy, calendar=self.calendar
        )

    async def balances(self, store_id: str = "s1") -> dict[str, int]:
        """The accounts that hold something, signs as people read them: what is owed to the store is positive."""
        now = await ledger.balances(self.connection, store_id)
        turned = {"store_balance", "payout_clearing", "fee_income", "bank"}
        return {name: -held if name in turned else held for name, held in now.items() if held}


def hex_of(id: str) -> str:
    return id.removeprefix("wd_").partition(".")[0]


async def check_books(connection: Connection) -> None:
    """The books are proven, and withdrawals agree with them."""

    @asynccontextmanager
    async def acquire() -> AsyncGenerator[Connection]:
        yield connection

    proof = await verify(acquire, {**OF_LEDGER, **OF_WITHDRAWALS}, connections=1)
    assert proof.first_break is None


@asynccontextmanager
async def open_programme(dsn: str, policy: Policy | None = None) -> AsyncGenerator[Programme]:
    connection = await connect(dsn)
    try:
        await publish(
            connection,
            shipped_text(),
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            author="test",
            approved_by="another",
            now=MONDAY,
        )
        async with open_pool(dsn, size=8) as pool:
            yield Programme(dsn, connection, pool, policy or shipped_policy())
        await check_books(connection)
    finally:
        await connection.close()
