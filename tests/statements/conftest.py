"""A service per test."""

from collections.abc import AsyncGenerator

import pytest

from front import Front, open_front


@pytest.fixture
async def front(database: str) -> AsyncGenerator[Front]:
    async with open_front(database) as front:
        yield front
