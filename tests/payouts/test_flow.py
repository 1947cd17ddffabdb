"""From a request to the bank and back: paid, rejected, come back; by two workers at once and after a crash (D1, D4, D5)."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from banking import payouts_of
from houfu.bank.habits import PPM, Habits
from houfu.core.ids import IdMaker
from houfu.db.tx import connect
from houfu.payouts.rails.rail import RailAway
from houfu.payouts.simulated import RAILS, SimulatedRail, habits_of
from houfu.payouts.work import Payouts, Rails
from houfu.policy.document import Policy, shipped_policy
from withdrawals.programme import CLOSED_NUMBER, MONDAY, TUESDAY, Programme, check_books, open_programme

EVENING = MONDAY.replace(hour=23)


def policy_that_charges_failures() -> Policy:
    terms = shipped_policy().terms
    fee = msgspec.structs.replace(terms.withdrawals.fee, charge_failed=True)
    clause = msgspec.structs.replace(terms.withdrawals, fee=fee)
    return dataclasses.replace(shipped_policy(), terms=msgspec.structs.replace(terms, withdrawals=clause))


async def statuses(programme: Programme, asked: list[Any]) -> list[str]:
    return [(await programme.look(each.id, each.store_id)).status for each in asked]


async def test_a_withdrawal_leaves_at_night_and_is_paid_the_next_working_day(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    seen: list[tuple[str, datetime | None]] = []
    for moment in (EVENING - timedelta(seconds=1), EVENING, TUESDAY - timedelta(seconds=1), TUESDAY):
        await programme.work(moment)
        view = await programme.look(asked.id)
        seen.append((view.status, view.paid_at))
    assert seen == [("scheduled", None), ("in_transit", None), ("in_transit", None), ("paid", TUESDAY)]
    assert await programme.balances() == {
        "buyer_receivable": 100_000,
        "store_balance": 40_000,
        "bank": 60_000,
    }
    assert (await programme.look(asked.id)).bank_reference is not None
    assert await programme.handed() == [asked.id.partition(".")[0]]


async def test_a_rejected_withdrawal_takes_nothing_and_says_why(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000, number=CLOSED_NUMBER)
    before = await programme.balances()
    asked = [await programme.ask(100_000), await programme.ask(200_000)]
    assert asked[1].fee == 1_200
    await programme.work(TUESDAY)
    for each in asked:
        view = await programme.look(each.id)
        assert (view.status, view.reason, view.returned) == ("failed", "bank_rejected", each.amount)
        assert (view.failed_at, view.bank_reason) == (TUESDAY, "AC04")
        assert view.message == "收款账户已销户"
        assert view.remedy == "请更换或更正收款账户后重新申请提现"
    assert await programme.balances() == before
    assert await programme.connection.fetchval("select day_withdrawn_share_bp from lines") == 0
    assert (await programme.ask(100_000, at=TUESDAY)).fee_rule == "first_free"
    told = await programme.connection.fetch(
        "select message_zh from messages where kind = 'withdrawal_failed'"
    )
    assert len(told) == 2
    assert "收款账户已销户" in told[0]["message_zh"]


async def test_a_policy_may_keep_the_fee_of_a_failed_attempt(database: str) -> None:
    async with open_programme(database, policy_that_charges_failures()) as programme:
        await programme.open_store(balance=1_000_000, number=CLOSED_NUMBER)
        free, charged = await programme.ask(100_000), await programme.ask(200_000)
        await programme.work(TUESDAY)
        assert (await programme.look(free.id)).returned == 100_000
        assert (await programme.look(charged.id)).returned == 198_800
        assert await programme.balances() == {
            "buyer_receivable": 1_000_000,
            "store_balance": 998_800,
            "fee_income": 1_200,
        }


async def test_a_promotions_payout_is_asked_about_until_the_bank_decides(programme: Programme) -> None:
    # What the bank does follows from the payments' ids: the same ids on every run.
    programme.ids = IdMaker(Random(11).getrandbits)
    sale = datetime.fromisoformat("2026-11-11T12:00:00+08:00")
    programme.clock.move_to(sale)
    await programme.open_store("s1", balance=1_000_000, at=sale)
    await programme.open_store("s2", balance=1_000_000, at=sale)
    await programme.open_store("s3", balance=1_000_000, at=sale)
    asked = [await programme.ask(10_000, store, at=sale) for store in ("s1", "s2", "s3") for _ in range(4)]
    paid: list[int] = []
    for days in (1, 2, 5):  # Thursday, Friday, Monday: the working days up to the latest
        await programme.work(sale.replace(hour=10) + timedelta(days=days))
        paid.append((await statuses(programme, asked)).count("paid"))
    assert paid[0] < paid[1] < paid[2] == 12
    assert len(await programme.handed()) == 12


async def test_a_changed_bank_account_moves_no_payout(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    await programme.connection.execute("update bank_accounts set number = $1", CLOSED_NUMBER)
    await programme.work(TUESDAY)
    assert await statuses(programme, [asked]) == ["paid"]


async def test_money_that_comes_back_after_it_was_paid_returns_to_the_store(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000)
    before = await programme.balances()
    worker = payouts_of(
        programme.pool, programme.clock, programme.policy, habits=Habits(return_ppm=PPM), ids=programme.ids
    )
    asked = await programme.ask(300_000)
    await programme.work(TUESDAY, payouts=worker)
    assert await statuses(programme, [asked]) == ["paid"]
    await programme.work(TUESDAY + timedelta(days=20), payouts=worker)
    view = await programme.look(asked.id)
    assert (view.status, view.reason, view.returned) == ("failed", "bank_rejected", 300_000)
    assert view.paid_at is not None
    assert view.failed_at is not None
    assert view.failed_at > view.paid_at
    assert await programme.balances() == before
    kinds = await programme.connection.fetch("select kind from messages where store_id = 's1' order by seq")
    assert [row["kind"] for row in kinds if row["kind"].startswith("withdrawal")] == [
        "withdrawal_paid",
        "withdrawal_failed",
    ]


async def test_two_workers_at_once_pay_once(programme: Programme) -> None:
    stores = [f"s{n}" for n in range(20)]
    for store_id in stores:
        await programme.open_store(store_id, balance=100_000)
        await programme.ask(60_000, store_id)
        await programme.ask(10_000, store_id)
    workers = [
        payouts_of(programme.pool, programme.clock, programme.policy, ids=programme.ids) for _ in range(4)
    ]
    for moment in (EVENING, EVENING + timedelta(minutes=1), TUESDAY, TUESDAY + timedelta(days=1)):
        programme.clock.move_to(moment)
        await asyncio.gather(*(programme.run(worker) for worker in workers))
        await programme.run(workers[0])
    count = await programme.connection.fetchval("select count(*) from journals where kind = 'payout_paid'")
    handed = await programme.handed()
    assert (count, len(handed), len(set(handed))) == (40, 40, 40)
    for store_id in stores:
        assert await programme.balances(store_id) == {
            "buyer_receivable": 100_000,
            "store_balance": 30_000,
            "fee_income": 200,
            "bank": 69_800,
        }


class HangsUp:
    """The simulated bank, reached over a line that breaks: before the bank hears, or after it took the file."""

    def __init__(self, rail: SimulatedRail, *, before: int = 0, after: int = 0) -> None:
        self._rail = rail
        self._before = before
        self._after = after
        self.waiting = rail.waiting
        self.fetch = rail.fetch
        self.taken = rail.taken
        self.has = rail.has

    async def deliver(self, message_id: str, content: bytes) -> None:
        if self._before:
            self._before -= 1
            raise RailAway("the line broke")
        await self._rail.deliver(message_id, content)
        if self._after:
            self._after -= 1
            raise RailAway("the line broke after the bank had the file")


def over_a_broken_line(programme: Programme, **breaks: int) -> Payouts:
    (terms,) = RAILS.rails
    rail = SimulatedRail(programme.pool, programme.clock, terms, habits_of(programme.policy))
    rails = Rails(RAILS, {terms.name: HangsUp(rail, **breaks)}, {terms.name: rail})
    return payouts_of(programme.pool, programme.clock, programme.policy, ids=programme.ids, rails=rails)


@pytest.mark.parametrize("breaks", [{"before": 3}, {"after": 1}, {"before": 2, "after": 1}])
async def test_a_line_that_breaks_loses_nothing_and_pays_once(
    programme: Programme, breaks: dict[str, int]
) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    worker = over_a_broken_line(programme, **breaks)
    await programme.work(EVENING, payouts=worker)
    view = await programme.look(asked.id)
    assert (view.status, view.bank_reference) == ("in_transit", None)
    for minutes in range(1, 5):
        await programme.work(EVENING + timedelta(minutes=minutes), payouts=worker)
    await programme.work(TUESDAY, payouts=worker)
    assert await statuses(programme, [asked]) == ["paid"]
    assert await programme.handed() == [asked.id.partition(".")[0]]
    assert (await programme.balances())["bank"] == 60_000


async def test_canceling_and_cutting_off_at_once_do_one_of_the_two(programme: Programme) -> None:
    stores = [f"s{n}" for n in range(5)]
    for store_id in stores:
        await programme.open_store(store_id, balance=1_000_000)
    asked = [await programme.ask(10_000, store_id) for store_id in stores for _ in range(4)]
    worker = payouts_of(programme.pool, programme.clock, programme.policy, ids=programme.ids)
    programme.clock.move_to(EVENING)

    async def cancel_all() -> None:
        for each in asked:
            await programme.cancel(each.id, at=EVENING, store_id=each.store_id)

    await asyncio.gather(programme.run(worker), cancel_all())
    await programme.work(TUESDAY, payouts=worker)
    states = await statuses(programme, asked)
    assert set(states) <= {"paid", "canceled"}
    paid = [each.id.partition(".")[0] for each, state in zip(asked, states, strict=True) if state == "paid"]
    assert sorted(paid) == sorted(await programme.handed())
    await check_books(programme.connection)


async def test_the_worker_is_told_when_something_is_due_next(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    worker = payouts_of(programme.pool, programme.clock, programme.policy, ids=programme.ids)
    assert await worker.next_due() is None
    await programme.ask(60_000)
    assert await worker.next_due() == EVENING
    await programme.work(TUESDAY, payouts=worker)
    assert await worker.run_due(TUESDAY) == 0
    due = await worker.next_due()
    assert due is not None
    assert due.astimezone(MONDAY.tzinfo).hour == 20, "the bank's statement of the day"


async def test_a_frozen_stores_payout_stays_behind_until_its_funds_are_released(programme: Programme) -> None:
    for store_id in ("s1", "s2"):
        await programme.open_store(store_id, balance=100_000)
    frozen, free = await programme.ask(60_000, "s1"), await programme.ask(60_000, "s2")
    await programme.note("funds_frozen", "s1", at=MONDAY + timedelta(hours=1))
    await programme.work(TUESDAY)
    assert await statuses(programme, [frozen, free]) == ["scheduled", "paid"]
    await programme.note("funds_released", "s1", at=TUESDAY)
    await programme.work(TUESDAY + timedelta(days=1))
    assert await statuses(programme, [frozen, free]) == ["paid", "paid"]


async def test_the_days_statement_agrees_with_the_books(programme: Programme) -> None:
    for n in range(6):
        number = CLOSED_NUMBER if n == 5 else f"62220202000{n:05d}1"
        await programme.open_store(f"s{n}", balance=100_000, number=number)
        await programme.ask(60_000, f"s{n}")
    await programme.work(TUESDAY.replace(hour=20))
    row = await programme.connection.fetchrow(
        "select * from bank_statements where day = $1", date(2026, 3, 3)
    )
    assert row is not None
    assert (row["opening"] - row["closing"], row["entries"]) == (300_000, 5)
    assert await programme.connection.fetchval("select count(*) from breaks") == 0


async def test_a_second_connection_sees_no_half_of_a_cut_off(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    await programme.ask(60_000)
    await programme.work(EVENING)
    other = await connect(programme.dsn)
    try:
        row = await other.fetchrow(
            "select (select count(*) from payout_batches) as batches, (select count(*) from payout_files) as files,"
            " (select count(*) from withdrawals where batch_id is not null) as carried"
        )
    finally:
        await other.close()
    assert tuple(row) == (1, 1, 1)
