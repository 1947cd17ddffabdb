"""The interface of stores: what the marketplace tells us, and what we know."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.http.caller import BACK_OFFICE, EVERYONE, MARKETPLACE, MARKETPLACE_OR_STORE, STAFF
from houfu.http.fields import (
    Nothing,
    PageQuery,
    StorePath,
    month_of,
    must_be_sensible,
)
from houfu.http.page import hex_place_of, page_of, place_of
from houfu.http.problem import invalid
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, B, Call, P, Q, Route
from houfu.stores import actions
from houfu.stores.bank_account import AccountTerms, AccountTermsAt, BankAccount, BankAccountUnknown, masked
from houfu.stores.interface import (
    BankAccountBody,
    BankAccountPath,
    BankAccountView,
    FactView,
    MetricsBody,
    MetricsPath,
    MetricsView,
    StoreBody,
    fact_view,
)
from houfu.stores.metrics import KnownMetrics, Metrics
from houfu.stores.store import KnownStore, Store, StoreUnknown

_MISSES: Final[Mapping[type[Exception], str]] = {StoreUnknown: "store_unknown"}


async def put_store(call: Call[StorePath, Nothing, StoreBody]) -> Reply:
    """Take up a store, or what changed about it."""
    body = call.body
    must_be_sensible("opened_on", body.opened_on)
    store = Store(
        store_id=call.path.store_id,
        name=body.name,
        owner_id=body.owner_id,
        level=body.level,
        opened_on=body.opened_on,
        phone_kind=body.phone_kind,
        category=body.category,
    )
    async with call.service.pool.acquire() as connection:
        known, created = await actions.put_store(connection, store, now=call.now())
    return reply(201 if created else 200, known)


async def get_store(call: Call[StorePath, Nothing, Nothing]) -> Reply:
    """Show a store."""
    async with call.service.pool.acquire() as connection:
        return reply(200, await actions.find_store(connection, call.path.store_id))


async def list_stores(call: Call[Nothing, PageQuery, Nothing]) -> Reply:
    """Show stores by id."""
    limit = call.query.limit
    after = place_of(call.query.cursor, str) or ""
    async with call.service.pool.acquire() as connection:
        stores = await actions.list_stores(connection, after=after, limit=limit + 1)
    return reply(200, page_of(stores, limit, lambda store: store.store_id, lambda store: store))


async def put_metrics(call: Call[MetricsPath, Nothing, MetricsBody]) -> Reply:
    """Take up a month's figures; a correction is a new revision."""
    now = call.now()
    month = month_of(call.path.month)
    if month > now.astimezone(call.service.part(ZoneInfo)).date():
        raise invalid("month", "has not begun")
    metrics = msgspec.convert(msgspec.to_builtins(call.body), Metrics)
    async with call.service.pool.acquire() as connection:
        known = await actions.put_metrics(connection, call.path.store_id, month, metrics, now=now)
    return reply(200, _metrics_view(call.path.store_id, known))


async def list_metrics(call: Call[StorePath, PageQuery, Nothing]) -> Reply:
    """Show a store's months, newest first."""
    limit = call.query.limit
    before = place_of(call.query.cursor, date)
    async with call.service.pool.acquire() as connection:
        known = await actions.list_metrics(connection, call.path.store_id, before=before, limit=limit + 1)
    store_id = call.path.store_id
    return reply(200, page_of(known, limit, lambda of: of.month, lambda of: _metrics_view(store_id, of)))


async def list_facts(call: Call[StorePath, PageQuery, Nothing]) -> Reply:
    """Show a store's facts, the last told first."""
    limit = call.query.limit
    before = hex_place_of(call.query.cursor)
    async with call.service.pool.acquire() as connection:
        facts = await actions.list_facts(connection, call.path.store_id, before=before, limit=limit + 1)
    return reply(200, page_of(facts, limit, lambda fact: fact.id, fact_view))


async def put_bank_account(call: Call[BankAccountPath, Nothing, BankAccountBody]) -> Reply:
    """Take up where a store is paid out to."""
    now = call.now()
    # The marketplace vouches for what it tells; a store cannot vouch for itself.
    vouched_by = None if call.caller.role == "merchant" else call.caller.author
    async with call.service.pool.acquire() as connection:
        account, created = await actions.put_bank_account(
            connection,
            call.path.store_id,
            call.path.bank_account_id,
            holder=call.body.holder,
            number=call.body.number,
            bank_code=call.body.bank_code,
            vouched_by=vouched_by,
            now=now,
        )
    return reply(201 if created else 200, _bank_account_view(account, _account_terms(call)))


