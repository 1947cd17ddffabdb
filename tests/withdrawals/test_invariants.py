"""What is proven about withdrawals is found when it breaks."""

import pytest
from asyncpg import connect

from houfu.withdrawals.invariants import INVARIANTS
from withdrawals.programme import TUESDAY, Programme, check_books

BREAKS = {
    "clearing_follows_from_withdrawals": "update balances set balance = balance - 1 where account = 'payout_clearing'",
    "fees_follow_from_withdrawals": "update withdrawals set fee = fee + 1, net = net - 1 where fee > 0",
    "withdrawals_are_reserved_by_their_journal": "update withdrawals set journal_seq = journal_seq - 1 where fee = 0",
    "withdrawals_end_once_in_the_books": """
        update withdrawals set status = 'paid', paid_at = asked_at, booked_on = asked_on, paid_seq = 1, due_at = null,
            batch_id = withdrawal_id, file_number = 1
        where status = 'scheduled'""",
    "withdrawals_are_of_a_store": "set local session_replication_role = replica; delete from stores",
}


@pytest.mark.parametrize("name", INVARIANTS)
async def test_a_break_is_found_and_named(programme: Programme, name: str) -> None:
    await programme.open_store(balance=1_000_000)
    await programme.ask(100_000)
    await programme.work(TUESDAY)
    await programme.ask(100_000, at=TUESDAY)
    await check_books(programme.connection)
    admin = await connect(programme.dsn)
    try:
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute(BREAKS[name])
        rows = await admin.fetch(INVARIANTS[name], "a", "z")
        await transaction.rollback()
    finally:
        await admin.close()
    assert [row["store_id"] for row in rows] == ["s1"]
    assert all(row["place"] and row["finding"] for row in rows)
