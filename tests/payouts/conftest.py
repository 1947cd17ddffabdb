"""A small programme whose withdrawals are paid by the simulated bank."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from withdrawals.programme import Programme, open_programme


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database) as opened:
        yield opened
