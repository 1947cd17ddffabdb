"""Whoever changes the past is found out: each kind of tampering, done as the owner of the database."""

import asyncio

import pytest

from houfu.db.tx import connect, open_pool
from houfu.ledger import verify as proving
from ledger.books import ADVANCE, CLAW_BACK, PAYMENT, open_books, write
from lines.programme import Programme, open_programme, small_policy, verify

UNUSUAL = ["0", "A", "a", "a.b-c_d", "s" + "9" * 63, "Z.", "x-", "00..__--"]


async def traded(dsn: str) -> None:
    """Three stores with orders, the second of which was captured, paid and returned in parts."""
    async with open_programme(dsn, small_policy(over_limit_bp=5_000)) as programme:
        for store_id in ("s1", "s2", "s3"):
            await programme.open_store(store_id)
            made = await programme.authorize(store_id, "o1", 50)
            await programme.act("capture", made.id, 45)
            await programme.act("repay", made.id, 20)
            await programme.act("return", made.id, 10)


FREE_JOURNALS = "alter table journals drop constraint postings_sum_to_zero, drop constraint postings_pair_up, drop constraint journals_pkey"


@pytest.mark.parametrize(
    ("tampering", "invariant", "place"),
    [
        (
            "update journals set amounts = array[amounts[1] + 1, amounts[2] - 1, amounts[3]] where seq = 1",
            "chain_unbroken",
            "journal 1",
        ),
        ("update journals set accounts[1] = 'loss' where seq = 2", "chain_unbroken", "journal 2"),
        (
            "update journals set occurred_at = occurred_at - interval '1 microsecond' where seq = 2",
            "chain_unbroken",
            "journal 2",
        ),
        (
            "update journals set recorded_at = recorded_at + interval '1 second' where seq = 3",
            "chain_unbroken",
            "journal 3",
        ),
        ("update journals set subject = null where seq = 1", "chain_unbroken", "journal 1"),
        ("update journals set kind = 'return' where seq = 2", "chain_unbroken", "journal 2"),
        ("update journals set currency = 'USD' where seq = 2", "chain_unbroken", "journal 2"),
        ("update journals set reverses = 1 where seq = 2", "chain_unbroken", "journal 2"),
        ("update journals set hash = sha256('') where seq = 2", "chain_unbroken", "journal 2"),
        ("delete from journals where seq = 1", "chain_unbroken", "journal 2"),
        ("delete from journals where seq = 2", "chain_unbroken", "journal 3"),
        ("delete from journals where seq = 3", "chain_ends_where_the_books_say", "books"),
        ("update journals set seq = 5 - seq where seq in (2, 3)", "chain_unbroken", "journal 2"),
        (
            "insert into journals select store_id, 4, kind, currency, accounts, amounts, subject, reverses, occurred_at, recorded_at, hash from journals where seq = 3 and {s2}",
            "chain_unbroken",
            "journal 4",
        ),
        ("update books set head = sha256('') where true", "chain_ends_where_the_books_say", "books"),
        ("update books set seq = seq - 1 where true", "chain_ends_where_the_books_say", "books"),
        (
            "update balances set balance = balance - 1 where account = 'store_balance'",
            "balances_follow_from_postings",
            "store_balance",
        ),
        (
            "update balances set balance = balance + 1 where account = 'loss'",
            "balances_follow_from_postings",
            "loss",
        ),
        ("delete from balances where account = 'bank'", "balances_follow_from_postings", "bank"),
        ("update lines set used = used - 1 where true", "use_follows_from_orders", "line"),
        ("update lines set total = total + 1 where true", "total_follows_from_changes", "line"),
        ("update lines set status = 'suspended' where true", "total_follows_from_changes", "line"),
        ("update line_changes set to_total = to_total + 1 where true", "total_follows_from_changes", "line"),
        ("delete from line_changes where true", "total_follows_from_changes", "line"),
        ("update authorizations set freed = 1 where true", "use_follows_from_orders", "line"),
        (
            "update authorizations set receivable = receivable - 1 where true",
            "receivable_follows_from_orders",
            "buyer_receivable",
        ),
        (
            "update movements set amount = amount + 1 where kind = 'capture'",
            "orders_follow_from_movements",
            "order o1",
        ),
        ("delete from movements where kind = 'repay'", "orders_follow_from_movements", "order o1"),
        ("update movements set journal_seq = 1 where kind = 'repay'", None, None),
        (
            "insert into movements select store_id, '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002',"
            " 'void', 0, null, null, author, occurred_at, recorded_at from movements where kind = 'capture'",
            "orders_and_movements_belong",
            "movement 00000000-0000-7000-8000-000000000001",
        ),
        ("delete from balances where {s2}; delete from books where {s2}", "journals_have_books", "journal 1"),
        (
            "update messages set message_id = '00000000-0000-7000-8000-000000000001' where true",
            "changes_were_told",
            "change {change}",
        ),
        ("update messages set seq = 2 where true", "messages_have_no_gap", "message box"),
        (
            "update message_boxes set last_seq = last_seq + 1 where true",
            "messages_have_no_gap",
            "message box",
        ),
        ("delete from message_boxes where true", "messages_have_no_gap", "message box"),
    ],
)
async def test_tampering_is_found_and_the_first_break_named(
    database: str, tampering: str, invariant: str | None, place: str | None
) -> None:
    await traded(database)
    owner = await connect(database, as_app=False)
    try:
        assert (await verify(database)).first_break is None
        change = await owner.fetchval("select change_id from line_changes where store_id = 's2'")
        await owner.execute(FREE_JOURNALS)
        where = "store_id = 's2'"
        statement = (
            tampering.format(s2=where)
            if "{s2}" in tampering
            else f"{tampering} and {where}"
            if " where " in tampering
            else tampering
        )
        changed = await owner.execute(statement)
        assert not changed.endswith(" 0"), "nothing was tampered with"
    finally:
        await owner.close()
    proof = await verify(database)
    if invariant is None:
        # A journal of the same order: harmless to the books, and seen as such.
        assert proof.first_break is None
        return
    assert not proof.verified
    assert proof.first_break is not None
    assert (proof.first_break.invariant, proof.first_break.store_id, proof.first_break.place) == (
        invariant,
        "s2",
        None if place is None else place.format(change=change),
    )
    assert proof.first_break.finding


