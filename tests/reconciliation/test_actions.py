"""Taking up a day's statement: lines find their payouts, and what is off becomes a break."""

from datetime import date, timedelta

import pytest

from houfu.reconciliation.actions import StatementRefused
from reconciliation.programme import (
    FRIDAY,
    MONDAY,
    OPENING,
    TUESDAY,
    WEDNESDAY,
    Programme,
    Status,
    line,
    statement,
)


async def test_lines_find_their_payouts_by_id_and_tell_what_the_books_do_not_know(
    programme: Programme,
) -> None:
    sent = await programme.payouts(10_000, 20_000)
    known = await programme.payouts(30_000, status="paid")
    taken = await programme.take_up(statement(*(line(one) for one in (*sent, *known))))
    assert (taken.lines, taken.matched_by_id, taken.breaks_opened) == (3, 3, 0)
    assert [(news.withdrawal_id, news.outcome, news.booked_on) for news in taken.news] == [
        (one.id, "paid", MONDAY) for one in sent
    ]
    proof = await programme.proof()
    assert (proof.proven, proof.differs_by, proof.paid, proof.payments) == (True, 0, 60_000, 3)
    assert proof.closing == OPENING - 60_000


async def test_the_same_statement_again_changes_nothing(programme: Programme) -> None:
    (sent,) = await programme.payouts(10_000)
    said = statement(line(sent), line(amount=500))
    first = await programme.take_up(said, learn=False)
    again = await programme.take_up(said, learn=False)
    assert (first.known, again.known) == (False, True)
    assert (again.breaks_opened, again.breaks_closed) == (0, 0)
    assert again.news == first.news, "the books have not learned it yet"
    await programme.learn(first.news)
    assert (await programme.take_up(said)).news == ()
    assert len(await programme.breaks()) == 1


async def test_another_statement_of_a_day_is_refused_whole(programme: Programme) -> None:
    (sent,) = await programme.payouts(10_000)
    await programme.take_up(statement(line(amount=500)))
    with pytest.raises(StatementRefused, match="otherwise"):
        await programme.take_up(statement(line(sent), statement_id="S-other"))
    assert await programme.connection.fetchval("select count(*) from bank_lines") == 1
    assert await programme.connection.fetchval("select count(*) from line_matches") == 0


async def test_a_credit_with_the_id_of_a_paid_payout_brings_it_back(programme: Programme) -> None:
    paid, unknown = await programme.payouts(10_000, 7_000)
    await programme.take_up(statement(line(paid)))
    taken = await programme.take_up(
        statement(
            line(paid, credit=True, on=TUESDAY),
            line(unknown, credit=True),
            day=TUESDAY,
            opening=OPENING - 10_000,
        )
    )
    assert [(news.withdrawal_id, news.outcome, news.reason, news.words) for news in taken.news] == [
        (paid.id, "returned", "AC04", "closed account")
    ]
    (off,) = await programme.breaks()
    assert (off.kind, off.amount, off.suggested_withdrawal_id) == (
        "line_without_payout",
        -7_000,
        unknown.public_id,
    )
    assert (await programme.proof(TUESDAY)).unexplained == 0


async def test_a_payment_may_be_booked_and_come_back_on_one_day(programme: Programme) -> None:
    (sent,) = await programme.payouts(10_000)
    taken = await programme.take_up(statement(line(sent), line(sent, credit=True)))
    assert [news.outcome for news in taken.news] == ["paid", "returned"]
    proof = await programme.proof()
    assert (proof.proven, proof.paid, proof.came_back, proof.matched) == (True, 10_000, 10_000, 2)


