"""Routes as data, and the one way from a request to a reply.

A `Route` says what a call takes, who may make it and what it answers; the OpenAPI document, the permission
table and the tests are made from the same list. `answer` proves who calls, then reads, then acts. The hot
routes reach it straight from ASGI, the others through Litestar: both doors give the same answer.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Final, Generic, Literal, TypeVar, cast

import msgspec
import structlog
from asyncpg import Pool, Record

from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.core.reason import Language
from houfu.db.keys import Role
from houfu.db.tx import LOST, without_values
from houfu.http.caller import NOBODY, Caller, KeyRing, admit
from houfu.http.fields import Nothing
from houfu.http.problem import Problem, rendered
from houfu.http.reply import Reply
from houfu.http.request import (
    Receive,
    convert,
    decode,
    idempotency_key,
    language_of,
    must_be_json,
    query_of,
    read_body,
)

P = TypeVar("P", bound=msgspec.Struct)
Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)
T = TypeVar("T")

Method = Literal["GET", "PUT", "POST"]
KeyUse = Literal["none", "optional", "required"]

_log = structlog.get_logger()
_encode = msgspec.json.Encoder().encode
_NOTHING: Final = Nothing()
_REQUESTS: Final = count(1)
_PROCESS: Final = secrets.token_hex(6)


class Service:
    """What every call may need: the pool, the clock, ids, the key ring, and parts that capabilities bring."""

    def __init__(
        self, *, pool: "Pool[Record]", clock: Clock, ids: IdMaker, parts: Iterable[object] = ()
    ) -> None:
        self.pool = pool
        self.clock = clock
        self.ids = ids
        self.keys = KeyRing(pool)
        self._parts: dict[type, object] = {type(part): part for part in parts}

    def put(self, part: object) -> None:
        """Bring a part, in place of the one of its type."""
        self._parts[type(part)] = part

    def part(self, kind: type[T]) -> T:
        """The part of this type. KeyError where nobody brought one."""
        return cast(T, self._parts[kind])

    def has(self, kind: type) -> bool:
        return kind in self._parts


class Call(Generic[P, Q, B]):
    """One request, proven and decoded. `key` is its idempotency key."""

    __slots__ = ("body", "caller", "key", "language", "path", "query", "route", "service")

    def __init__(
        self,
        route: "Route[P, Q, B]",
        service: Service,
        caller: Caller,
        language: Language,
        path: P,
        query: Q,
        body: B,
        key: str | None,
    ) -> None:
        self.route = route
        self.service = service
        self.caller = caller
        self.language: Language = language
        self.path = path
        self.query = query
        self.body = body
        self.key = key

    @property
    def request_sha(self) -> bytes:
        """What the request asks, whatever the order and spacing of its JSON: a key stands for this alone."""
        digest = hashlib.sha256(self.route.operation.encode())
        if self.route.path is not Nothing:
            digest.update(_encode(self.path))
        digest.update(_encode(self.body))
        return digest.digest()

    def now(self) -> datetime:
        return self.service.clock.now()

    def own_store(self, asked: str | None) -> str | None:
        """The store a list is about: a merchant's own whatever was asked, else the one asked for, None for all."""
        return self.caller.store_id if self.caller.role == "merchant" else asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[P, Q, B]):
    """A call of the interface. `address` is its path template; `answers` the body of each status below 400."""

    method: Method
    address: str
    operation: str
    summary: str
    tag: str
    roles: frozenset[Role]
    path: type[P]
    query: type[Q]
    body: type[B]
    answers: Mapping[int, object]
    handle: Callable[[Call[P, Q, B]], Awaitable[Reply]]
    key: KeyUse = "none"
    raises: Mapping[type[Exception], str] = field(default_factory=dict[type[Exception], str])
    """Problem codes of its own, by the exception of the capability that stands for each."""
    problems: frozenset[str] = frozenset()
    """Problem codes of its own that it raises itself."""
    files: tuple[str, ...] = ()
    """Media types of the files it can answer with, beside `answers`."""
    public: bool = False
    """Needs no key."""
    hot: bool = False
    body_decoder: msgspec.json.Decoder[B] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body_decoder", msgspec.json.Decoder(self.body))


AnyRoute = Route[Any, Any, Any]


async def answer(
    route: Route[P, Q, B],
    service: Service,
    scope: Mapping[str, Any],
    receive: Receive,
    path: Mapping[str, str],
) -> Reply:
    """From a request to its reply; every failure becomes a problem document."""
    authorization = key = content_type = content_length = accept_language = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"idempotency-key":
            key = value
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            content_length = value
        elif name == b"accept-language":
            accept_language = value
    language = language_of(accept_language)
    try:
        caller = NOBODY if route.public else await service.keys.caller(authorization)
        if caller.role == "merchant" or caller.role not in route.roles:
            admit(caller, route.roles, _stores_of_path(path))
        path_struct = cast(P, _NOTHING) if route.path is Nothing else convert(path, route.path)
        query = cast(Q, _NOTHING)
        if route.query is not Nothing or scope["query_string"]:
            query = convert(query_of(scope["query_string"]), route.query)
        idempotent = idempotency_key(key, required=route.key == "required") if route.key != "none" else None
        body = cast(B, _NOTHING)
        if route.method != "GET":
            must_be_json(content_type)
            body = decode(route.body_decoder, await read_body(receive, content_length))
        if caller.role == "merchant":
            admit(caller, route.roles, (getattr(query, "store_id", None), getattr(body, "store_id", None)))
        return await route.handle(
            Call(route, service, caller, language, path_struct, query, body, idempotent)
        )
    except Problem as problem:
        return rendered(problem, request_id=request_id(), language=language)
    except (*LOST, TimeoutError) as away:
        _log.warning("database_away", operation=route.operation, error=type(away).__name__)
        return rendered(Problem("unavailable"), request_id=request_id(), language=language)
    except Exception as bug:
        id = request_id()
        if (code := route.raises.get(type(bug))) is not None:
            return rendered(Problem(code), request_id=id, language=language)
        _log.error("request_failed", operation=route.operation, request_id=id, **without_values(bug))
        return rendered(Problem("internal"), request_id=id, language=language)


def request_id() -> str:
    """A name for this request that logs and problem documents share."""
    return f"req_{_PROCESS}{next(_REQUESTS):010x}"


def _stores_of_path(path: Mapping[str, str]) -> tuple[str | None, ...]:
    """The stores a path names: by itself, or inside an id that carries its store."""
    if "store_id" in path:
        return (path["store_id"],)
    if "id" in path:
        return (path["id"].partition(".")[2],)
    return ()
