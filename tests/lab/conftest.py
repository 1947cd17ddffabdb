"""Two runs of one small year, on databases of their own, the second on a busy machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from houfu.commands.demo import simulate
from houfu.db.server import Server
from houfu.lab.report import Report
from houfu.lab.year import Scale

SMALL = Scale(stores=20, days=40, seed=3)


@pytest.fixture(scope="session")
def years(server: Server, template: str, name_prefix: str) -> Generator[tuple[Report, Report]]:
    """The reports of the two runs."""

    async def run() -> tuple[Report, Report]:
        made: list[Report] = []
        connection = await asyncpg.connect(server.dsn)
        try:
            for number in (1, 2):
                name = f"{name_prefix}_year_{number}"
                await connection.execute(f"create database {name} template {template} strategy file_copy")
                try:
                    dsn = urlunsplit(urlsplit(server.dsn)._replace(path=f"/{name}"))
                    async with busy_machine(server.dsn) if number == 2 else contextlib.nullcontext():
                        made.append(await simulate(dsn, SMALL))
                finally:
                    await connection.execute(f"drop database {name} with (force)")
        finally:
            await connection.close()
        return made[0], made[1]

    yield asyncio.run(run())


@contextlib.asynccontextmanager
async def busy_machine(dsn: str) -> AsyncGenerator[None]:
    """Other work on the same loop and server, so that every batch takes another time than it would alone."""

    async def disturb(rows: int) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            while True:
                await connection.fetchval("select count(*) from generate_series(1, $1)", rows)
        finally:
            connection.terminate()

    tasks = [asyncio.create_task(disturb(rows)) for rows in (100, 3_000, 70_000)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
