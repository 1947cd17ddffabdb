"""What the database itself refuses, whatever the code above it says; and balances as of a moment."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from houfu.db.tx import Connection, connect, open_pool
from houfu.ledger import actions as ledger
from houfu.ledger import verify as proving
from ledger.books import ADVANCE, CLAW_BACK, PAYMENT, hours, open_books, write


@pytest.fixture
async def owner(database: str) -> AsyncGenerator[Connection]:
    connection = await connect(database, as_app=False)
    await open_books(connection, "s1")
    yield connection
    await connection.close()


@pytest.fixture
async def app(database: str, owner: Connection) -> AsyncGenerator[Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


INSERT = """
    insert into journals (store_id, seq, kind, currency, accounts, amounts, reverses, occurred_at, recorded_at, hash)
    values ('s1', $1, 'test', 'CNY', $2::text::text[], $3::text::bigint[], $4, now(), now(), sha256(''))
"""


@pytest.mark.parametrize(
    ("accounts", "amounts", "constraint"),
    [
        ("{bank,loss}", "{5,-4}", "postings_sum_to_zero"),
        ("{bank,loss,fee_income}", "{5,-4,-2}", "postings_sum_to_zero"),
        ("{a,b,c,d,e,f,g,h}", "{1,1,1,1,1,1,1,-8}", "postings_sum_to_zero"),
        ("{bank,loss,fee_income}", "{5,-5,0}", "postings_move_something"),
        ("{bank,loss}", "{0,0}", "postings_move_something"),
        ("{bank,loss,fee_income}", "{5,-5,null}", "postings_move_something"),
        ("{bank}", "{5}", "postings_"),
        ("{}", "{}", "postings_pair_up"),
        ("{bank,loss,fee_income}", "{5,-5}", "postings_pair_up"),
        ("{bank,loss}", "{5,-4,-1}", "postings_pair_up"),
        ("{bank,null}", "{5,-5}", "postings_pair_up"),
        ("{a,b,c,d,e,f,g,h,i}", "{1,1,1,1,1,1,1,1,-8}", "postings_pair_up"),
        # Shapes that a sum over the places 1 to 8 would look past.
        ("{bank,loss}", "[2:3]={5,5}", "postings_pair_up"),
        ("{bank,loss}", "[0:1]={5,5}", "postings_pair_up"),
        ("[0:1]={bank,loss}", "{5,-5}", "postings_pair_up"),
    ],
)
async def test_postings_that_make_no_journal_are_refused_by_the_database(
    owner: Connection, accounts: str, amounts: str, constraint: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await owner.execute(INSERT, 1, accounts, amounts, None)


@pytest.mark.parametrize(
    ("accounts", "amounts"),
    [
        ("{bank,loss,fee_income}", f"{{{2**63 - 1},{2**63 - 1},2}}"),
        ("{bank,loss,fee_income,bank}", "{{5,5},{5,5}}"),
    ],
)
async def test_what_the_database_cannot_add_up_is_refused_too(
    owner: Connection, accounts: str, amounts: str
) -> None:
    with pytest.raises((asyncpg.NumericValueOutOfRangeError, asyncpg.FeatureNotSupportedError)):
        await owner.execute(INSERT, 1, accounts, amounts, None)


async def test_a_place_in_the_chain_is_taken_once_and_a_journal_reversed_once(owner: Connection) -> None:
    await owner.execute(INSERT, 1, "{bank,loss}", "{5,-5}", None)
    with pytest.raises(asyncpg.UniqueViolationError, match="journals_pkey"):
        await owner.execute(INSERT, 1, "{bank,loss}", "{5,-5}", None)
    await owner.execute(INSERT, 2, "{bank,loss}", "{-5,5}", 1)
    with pytest.raises(asyncpg.UniqueViolationError, match="reversed_once"):
        await owner.execute(INSERT, 3, "{bank,loss}", "{-5,5}", 1)
    with pytest.raises(asyncpg.CheckViolationError, match="reverses_an_earlier_journal"):
        await owner.execute(INSERT, 3, "{bank,loss}", "{-5,5}", 3)


@pytest.mark.parametrize(
    ("account", "balance", "constraint"),
    [
        ("store_balance", 1, "store_balance_never_overdrawn"),
        ("payout_clearing", 1, "payout_clearing_never_overdrawn"),
        ("store_liability", -1, "store_liability_never_negative"),
        ("buyer_receivable", -1, "buyer_receivable_never_negative"),
    ],
)
async def test_an_account_that_must_not_be_overdrawn_cannot_be(
    owner: Connection, account: str, balance: int, constraint: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await owner.execute(
            "update balances set balance = $2 where store_id = 's1' and account = $1", account, balance
        )


@pytest.mark.parametrize(
    "table",
    [
        "journals",
        "movements",
        "line_changes",
        "assessments",
        "policy_versions",
        "policy_publications",
        "shadow_decisions",
        "store_facts",
    ],
)
@pytest.mark.parametrize("verb", ["update {} set recorded_at = now()", "delete from {}", "truncate {}"])
async def test_the_service_adds_to_history_and_cannot_change_it(
    app: Connection, table: str, verb: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(verb.format(table))


@pytest.mark.parametrize(
    "statement",
    [
        "delete from books",
        "delete from balances",
        "delete from lines",
        "delete from authorizations",
        "alter table journals drop constraint postings_sum_to_zero",
        "update chart_of_accounts set type = 'asset'",
    ],
)
async def test_the_service_cannot_take_the_books_apart(app: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


async def test_a_record_moves_books_and_balances_with_the_journals(app: Connection) -> None:
    made = await write(app, "s1", [ADVANCE, PAYMENT, CLAW_BACK])
    account = (await ledger.load_books(app, ["s1"]))["s1"]
    assert (account.books.seq, account.books.head) == (3, made[-1].hash)
    assert (account.balance, account.liability) == (70, 10)
    held = {name: amount for name, amount in (await ledger.balances(app, "s1")).items() if amount}
    assert held == {"bank": 60, "store_balance": -70, "store_liability": 10}


async def test_balances_are_told_as_the_books_knew_them_and_as_the_world_was(app: Connection) -> None:
    """The payment happened before the advance was recorded, and was recorded after it."""
    await write(app, "s1", [ADVANCE], occurred_at=hours(1), recorded_at=hours(2))
    await write(app, "s1", [PAYMENT], occurred_at=hours(1), recorded_at=hours(9))
    await write(app, "s1", [CLAW_BACK], occurred_at=hours(5), recorded_at=hours(9))
    advanced = {"buyer_receivable": 100, "store_balance": -100}
    paid = {"bank": 60, "buyer_receivable": 40, "store_balance": -100}
    ended = {"bank": 60, "buyer_receivable": 0, "store_balance": -70, "store_liability": 10}
    for moment, balances in ((0, {}), (1, {}), (2, advanced), (8, advanced), (9, ended)):
        assert await ledger.balances(app, "s1", recorded_by=hours(moment)) == balances
    for moment, balances in ((0, {}), (1, paid), (4, paid), (5, ended)):
        assert await ledger.balances(app, "s1", occurred_by=hours(moment)) == balances
    assert {k: v for k, v in (await ledger.balances(app, "s1")).items() if k in ended} == ended


async def test_a_reversal_takes_a_journal_back_and_the_chain_goes_on(database: str, app: Connection) -> None:
    await write(app, "s1", [ADVANCE, PAYMENT])
    books = (await ledger.load_books(app, ["s1"]))["s1"].books
    _, journal = await ledger.reverse(app, books, 2, kind="correction", subject=None, now=hours(1))
    assert (journal.postings, journal.reverses) == ((("bank", -60), ("buyer_receivable", 60)), 2)
    await ledger.record(app, [journal])
    assert (await ledger.balances(app, "s1"))["bank"] == 0
    with pytest.raises(LookupError, match="no journal 4"):
        await ledger.reverse(app, books, 4, kind="correction", subject=None, now=hours(1))
    async with open_pool(database) as pool:
        proof = await proving.verify(pool.acquire, proving.INVARIANTS)
    assert (proof.verified, proof.journals, proof.postings) == (True, 3, 6)


async def test_books_are_opened_once(app: Connection) -> None:
    await write(app, "s1", [ADVANCE])
    await ledger.open_books(app, ["s1"], "CNY")
    assert (await ledger.load_books(app, ["s1"]))["s1"].balance == 100
