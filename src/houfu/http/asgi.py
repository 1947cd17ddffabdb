"""The ASGI door: hot routes straight, everything else through Litestar."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, cast

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from houfu.db.tx import without_values
from houfu.http.docs import SECURITY as PAGE_SECURITY
from houfu.http.docs import Page
from houfu.http.problem import Problem, rendered
from houfu.http.reply import Header, Reply
from houfu.http.request import Receive, language_of
from houfu.http.route import AnyRoute, Service, answer, request_id

_log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_PARAMETER: Final = re.compile(r"\{(\w+)\}")

PATIENCE_SECONDS: Final = 60
"""How long a caller may take nothing of a body that is made while it is sent."""

SECURITY: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


class Door:
    """An ASGI application over the routes."""

    def __init__(
        self,
        routes: Sequence[AnyRoute],
        service: Service,
        *,
        document: Mapping[str, Any],
        pages: Sequence[Page],
    ) -> None:
        self._service = service
        self._hot: dict[str, AnyRoute] = {}
        self._hot_by_verb: dict[str, AnyRoute] = {}
        for route in routes:
            if route.hot and "{id}" in route.address:
                self._hot_by_verb[route.address.rpartition("/")[2]] = route
            elif route.hot:
                self._hot[route.address] = route
        allowed: dict[str, str] = {}
        for address, method in [
            *((route.address, route.method) for route in routes),
            *((page.address, "GET") for page in pages),
            ("/openapi.json", "GET"),
        ]:
            allowed[address] = f"{allowed[address]}, {method}" if address in allowed else f"OPTIONS, {method}"
        self._allowed = {address: allow.encode() for address, allow in allowed.items()}
        self._allowed_by_form = [
            (re.compile(_PARAMETER.sub("[^/]+", address)), allow) for address, allow in self._allowed.items()
        ]
        self.litestar = Litestar(
            route_handlers=[
                *(handler_of(route, service) for route in routes),
                *(_handler_of_page(page) for page in pages),
                _handler_of_page(Page("/openapi.json", "application/json", msgspec.json.encode(document))),
            ],
            exception_handlers={Exception: self._on_exception},
            openapi_config=None,
            logging_config=None,
        )
        self._rest = cast("Asgi", self.litestar)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            if path.startswith(("/v1/authorizations", "/v1/withdrawals")):
                route = self._hot.get(path)
                parameters: Mapping[str, str] = {}
                if route is None:
                    head, _, verb = path.rpartition("/")
                    id = head[19:]
                    if "/" not in id and head[:19] == "/v1/authorizations/":
                        route = self._hot_by_verb.get(verb)
                        parameters = {"id": id}
                if route is not None:
                    await _send(await answer(route, self._service, scope, receive, parameters), receive, send)
                    return
        elif (
            scope["type"] == "http" and scope["method"] == "OPTIONS" and (allow := self._allow(scope["path"]))
        ):
            await send({"type": "http.response.start", "status": 204, "headers": [*SECURITY, *allow]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._rest(scope, receive, send)

    def _allow(self, path: str) -> tuple[Header, ...]:
        """The methods of an address, as a header; none where there is nothing."""
        if (methods := self._allowed.get(path)) is None:
            methods = next((methods for form, methods in self._allowed_by_form if form.fullmatch(path)), None)
        return () if methods is None else ((b"allow", methods),)

    def _on_exception(self, request: Request[Any, Any, Any], exception: Exception) -> Response[bytes]:
        """What Litestar itself refuses: addresses and methods that are not there; anything else is a fault."""
        match exception:
            case NotFoundException():
                problem = Problem("route_unknown")
            case MethodNotAllowedException():
                problem = Problem("method_not_allowed", headers=self._allow(request.url.path))
            case _:
                _log.error("request_failed", path=request.url.path, **without_values(exception))
                problem = Problem("internal")
        language = language_of(request.headers.get("accept-language", "").encode())
        return response_of(rendered(problem, request_id=request_id(), language=language))


async def _send(made: Reply, receive: Receive, send: Send) -> None:
    if made.parts is not None:
        await _stream(made, made.parts, receive, send)
        return
    headers = [
        (b"content-type", made.media_type),
        (b"content-length", b"%d" % len(made.body)),
        *SECURITY,
        *made.headers,
    ]
    await send({"type": "http.response.start", "status": made.status, "headers": headers})
    await send({"type": "http.response.body", "body": made.body})


async def _stream(made: Reply, parts: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send a body while it is made. Whoever makes it is stopped as soon as the caller leaves."""
    sending = asyncio.create_task(_send_parts(made, parts, send))
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.wait((sending, leaving))
        await parts.aclose()
    if not sending.cancelled() and (fault := sending.exception()) is not None:
        # The head is on its way, so no problem can be told: the body breaks off without its end, which callers see.
        _log.error("stream_failed", **without_values(fault))
        raise fault


async def _send_parts(made: Reply, parts: AsyncGenerator[bytes, None], send: Send) -> None:
    headers = [(b"content-type", made.media_type), *SECURITY, *made.headers]
    await send({"type": "http.response.start", "status": made.status, "headers": headers})
    if made.body:
        await send({"type": "http.response.body", "body": made.body, "more_body": True})
    async for part in parts:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Streaming(Response[bytes]):
    """A reply whose body is made while it is sent, in Litestar's terms."""

    def __init__(self, made: Reply, parts: AsyncGenerator[bytes, None]) -> None:
        super().__init__(b"", status_code=made.status, media_type=made.media_type.decode())
        self._made, self._parts = made, parts

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        return cast("ASGIResponse", self._answer)

    async def _answer(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await _stream(self._made, self._parts, receive, send)


def handler_of(route: AnyRoute, service: Service) -> HTTPRouteHandler:
    """The route as a handler of Litestar."""

    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        path = {name: str(value) for name, value in request.path_params.items()}
        scope, receive = cast("Scope", request.scope), cast("Receive", request.receive)
        return response_of(await answer(route, service, scope, receive, path))

    handle.__name__ = handle.__qualname__ = route.operation
    return HTTPRouteHandler(
        _PARAMETER.sub(r"{\1:str}", route.address),
        http_method=route.method,
        name=route.operation,
        status_code=200,
        media_type="application/json",
    )(handle)


def _handler_of_page(page: Page) -> HTTPRouteHandler:
    headers = {name.decode(): value.decode() for name, value in PAGE_SECURITY}

    async def show() -> Response[bytes]:
        return Response(page.content, media_type=page.media_type, headers=headers)

    return HTTPRouteHandler(page.address, http_method="GET", status_code=200, media_type=page.media_type)(
        show
    )


def response_of(made: Reply) -> Response[bytes]:
    """The reply in Litestar's terms."""
    if made.parts is not None:
        return _Streaming(made, made.parts)
    headers = {name.decode(): value.decode() for name, value in (*SECURITY, *made.headers)}
    return Response(made.body, status_code=made.status, media_type=made.media_type.decode(), headers=headers)