@pytest.mark.parametrize(
    ("status", "amounts", "kinds"),
    [
        ("in_transit", (9_900,), ["amount_differs"]),
        ("in_transit", (10_000, 10_000), ["line_twice"]),
        ("in_transit", (9_900, 10_000), ["amount_differs"]),
        ("paid", (10_000, 10_000, 10_000), ["line_twice", "line_twice"]),
        ("paid", (10_001,), ["amount_differs", "payout_without_line"]),
        ("paid", (), ["payout_without_line"]),
        ("failed", (10_000,), ["line_without_payout"]),
        ("scheduled", (10_000,), ["line_without_payout"]),
        ("in_transit", (), []),
    ],
)
async def test_what_is_off_with_a_payout_becomes_a_break(
    programme: Programme, status: Status, amounts: tuple[int, ...], kinds: list[str]
) -> None:
    (payout,) = await programme.payouts(10_000, status=status)
    await programme.take_up(statement(*(line(payout, amount=amount) for amount in amounts)))
    found = await programme.breaks()
    assert [one.kind for one in found] == kinds
    proof = await programme.proof()
    assert (proof.proven, proof.unexplained) == (not kinds, 0)
    assert proof.open_amount == proof.differs_by == sum(one.amount for one in found)


async def test_a_payout_of_another_rail_is_not_this_lines(programme: Programme) -> None:
    (other,) = await programme.payouts(10_000, rail="other")
    await programme.take_up(statement(line(other)))
    (off,) = await programme.breaks()
    assert (off.kind, off.suggested_withdrawal_id) == ("line_without_payout", other.public_id)


async def test_a_reference_that_came_before_is_a_line_twice(programme: Programme) -> None:
    await programme.take_up(statement(line(amount=500, reference="R")))
    await programme.take_up(
        statement(line(amount=500, reference="R", on=TUESDAY), day=TUESDAY, opening=OPENING - 500)
    )
    assert [one.kind for one in await programme.breaks()] == ["line_without_payout", "line_twice"]


async def test_a_line_without_id_is_the_only_payout_of_its_amount_and_account(programme: Programme) -> None:
    sent, returned = await programme.payouts(10_000), await programme.payouts(8_000, status="paid", on=FRIDAY)
    taken = await programme.take_up(
        statement(line(sent[0], by_id=False), line(returned[0], credit=True, by_id=False))
    )
    assert taken.matched_by_account == 2
    assert [news.outcome for news in taken.news] == ["paid", "returned"]
    assert await programme.breaks() == []


async def test_where_several_payouts_fit_a_person_is_shown_one(programme: Programme) -> None:
    first, _ = await programme.payouts(10_000, 10_000, number="6222")
    (named,) = await programme.payouts(20_000)
    (alone,) = await programme.payouts(30_000)
    await programme.payouts(40_000, 40_000)
    await programme.take_up(
        statement(
            line(first, by_id=False),
            line(named, by_id=False, number="0"),
            line(amount=30_000),
            line(amount=40_000),
        )
    )
    assert [(one.suggested_withdrawal_id, one.suggested_score) for one in await programme.breaks()] == [
        (first.public_id, 90),
        (named.public_id, 80),
        (alone.public_id, 50),
        (None, None),
    ]


async def test_a_line_that_comes_on_a_later_day_closes_its_break(programme: Programme) -> None:
    (paid,) = await programme.payouts(10_000, status="paid")
    await programme.take_up(statement())
    (missed,) = await programme.breaks()
    assert (missed.kind, missed.withdrawal_id, missed.amount) == (
        "payout_without_line",
        paid.public_id,
        -10_000,
    )
    assert not (await programme.proof()).proven
    taken = await programme.take_up(statement(line(paid, on=TUESDAY), day=TUESDAY))
    assert taken.breaks_closed == 1
    (closed,) = await programme.breaks()
    assert (closed.status, closed.reason, closed.closed_by) == ("closed", "line_came", "reconciliation")
    for day, differs_by in ((MONDAY, -10_000), (TUESDAY, 10_000)):
        proof = await programme.proof(day)
        assert (proof.proven, proof.differs_by, proof.other_days) == (True, differs_by, differs_by)


async def test_what_the_books_learn_late_is_held_against_the_statements_of_the_last_days(
    programme: Programme,
) -> None:
    await programme.take_up(statement())
    await programme.payouts(10_000, status="paid")
    assert (await programme.proof()).unexplained == -10_000
    await programme.take_up(statement(day=TUESDAY))
    (late,) = await programme.breaks()
    assert (late.kind, late.day) == ("payout_without_line", MONDAY)
    assert (await programme.proof()).unexplained == 0


