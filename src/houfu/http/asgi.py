"""The ASGI door: hot routes straight, everything else through Litestar."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler

from houfu.http.docs import SECURITY as PAGE_SECURITY
from houfu.http.docs import Page
from houfu.http.problem import Problem, rendered
from houfu.http.reply import Header, Reply
from houfu.http.request import ClientGone, Receive, language_of
from houfu.http.route import AnyRoute, Service, answer, request_id

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

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
        self.litestar = Litestar(
            route_handlers=[
                *(handler_of(route, service) for route in routes),
                *(_handler_of_page(page) for page in pages),
                _handler_of_page(Page("/openapi.json", "application/json", msgspec.json.encode(document))),
            ],
            exception_handlers={HTTPException: _on_http_exception},
            openapi_config=None,
            logging_config=None,
        )
        self._rest = cast("Asgi", self.litestar)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            if path.startswith("/v1/authorizations"):
                route = self._hot.get(path)
                parameters: Mapping[str, str] = {}
                if route is None:
                    head, _, verb = path.rpartition("/")
                    id = head[19:]
                    if "/" not in id and head[:19] == "/v1/authorizations/":
                        route = self._hot_by_verb.get(verb)
                        parameters = {"id": id}
                if route is not None:
                    try:
                        made = await answer(route, self._service, scope, receive, parameters)
                    except ClientGone:
                        return
                    await _send(made, send)
                    return
        await self._rest(scope, receive, send)


async def _send(made: Reply, send: Send) -> None:
    headers = [
        (b"content-type", made.media_type),
        (b"content-length", b"%d" % len(made.body)),
        *SECURITY,
        *made.headers,
    ]
    await send({"type": "http.response.start", "status": made.status, "headers": headers})
    await send({"type": "http.response.body", "body": made.body})


def handler_of(route: AnyRoute, service: Service) -> HTTPRouteHandler:
    """The route as a handler of Litestar."""

    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        path = {name: str(value) for name, value in request.path_params.items()}
        scope, receive = cast("Scope", request.scope), cast("Receive", request.receive)
        return response_of(await answer(route, service, scope, receive, path))

    handle.__name__ = handle.__qualname__ = route.operation
    return HTTPRouteHandler(
        re.sub(r"\{(\w+)\}", r"{\1:str}", route.address),
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
    headers = {name.decode(): value.decode() for name, value in (*SECURITY, *made.headers)}
    return Response(made.body, status_code=made.status, media_type=made.media_type.decode(), headers=headers)


def _on_http_exception(request: Request[Any, Any, Any], exception: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: addresses and methods that are not there."""
    headers: tuple[Header, ...] = ()
    match exception:
        case NotFoundException():
            code = "route_unknown"
        case MethodNotAllowedException():
            code = "method_not_allowed"
            allow = (exception.headers or {}).get("Allow")
            headers = ((b"allow", allow.encode()),) if allow else ()
        case _:
            code = "internal"
    language = language_of(request.headers.get("accept-language", "").encode())
    return response_of(rendered(Problem(code, headers=headers), request_id=request_id(), language=language))
