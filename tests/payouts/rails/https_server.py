"""A real service of a bank for tests, behind mutual TLS, which may misbehave on request."""

import asyncio
import hashlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import trustme
import uvicorn

from houfu.payouts.rails.config import HttpsTerms

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Service:
    """What the bank has, how it is reached, and what it does wrong."""

    terms: HttpsTerms
    port: int
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    reports: dict[str, bytes] = field(default_factory=dict[str, bytes])
    lose_answer: bool = False
    answer: tuple[int, dict[str, str], bytes] | None = None
    put_answer: tuple[int, dict[str, str], bytes] | None = None
    calls: list[str] = field(default_factory=list[str])

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send
    ) -> None:
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        query = scope["query_string"].decode()
        self.calls.append(f"{scope['method']} {scope['path']}" + (f"?{query}" if query else ""))
        said = (self.put_answer if scope["method"] == "PUT" else None) or self.answer
        status, headers, answer = said or self._answer(scope["method"], scope["path"], query, body)
        if self.lose_answer:
            # Promised and not kept: the connection ends in the middle of the answer.
            await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"9")]})
            return
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        _, kind, *rest = path.split("/")
        name = rest[0] if rest else ""
        if method == "PUT":
            held = self.files.setdefault(name, body)
            return (
                (201, {}, b"{}") if held == body else (409, {}, json.dumps({"words": "另一份文件"}).encode())
            )
        if kind == "files":
            held = self.files.get(name)
            if held is None:
                return 404, {}, b"{}"
            return 200, {}, json.dumps({"sha256": hashlib.sha256(held).hexdigest()}).encode()
        if name:
            return (200, {}, self.reports[name]) if name in self.reports else (404, {}, b"")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        names = [name for name in sorted(self.reports) if name > asked.get("after", "")][
            : int(asked["limit"])
        ]
        listed = [{"name": name, "size": len(self.reports[name])} for name in names]
        return 200, {}, json.dumps({"reports": listed}).encode()


@asynccontextmanager
async def serving(tmp: Path, *, named: str = "localhost") -> AsyncIterator[Service]:
    """The service on a free port of this machine, with certificates of one authority for it and for its client."""
    authority = trustme.CA()
    ours, theirs = authority.issue_cert("houfu.example"), authority.issue_cert(named)
    authority.cert_pem.write_to_path(tmp / "ca.pem")
    for name, issued in (("client", ours), ("server", theirs)):
        issued.private_key_pem.write_to_path(tmp / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(tmp / f"{name}.pem")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # From here on callers wait in line until the server takes them.
    listener.listen()
    port = listener.getsockname()[1]
    terms = HttpsTerms(
        url=f"https://localhost:{port}/bank",
        certificate=str(tmp / "client.pem"),
        key=str(tmp / "client.key"),
        ca=str(tmp / "ca.pem"),
    )
    service = Service(terms, port)

    async def below_bank(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await service({**scope, "path": scope["path"].removeprefix("/bank")}, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(
            below_bank,
            ssl_certfile=str(tmp / "server.pem"),
            ssl_keyfile=str(tmp / "server.key"),
            ssl_ca_certs=str(tmp / "ca.pem"),
            ssl_cert_reqs=ssl.CERT_REQUIRED,
            log_config=None,
            lifespan="off",
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield service
    finally:
        server.should_exit = True
        await running
