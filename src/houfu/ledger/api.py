"""The interface of the books: a store's balance and its entries."""

from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from asyncpg import Record

from houfu.core.ids import public_id
from houfu.core.money import DEFAULT_CURRENCY
from houfu.db.tx import Connection
from houfu.http.caller import EVERYONE
from houfu.http.fields import (
    LIMIT,
    Amount,
    Cursor,
    Day,
    Limit,
    Moment,
    Nothing,
    StorePath,
    Text64,
    bounds_of,
    moment_of,
)
from houfu.http.page import cursor_of, page_of, place_of
from houfu.http.problem import Problem
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Q, Route
from houfu.ledger import actions
from houfu.ledger.entries import SEQ_MAX, EntryFilter, prefix_of
from houfu.ledger.journal import POSTINGS_MAX

_END: Final = (SEQ_MAX, 0)

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
Seq = Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)]
Kind = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z_]{1,40}$", description="What happened.", examples=["capture"])
]


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


class EntriesChosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries: of one account, one kind or one order; from a moment or local day on, before a moment or up to a local
    day; of a range of journals or amounts, whose ends are included. Amounts are asked for without their sign."""

    account: AccountName | None = None
    kind: Kind | None = None
    order_id: Text64 | None = None
    occurred_from: Moment | None = None
    occurred_before: Moment | None = None
    from_day: Day | None = None
    to_day: Day | None = None
    journal_from: Seq | None = None
    journal_to: Seq | None = None
    amount_min: Amount | None = None
    amount_max: Amount | None = None


class EntriesQuery(EntriesChosen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of what is chosen."""

    limit: Limit = LIMIT
    cursor: Cursor | None = None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """A posting. `amount` is positive where the account's balance grew; `journal` is the store's count of journals,
    `subject` the authorization or withdrawal it is about, `order_id` the marketplace's id of an authorization's order,
    `reverses` the journal it takes back."""

    store_id: str
    journal: int
    line: int
    kind: str
    account: AccountName
    side: Literal["debit", "credit"]
    amount: int
    currency: str
    subject: str | None
    order_id: str | None
    reverses: int | None
    occurred_at: datetime
    recorded_at: datetime


async def balance(call: Call[StorePath, BalanceQuery, Nothing]) -> Reply:
    """Show what the store has and owes."""
    store_id, now = call.path.store_id, call.now()
    asked = None if call.query.as_of is None else moment_of("as_of", call.query.as_of)
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, store_id)
        currency = await actions.currency_of(connection, store_id)
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
    """Show a store's postings, newest first; a merchant sees its own accounts. A page may hold less than was asked for and
    still be followed by another: each looks through a bounded part of the past."""
    query = call.query
    chosen = entry_filter(call, query)
    after = place_of(query.cursor, tuple[Seq, Seq]) or _END
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, chosen.store_id)
        rows, looked_to = await actions.entries(connection, chosen, after=after, limit=query.limit + 1)
    page = page_of(rows, query.limit, lambda row: (row["seq"], row["line"]), _view)
    if page.next_cursor is None and looked_to is not None:
        page = Page(page.data, cursor_of((looked_to, POSTINGS_MAX)))
    return reply(200, page)


def entry_filter(call: Call[StorePath, Q, Nothing], query: EntriesChosen) -> EntryFilter:
    """What the caller may see of what the query chooses. Problem where that makes no sense."""
    occurred_from, occurred_before = bounds_of(
        call.service.part(ZoneInfo),
        ("occurred_from", query.occurred_from),
        ("occurred_before", query.occurred_before),
        from_day=query.from_day,
        to_day=query.to_day,
    )
    return EntryFilter(
        store_id=call.path.store_id,
        account=query.account,
        kind=query.kind,
        order_id=query.order_id,
        occurred_from=occurred_from,
        occurred_before=occurred_before,
        journal_from=query.journal_from,
        journal_to=query.journal_to,
        amount_min=query.amount_min,
        amount_max=query.amount_max,
        only_merchant_visible=call.caller.role == "merchant",
    )


async def must_exist(connection: Connection, store_id: str) -> None:
    """Problem where there is no such store."""
    if not await actions.store_exists(connection, store_id):
        raise Problem("store_unknown")


def _view(row: Record) -> EntryView:
    debit: int = row["amount"]
    subject = row["subject"]
    return EntryView(
        store_id=row["store_id"],
        journal=row["seq"],
        line=row["line"],
        kind=row["kind"],
        account=row["account"],
        side="debit" if debit > 0 else "credit",
        amount=debit if row["grows_by_debit"] else -debit,
        currency=row["currency"],
        subject=None if subject is None else public_id(prefix_of(row["kind"]), subject.hex, row["store_id"]),
        order_id=row["order_id"],
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
