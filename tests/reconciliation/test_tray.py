"""The tray: one person says what a break is, another closes it."""

import asyncio

import asyncpg
import pytest

from houfu.db.tx import Connection, connect
from houfu.reconciliation import tray
from houfu.reconciliation.breaks import Break
from houfu.reconciliation.closing import WORDING, Closing
from houfu.reconciliation.tray import BreakStatusUnfit, BreakUnknown, Closed, ClosingUnfit, OwnProposal
from reconciliation.programme import MONDAY, OPENING, RAIL, TUESDAY, Payout, Programme, line, statement


def hex_of(one: Break) -> str:
    return one.id.removeprefix("break_")


async def propose(
    programme: Programme,
    one: Break,
    reason: Closing,
    *,
    payout: Payout | None = None,
    author: str = "li",
) -> Break:
    async with programme.connection.transaction():
        return await tray.propose(
            programme.connection,
            hex_of(one),
            reason=reason,
            note="seen",
            match=None if payout is None else (payout.store_id, payout.id),
            author=author,
            now=programme.now(TUESDAY),
        )


async def close(programme: Programme, one: Break, *, author: str = "wang") -> Closed:
    async with programme.connection.transaction():
        return await tray.close(programme.connection, hex_of(one), author=author, now=programme.now(TUESDAY))


async def fee(programme: Programme) -> Break:
    """A break: a line of 5.00 that is no payout."""
    await programme.take_up(statement(line(amount=500)))
    (found,) = await programme.breaks()
    return found


async def test_two_people_close_a_break_and_the_day_is_proven(programme: Programme) -> None:
    found = await fee(programme)
    before = await programme.proof()
    assert (before.proven, before.differs_by, before.open_amount) == (False, 500, 500)
    proposed = await propose(programme, found, Closing.BANK_FEE)
    assert (proposed.status, proposed.proposed_by, proposed.reason_zh) == ("proposed", "li", "银行手续费")
    assert not (await programme.proof()).proven
    closed = (await close(programme, found)).closed
    assert (closed.status, closed.closed_by, closed.note) == ("closed", "wang", "seen")
    after = await programme.proof()
    assert (after.proven, after.differs_by, after.closed_amount, after.unexplained) == (True, 500, 500, 0)


async def test_who_proposed_may_not_close_nor_does_the_database_let_them(programme: Programme) -> None:
    found = await fee(programme)
    await propose(programme, found, Closing.BANK_FEE)
    with pytest.raises(OwnProposal):
        await close(programme, found, author="li")
    with pytest.raises(asyncpg.CheckViolationError, match="closed_by_another_person"):
        await programme.connection.execute(
            "update breaks set status = 'closed', closed_by = 'li', closed_at = now()"
        )
    assert [one.status for one in await programme.breaks()] == ["proposed"]


async def test_a_declined_proposal_leaves_the_break_open_and_stays_in_its_history(
    programme: Programme,
) -> None:
    found = await fee(programme)
    await propose(programme, found, Closing.INTEREST)
    declined = await tray.decline(
        programme.connection, hex_of(found), note="a debit", author="wang", now=programme.now(TUESDAY)
    )
    assert (declined.status, declined.reason, declined.proposed_by) == ("open", None, None)
    await propose(programme, found, Closing.BANK_FEE, author="wang")
    await close(programme, found, author="li")
    moves = await tray.moves(programme.connection, hex_of(found))
    assert [(one.move, one.author, one.reason, one.note) for one in moves] == [
        ("proposed", "li", "interest", "seen"),
        ("declined", "wang", None, "a debit"),
        ("proposed", "wang", "bank_fee", "seen"),
        ("closed", "li", "bank_fee", None),
    ]


async def test_a_step_is_taken_from_its_own_status_alone(programme: Programme) -> None:
    found = await fee(programme)
    with pytest.raises(BreakStatusUnfit):
        await close(programme, found)
    with pytest.raises(BreakStatusUnfit):
        await tray.decline(
            programme.connection, hex_of(found), note="", author="li", now=programme.now(TUESDAY)
        )
    await propose(programme, found, Closing.BANK_FEE)
    with pytest.raises(BreakStatusUnfit):
        await propose(programme, found, Closing.TOP_UP)
    await close(programme, found)
    with pytest.raises(BreakStatusUnfit):
        await close(programme, found, author="zhao")
    with pytest.raises(BreakUnknown):
        await tray.break_of(programme.connection, "0" * 32)


@pytest.mark.parametrize("reason", list(Closing))
async def test_a_reason_closes_the_kinds_it_fits(programme: Programme, reason: Closing) -> None:
    await programme.payouts(10_000, status="paid")
    await programme.take_up(statement(line(amount=500)))
    for found in await programme.breaks():
        fits = found.kind in WORDING[reason].kinds and reason is not Closing.MATCHED_BY_HAND
        try:
            await propose(programme, found, reason)
        except ClosingUnfit as unfit:
            assert not fits, unfit
        else:
            assert fits


