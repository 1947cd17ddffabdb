"""Connections. The service connects as the role `houfu_app`, which may add to history but not change it."""

from __future__ import annotations

import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import msgspec
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

APP_ROLE = "houfu_app"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""A connection, of a pool or of its own."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that was ended while it was idle
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    OSError,
)
"""What is raised when the database went away: the transaction may or may not have been committed."""

CONFLICT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError)
"""What is raised when another process was faster: nothing was written, and trying again sees its work."""


async def connect(
    dsn: str, *, as_app: bool = True, steady_plans: bool = False
) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of its own.

    `steady_plans`: every statement is a lookup by key and is planned as one, once, whatever the tables' statistics
    say. Without it a statement first planned on an empty table reads whole tables for as long as the plan lives.
    """
    settings = _settings(as_app) | (_STEADY_PLANS if steady_plans else {})
    connection = await asyncpg.connect(dsn, server_settings=settings, command_timeout=60)
    await _prepare(connection)
    return connection


@asynccontextmanager
async def open_pool(dsn: str, *, as_app: bool = True, size: int = 8) -> AsyncGenerator[Pool[asyncpg.Record]]:
    """A pool for everything that is not the hot path."""
    async with asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        server_settings=_settings(as_app),
        init=_prepare,
        command_timeout=60,
    ) as pool:
        yield pool


def without_values(bug: BaseException) -> dict[str, object]:
    """A fault as it may be logged: PostgreSQL's messages quote rows, so of those only code and constraint."""
    what: dict[str, object] = {"error": type(bug).__name__, "trace": traceback.format_tb(bug.__traceback__)}
    if isinstance(bug, asyncpg.PostgresError):
        return what | {"sqlstate": bug.sqlstate, "constraint": bug.constraint_name}
    return what


_STEADY_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
}


def _settings(as_app: bool) -> dict[str, str]:
    settings = {"application_name": "houfu", "timezone": "UTC", "jit": "off"}
    if as_app:
        settings["role"] = APP_ROLE
    return settings


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_jsonb,
        decoder=lambda data: msgspec.json.decode(data[1:]),
        format="binary",
    )


def _jsonb(value: object) -> bytes:
    return b"\x01" + msgspec.json.encode(value)  # the version byte of jsonb's binary form
