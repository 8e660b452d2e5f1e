"""The watch over the database: one connection beside the pool, asked once a second.

Promises: within one second of the database's end, and three of its silence, `Database.fault` says so, whoever holds the
pool; another epoch is seen within a second even where no connection broke
(a pooler in between, a restore in place); after a silence no connection of before is used again, for a firewall or a
switched-off machine leaves them open for ever. (Anchor: reliability D14.)
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from hubbub.store import epoch
from hubbub.store.database import Connection, Database

LOOK_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 1.5

log = structlog.get_logger("database")


async def watch(database: Database) -> None:
    """Look once a second. Ends by cancellation only."""
    line: Connection | None = None
    try:
        while True:
            try:
                if line is None:
                    line = await database.line()
                await database.see(await epoch.read(line, SILENCE_SECONDS))
                if database.fault is not None:
                    log.warning("the database answers again")
                    database.fault = None
            except Exception as error:
                broke, line = line, None
                if broke is not None:
                    broke.terminate()
                    if not isinstance(error, TimeoutError):
                        continue  # it may have ended alone, by an operator's or a pooler's doing
                    await database.doubt()
                if database.fault is None:
                    log.warning("the database does not answer", error=type(error).__name__)
                    database.fault = "the database does not answer"
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        if line is not None:
            line.terminate()
