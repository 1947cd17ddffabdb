"""Finds a PostgreSQL: the one DATABASE_URL names, else one that Houfu starts itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from houfu.db.binaries import OLDEST_VERSION, bin_dir
from houfu.db.embedded import embedded_server
from houfu.db.server_error import ServerError

__all__ = ["Server", "ServerError", "bin_dir", "in_database", "open_server"]

_CONNECT_SECONDS_MAX = 10
_STARTING_SECONDS_MAX = 30
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL that takes connections: a DSN for asyncpg or libpq, its major version, whose it is."""

    dsn: str
    version: int
    embedded: bool


def in_database(dsn: str, name: str) -> str:
    """The DSN of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@contextlib.contextmanager
def open_server(
    *,
    data_dir: Path,
    database_url: str | None,
    on_progress: Callable[[str], None],
    durable: bool = True,
    bin_dir: Path | None = None,
) -> Generator[Server]:
    """A server for as long as the context lasts; ServerError with a remedy if there is none.

    With `database_url` that server is checked for reach and version and otherwise left alone. Without, the
    embedded server of `data_dir` is used: started if no houfu process runs it yet, started again should it
    die, and shut down when the last process using it leaves. A process killed outright leaves it running; the
    next one takes it over.

    `on_progress` gets sentences for a person, also from another thread. `durable=False` trades safety
    against power loss for speed and is for tests; `bin_dir` names the PostgreSQL programs to use. Both count
    only for a server that is started here.
    """
    if database_url is not None:
        yield Server(dsn=database_url, version=_version_at(database_url), embedded=False)
        return
    with embedded_server(data_dir=data_dir, durable=durable, bin_dir=bin_dir, on_progress=on_progress) as (
        dsn,
        version,
    ):
        yield Server(dsn=dsn, version=version, embedded=True)


def _version_at(database_url: str) -> int:
    """Major version of the reachable server at `database_url`, at least the oldest supported."""
    version = _in_own_loop(database_url)
    if version < OLDEST_VERSION:
        raise ServerError(
            f"The server of DATABASE_URL is PostgreSQL {version}; Houfu needs {OLDEST_VERSION} or later.",
            remedy="Upgrade that server, or unset DATABASE_URL to use the embedded one.",
        )
    return version


def _in_own_loop(database_url: str) -> int:
    """Runs the check whether or not the caller's thread already has an event loop."""
    answers: list[int] = []
    errors: list[ServerError] = []

    def check() -> None:
        try:
            answers.append(asyncio.run(_ask_version(database_url)))
        except ServerError as error:
            errors.append(error)

    thread = threading.Thread(target=check, name="houfu-database-check")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


async def _ask_version(database_url: str) -> int:
    deadline = asyncio.get_running_loop().time() + _STARTING_SECONDS_MAX
    while True:
        try:
            connection = await asyncpg.connect(database_url, timeout=_CONNECT_SECONDS_MAX)
        except asyncpg.CannotConnectNowError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise _unreachable(database_url, error) from error
            await asyncio.sleep(_POLL_SECONDS)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise _unreachable(database_url, error) from error
        else:
            try:
                return connection.get_server_version().major
            finally:
                await connection.close(timeout=_CONNECT_SECONDS_MAX)


def _unreachable(database_url: str, error: Exception) -> ServerError:
    """The error in words, without the password of `database_url`."""
    where = _where(database_url)
    match error:
        case asyncpg.InvalidCatalogNameError():
            return ServerError(
                f"The server at {where} has no such database.",
                remedy="Create it (createdb), or correct the last part of DATABASE_URL.",
            )
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return ServerError(
                f"The server at {where} refused the user or the password.",
                remedy="Correct the user and the password in DATABASE_URL.",
            )
        case asyncpg.TooManyConnectionsError():
            return ServerError(
                f"The server at {where} has no connection left.", remedy="Raise its max_connections."
            )
        case asyncpg.CannotConnectNowError():
            return ServerError(
                f"The server at {where} is still starting, or is shutting down.", remedy="Try again later."
            )
        case ConnectionRefusedError() | FileNotFoundError():
            return ServerError(
                f"Nothing listens at {where}.",
                remedy="Start PostgreSQL there, or correct host and port in DATABASE_URL.",
            )
        case asyncpg.PostgresConnectionError() | ConnectionError():
            return ServerError(
                f"Something answers at {where}, but not as PostgreSQL does.",
                remedy="Correct host and port in DATABASE_URL, and its sslmode if it has one.",
            )
        case TimeoutError():
            return ServerError(
                f"Nothing answered at {where} within {_CONNECT_SECONDS_MAX} seconds.",
                remedy="Check host, port and firewall, and that it is PostgreSQL that listens there.",
            )
        case asyncpg.PostgresError():
            return ServerError(f"The server at {where} said: {error}.", remedy="Correct DATABASE_URL.")
        case OSError():
            return ServerError(
                f"{where} cannot be reached: {error.strerror or error}.",
                remedy="Check host and port in DATABASE_URL.",
            )
        case _:
            return ServerError(
                "DATABASE_URL is not an address of a PostgreSQL, or something else listens there.",
                remedy="Write it as postgresql://user:password@host:5432/database.",
            )


def _where(database_url: str) -> str:
    try:
        parts = urlsplit(database_url)
        host = parts.hostname or "the local socket"
        return f"{host}:{parts.port or 5432}/{parts.path.lstrip('/')}"
    except ValueError:
        return "DATABASE_URL"
