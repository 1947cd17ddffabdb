"""The interface of withdrawals: what one would come to, asking for it, taking it back, and looking it up."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from houfu.core.calendar import Calendar
from houfu.http.caller import EVERYONE, MARKETPLACE_OR_STORE
from houfu.http.fields import (
    Amount,
    BankAccountId,
    Currency,
    Day,
    Moment,
    Nothing,
    PageQuery,
    StoreId,
    WithdrawalId,
    bounds_of,
)
from houfu.http.page import page_of, place_of
from houfu.http.problem import Problem, invalid
from houfu.http.reply import REPLAYED, Page, Reply, reply
from houfu.http.route import AnyRoute, B, Call, P, Q, Route
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy
from houfu.stores.store import StoreUnknown
from houfu.withdrawals import actions
from houfu.withdrawals.actions import Filter, WithdrawalUnknown, place_of_id
from houfu.withdrawals.ask import Ask, Cancel, PreviewView, Trouble, WithdrawalView
from houfu.withdrawals.lanes import Busy, Lanes, Unavailable
from houfu.withdrawals.withdrawal import Status

_MISSES: Final[Mapping[type[Exception], str]] = {
    StoreUnknown: "store_unknown",
    WithdrawalUnknown: "withdrawal_unknown",
}
HexId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
StatusName = Literal["scheduled", "in_transit", "paid", "failed", "refused", "canceled"]


class PreviewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a store thinks of withdrawing. Without a bank account that check is left out."""

    store_id: StoreId
    amount: Amount
    currency: Currency | None = None
    bank_account_id: BankAccountId | None = None


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a store withdraws, to one of its bank accounts."""

    store_id: StoreId
    amount: Amount
    currency: Currency | None = None
    bank_account_id: BankAccountId


class WithdrawalPath(msgspec.Struct, frozen=True):
    """A path that names a withdrawal."""

    id: WithdrawalId


class WithdrawalsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which withdrawals: of one store or of all, in one status, asked from a moment or local day on, before a moment or up to
    a local day, of amounts between two, both included."""

    store_id: StoreId | None = None
    status: StatusName | None = None
    asked_from: Moment | None = None
    asked_before: Moment | None = None
    from_day: Day | None = None
    to_day: Day | None = None
    amount_min: Amount | None = None
    amount_max: Amount | None = None


async def preview(call: Call[Nothing, Nothing, PreviewBody]) -> Reply:
    """Show what a withdrawal would cost, pay out, set off and when it would arrive; nothing is recorded."""
    body, policy = call.body, _policy(call)
    _must_be_ours(policy, body.currency)
    async with call.service.pool.acquire() as connection:
        seen = await actions.preview(
            connection,
            store_id=body.store_id,
            amount=body.amount,
            bank_account_id=body.bank_account_id,
            policy=policy,
            calendar=call.service.part(Calendar),
            language=call.language,
            now=call.now(),
        )
    return reply(200, seen)


async def request(call: Call[Nothing, Nothing, RequestBody]) -> Reply:
    """Ask for a withdrawal: 201 where it is accepted, 200 where it is refused."""
    body = call.body
    if body.currency is not None:
        _must_be_ours(_policy(call), body.currency)
    ask = Ask(
        store_id=body.store_id,
        amount=body.amount,
        bank_account_id=body.bank_account_id,
        key=call.key or "",
        request_sha=call.request_sha,
        author=call.caller.author,
        language=call.language,
    )
    return await _submit(call, ask)


async def cancel(call: Call[WithdrawalPath, Nothing, Nothing]) -> Reply:
    """Take a withdrawal back that has not gone to the bank yet."""
    store_id, id = place_of_id(call.path.id)
    command = Cancel(
        store_id=store_id,
        id=id,
        key=call.key or "",
        request_sha=call.request_sha,
        author=call.caller.author,
        language=call.language,
    )
    return await _submit(call, command)


