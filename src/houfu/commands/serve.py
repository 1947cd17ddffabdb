"""`houfu serve`: the service."""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, rails_of, say, settings_of, tell
from houfu.commands.quote import moment
from houfu.settings import Settings

if TYPE_CHECKING:
    from houfu.payouts.rails.config import RailsConfig

BACKLOG = 2048
GARBAGE_THRESHOLD = 20_000
"""Objects that come to be before the collector looks at the young ones."""
GRACE_SECONDS = 10
"""How long open connections are waited for when the service stops."""


def serve(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="A clock that stands still and is moved by a call.")
    ] = False,
    now: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Where a new sandbox's clock starts.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Default: HOUFU_PORT, else 8000; 0 takes a free one."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Default: HOUFU_HOST, else 127.0.0.1.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the service. Prints one line of JSON, {"ready": true, "url": ...}, when it serves."""
    from houfu.commands.logging import configure_logging

    if now is not None and not sandbox:
        raise Failed(Exit.USAGE, "--now goes with --sandbox: the real clock cannot be set.")
    start = None if now is None else moment("--now", now)
    settings = settings_of(data_dir)
    configure_logging(settings.log_level)
    rails = rails_of(settings)
    with (
        listening(
            settings.host if host is None else host, settings.port if port is None else port
        ) as listener,
        database(settings) as dsn,
    ):
        run(_serve(dsn, listener, settings, rails, sandbox=sandbox, start=start))


async def _serve(
    dsn: str,
    listener: socket.socket,
    settings: Settings,
    rails: "RailsConfig | None",
    *,
    sandbox: bool,
    start: datetime | None,
) -> None:
    from houfu.app import build, open_service, publish_shipped, sandbox_clock, working
    from houfu.core.clock import SystemClock
    from houfu.payouts.rails.config import ExtraMissing
    from houfu.payouts.rails.rail import RailAway

    clock = await sandbox_clock(dsn, start=start) if sandbox else SystemClock()
    if sandbox:
        say(f"The sandbox's clock stands at {clock.now().isoformat()}.")
    await publish_shipped(dsn, now=clock.now())
    try:
        async with (
            open_service(dsn, clock=clock, pool_size=settings.pool_size, rails=rails) as service,
            contextlib.nullcontext() if sandbox else working(service),
        ):
            await serve_on(listener, build(service))
    except (ExtraMissing, RailAway) as unusable:
        raise Failed(Exit.USAGE, f"{settings.rails}: {unusable}") from None


@dataclass(frozen=True, slots=True)
class Tls:
    """What a door shows its callers; with `client_ca`, callers must show a certificate signed by it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


async def serve_on(
    listener: socket.socket, door: Callable[..., Awaitable[None]], *, tls: Tls | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered first."""
    import uvicorn

    from houfu.http.protocol import Protocol

    config = uvicorn.Config(
        door,
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        **({} if tls is None else _secured(tls)),
    )

    class Server(uvicorn.Server):
        """uvicorn's, except that signals are left to us: it would raise them again and skip our own cleaning up."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, self.handle_exit, number, None)
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                tell({"ready": True, "url": url_of(listener, secured=tls is not None)})

    # What was made at the start stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)
    await Server(config).serve(sockets=[listener])
    say("Stopped.")


@contextlib.contextmanager
def listening(host: str, port: int) -> Generator[socket.socket]:
    """A socket that is bound before anything else is started. Failed where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise Failed(Exit.ADDRESS, f"{host} is no address of this machine: {error.strerror}.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise Failed(
            Exit.ADDRESS,
            f"Port {port} of {host} cannot be had: {error.strerror}.",
            "Stop what listens there, or choose another with --port (0 takes a free one).",
        ) from None
    try:
        yield listener
    finally:
        listener.close()


def _secured(tls: Tls) -> dict[str, Any]:
    """uvicorn's options for it."""
    secured: dict[str, Any] = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    if tls.client_ca is not None:
        secured |= {"ssl_ca_certs": str(tls.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return secured


def url_of(listener: socket.socket, *, secured: bool = False) -> str:
    """Where the service is reached."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{'https' if secured else 'http'}://{host}:{port}"


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        new_event_loop = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)
