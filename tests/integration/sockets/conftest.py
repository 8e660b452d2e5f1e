"""A server of its own for each test, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.server import Running, running


@pytest.fixture
async def env(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the server beside the defaults: `@pytest.mark.parametrize("env", [{…}], indirect=True)`."""
    return dict(getattr(request, "param", {}))


@pytest.fixture
async def server(database: str, tmp_path: Path, env: dict[str, str]) -> AsyncIterator[Running]:
    """The whole server, in this test's event loop."""
    async with running(database, tmp_path, **env) as here:
        yield here