async def verify_bank_account(call: Call[BankAccountPath, Nothing, Nothing]) -> Reply:
    """Vouch for an account that its store put."""
    async with call.service.pool.acquire() as connection:
        account = await actions.verify_bank_account(
            connection,
            call.path.store_id,
            call.path.bank_account_id,
            author=call.caller.author,
            now=call.now(),
        )
    return reply(200, _bank_account_view(account, _account_terms(call)))


async def list_bank_accounts(call: Call[StorePath, PageQuery, Nothing]) -> Reply:
    """Show where a store is paid out to."""
    limit = call.query.limit
    after = place_of(call.query.cursor, str) or ""
    terms = _account_terms(call)
    async with call.service.pool.acquire() as connection:
        accounts = await actions.list_bank_accounts(
            connection, call.path.store_id, after=after, limit=limit + 1
        )
    return reply(
        200, page_of(accounts, limit, lambda of: of.bank_account_id, lambda of: _bank_account_view(of, terms))
    )


def _account_terms(call: Call[P, Q, B]) -> AccountTerms:
    return call.service.part(AccountTermsAt).at(call.now())


def _metrics_view(store_id: str, known: KnownMetrics) -> MetricsView:
    figures = {name: getattr(known, name) for name in Metrics.__struct_fields__}
    return MetricsView(
        store_id=store_id,
        month=f"{known.month:%Y-%m}",
        revision=known.revision,
        recorded_at=known.recorded_at,
        **figures,
    )


def _bank_account_view(account: BankAccount, terms: AccountTerms) -> BankAccountView:
    return BankAccountView(
        bank_account_id=account.bank_account_id,
        store_id=account.store_id,
        holder=account.holder,
        number=masked(account.number),
        bank_code=account.bank_code,
        recorded_at=account.recorded_at,
        updated_at=account.updated_at,
        verified=account.verified_at is not None,
        verified_by=account.verified_by,
        changed_at=account.changed_at,
        usable_from=terms.usable_from(account),
    )


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="GET",
            address="/v1/stores",
            operation="list_stores",
            summary="Stores by id",
            tag="stores",
            roles=STAFF,
            path=Nothing,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[KnownStore]},
            handle=list_stores,
        ),
        Route(
            method="PUT",
            address="/v1/stores/{store_id}",
            operation="put_store",
            summary="Take up a store, or what changed about it",
            tag="stores",
            roles=MARKETPLACE,
            path=StorePath,
            query=Nothing,
            body=StoreBody,
            answers={200: KnownStore, 201: KnownStore},
            handle=put_store,
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}",
            operation="get_store",
            summary="A store",
            tag="stores",
            roles=EVERYONE,
            path=StorePath,
            query=Nothing,
            body=Nothing,
            answers={200: KnownStore},
            handle=get_store,
            raises=_MISSES,
        ),
        Route(
            method="PUT",
            address="/v1/stores/{store_id}/metrics/{month}",
            operation="put_metrics",
            summary="Take up a month's figures, or their correction",
            tag="stores",
            roles=MARKETPLACE,
            path=MetricsPath,
            query=Nothing,
            body=MetricsBody,
            answers={200: MetricsView},
            handle=put_metrics,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/metrics",
            operation="list_metrics",
            summary="A store's months, newest first",
            tag="stores",
            roles=EVERYONE,
            path=StorePath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[MetricsView]},
            handle=list_metrics,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/facts",
            operation="list_facts",
            summary="A store's facts, the last told first",
            tag="stores",
            roles=EVERYONE,
            path=StorePath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[FactView]},
            handle=list_facts,
            raises=_MISSES,
        ),
        Route(
            method="PUT",
            address="/v1/stores/{store_id}/bank_accounts/{bank_account_id}",
            operation="put_bank_account",
            summary="Take up where a store is paid out to",
            tag="stores",
            roles=MARKETPLACE_OR_STORE,
            path=BankAccountPath,
            query=Nothing,
            body=BankAccountBody,
            answers={200: BankAccountView, 201: BankAccountView},
            handle=put_bank_account,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/stores/{store_id}/bank_accounts/{bank_account_id}/verify",
            operation="verify_bank_account",
            summary="Vouch for where a store is paid out to",
            tag="stores",
            roles=BACK_OFFICE,
            path=BankAccountPath,
            query=Nothing,
            body=Nothing,
            answers={200: BankAccountView},
            handle=verify_bank_account,
            raises={BankAccountUnknown: "bank_account_unknown"},
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/bank_accounts",
            operation="list_bank_accounts",
            summary="Where a store is paid out to, numbers masked",
            tag="stores",
            roles=EVERYONE,
            path=StorePath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[BankAccountView]},
            handle=list_bank_accounts,
            raises=_MISSES,
        ),
    ]
