"""Brings a database to this version's schema: numbered files, forward only, each applied once and whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from houfu.db.tx import APP_ROLE

# Every capability with a schema.sql, in import order: a later one may refer to an earlier one's tables.
CAPABILITIES = (
    "db",
    "events",
    "calendars",
    "ledger",
    "stores",
    "funding",
    "policy",
    "lines",
    "withdrawals",
    "payouts",
    "reconciliation",
    "statements",
)

_FILE_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK_TIMEOUT = "60s"
_CONNECT_SECONDS_MAX = 10


class MigrationError(Exception):
    """The database cannot be brought to this version's schema; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of migrations/, by name in order."""

    name: str
    sha256: str
    sql: str


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of schema_migrations."""

    name: str
    sha256: str


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; the names of the files applied now, in order.

    Each file is one transaction together with its row in schema_migrations. Two processes that migrate at
    once take turns. Afterwards the role houfu_app has its privileges, unless this user may not create it:
    app_role_usable() tells. MigrationError if a file was changed since it was applied or the database is
    newer than this Houfu; then nothing is applied.
    """
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS_MAX)
    try:
        await _make_register(connection)
        done: list[str] = []
        while (name := await _apply_next(connection, shipped())) is not None:
            done.append(name)
        await _grant(connection, required=bool(done))
        return done
    finally:
        await connection.close()


async def applied(dsn: str) -> list[Applied]:
    """What schema_migrations records, in order; empty where there is no such table."""
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS_MAX)
    try:
        if await connection.fetchval("select to_regclass('schema_migrations')") is None:
            return []
        return await _register(connection)
    finally:
        await connection.close()


def missing(done: Sequence[Applied], wanted: Sequence[Migration]) -> list[Migration]:
    """The files of `wanted` still to be applied after `done`; MigrationError if the two do not fit."""
    names = {migration.name for migration in wanted}
    for row in done:
        if row.name not in names:
            raise MigrationError(
                f"The database has {row.name} applied, which this Houfu does not know: it was migrated by a "
                "newer one. Run that version, or restore a backup made before it."
            )
    for row, migration in zip(done, wanted, strict=False):
        if row.name != migration.name:
            raise MigrationError(
                f"{migration.name} is not applied although {row.name}, which comes after it, is. Files are "
                "only ever added at the end: restore the file names this database was migrated with."
            )
        if row.sha256 != migration.sha256:
            raise MigrationError(
                f"{migration.name} was changed after it was applied to this database. Restore the file as it "
                "was and put the change into a new one."
            )
    return list(wanted[len(done) :])


def shipped() -> list[Migration]:
    """The migrations of this version, in order."""
    found: list[Migration] = []
    for file in files("houfu.db").joinpath("migrations").iterdir():
        if not _FILE_NAME.fullmatch(file.name):
            continue
        content = file.read_bytes()
        found.append(
            Migration(name=file.name, sha256=hashlib.sha256(content).hexdigest(), sql=content.decode("utf-8"))
        )
    return sorted(found, key=lambda migration: migration.name)


def schema_sql() -> str:
    """The whole schema as it is now: schema.sql of every capability, in import order."""
    parts: list[str] = []
    for capability in CAPABILITIES:
        file = files("houfu").joinpath(capability, "schema.sql")
        if file.is_file():
            parts.append(file.read_text(encoding="utf-8"))
    return "\n".join(parts)


def grants_sql() -> str:
    """Creates the role houfu_app where that is allowed and gives it its privileges; may be run again."""
    return files("houfu.db").joinpath("grants.sql").read_text(encoding="utf-8")


async def app_role_usable(dsn: str) -> bool:
    """Whether the user of `dsn` may act as houfu_app, and that role may use the tables."""
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS_MAX)
    try:
        return await _may_act_as_app(connection) and await _app_may_use_tables(connection)
    finally:
        await connection.close()


async def _make_register(connection: asyncpg.Connection) -> None:
    # Two that create the same table at once collide in the catalogue even with "if not exists".
    try:
        await connection.execute(
            "create table if not exists schema_migrations ("
            "name text primary key, sha256 text not null, applied_at timestamptz not null default now())"
        )
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError):
        return
    except asyncpg.InsufficientPrivilegeError as error:
        if await connection.fetchval("select to_regclass('schema_migrations')") is None:
            raise MigrationError(
                "The database user may not create tables. Migrate as the owner of the database, or let that "
                "user create in the schema public."
            ) from error


async def _register(connection: asyncpg.Connection) -> list[Applied]:
    rows = await connection.fetch('select name, sha256 from schema_migrations order by name collate "C"')
    return [Applied(name=row["name"], sha256=row["sha256"]) for row in rows]


async def _apply_next(connection: asyncpg.Connection, wanted: Sequence[Migration]) -> str | None:
    """Apply the first missing file; its name, or None when all are applied."""
    if not missing(await _register(connection), wanted):
        return None
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        try:
            await connection.execute("lock table schema_migrations in share row exclusive mode")
        except asyncpg.LockNotAvailableError as error:
            raise MigrationError(
                f"Another process has been migrating this database for {_LOCK_TIMEOUT}. Try again when it is done."
            ) from error
        # Another process may have applied it while this one waited for the lock.
        todo = missing(await _register(connection), wanted)
        if not todo:
            return None
        migration = todo[0]
        try:
            await connection.execute(migration.sql)
        except asyncpg.PostgresError as error:
            raise MigrationError(
                f"{migration.name} failed and was rolled back: {error}. The database is as it was before it."
            ) from error
        await connection.execute(
            "insert into schema_migrations (name, sha256) values ($1, $2)", migration.name, migration.sha256
        )
        return migration.name


async def _grant(connection: asyncpg.Connection, *, required: bool) -> None:
    """Give houfu_app its privileges where it lacks them. A user who may not is left alone: see app_role_usable."""
    if not required and await _may_act_as_app(connection) and await _app_may_use_tables(connection):
        return
    async with connection.transaction():
        await connection.execute("lock table schema_migrations in share row exclusive mode")
        try:
            async with connection.transaction():
                await connection.execute(grants_sql())
        except asyncpg.InsufficientPrivilegeError:
            return
        if not await _may_act_as_app(connection) and await _app_role_exists(connection):
            # From PostgreSQL 16 on who creates a role administers it but may not yet act as it.
            try:
                async with connection.transaction():
                    await connection.execute(f"grant {APP_ROLE} to current_user")
            except asyncpg.InsufficientPrivilegeError:
                return


async def _app_role_exists(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval("select exists (select from pg_roles where rolname = $1)", APP_ROLE)
    )


async def _may_act_as_app(connection: asyncpg.Connection) -> bool:
    # Superusers are members of everything; 'set' is what "set role" asks for from 16 on.
    privilege = "set" if connection.get_server_version().major >= 16 else "member"
    return bool(
        await connection.fetchval(
            "select coalesce((select pg_has_role(oid, $2) from pg_roles where rolname = $1), false)",
            APP_ROLE,
            privilege,
        )
    )


async def _app_may_use_tables(connection: asyncpg.Connection) -> bool:
    """Whether houfu_app may read every table of ours; false where the schema is not there yet."""
    return bool(
        await connection.fetchval(
            "select count(*) > 0 and bool_and(has_table_privilege($1, c.oid, 'select'))"
            " from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
            " and c.relname <> 'schema_migrations'",
            APP_ROLE,
        )
    )
