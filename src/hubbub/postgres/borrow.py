"""The database for the length of one command: the server that runs, or else one started for it and stopped after.

So `hubbub db …` and `hubbub doctor` work beside a running Hubbub, and without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hubbub.postgres.server import PostgresServer, Progress
from hubbub.postgres.spec import ConnectionSpec
from hubbub.postgres.troubles import PostgresUnavailable

_PATIENCE: Final = 30.0
_POLL: Final = 0.2


@asynccontextmanager
async def borrowed(server: PostgresServer, progress: Progress) -> AsyncIterator[ConnectionSpec]:
    """The way to the database, while the block runs.

    Raises:
        PostgresUnavailable: it cannot be used.
    """
    running = await server.attach() if server.is_managed else None
    if running is not None:
        yield running
        return
    try:
        spec = await server.start(progress)
    except PostgresUnavailable as unavailable:
        if unavailable.trouble.kind != "in_use":
            raise
        progress("Another Hubbub is starting this database; waiting for it")
        yield await _started_elsewhere(server, unavailable)
        return
    try:
        yield spec
    finally:
        await server.stop()


async def _started_elsewhere(server: PostgresServer, refusal: PostgresUnavailable) -> ConnectionSpec:
    try:
        async with asyncio.timeout(_PATIENCE):
            while (spec := await server.attach()) is None:  # noqa: ASYNC110 - another process starts it
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise refusal from None
    return spec