async def test_a_match_by_hand_links_the_line_and_tells_the_books(programme: Programme) -> None:
    first, second = await programme.payouts(10_000, 10_000, number="6222")
    await programme.take_up(statement(line(first, by_id=False)))
    (found,) = await programme.breaks()
    await propose(programme, found, Closing.MATCHED_BY_HAND, payout=second)
    done = await close(programme, found)
    assert [(one.withdrawal_id, one.outcome, one.booked_on) for one in done.news] == [
        (second.id, "paid", MONDAY)
    ]
    assert not (await programme.proof()).proven, "the books have yet to learn it"
    await programme.learn(done.news)
    proof = await programme.proof()
    assert (proof.proven, proof.matched, proof.differs_by) == (True, 1, 0)


async def test_a_match_by_hand_closes_the_break_of_its_payout_too(programme: Programme) -> None:
    first, _ = await programme.payouts(10_000, 10_000, number="6222", status="paid")
    await programme.take_up(statement(line(first, by_id=False)))
    about_line, *about_payouts = await programme.breaks()
    assert {one.kind for one in about_payouts} == {"payout_without_line"}
    await propose(programme, about_line, Closing.MATCHED_BY_HAND, payout=first)
    assert (await close(programme, about_line)).news == ()
    left = await programme.breaks(status="open")
    assert [one.withdrawal_id for one in left] == [
        one.withdrawal_id for one in about_payouts if one.withdrawal_id != first.public_id
    ]
    proof = await programme.proof()
    assert (proof.unexplained, proof.open_amount) == (0, -10_000)


async def test_a_line_is_matched_to_what_it_can_be_alone(programme: Programme) -> None:
    (other_amount,) = await programme.payouts(9_999)
    (other_rail,) = await programme.payouts(10_000, rail="other")
    (taken,) = await programme.payouts(10_000)
    (never_sent,) = await programme.payouts(10_000, status="scheduled")
    (failed,) = await programme.payouts(10_000, status="failed")
    unknown = Payout(id="0" * 32, store_id="s1", net=1, number="", holder="")
    await programme.take_up(statement(line(taken), line(amount=10_000)))
    (found,) = await programme.breaks()
    for payout in (other_amount, other_rail, taken, never_sent, failed, unknown):
        with pytest.raises(ClosingUnfit):
            await propose(programme, found, Closing.MATCHED_BY_HAND, payout=payout)
    with pytest.raises(ClosingUnfit):
        await propose(programme, found, Closing.MATCHED_BY_HAND)
    with pytest.raises(ClosingUnfit):
        await propose(programme, found, Closing.BANK_FEE, payout=taken)


async def test_what_became_of_a_payout_meanwhile_undoes_a_match(programme: Programme) -> None:
    (sent,) = await programme.payouts(10_000)
    await programme.take_up(statement(line(amount=10_000)))
    (found,) = await programme.breaks()
    await propose(programme, found, Closing.MATCHED_BY_HAND, payout=sent)
    await programme.take_up(statement(line(sent, on=TUESDAY), day=TUESDAY, opening=OPENING - 10_000))
    with pytest.raises(ClosingUnfit, match="its line already"):
        await close(programme, found)


async def test_of_two_who_close_at_once_one_does(programme: Programme) -> None:
    (sent,) = await programme.payouts(10_000)
    await programme.take_up(statement(line(amount=10_000)))
    (found,) = await programme.breaks()
    await propose(programme, found, Closing.MATCHED_BY_HAND, payout=sent)
    others = [await connect(programme.dsn) for _ in range(2)]

    async def closing(connection: Connection, author: str) -> bool:
        try:
            async with connection.transaction():
                await tray.close(connection, hex_of(found), author=author, now=programme.now(TUESDAY))
        except BreakStatusUnfit:
            return False
        return True

    done = await asyncio.gather(*(closing(one, name) for one, name in zip(others, "ab", strict=True)))
    assert sorted(done) == [False, True]
    assert await programme.connection.fetchval("select count(*) from line_matches") == 1
    for one in others:
        await one.close()


async def test_the_tray_is_paged_and_filtered(programme: Programme) -> None:
    await programme.take_up(statement(*(line(amount=100 + one) for one in range(120))))
    seen: list[Break] = []
    while page := await tray.breaks(
        programme.connection, before=hex_of(seen[-1]) if seen else None, limit=50
    ):
        seen += page
    assert [one.line_number for one in seen] == list(range(120, 0, -1))
    await propose(programme, seen[0], Closing.BANK_FEE)

    on = programme.connection
    assert len(await tray.breaks(on, status="open", limit=200)) == 119
    assert len(await tray.breaks(on, status="proposed", limit=200)) == 1
    assert len(await tray.breaks(on, rail=RAIL, day=MONDAY, limit=200)) == 120
    assert await tray.breaks(on, rail="other", limit=200) == []
    assert await tray.breaks(on, day=TUESDAY, limit=200) == []
    assert await tray.breaks(on, kind="line_twice", limit=200) == []


async def test_history_cannot_be_changed_by_the_service(programme: Programme) -> None:
    await fee(programme)
    for table, column in (
        ("bank_statements", "opening"),
        ("bank_lines", "amount"),
        ("line_matches", "amount"),
        ("break_moves", "number"),
    ):
        for change in (f"delete from {table}", f"update {table} set {column} = 1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await programme.connection.execute(change)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await programme.connection.execute("delete from breaks")
