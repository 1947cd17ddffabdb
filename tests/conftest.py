"""One PostgreSQL for the whole run, one fresh database per test that asks for it."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from houfu.db.migrate import migrate
from houfu.db.postmaster import find_postmaster
from houfu.db.server import Server, open_server

_DATA_DIR = "HOUFU_TEST_DATA_DIR"

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's data directory once, in the process that starts the workers; they inherit its name."""
    if hasattr(config, "workerinput"):
        return
    # A short path of its own, so that the socket fits into it.
    data_dir = Path(tempfile.mkdtemp(prefix="houfu-test-"))
    os.environ[_DATA_DIR] = str(data_dir)
    config.add_cleanup(lambda: _remove(data_dir))


def _remove(data_dir: Path) -> None:
    if find_postmaster(data_dir / "postgres" / "data") is not None:
        # Left by a worker that was killed: taken over, and stopped.
        with open_server(data_dir=data_dir, database_url=None, on_progress=lambda _: None):
            pass
    shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def server() -> Generator[Server]:
    """The server of HOUFU_TEST_DATABASE_URL, else an embedded one that all workers of the run share."""
    url = os.environ.get("HOUFU_TEST_DATABASE_URL")
    data_dir = Path(os.environ[_DATA_DIR])
    with open_server(
        data_dir=data_dir, database_url=url, on_progress=lambda _: None, durable=False
    ) as server:
        yield server


@pytest.fixture(scope="session")
def name_prefix(worker_id: str) -> str:
    """What this worker's databases begin with, unique among runs that share a server."""
    return f"{Path(os.environ[_DATA_DIR]).name}_{worker_id}".lower().replace("-", "_")


@pytest.fixture(scope="session")
def template(server: Server, name_prefix: str) -> Generator[str]:
    """The name of a migrated database that nobody connects to."""
    name = f"{name_prefix}_template"
    _statement(server.dsn, f"create database {name}")
    asyncio.run(migrate(_with_database(server.dsn, name)))
    yield name
    _statement(server.dsn, f"drop database if exists {name} with (force)")


@pytest.fixture
def database(server: Server, template: str, name_prefix: str) -> Generator[str]:
    """The DSN of a migrated, empty database of this test's own."""
    name = f"{name_prefix}_{next(_numbers)}"
    _statement(server.dsn, f"create database {name} template {template} strategy file_copy")
    yield _with_database(server.dsn, name)
    _statement(server.dsn, f"drop database if exists {name} with (force)")


@pytest.fixture
def bare_database(server: Server, name_prefix: str) -> Generator[str]:
    """The DSN of a database with nothing in it."""
    name = f"{name_prefix}_{next(_numbers)}"
    _statement(server.dsn, f"create database {name}")
    yield _with_database(server.dsn, name)
    _statement(server.dsn, f"drop database if exists {name} with (force)")


def _with_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def _statement(dsn: str, sql: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())
