"""A service per test, and connections to its database."""

from collections.abc import AsyncGenerator

import pytest

from front import Front, open_front
from houfu.db.tx import Connection, connect


@pytest.fixture
async def front(database: str) -> AsyncGenerator[Front]:
    async with open_front(database) as front:
        yield front


@pytest.fixture
async def app(database: str) -> AsyncGenerator[Connection]:
    """A connection that may do what the service may."""
    connection = await connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def other(database: str) -> AsyncGenerator[Connection]:
    """A second one."""
    connection = await connect(database)
    yield connection
    await connection.close()
