"""The interface of orders on the line: the hot routes, the list of authorizations, and with them the line's own."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

import msgspec
from asyncpg import Record

from houfu.core.ids import parse_public_id, public_id
from houfu.db.queries import load
from houfu.http.caller import EVERYONE, MARKETPLACE
from houfu.http.fields import Nothing, StoreId
from houfu.http.page import HexId, hex_place_of, page_of, place_of
from houfu.http.problem import Problem, invalid
from houfu.http.reply import REPLAYED, Page, Reply, reply
from houfu.http.route import AnyRoute, B, Call, KeyUse, Route, Service
from houfu.lines import line_api
from houfu.lines.command import (
    PREFIX,
    Act,
    Answer,
    AuthorizationOutcome,
    Authorize,
    Command,
    OrderOutcome,
    Trouble,
)
from houfu.lines.interface import (
    AmountBody,
    AuthorizationPath,
    AuthorizationsQuery,
    AuthorizationView,
    AuthorizeBody,
    BatchAnswer,
    BatchBody,
    CaptureBody,
)
from houfu.lines.lanes import Busy, Lanes, Result, Unavailable
from houfu.policy.book import PolicyBook

_SQL = load(__package__, "lists.sql")
_START = ("", "0" * 32)
_encode = msgspec.json.Encoder().encode
_NOT_REPLAYED = b',"replayed":false}'
_REPLAYED = b',"replayed":true}'


class AuthorizationUnknown(LookupError):
    """There is no such authorization."""


_MISSES: Final[Mapping[type[Exception], str]] = {AuthorizationUnknown: "authorization_unknown"}


async def authorize(call: Call[Nothing, Nothing, AuthorizeBody]) -> Reply:
    """Reserve the order's amount on the line."""
    command = _authorize(call.body, call.key or "", call, _currency(call))
    return _reply(await _submit(call.service, command))


async def authorize_batch(call: Call[Nothing, Nothing, BatchBody]) -> Reply:
    """Reserve many at once; each item stands for itself."""
    currency = _currency(call)
    commands = [_authorize(item, item.idempotency_key, call, currency) for item in call.body.items]
    try:
        results = await call.service.part(Lanes).submit_all(commands)
    except Busy:
        raise Problem("busy") from None
    except Unavailable:
        raise Problem("unavailable") from None
    return Reply(200, b'{"data":[' + b",".join([_item(result) for result in results]) + b"]}")


async def capture(call: Call[AuthorizationPath, Nothing, CaptureBody]) -> Reply:
    """Draw the hold: the store shipped, money is advanced (A2)."""
    body = call.body
    _must_be_ours(call, body.currency)
    return await _act(call, "capture", call.path.id, body.amount, final=body.final)


async def void(call: Call[AuthorizationPath, Nothing, Nothing]) -> Reply:
    """Free what was not captured."""
    return await _act(call, "void", call.path.id, None)


async def repay(call: Call[AuthorizationPath, Nothing, AmountBody]) -> Reply:
    """Take note that the buyer paid: the line is restored (A4)."""
    _must_be_ours(call, call.body.currency)
    return await _act(call, "repay", call.path.id, call.body.amount)


async def give_back(call: Call[AuthorizationPath, Nothing, AmountBody]) -> Reply:
    """Take note that goods came back: the advance is clawed back."""
    _must_be_ours(call, call.body.currency)
    return await _act(call, "return", call.path.id, call.body.amount)


async def list_authorizations(call: Call[Nothing, AuthorizationsQuery, Nothing]) -> Reply:
    """Show authorizations, refused ones too: of one store the newest first, of all by store and age."""
    query, store_id = call.query, call.own_store(call.query.store_id)
    limit = query.limit + 1
    async with call.service.pool.acquire() as connection:
        if store_id is not None:
            before = hex_place_of(query.cursor)
            rows = await connection.fetch(
                _SQL["authorizations_of_store"], store_id, query.status, query.order_id, before, limit
            )
            page = page_of(rows, query.limit, lambda row: row["authorization_id"].hex, _view)
        else:
            after = place_of(query.cursor, tuple[StoreId, HexId]) or _START
            rows = await connection.fetch(
                _SQL["authorizations_of_all"], *after, query.status, query.order_id, limit
            )
            page = page_of(
                rows, query.limit, lambda row: (row["store_id"], row["authorization_id"].hex), _view
            )
    return reply(200, page)


async def get_authorization(call: Call[AuthorizationPath, Nothing, Nothing]) -> Reply:
    """Show an authorization as it stands."""
    async with call.service.pool.acquire() as connection:
        row = await connection.fetchrow(_SQL["authorization"], *_parsed(call.path.id))
    if row is None:
        raise AuthorizationUnknown
    return reply(200, _view(row))


async def _act(
    call: Call[AuthorizationPath, Nothing, B],
    kind: Literal["capture", "void", "repay", "return"],
    id: str,
    amount: int | None,
    *,
    final: bool = False,
) -> Reply:
    store_id, hex_id = _parsed(id)
    command = Act(
        kind=kind,
        store_id=store_id,
        id=hex_id,
        amount=amount,
        final=final,
        key=call.key or "",
        request_sha=call.request_sha,
        author=call.caller.author,
        language=call.language,
    )
    return _reply(await _submit(call.service, command))


