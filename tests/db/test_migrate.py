"""Migrations: applied once, in order, whole; and equal to schema.sql."""

from __future__ import annotations

import asyncio
import subprocess

import asyncpg
import pytest

from houfu.db import migrate as module
from houfu.db.migrate import (
    Applied,
    Migration,
    MigrationError,
    app_role_usable,
    applied,
    grants_sql,
    migrate,
    missing,
    schema_sql,
    shipped,
)
from houfu.db.server import bin_dir


def _file(name: str, sha256: str = "a", sql: str = "select 1") -> Migration:
    return Migration(name=name, sha256=sha256, sql=sql)


WANTED = [_file("0001_a.sql"), _file("0002_b.sql"), _file("0003_c.sql")]


def test_what_is_missing_is_what_comes_after_the_applied() -> None:
    assert missing([], WANTED) == WANTED
    assert missing([Applied("0001_a.sql", "a")], WANTED) == WANTED[1:]
    assert missing([Applied(one.name, one.sha256) for one in WANTED], WANTED) == []


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ([Applied("0001_a.sql", "b")], "0001_a.sql was changed after it was applied"),
        ([Applied("0002_b.sql", "a")], "0001_a.sql is not applied although 0002_b.sql"),
        ([Applied("0001_a.sql", "a"), Applied("0009_z.sql", "a")], "which this Houfu does not know"),
    ],
)
def test_a_changed_a_skipped_and_an_unknown_file_are_refused(done: list[Applied], words: str) -> None:
    with pytest.raises(MigrationError, match=words):
        missing(done, WANTED)


async def test_migrating_applies_every_file_once(bare_database: str) -> None:
    names = [migration.name for migration in shipped()]
    assert names, "no migration is shipped"
    assert await migrate(bare_database) == names
    assert await migrate(bare_database) == []
    assert [row.name for row in await applied(bare_database)] == names


async def test_nothing_is_recorded_in_a_database_never_migrated(bare_database: str) -> None:
    assert await applied(bare_database) == []
    assert not await app_role_usable(bare_database)


async def test_processes_that_migrate_at_once_apply_every_file_once(bare_database: str) -> None:
    outcomes = await asyncio.gather(*(migrate(bare_database) for _ in range(6)))
    assert sorted(name for names in outcomes for name in names) == [one.name for one in shipped()]


async def test_a_file_that_fails_leaves_the_database_as_it_was(
    bare_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = _file("0001_good.sql", sql="create table kept (one int)")
    bad = _file("0002_bad.sql", sql="create table lost (one int); select 1/0")
    monkeypatch.setattr(module, "shipped", lambda: [good, bad])
    with pytest.raises(MigrationError, match=r"0002_bad\.sql failed and was rolled back: division by zero"):
        await migrate(bare_database)
    connection = await asyncpg.connect(bare_database)
    assert await connection.fetchval("select to_regclass('kept') is not null and to_regclass('lost') is null")
    await connection.close()
    assert [row.name for row in await applied(bare_database)] == ["0001_good.sql"]


async def test_a_file_changed_after_it_was_applied_is_refused(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("update schema_migrations set sha256 = 'other'")
    await connection.close()
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        await migrate(database)


async def test_a_migrated_database_equals_schema_sql(database: str, bare_database: str) -> None:
    connection = await asyncpg.connect(bare_database)
    await connection.execute(schema_sql())
    await connection.execute(grants_sql())
    await connection.close()
    assert _dump(database) == _dump(bare_database)


def _dump(dsn: str) -> list[str]:
    """Structure, privileges and the rows that come with the schema."""
    programs = bin_dir()
    assert programs is not None
    done = subprocess.run(
        [programs / "pg_dump", "--exclude-table=schema_migrations", dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    # A key that pg_dump makes up anew each time.
    return [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


async def test_the_service_acts_as_a_role_that_cannot_change_history(database: str) -> None:
    assert await app_role_usable(database)
    connection = await asyncpg.connect(database)
    await connection.execute("set role houfu_app")
    for table in (
        "journals",
        "movements",
        "line_changes",
        "messages",
        "assessments",
        "policy_versions",
        "policy_publications",
        "shadow_decisions",
    ):
        assert await connection.fetchval(f"select count(*) >= 0 from {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"delete from {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"truncate {table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("update journals set amounts = amounts")
    await connection.close()


@pytest.mark.parametrize(("may_create_roles", "usable"), [("nocreaterole", False), ("createrole", True)])
async def test_an_owner_without_superuser_migrates(
    bare_database: str, may_create_roles: str, usable: bool
) -> None:
    """The role exists on the test server already, so a creator of roles is one who was made its admin."""
    owner = f"owner_{may_create_roles}_{bare_database.partition('?')[0].rpartition('/')[2]}"[:63]
    admin = await asyncpg.connect(bare_database)
    await admin.execute(f"create role {owner} login {may_create_roles}")
    await admin.execute(f"alter schema public owner to {owner}")
    await admin.execute(grants_sql().partition("do $$\nbegin\n    if exists")[0])
    if usable:
        await admin.execute(f"grant houfu_app to {owner} with admin option")
    dsn = bare_database.replace("houfu@", f"{owner}@")
    try:
        assert await migrate(dsn) == [one.name for one in shipped()]
        assert await app_role_usable(dsn) is usable
        assert await migrate(dsn) == []
    finally:
        await admin.execute("alter schema public owner to pg_database_owner")
        await admin.execute(f"drop owned by {owner} cascade; drop role {owner}")
        await admin.close()


async def test_a_user_who_may_not_create_tables_is_told_so(bare_database: str) -> None:
    name = f"guest_{bare_database.partition('?')[0].rpartition('/')[2]}"[:63]
    admin = await asyncpg.connect(bare_database)
    await admin.execute(f"create role {name} login")
    try:
        with pytest.raises(MigrationError, match="may not create tables"):
            await migrate(bare_database.replace("houfu@", f"{name}@"))
    finally:
        await admin.execute(f"drop role {name}")
        await admin.close()
