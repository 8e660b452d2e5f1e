"""LISTEN and NOTIFY on one connection of its own, for `fanout/postgres.py`.

Promises: what is sent is heard by every open line of the database, this one included, unless a connection breaks in
between; `broken` is called once when the line breaks by itself; no statement takes longer than `PATIENCE_SECONDS`.
A pooler in transaction mode carries no LISTEN: then nothing is heard, not even what one says oneself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from hubbub.store.database import Connection
from hubbub.store.statements import load

SQL: Final = load("notify")
CHANNEL: Final = "hubbub"
APPLICATION_NAME: Final = "hubbub bus"  # in pg_stat_activity
PATIENCE_SECONDS: Final = 5.0


class Line:
    """One open line. Made by `open_line`, ended by `close`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, payloads: Sequence[str]) -> None:
        """Tell every line these payloads, each below 8,000 bytes, in one statement.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: nobody knows whether they were told.
        """
        await self._connection.execute(SQL["notify"], CHANNEL, payloads)

    def close(self) -> None:
        """Cut the line; nothing is heard afterwards."""
        self._connection.terminate()


async def open_line(connect: Mapping[str, Any], heard: Callable[[str], None], broken: Callable[[], None]) -> Line:
    """Connect and listen.

    Args:
        connect: keyword arguments of `asyncpg.connect`.
        heard: called on the event loop with each payload.
        broken: called when the connection is gone.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: it could not be opened.
    """
    settings = {**connect.get("server_settings", {}), "application_name": APPLICATION_NAME}
    connection = await asyncpg.connect(**{**connect, "server_settings": settings, "command_timeout": PATIENCE_SECONDS})
    try:
        await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: heard(payload))
    except BaseException:
        connection.terminate()
        raise
    connection.add_termination_listener(lambda _connection: broken())
    return Line(connection)