def _authorize(
    body: AuthorizeBody, key: str, call: Call[Nothing, Nothing, B], programme_currency: str
) -> Authorize:
    currency = body.currency or programme_currency
    # The same order asks the same under the same key, whether alone or in a batch.
    asked = _encode(("authorize", body.store_id, body.order_id, body.buyer_id, body.amount, currency))
    return Authorize(
        store_id=body.store_id,
        order_id=body.order_id,
        buyer_id=body.buyer_id,
        amount=body.amount,
        currency=currency,
        key=key,
        request_sha=hashlib.sha256(asked).digest(),
        author=call.caller.author,
        language=call.language,
    )


async def _submit(service: Service, command: Command) -> Result:
    try:
        return await service.part(Lanes).submit(command)
    except Busy:
        raise Problem("busy") from None
    except Unavailable:
        raise Problem("unavailable") from None


def _reply(result: Result) -> Reply:
    if isinstance(result, Trouble):
        if result.code == "authorization_unknown":
            raise AuthorizationUnknown
        raise Problem(result.code)
    return Reply(result.status, result.body, (REPLAYED,) if result.replayed else ())


def _item(result: Result) -> bytes:
    if isinstance(result, Answer):
        return result.body[:-1] + (_REPLAYED if result.replayed else _NOT_REPLAYED)
    return _encode({"status": "error", "code": result.code, "replayed": False})


def _parsed(id: str) -> tuple[str, str]:
    parsed = parse_public_id(PREFIX, id)
    if parsed is None:
        raise AuthorizationUnknown(id)
    return parsed


def _view(row: Record) -> AuthorizationView:
    refused = row["reason"] is not None
    return AuthorizationView(
        id=public_id(PREFIX, row["authorization_id"].hex, row["store_id"]),
        status=row["status"],
        reason=row["reason"],
        store_id=row["store_id"],
        order_id=row["order_id"],
        buyer_id=row["buyer_id"],
        amount=row["amount"],
        currency=row["currency"],
        over_limit_amount=row["over_limit_amount"],
        held=0 if refused else row["amount"] - row["captured"] - row["freed"],
        captured=row["captured"],
        freed=row["freed"],
        repaid=row["repaid"],
        returned=row["returned"],
        outstanding=row["captured"] - row["repaid"] - (row["returned"] - row["refunded"]),
        authorized_at=row["authorized_at"],
        expires_at=row["expires_at"],
        captured_at=row["captured_at"],
    )


def _currency(call: Call[Nothing, Nothing, B]) -> str:
    return call.service.part(PolicyBook).at(call.now()).terms.currency


def _must_be_ours(call: Call[AuthorizationPath, Nothing, B], currency: str | None) -> None:
    if currency is not None and currency != call.service.part(PolicyBook).at(call.now()).terms.currency:
        raise invalid("currency", "is not the programme's currency")


def _hot(
    address: str,
    operation: str,
    summary: str,
    body: type[B],
    handle: Callable[[Call[Any, Nothing, B]], Awaitable[Reply]],
    *,
    answers: Mapping[int, object],
    path: type[Any] = Nothing,
    key: KeyUse = "required",
) -> AnyRoute:
    """A route of the marketplace's order flow."""
    return Route(
        method="POST",
        address=f"/v1/authorizations{address}",
        operation=operation,
        summary=summary,
        tag="authorizations",
        roles=MARKETPLACE,
        path=path,
        query=Nothing,
        body=body,
        answers=answers,
        handle=handle,
        key=key,
        raises={} if path is Nothing else _MISSES,
        hot=True,
    )


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    made, acted, one = (
        {201: AuthorizationOutcome, 200: AuthorizationOutcome},
        {200: OrderOutcome},
        AuthorizationPath,
    )
    return [
        _hot(
            "",
            "authorize",
            "Reserve an order's amount on its store's line",
            AuthorizeBody,
            authorize,
            answers=made,
        ),
        _hot(
            "/batch",
            "authorize_batch",
            "Reserve up to 1,000 orders at once",
            BatchBody,
            authorize_batch,
            answers={200: BatchAnswer},
            key="none",
        ),
        _hot(
            "/{id}/capture",
            "capture",
            "The store shipped: draw the hold, advance the money",
            CaptureBody,
            capture,
            answers=acted,
            path=one,
        ),
        _hot("/{id}/void", "void", "Free what was not captured", Nothing, void, answers=acted, path=one),
        _hot(
            "/{id}/repayments",
            "repay",
            "The buyer paid: restore the line",
            AmountBody,
            repay,
            answers=acted,
            path=one,
        ),
        _hot(
            "/{id}/returns",
            "return",
            "Goods came back: claw the advance back",
            AmountBody,
            give_back,
            answers=acted,
            path=one,
        ),
        Route(
            method="GET",
            address="/v1/authorizations",
            operation="list_authorizations",
            summary="Authorizations, refused ones too",
            tag="authorizations",
            roles=EVERYONE,
            path=Nothing,
            query=AuthorizationsQuery,
            body=Nothing,
            answers={200: Page[AuthorizationView]},
            handle=list_authorizations,
        ),
        Route(
            method="GET",
            address="/v1/authorizations/{id}",
            operation="get_authorization",
            summary="An authorization as it stands",
            tag="authorizations",
            roles=EVERYONE,
            path=AuthorizationPath,
            query=Nothing,
            body=Nothing,
            answers={200: AuthorizationView},
            handle=get_authorization,
            raises=_MISSES,
        ),
        *line_api.routes(),
    ]