async def test_bookings_of_a_weekend_belong_to_the_next_working_day(programme: Programme) -> None:
    (paid,) = await programme.payouts(10_000, status="paid", on=MONDAY - timedelta(days=1))
    await programme.take_up(statement(day=FRIDAY))
    await programme.take_up(statement(line(paid), opening=OPENING))
    assert (await programme.proof()).proven
    assert await programme.breaks() == []


async def test_a_working_day_without_statement_is_missed_until_it_comes(programme: Programme) -> None:
    (paid,) = await programme.payouts(10_000, status="paid", on=TUESDAY)
    await programme.take_up(statement())
    await programme.take_up(statement(day=WEDNESDAY, opening=OPENING - 10_000))
    (missing,) = await programme.breaks()
    assert (missing.kind, missing.day) == ("day_missing", TUESDAY)
    await programme.take_up(statement(line(paid), day=TUESDAY))
    (came,) = await programme.breaks()
    assert (came.status, came.reason) == ("closed", "statement_came")
    assert all([(await programme.proof(day)).proven for day in (MONDAY, TUESDAY, WEDNESDAY)])


@pytest.mark.parametrize(
    ("days", "openings", "expected"),
    [
        ((FRIDAY, MONDAY), (100, 100), []),
        ((FRIDAY, MONDAY), (100, 90), [("opening_differs", MONDAY, 10)]),
        ((MONDAY, FRIDAY), (90, 100), [("opening_differs", MONDAY, 10)]),
        ((FRIDAY, TUESDAY), (100, 90), [("day_missing", MONDAY, 0)]),
        ((FRIDAY, TUESDAY, MONDAY), (100, 90, 100), [("opening_differs", TUESDAY, 10)]),
    ],
)
async def test_a_statement_opens_with_what_the_one_before_closed_with(
    programme: Programme,
    days: tuple[date, ...],
    openings: tuple[int, ...],
    expected: list[tuple[str, date, int]],
) -> None:
    for day, opening in zip(days, openings, strict=True):
        await programme.take_up(statement(day=day, opening=opening))
    found = [(one.kind, one.day, one.amount) for one in await programme.breaks() if one.status == "open"]
    assert found == expected
    for kind, day, _ in expected:
        if kind == "opening_differs":
            proof = await programme.proof(day)
            assert (proof.proven, proof.opening_follows, proof.unexplained) == (False, False, 0)


async def test_a_statement_of_a_weekend_that_comes_late_mends_the_chain(programme: Programme) -> None:
    saturday = FRIDAY + timedelta(days=1)
    await programme.take_up(statement(day=FRIDAY))
    await programme.take_up(statement(day=MONDAY, opening=OPENING + 50))
    assert [one.kind for one in await programme.breaks(status="open")] == ["opening_differs"]
    await programme.take_up(statement(line(amount=50, credit=True), day=saturday))
    assert [one.kind for one in await programme.breaks(status="open")] == ["line_without_payout"]
    assert (await programme.proof(MONDAY)).proven


async def test_a_statement_between_that_mends_nothing_opens_no_second_break(programme: Programme) -> None:
    await programme.take_up(statement(day=FRIDAY))
    await programme.take_up(statement(day=MONDAY, opening=OPENING + 50))
    await programme.take_up(statement(day=FRIDAY + timedelta(days=1)))
    assert [(one.kind, one.amount, one.status) for one in await programme.breaks()] == [
        ("opening_differs", -50, "open")
    ]


async def test_money_from_a_payees_account_is_no_return_unless_the_bank_says_so(programme: Programme) -> None:
    (paid,) = await programme.payouts(10_000, status="paid", on=FRIDAY)
    taken = await programme.take_up(statement(line(amount=10_000, credit=True, number=paid.number)))
    assert (taken.matched_by_account, taken.news) == (0, ())
    (off,) = await programme.breaks()
    assert (off.kind, off.suggested_withdrawal_id) == ("line_without_payout", paid.public_id)
