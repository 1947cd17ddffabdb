"""A rail's payouts and statements per test."""

from collections.abc import AsyncGenerator

import pytest

from reconciliation.programme import Programme, open_programme


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        yield programme
