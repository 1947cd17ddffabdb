"""What time does to withdrawals: paid, rejected, asked about again; by two workers at once and after a crash."""

import asyncio
import dataclasses
from datetime import datetime, timedelta

import msgspec
import pytest

from houfu.db.tx import connect, open_pool
from houfu.policy.document import Policy, shipped_policy
from houfu.withdrawals.payouts import Payouts, dispatch, due
from withdrawals.programme import CLOSED_NUMBER, MONDAY, TUESDAY, Programme, check_books, open_programme

EVENING = MONDAY.replace(hour=23)


def policy_that_charges_failures() -> Policy:
    terms = shipped_policy().terms
    fee = msgspec.structs.replace(terms.withdrawals.fee, charge_failed=True)
    clause = msgspec.structs.replace(terms.withdrawals, fee=fee)
    return dataclasses.replace(shipped_policy(), terms=msgspec.structs.replace(terms, withdrawals=clause))


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
    assert await programme.work(TUESDAY + timedelta(days=9)) == 0
    assert programme.bank.handed == [asked.id]


async def test_one_look_after_a_long_absence_pays_at_the_banks_moment(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    await programme.work(MONDAY + timedelta(days=30))
    view = await programme.look(asked.id)
    assert (view.status, view.paid_at) == ("paid", TUESDAY)
    assert view.bank_reference is not None
    occurred, recorded = await programme.connection.fetchrow(
        "select occurred_at, recorded_at from journals where kind = 'payout_paid'"
    )
    assert (occurred, recorded) == (TUESDAY, MONDAY + timedelta(days=30))


async def test_a_rejected_withdrawal_takes_nothing(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000, number=CLOSED_NUMBER)
    before = await programme.balances()
    asked = [await programme.ask(100_000), await programme.ask(200_000)]
    assert asked[1].fee == 1_200
    await programme.work(TUESDAY)
    for each in asked:
        view = await programme.look(each.id)
        assert (view.status, view.reason, view.returned) == ("failed", "bank_rejected", each.amount)
        assert view.failed_at == TUESDAY
        assert view.remedy is not None
    assert await programme.balances() == before
    assert await programme.connection.fetchval("select day_withdrawn_share_bp from lines") == 0
    assert (await programme.ask(100_000, at=TUESDAY)).fee_rule == "first_free"


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
    sale = datetime.fromisoformat("2026-11-11T12:00:00+08:00")
    await programme.open_store(balance=1_000_000, at=sale)
    asked = [await programme.ask(10_000, at=sale) for _ in range(12)]
    paid: list[int] = []
    for days in (1, 2, 5):  # Thursday, Friday, Monday: the working days up to the latest
        await programme.work(sale.replace(hour=10) + timedelta(days=days))
        views = [await programme.look(each.id) for each in asked]
        paid.append(sum(view.status == "paid" for view in views))
    assert paid[0] < paid[1] < paid[2] == 12
    assert programme.bank.handed == [each.id for each in asked]


async def test_a_changed_bank_account_moves_no_payout(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    await programme.connection.execute("update bank_accounts set number = $1", CLOSED_NUMBER)
    await programme.work(TUESDAY)
    assert (await programme.look(asked.id)).status == "paid"


async def test_two_workers_at_once_pay_once(programme: Programme) -> None:
    stores = [f"s{n}" for n in range(20)]
    for store_id in stores:
        await programme.open_store(store_id, balance=100_000)
        await programme.ask(60_000, store_id)
        await programme.ask(10_000, store_id)
    connections = await asyncio.gather(*(connect(programme.dsn) for _ in range(4)))
    try:
        for moment in (EVENING, TUESDAY):
            await asyncio.gather(*(programme.work(moment, connection=c) for c in connections))
            await programme.work(moment)
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    count = await programme.connection.fetchval("select count(*) from journals where kind = 'payout_paid'")
    assert (count, len(set(programme.bank.handed))) == (40, 40)
    for store_id in stores:
        balances = await programme.balances(store_id)
        assert balances == {
            "buyer_receivable": 100_000,
            "store_balance": 30_000,
            "fee_income": 200,
            "bank": 69_800,
        }


async def test_a_crash_between_committing_and_sending_is_healed_by_the_next_run(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    programme.bank.fails = 1
    with pytest.raises(ConnectionError):
        await programme.work(EVENING)
    view = await programme.look(asked.id)
    assert (view.status, view.bank_reference, programme.bank.handed) == ("in_transit", None, [])
    await programme.work(EVENING + timedelta(minutes=1))
    assert programme.bank.handed == [asked.id]
    await programme.work(TUESDAY)
    assert (await programme.look(asked.id)).status == "paid"


async def test_a_crash_between_sending_and_acknowledging_pays_once(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    asked = await programme.ask(60_000)
    found = await due(programme.connection, now=EVENING)
    await programme.work(EVENING)
    # What a worker that was slow between the two would do: hand the same id over again.
    await programme.connection.execute("update withdrawals set bank_reference = null, due_at = $1", EVENING)
    await dispatch(programme.connection, programme.bank, found, terms_at=programme.terms_at, now=EVENING)
    assert programme.bank.handed == [asked.id, asked.id]
    await programme.work(TUESDAY)
    assert (await programme.balances())["bank"] == 60_000


async def test_canceling_and_sending_at_once_do_one_of_the_two(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    asked = [await programme.ask(10_000) for _ in range(20)]
    other = await connect(programme.dsn)
    try:
        await asyncio.gather(
            programme.work(EVENING, connection=other),
            *[cancel_all(programme, [each.id for each in asked])],
        )
    finally:
        await other.close()
    await programme.work(EVENING)
    await programme.work(TUESDAY)
    states = [(await programme.look(each.id)).status for each in asked]
    assert set(states) <= {"paid", "canceled"}
    assert {
        view_id for view_id, state in zip([e.id for e in asked], states, strict=True) if state == "paid"
    } == set(programme.bank.handed)
    await check_books(programme.connection)


async def cancel_all(programme: Programme, ids: list[str]) -> None:
    for id in ids:
        await programme.cancel(id, at=EVENING)


async def test_the_worker_is_told_when_the_next_payout_is_due(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    async with open_pool(programme.dsn, size=1) as pool:
        payouts = Payouts(pool, programme.bank, terms_at=programme.terms_at)
        assert await payouts.next_due() is None
        await programme.ask(60_000)
        assert await payouts.next_due() == EVENING
        assert await payouts.run_due(EVENING) == 1
        assert await payouts.next_due() == TUESDAY
        assert await payouts.run_due(TUESDAY) == 1
        assert await payouts.run_due(TUESDAY) == 0
        assert await payouts.next_due() is None