async def list_withdrawals(call: Call[Nothing, WithdrawalsQuery, Nothing]) -> Reply:
    """Show withdrawals, refused ones too, newest first."""
    query = call.query
    asked_from, asked_before = bounds_of(
        call.service.part(ZoneInfo),
        ("asked_from", query.asked_from),
        ("asked_before", query.asked_before),
        from_day=query.from_day,
        to_day=query.to_day,
    )
    chosen = Filter(
        store_id=call.own_store(query.store_id),
        status=None if query.status is None else Status(query.status),
        asked_from=asked_from,
        asked_before=asked_before,
        amount_min=query.amount_min,
        amount_max=query.amount_max,
    )
    after = place_of(query.cursor, tuple[StoreId, HexId])
    async with call.service.pool.acquire() as connection:
        found = await actions.withdrawals(
            connection,
            chosen,
            after=after,
            limit=query.limit + 1,
            policy=_policy(call),
            calendar=call.service.part(Calendar),
            language=call.language,
        )
    return reply(200, page_of(found, query.limit, lambda view: place_of_id(view.id), lambda view: view))


async def get_withdrawal(call: Call[WithdrawalPath, Nothing, Nothing]) -> Reply:
    """Show a withdrawal as it stands."""
    store_id, id = place_of_id(call.path.id)
    async with call.service.pool.acquire() as connection:
        view = await actions.withdrawal(
            connection,
            store_id,
            id,
            policy=_policy(call),
            calendar=call.service.part(Calendar),
            language=call.language,
        )
    return reply(200, view)


def _policy(call: Call[P, Q, B]) -> Policy:
    return call.service.part(PolicyBook).at(call.now())


def _must_be_ours(policy: Policy, currency: str | None) -> None:
    """Problem for any currency but the programme's, in which balances are kept."""
    if currency is not None and currency != policy.terms.currency:
        raise invalid("currency", f"must be {policy.terms.currency}")


async def _submit(call: Call[P, Q, B], command: Ask | Cancel) -> Reply:
    try:
        answer = await call.service.part(Lanes).submit(command)
    except Busy:
        raise Problem("busy") from None
    except Unavailable:
        raise Problem("unavailable") from None
    if isinstance(answer, Trouble):
        raise Problem(answer.code)
    return Reply(answer.status, answer.body, (REPLAYED,) if answer.replayed else ())


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="POST",
            address="/v1/withdrawals/preview",
            operation="preview_withdrawal",
            summary="What a withdrawal would come to, before it is asked for",
            tag="withdrawals",
            roles=EVERYONE,
            path=Nothing,
            query=Nothing,
            body=PreviewBody,
            answers={200: PreviewView},
            handle=preview,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/withdrawals",
            operation="request_withdrawal",
            summary="Withdraw from the balance to a bank account",
            tag="withdrawals",
            roles=MARKETPLACE_OR_STORE,
            path=Nothing,
            query=Nothing,
            body=RequestBody,
            answers={200: WithdrawalView, 201: WithdrawalView},
            handle=request,
            key="required",
            hot=True,
            problems=frozenset({"store_unknown"}),
        ),
        Route(
            method="GET",
            address="/v1/withdrawals",
            operation="list_withdrawals",
            summary="Withdrawals, refused ones too, newest first",
            tag="withdrawals",
            roles=EVERYONE,
            path=Nothing,
            query=WithdrawalsQuery,
            body=Nothing,
            answers={200: Page[WithdrawalView]},
            handle=list_withdrawals,
        ),
        Route(
            method="GET",
            address="/v1/withdrawals/{id}",
            operation="get_withdrawal",
            summary="A withdrawal as it stands",
            tag="withdrawals",
            roles=EVERYONE,
            path=WithdrawalPath,
            query=Nothing,
            body=Nothing,
            answers={200: WithdrawalView},
            handle=get_withdrawal,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/withdrawals/{id}/cancel",
            operation="cancel_withdrawal",
            summary="Take a withdrawal back before it goes to the bank",
            tag="withdrawals",
            roles=MARKETPLACE_OR_STORE,
            path=WithdrawalPath,
            query=Nothing,
            body=Nothing,
            answers={200: WithdrawalView},
            handle=cancel,
            key="required",
            raises=_MISSES,
        ),
    ]
