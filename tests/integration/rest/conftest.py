"""REST against a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.support.rest import Rest, rest_of


@pytest.fixture
async def rest(database: str) -> AsyncIterator[Rest]:
    """A client of a chat on a database of its own."""
    async with rest_of(database) as client:
        yield client
