"""The doctor names what is wrong and what to do, and touches nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from houfu.core.clock import SystemClock
from houfu.db.doctor import Finding, Level, clock_finding, findings, place_findings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def examined(dsn: str) -> dict[str, Finding]:
    found = await findings(dsn=dsn, embedded=True, clock=SystemClock())
    return {finding.subject: finding for finding in found}


def test_every_ill_comes_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "new" / "place", tmp_path / "file"):
        for finding in place_findings(place):
            assert (finding.level is Level.GOOD) == (finding.remedy == "")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_file_in_place_of_the_data_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = {finding.subject: finding for finding in place_findings(tmp_path / "file")}
    assert found["data directory"].level is Level.BROKEN
    assert "is not a directory" in found["data directory"].sentence


async def test_a_migrated_database_is_well(database: str) -> None:
    found = await examined(database)
    assert {
        subject: found[subject].level for subject in ("version", "encoding", "clock", "schema", "role")
    } == {
        "version": Level.GOOD,
        "encoding": Level.GOOD,
        "clock": Level.GOOD,
        "schema": Level.GOOD,
        "role": Level.GOOD,
    }


async def test_an_empty_database_lacks_its_migrations(bare_database: str) -> None:
    found = await examined(bare_database)
    assert found["schema"].level is Level.BROKEN
    assert "0001_initial.sql" in found["schema"].sentence
    assert found["schema"].remedy == "Run `houfu migrate`."


async def test_a_database_of_a_newer_version_is_named(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("insert into schema_migrations values ('9999_later.sql', 'x')")
    await connection.close()
    found = await examined(database)
    assert found["schema"].level is Level.BROKEN
    assert "9999_later.sql" in found["schema"].sentence


async def test_a_role_without_its_privileges_is_a_warning(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("revoke all on journals from houfu_app")
    await connection.close()
    assert (await examined(database))["role"].level is Level.WARNING


async def test_a_server_that_may_lose_money_is_broken(database: str) -> None:
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database {name} set synchronous_commit = off")
    await connection.close()
    found = await examined(database)
    assert found["durability"].level is Level.BROKEN
    assert "synchronous_commit" in found["durability"].sentence


async def test_a_server_out_of_reach_is_broken() -> None:
    found = await findings(dsn="postgresql://127.0.0.1:1/houfu", embedded=False, clock=SystemClock())
    assert [finding.level for finding in found] == [Level.BROKEN]


@pytest.mark.parametrize(
    ("ahead", "level"),
    [
        (timedelta(0), Level.GOOD),
        (timedelta(seconds=3), Level.GOOD),
        (timedelta(seconds=4), Level.WARNING),
        (timedelta(seconds=-2), Level.GOOD),
        (timedelta(seconds=-3), Level.WARNING),
    ],
)
def test_clocks_apart_by_more_than_two_seconds_are_a_warning(ahead: timedelta, level: Level) -> None:
    found = clock_finding(database=NOON + ahead, before=NOON, after=NOON + timedelta(seconds=1))
    assert found.level is level
