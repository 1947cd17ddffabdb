"""What is wrong with this installation's database, in words, with a remedy for each."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import asyncpg

from houfu.core.clock import Clock
from houfu.db.binaries import NEWEST_VERSION, OLDEST_VERSION, find_binaries
from houfu.db.migrate import MigrationError, app_role_usable, applied, missing, shipped
from houfu.db.os_account import account_for
from houfu.db.server_error import ServerError

SKEW_MAX = timedelta(seconds=2)

_FREE_BYTES_TO_WORRY = 2 * 1024**3
_CONNECT_SECONDS_MAX = 10
_TROUBLES = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Level(StrEnum):
    """GOOD needs nothing; WARNING works but should not stay so; BROKEN does not work."""

    GOOD = "good"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was seen, and what to do about it (empty where nothing is to be done)."""

    subject: str
    level: Level
    sentence: str
    remedy: str = ""


def place_findings(data_dir: Path) -> list[Finding]:
    """The embedded server's prerequisites: programs, account, directory, disk. Starts and makes nothing."""
    return [_programs(data_dir), _directory(data_dir), _disk(data_dir)]


async def findings(*, dsn: str, embedded: bool, clock: Clock) -> list[Finding]:
    """What a reachable server says: version, durability, migrations, role, clock. Changes nothing.

    `clock` is the machine's own (SystemClock), also for a sandbox: it is compared with the database's.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS_MAX)
    except _TROUBLES as error:
        return [
            Finding(
                "server",
                Level.BROKEN,
                f"PostgreSQL cannot be reached: {error}.",
                "Check that it runs, and DATABASE_URL if that is set.",
            )
        ]
    try:
        found = [
            _version(connection.get_server_version().major, embedded=embedded),
            await _durability(connection),
            await _encoding(connection),
            await _skew(connection, clock),
        ]
    finally:
        await connection.close()
    return [*found, await _migrations(dsn), await _role(dsn)]


def clock_finding(*, database: datetime, before: datetime, after: datetime) -> Finding:
    """Judge the database's clock, read between two readings of ours."""
    skew = max(before - database, database - after, timedelta(0))
    if skew <= SKEW_MAX:
        return Finding("clock", Level.GOOD, "The clocks of this host and of the database agree.")
    return Finding(
        "clock",
        Level.WARNING,
        f"The database's clock differs from this host's by {int(skew.total_seconds())} seconds.",
        "Let both follow a time server (NTP): deadlines and working days follow this host's clock.",
    )


def _programs(data_dir: Path) -> Finding:
    try:
        binaries = find_binaries()
        account = account_for(data_dir, home=data_dir.resolve() / "postgres", programs=binaries.bin_dir)
    except ServerError as error:
        return Finding("programs", Level.BROKEN, error.sentence, error.remedy)
    seen = f"PostgreSQL {binaries.version} in {binaries.bin_dir}, run as {account.name!r}."
    if account.is_caller:
        return Finding("programs", Level.GOOD, seen)
    may_read = ", which may read every file so as to reach its own" if account.capability is not None else ""
    return Finding(
        "programs",
        Level.WARNING,
        f"{seen} Houfu runs as root; PostgreSQL does not, and runs as another account{may_read}.",
        "Good for a trial. For lasting use run houfu as an ordinary user, or set DATABASE_URL.",
    )


def _directory(data_dir: Path) -> Finding:
    existing = _nearest(data_dir)
    if not existing.is_dir():
        return Finding(
            "data directory",
            Level.BROKEN,
            f"{existing} is not a directory.",
            "Choose another one with --data-dir.",
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "data directory",
            Level.BROKEN,
            f"{existing} cannot be written to.",
            "Make it writable for the user who runs houfu, or choose another one with --data-dir.",
        )
    return Finding("data directory", Level.GOOD, f"{data_dir} can be written to.")


def _disk(data_dir: Path) -> Finding:
    free = shutil.disk_usage(_nearest(data_dir)).free
    seen = f"The disk of {data_dir} has {free // 1024**2:,} MB free."
    if free < _FREE_BYTES_TO_WORRY:
        return Finding("disk", Level.WARNING, seen, "Free some space: a full disk stops PostgreSQL.")
    return Finding("disk", Level.GOOD, seen)


def _nearest(path: Path) -> Path:
    """`path`, or the closest directory above it that exists."""
    path = path.expanduser().absolute()
    while not os.path.exists(path):  # noqa: PTH110 - unlike Path.exists it is false, not an error, behind a closed door
        path = path.parent
    return path


def _version(version: int, *, embedded: bool) -> Finding:
    seen = f"{'The embedded server' if embedded else 'The server of DATABASE_URL'} is PostgreSQL {version}."
    if version < OLDEST_VERSION:
        remedy = f"Upgrade it: Houfu needs {OLDEST_VERSION} or later."
        return Finding("version", Level.BROKEN, seen, remedy)
    if version > NEWEST_VERSION:
        remedy = f"Houfu was tested up to {NEWEST_VERSION}; look for a newer Houfu."
        return Finding("version", Level.WARNING, seen, remedy)
    return Finding("version", Level.GOOD, seen)


async def _durability(connection: asyncpg.Connection) -> Finding:
    unsafe: list[str] = []
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await connection.fetchval("select current_setting($1)", setting)
        if value == "off":
            unsafe.append(setting)
    if unsafe:
        return Finding(
            "durability",
            Level.BROKEN,
            f"Committed money can be lost when the machine fails: {' and '.join(unsafe)} is off.",
            "Turn it on in postgresql.conf and restart the server.",
        )
    return Finding("durability", Level.GOOD, "What is committed survives a failure of the machine.")


async def _encoding(connection: asyncpg.Connection) -> Finding:
    encoding = await connection.fetchval("select current_setting('server_encoding')")
    if encoding != "UTF8":
        return Finding(
            "encoding",
            Level.BROKEN,
            f"The database stores text as {encoding}, which cannot hold Chinese names.",
            "Make a new database with ENCODING 'UTF8' and name it in DATABASE_URL.",
        )
    return Finding("encoding", Level.GOOD, "The database stores text as UTF8.")


async def _skew(connection: asyncpg.Connection, clock: Clock) -> Finding:
    before = clock.now()
    database: datetime = await connection.fetchval("select clock_timestamp()")
    return clock_finding(database=database, before=before, after=clock.now())


async def _migrations(dsn: str) -> Finding:
    try:
        todo = missing(await applied(dsn), shipped())
    except MigrationError as error:
        return Finding(
            "schema", Level.BROKEN, str(error), "Nothing was changed; restore what is named, then try again."
        )
    if todo:
        names = ", ".join(migration.name for migration in todo)
        return Finding("schema", Level.BROKEN, f"The schema lacks {names}.", "Run `houfu migrate`.")
    return Finding("schema", Level.GOOD, "The schema is this version's.")


async def _role(dsn: str) -> Finding:
    if await app_role_usable(dsn):
        return Finding("role", Level.GOOD, "The service acts as houfu_app, which cannot change history.")
    return Finding(
        "role",
        Level.WARNING,
        "The service acts as the owner of its tables, who could change history, because it may not act as "
        "the role houfu_app.",
        "As an administrator run `create role houfu_app nologin; grant houfu_app to <user of DATABASE_URL>`, "
        "then `houfu migrate`.",
    )
