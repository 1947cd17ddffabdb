"""A programme per test."""

from collections.abc import AsyncGenerator

import pytest

from withdrawals.programme import Programme, open_programme


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        yield programme
