"""Payout batches: how payments are shared out over files, and the second person without whom nothing is sent."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking import payouts_of
from houfu.core.ids import IdMaker
from houfu.iso20022 import pain001
from houfu.payouts import actions
from houfu.payouts.batch import BatchDecided, BatchUnknown, OwnBatch
from houfu.payouts.payment import (
    FILES_MAX,
    Payment,
    end_to_end_id,
    files_of,
    message_id,
    payment_file,
    withdrawal_of,
)
from houfu.payouts.rails.config import RailsConfig, RailTerms, SimulatedTerms
from houfu.payouts.simulated import RAILS
from withdrawals.programme import MONDAY, TERMS, TUESDAY, Programme

EVENING = MONDAY.replace(hour=23)
DEBTOR = RAILS.rails[0].account


def rail(name: str, *banks: str, approval: str = "two_people", payments_max: int = 10_000) -> RailTerms:
    return RailTerms(
        name=name,
        account=DEBTOR,
        banks=banks,
        approval="automatic" if approval == "automatic" else "two_people",
        file_payments_max=payments_max,
        adapter=SimulatedTerms(),
    )


TWO_PEOPLE = RailsConfig((rail("icbc"),))
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
PAYMENTS = st.lists(
    st.builds(
        Payment,
        st.sampled_from(["s1", "s2", "s3"]),
        HEX,
        st.integers(1, 2**53 - 1),
        st.just("CNY"),
        st.text(min_size=1, max_size=20),
        st.just("6222020200011111"),
        st.sampled_from(["102100099996", "103100000026", "ICBC", ""]),
        st.dates(date(2026, 3, 1), date(2026, 3, 9)),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda payment: payment.withdrawal_id,
)


@given(PAYMENTS, st.integers(1, 9), st.randoms())
def test_files_hold_every_payment_once_and_do_not_depend_on_the_order(
    payments: list[Payment], payments_max: int, random: Random
) -> None:
    files = files_of(payments, payments_max=payments_max)
    assert sorted(p.withdrawal_id for file in files for p in file.payments) == sorted(
        p.withdrawal_id for p in payments
    )
    assert all(0 < len(file.payments) <= payments_max for file in files)
    assert [file.number for file in files] == list(range(1, len(files) + 1))
    shuffled = list(payments)
    random.shuffle(shuffled)
    assert files_of(shuffled, payments_max=payments_max) == files


@given(PAYMENTS)
def test_a_file_is_valid_and_the_bank_reads_what_was_meant(payments: list[Payment]) -> None:
    payments = [p for p in payments if p.holder.isprintable() and p.holder.strip() and p.bank_code]
    if not payments:
        return
    (file,) = files_of(payments, payments_max=100)
    today = date(2026, 3, 4)
    made = payment_file(file, batch_id="0" * 32, debtor=DEBTOR, today=today, made_at=MONDAY)
    content = pain001.write(made)
    pain001.validate(content)
    assert content == pain001.write(made)
    read = pain001.read(content)
    told = {t.end_to_end_id: (t.amount, g.execution_on) for g in read.groups for t in g.transfers}
    assert told == {end_to_end_id(p.withdrawal_id): (p.amount, max(p.arrives_on, today)) for p in payments}


def test_names_fit_and_lead_back() -> None:
    id = IdMaker().make(MONDAY)
    assert len(end_to_end_id(id)) == 35
    assert len(message_id(id, FILES_MAX)) == 35
    assert withdrawal_of(end_to_end_id(id)) == id
    assert [withdrawal_of(text) for text in (None, "", "wd_", id, f"xx_{id}", f"wd_{id}0")] == [None] * 6


def test_more_than_ninety_nine_files_are_more_than_a_batch() -> None:
    ids = IdMaker()
    payments = [
        Payment("s1", ids.make(MONDAY), 1, "CNY", "h", "1", "102", date(2026, 3, 3)) for _ in range(100)
    ]
    with pytest.raises(ValueError, match="100 payments are more than 99 files of 1 take"):
        files_of(payments, payments_max=1)


async def waiting_batch(programme: Programme, *, made_by: str = "worker", stores: int = 1) -> str:
    for n in range(stores):
        await programme.open_store(f"s{n + 1}", balance=100_000)
        await programme.ask(60_000, f"s{n + 1}")
    (batch_id,) = await actions.cut_off(
        programme.connection, TWO_PEOPLE, terms=TERMS, ids=programme.ids, now=EVENING, made_by=made_by
    )
    return batch_id


async def decide(programme: Programme, batch_id: str, author: str, *, approve: bool = True) -> str:
    view = await actions.decide(
        programme.connection,
        batch_id,
        approve=approve,
        author=author,
        note="seen",
        terms=TERMS,
        now=EVENING,
    )
    return view.status


async def test_a_batch_waits_for_a_second_person(programme: Programme) -> None:
    batch_id = await waiting_batch(programme, made_by="lin")
    worker = payouts_of(programme.pool, programme.clock, programme.policy, config=TWO_PEOPLE)
    await programme.work(TUESDAY, payouts=worker)
    assert await programme.handed() == []
    with pytest.raises(OwnBatch):
        await decide(programme, batch_id, "lin")
    assert await decide(programme, batch_id, "wu") == "approved"
    assert await decide(programme, batch_id, "wu") == "approved", "twice is once"
    with pytest.raises(BatchDecided):
        await decide(programme, batch_id, "chen")
    with pytest.raises(BatchDecided):
        await decide(programme, batch_id, "wu", approve=False)
    await programme.work(TUESDAY + timedelta(days=2), payouts=worker)
    assert len(await programme.handed()) == 1
    assert (await actions.batch(programme.connection, batch_id)).paid == 1


async def test_the_table_itself_refuses_a_maker_who_checks(programme: Programme) -> None:
    batch_id = await waiting_batch(programme, made_by="lin")
    with pytest.raises(Exception, match="decided_by_another_person"):
        await programme.connection.execute(
            "update payout_batches set status = 'approved', decided_by = 'lin', decided_at = made_at where batch_id = $1",
            batch_id,
        )


async def test_a_batch_that_is_turned_down_lets_its_withdrawals_go(programme: Programme) -> None:
    batch_id = await waiting_batch(programme, stores=2)
    assert await decide(programme, batch_id, "wu", approve=False) == "rejected"
    rows = await programme.connection.fetch(
        "select store_id, withdrawal_id, status, batch_id, due_at from withdrawals order by store_id"
    )
    assert {(row["status"], row["batch_id"]) for row in rows} == {("scheduled", None)}
    assert {row["due_at"] for row in rows} == {EVENING + timedelta(days=1)}
    first = f"wd_{rows[0]['withdrawal_id'].hex}.{rows[0]['store_id']}"
    await programme.cancel(first, at=EVENING, store_id=rows[0]["store_id"])
    (again,) = await actions.cut_off(
        programme.connection, TWO_PEOPLE, terms=TERMS, ids=programme.ids, now=EVENING + timedelta(days=1)
    )
    view = await actions.batch(programme.connection, again)
    assert (view.payments, view.execution_on) == (1, date(2026, 3, 3))


async def test_payments_go_over_the_rail_of_the_payees_bank_in_files_of_its_size(
    programme: Programme,
) -> None:
    config = RailsConfig((rail("icbc", "102", payments_max=2), rail("others", approval="automatic")))
    codes = ["102100099996", "103100000026", "102290000000", "308584000013", "102100099996"]
    for n, code in enumerate(codes):
        await programme.open_store(f"s{n}", balance=100_000)
        await programme.connection.execute(
            "update bank_accounts set bank_code = $1 where store_id = $2", code, f"s{n}"
        )
        await programme.ask(60_000, f"s{n}")
    made = await actions.cut_off(programme.connection, config, terms=TERMS, ids=programme.ids, now=EVENING)
    views = [await actions.batch(programme.connection, id) for id in made]
    assert [(v.rail, v.status, v.payments, [f.payments for f in v.files]) for v in views] == [
        ("icbc", "waiting", 3, [2, 1]),
        ("others", "approved", 2, [2]),
    ]
    for view, batch_id in zip(views, made, strict=True):
        for file in view.files:
            content = await actions.file_content(programme.connection, batch_id, file.number)
            pain001.validate(content)
            assert sum(t.amount for g in pain001.read(content).groups for t in g.transfers) == file.amount
    rows = await actions.payments(programme.connection, made[0], after=None, limit=10)
    assert [(row["file_number"], row["store_id"]) for row in rows] == [(1, "s0"), (1, "s2"), (2, "s4")]


async def test_a_person_may_cut_off_early(programme: Programme) -> None:
    await programme.open_store(balance=100_000)
    await programme.ask(60_000)
    nothing = await actions.cut_off(
        programme.connection, TWO_PEOPLE, terms=TERMS, ids=programme.ids, now=MONDAY
    )
    assert nothing == []
    made = await actions.cut_off(
        programme.connection,
        TWO_PEOPLE,
        terms=TERMS,
        ids=programme.ids,
        now=MONDAY,
        made_by="lin",
        until=actions.EVERYTHING,
    )
    assert len(made) == 1


async def test_a_batch_that_does_not_exist_is_told(programme: Programme) -> None:
    with pytest.raises(BatchUnknown):
        await actions.batch(programme.connection, "0" * 32)
    with pytest.raises(BatchUnknown):
        await decide(programme, "0" * 32, "wu")