async def test_the_lowest_store_is_named_first(database: str) -> None:
    await traded(database)
    owner = await connect(database, as_app=False)
    try:
        await owner.execute("update lines set used = used + 1 where store_id = 's1'")
        await owner.execute("update journals set kind = 'x' where store_id = 's3'")
    finally:
        await owner.close()
    first = (await verify(database)).first_break
    assert first is not None
    assert (first.store_id, first.invariant) == ("s1", "use_follows_from_orders")


async def test_many_stores_are_proven_at_once_and_progress_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "STORES_AT_ONCE", 5)
    connection = await connect(database)
    stores = [f"store-{number:03}" for number in range(42)]
    try:
        await open_books(connection, *stores)
        for store_id in stores:
            await write(connection, store_id, [ADVANCE, PAYMENT])
    finally:
        await connection.close()
    told: list[tuple[int, int]] = []
    async with open_pool(database, size=3) as pool:
        proof = await proving.verify(
            pool.acquire,
            proving.INVARIANTS,
            connections=3,
            on_progress=lambda done, of: told.append((done, of)),
        )
    assert (proof.verified, proof.stores, proof.journals, proof.postings) == (True, 42, 84, 168)
    assert len(told) == 9
    assert told == sorted(told)
    assert told[-1] == (42, 42)


async def test_the_database_hashes_as_the_code_does_whatever_the_store_is_called(database: str) -> None:
    connection = await connect(database)
    try:
        await open_books(connection, *UNUSUAL)
        for store_id in UNUSUAL:
            await write(connection, store_id, [ADVANCE, PAYMENT, CLAW_BACK])
    finally:
        await connection.close()
    async with open_pool(database) as pool:
        proof = await proving.verify(pool.acquire, proving.INVARIANTS)
    assert (proof.first_break, proof.stores) == (None, len(UNUSUAL))


async def test_an_empty_database_is_in_order(database: str) -> None:
    proof = await verify(database)
    assert (proof.verified, proof.stores, proof.journals) == (True, 0, 0)


async def test_books_are_proven_while_the_service_writes(database: str) -> None:
    """Each part is read in one snapshot: a proof never mistakes work in progress for a break."""
    async with open_programme(database) as programme:
        await programme.open_store("s1")
        trading = asyncio.create_task(_trade(programme))
        proofs = 0
        while not trading.done():
            assert (await programme.verify()).first_break is None
            proofs += 1
        await trading
        assert proofs > 1


async def _trade(programme: Programme) -> None:
    for number in range(100):
        made = await programme.authorize("s1", f"o{number}", 4)
        await programme.act("capture", made.id)
        await programme.act("repay", made.id, 4)
