"""A small programme per test, its books proven when the test is over."""

from collections.abc import AsyncGenerator

import pytest

from lines.programme import Programme, open_programme


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as programme:
        yield programme
        proof = await programme.verify()
        assert proof.first_break is None
