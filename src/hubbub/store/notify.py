"""LISTEN and NOTIFY, for `fanout/postgres.py` and `fanout/plain_sql.py`, each on a connection of its own.

Promises: what is sent is heard by every open line of the database on that channel, the sender's included, unless a
connection breaks in between; `broken` is called once when the line breaks by itself; no statement takes longer than
`PATIENCE_SECONDS`. A pooler in transaction mode carries no LISTEN: then nothing is heard that others say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hubbub.postgres import hosts
from hubbub.store.database import STATEMENTS_MAX, Connection
from hubbub.store.statements import load

SQL: Final = load("notify")
PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Channel:
    """What is listened to, and as whom pg_stat_activity shows it."""

    name: str
    application_name: str


BUS: Final = Channel("hubbub", "hubbub bus")
PLAIN_SQL: Final = Channel("hubbub_sql", "hubbub sql")  # what schema.sql's `hubbub.tell` speaks on


class Line:
    """One open line. Made by `open_line`, ended by `close`."""

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel

    async def send(self, payloads: Sequence[str]) -> None:
        """Tell every line of the channel these payloads, each below 8,000 bytes, in one statement.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: nobody knows whether they were told.
        """
        await self._connection.execute(SQL["notify"], self._channel.name, payloads)

    async def ping(self) -> None:
        """Does the other end answer? Raises as `send` does where not."""
        await self._connection.execute(SQL["ping"])

    def close(self) -> None:
        """Cut the line; nothing is heard afterwards."""
        self._connection.terminate()


async def open_line(
    connect: Mapping[str, Any], heard: Callable[[str], None], broken: Callable[[], None], channel: Channel = BUS
) -> Line:
    """Connect and listen.

    Args:
        connect: arguments of `hosts.connect`.
        heard: called on the event loop with each payload.
        broken: called when the connection is gone.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError: it could not be opened.
    """
    settings = {**connect.get("server_settings", {}), "application_name": channel.application_name}
    own = {"server_settings": settings, "command_timeout": PATIENCE_SECONDS, "statement_cache_size": STATEMENTS_MAX}
    connection = await hosts.connect(**{**connect, **own})
    try:
        await connection.execute(SQL["free"])
        await connection.add_listener(channel.name, lambda _connection, _pid, _channel, payload: heard(payload))
    except BaseException:
        connection.terminate()
        raise
    connection.add_termination_listener(lambda _connection: broken())
    return Line(connection, channel)


async def say(conn: Connection, channel: Channel, payload: str) -> None:
    """Tell every line of a channel one payload, from a connection that does not listen itself."""
    await conn.execute(SQL["notify"], channel.name, [payload])
