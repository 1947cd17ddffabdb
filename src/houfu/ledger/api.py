"""The interface of the books: a store's balance and its entries."""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from asyncpg import Record

from houfu.core.ids import public_id
from houfu.core.money import DEFAULT_CURRENCY
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.http.caller import EVERYONE
from houfu.http.fields import Moment, Nothing, PageQuery, StorePath, moment_of
from houfu.http.page import page_of, place_of
from houfu.http.problem import Problem
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.ledger import actions

_SQL = load(__package__, "lists.sql")
_ORDER_KINDS: Final = frozenset({"capture", "repay", "return", "default"})
_END: Final = (2**63 - 1, 0)

AccountName = Literal[
    "buyer_receivable",
    "store_balance",
    "store_liability",
    "payout_clearing",
    "bank",
    "fee_income",
    "loss",
    "funding_partner",
]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BalanceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`as_of`: what the books showed at that moment; now where it is not given."""

    as_of: Moment | None = None


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What a store may withdraw, what is on its way to the bank, and what it owes; minor units."""

    store_id: str
    withdrawable: int
    reserved: int
    liability: int
    currency: str
    as_of: datetime


class EntriesQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries: of one account, from a moment on, before another."""

    account: AccountName | None = None
    occurred_from: Moment | None = None
    occurred_before: Moment | None = None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """A posting. `amount` is positive where the account's balance grew; `journal` is the store's count of journals,
    `subject` the authorization or withdrawal it is about, `reverses` the journal it takes back."""

    store_id: str
    journal: int
    line: int
    kind: str
    account: AccountName
    side: Literal["debit", "credit"]
    amount: int
    currency: str
    subject: str | None
    reverses: int | None
    occurred_at: datetime
    recorded_at: datetime


async def balance(call: Call[StorePath, BalanceQuery, Nothing]) -> Reply:
    """Show what the store has and owes."""
    store_id, now = call.path.store_id, call.now()
    asked = None if call.query.as_of is None else moment_of("as_of", call.query.as_of)
    async with call.service.pool.acquire() as connection:
        await _must_exist(connection, store_id)
        currency = await connection.fetchval(_SQL["currency_of_books"], store_id)
        balances = await actions.balances(connection, store_id, recorded_by=asked)
    return reply(
        200,
        BalanceView(
            store_id=store_id,
            withdrawable=-balances.get("store_balance", 0),
            reserved=-balances.get("payout_clearing", 0),
            liability=balances.get("store_liability", 0),
            currency=currency or DEFAULT_CURRENCY,
            as_of=asked or now,
        ),
    )


async def entries(call: Call[StorePath, EntriesQuery, Nothing]) -> Reply:
    """Show a store's postings, newest journal first; a merchant sees its own accounts."""
    query, store_id = call.query, call.path.store_id
    occurred_from = None if query.occurred_from is None else moment_of("occurred_from", query.occurred_from)
    occurred_before = (
        None if query.occurred_before is None else moment_of("occurred_before", query.occurred_before)
    )
    place = place_of(query.cursor, tuple[Seq, Seq]) or _END
    async with call.service.pool.acquire() as connection:
        await _must_exist(connection, store_id)
        rows = await connection.fetch(
            _SQL["entries_before"],
            store_id,
            call.caller.role != "merchant",
            query.account,
            occurred_from,
            occurred_before,
            *place,
            query.limit + 1,
        )
    return reply(200, page_of(rows, query.limit, lambda row: (row["seq"], row["line"]), _view))


async def _must_exist(connection: Connection, store_id: str) -> None:
    if not await connection.fetchval(_SQL["store_exists"], store_id):
        raise Problem("store_unknown")


def _view(row: Record) -> EntryView:
    debit: int = row["amount"]
    subject = row["subject"]
    prefix = "auth" if row["kind"] in _ORDER_KINDS else "wd"
    return EntryView(
        store_id=row["store_id"],
        journal=row["seq"],
        line=row["line"],
        kind=row["kind"],
        account=row["account"],
        side="debit" if debit > 0 else "credit",
        amount=debit if row["type"] in {"asset", "expense"} else -debit,
        currency=row["currency"],
        subject=None if subject is None else public_id(prefix, subject.hex, row["store_id"]),
        reverses=row["reverses"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
    )


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="GET",
            address="/v1/stores/{store_id}/balance",
            operation="get_balance",
            summary="What the store has and owes",
            tag="ledger",
            roles=EVERYONE,
            path=StorePath,
            query=BalanceQuery,
            body=Nothing,
            answers={200: BalanceView},
            handle=balance,
            problems=frozenset({"store_unknown"}),
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/entries",
            operation="list_entries",
            summary="The store's entries, newest first",
            tag="ledger",
            roles=EVERYONE,
            path=StorePath,
            query=EntriesQuery,
            body=Nothing,
            answers={200: Page[EntryView]},
            handle=entries,
            problems=frozenset({"store_unknown"}),
        ),
    ]
