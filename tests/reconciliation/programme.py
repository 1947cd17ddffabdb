"""Payouts as the books have them, and statements as a bank sends them, on a real database."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import count
from typing import Literal

from houfu.core.calendar import Calendar, shipped_calendar
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect
from houfu.iso20022.message import Entry, Statement
from houfu.payouts.settling import BankAnswer
from houfu.reconciliation import proofs, tray
from houfu.reconciliation.actions import take_up_statement
from houfu.reconciliation.breaks import Break, BreakStatus
from houfu.reconciliation.proof import Proof
from houfu.reconciliation.statement import TakenUp

RAIL = "simulated"
MONDAY = date(2026, 3, 9)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
FRIDAY = MONDAY - timedelta(days=3)
OPENING = 100_000_000

Status = Literal["scheduled", "in_transit", "paid", "failed", "returned"]

_references = count(1)


@dataclass(frozen=True, kw_only=True)
class Payout:
    """A withdrawal as the books have it; `returned` is one that failed after it was paid."""

    id: str
    store_id: str
    net: int
    number: str
    holder: str

    @property
    def public_id(self) -> str:
        return f"wd_{self.id}.{self.store_id}"


def line(
    payout: Payout | None = None,
    *,
    amount: int | None = None,
    credit: bool = False,
    on: date = MONDAY,
    by_id: bool = True,
    number: str | None = None,
    name: str | None = None,
    reference: str | None = None,
) -> Entry:
    """A line that pays or brings back `payout`, or is of nobody."""
    return Entry(
        reference=reference or f"R{next(_references):08}",
        amount=amount if amount is not None else payout.net if payout else 0,
        credit=credit,
        booked_on=on,
        end_to_end_id=f"wd_{payout.id}" if payout and by_id else None,
        counterparty_name=name or (payout.holder if payout else None),
        counterparty_number=number or (payout.number if payout else None),
        return_reason="AC04" if credit and payout else None,
        words="closed account" if credit and payout else None,
    )


def statement(
    *lines: Entry, day: date = MONDAY, opening: int = OPENING, statement_id: str = "", currency: str = "CNY"
) -> Statement:
    moved = sum(one.amount if one.credit else -one.amount for one in lines)
    return Statement(
        message_id=f"M-{day}",
        statement_id=statement_id or f"S-{day}",
        created_at=datetime.combine(day, time(15), UTC),
        account_number="1001",
        currency=currency,
        day=day,
        opening=opening,
        closing=opening + moved,
        entries=lines,
    )


@dataclass
class Programme:
    """One rail's payouts and statements, on one connection."""

    dsn: str
    connection: Connection
    calendar: Calendar = field(default_factory=shipped_calendar)
    ids: IdMaker = field(default_factory=IdMaker)

    def now(self, day: date) -> datetime:
        return datetime.combine(day, time(16), UTC)

    async def batch(self, *, on: date = MONDAY, rail: str = RAIL) -> str:
        batch_id = self.ids.make(self.now(on))
        await self.connection.execute(
            """insert into payout_batches (batch_id, rail, currency, execution_on, payments, amount, status, made_by, made_at,
                                           decided_by, decided_at)
               values ($1, $2, 'CNY', $3, 1, 1, 'approved', 'worker', $4, 'system', $4)""",
            batch_id,
            rail,
            on,
            self.now(on),
        )
        return batch_id

    async def payouts(
        self,
        *nets: int,
        status: Status = "in_transit",
        on: date = MONDAY,
        came_back_on: date | None = None,
        number: str | None = None,
        rail: str = RAIL,
        store_id: str = "s1",
    ) -> list[Payout]:
        """Withdrawals of these nets, expected and, once paid, booked on the day."""
        await self.connection.execute(
            """insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
               values ($1, 'Store', 'o1', 3, '2024-01-01', 'mobile', 'clothing', $2, $2) on conflict do nothing""",
            store_id,
            self.now(on),
        )
        batch_id = None if status == "scheduled" else await self.batch(on=on, rail=rail)
        made = [
            Payout(
                id=self.ids.make(self.now(on)),
                store_id=store_id,
                net=net,
                number=number or f"62220202{next(_references):011}",
                holder=f"Holder {next(_references)}",
            )
            for net in nets
        ]
        booked = status in ("paid", "returned")
        failed = status in ("failed", "returned")
        moment = self.now(on)
        await self.connection.executemany(
            """insert into withdrawals (store_id, withdrawal_id, status, reason, currency, amount, net, bank_account_id, holder, number,
                                        bank_code, warnings, limit_total, author, asked_at, asked_on, arrives_on, latest_on, due_at,
                                        journal_seq, paid_seq, batch_id, file_number, booked_on, came_back_on, paid_at, failed_at,
                                        recorded_at, fee_breakdown)
               values ($1, $2, $3, $4, 'CNY', $5, $5, 'b1', $6, $7, 'ICBC', '[]', 0, 'test', $8, $9, $9, $9, $10, 1, $11, $12, $13,
                       $14, $15, $16, $17, $8, '{}')""",
            [
                (
                    store_id,
                    one.id,
                    "failed" if failed else status,
                    "bank_rejected" if failed else None,
                    one.net,
                    one.holder,
                    one.number,
                    moment,
                    on,
                    None if booked or failed else moment,
                    2 if booked else None,
                    batch_id,
                    None if batch_id is None else 1,
                    on if booked else None,
                    (came_back_on or on) if status == "returned" else None,
                    moment if booked else None,
                    moment if failed else None,
                )
                for one in made
            ],
        )
        return made

    async def learn(self, news: Sequence[BankAnswer]) -> None:
        """Let the books learn what the bank said, as settling does, without its journals."""
        for answer in news:
            if answer.outcome == "paid":
                await self.connection.execute(
                    """update withdrawals set status = 'paid', booked_on = $2, paid_at = $3, paid_seq = 2, due_at = null
                       where withdrawal_id = $1""",
                    answer.withdrawal_id,
                    answer.booked_on,
                    answer.at,
                )
            else:
                await self.connection.execute(
                    """update withdrawals set status = 'failed', reason = 'bank_rejected', came_back_on = $2, failed_at = $3
                       where withdrawal_id = $1""",
                    answer.withdrawal_id,
                    answer.booked_on,
                    answer.at,
                )

    async def take_up(
        self, said: Statement, *, learn: bool = True, rail: str = RAIL, connection: Connection | None = None
    ) -> TakenUp:
        """Take the statement up and, as the service does, let the books learn its news in the same transaction."""
        on = connection or self.connection
        async with on.transaction():
            taken = await take_up_statement(
                on,
                said,
                rail=rail,
                report_sha=sha256(said.message_id.encode()).digest(),
                calendar=self.calendar,
                ids=self.ids,
                now=self.now(said.day),
            )
            if learn:
                await self.learn(taken.news)
        return taken

    async def breaks(self, *, status: BreakStatus | None = None, rail: str = RAIL) -> list[Break]:
        """The breaks, oldest first."""
        found = await tray.breaks(self.connection, status=status, rail=rail, limit=200)
        return found[::-1]

    async def proof(self, day: date = MONDAY, *, rail: str = RAIL) -> Proof:
        return await proofs.proof(self.connection, rail, day)


@asynccontextmanager
async def open_programme(dsn: str) -> AsyncGenerator[Programme]:
    connection = await connect(dsn)
    try:
        yield Programme(dsn, connection)
    finally:
        await connection.close()
