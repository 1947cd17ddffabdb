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
from houfu.db.server import Server, open_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(worker_id: str, testrun_uid: str) -> Generator[Server]:
    """The server of HOUFU_TEST_DATABASE_URL, else an embedded one that all workers of the run share."""
    # Below /tmp and not pytest's own directory: a short path, and one that root's server may enter.
    data_dir = Path(tempfile.gettempdir()) / f"houfu-test-{testrun_uid[:16]}"
    url = os.environ.get("HOUFU_TEST_DATABASE_URL")
    with open_server(
        data_dir=data_dir, database_url=url, on_progress=lambda _: None, durable=False
    ) as server:
        yield server
    # Whoever finds the server gone was the last to leave.
    if not (data_dir / "postgres" / "data" / "postmaster.pid").exists():
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def _template(server: Server, worker_id: str, testrun_uid: str) -> Generator[str]:
    """The name of a migrated database that nobody connects to, one per worker."""
    name = f"houfu_template_{testrun_uid[:16]}_{worker_id}"
    _statement(server.dsn, f"create database {name}")
    asyncio.run(migrate(_with_database(server.dsn, name)))
    yield name
    _statement(server.dsn, f"drop database if exists {name} with (force)")


@pytest.fixture
def database(server: Server, _template: str) -> Generator[str]:
    """The DSN of a migrated, empty database of this test's own."""
    name = f"{_template}_{next(_numbers)}"
    _statement(server.dsn, f"create database {name} template {_template} strategy file_copy")
    yield _with_database(server.dsn, name)
    _statement(server.dsn, f"drop database if exists {name} with (force)")


@pytest.fixture
def bare_database(server: Server, testrun_uid: str, worker_id: str) -> Generator[str]:
    """The DSN of a database with nothing in it."""
    name = f"houfu_bare_{testrun_uid[:16]}_{worker_id}_{next(_numbers)}"
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
