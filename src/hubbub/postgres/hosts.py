"""One connection, to whichever of several hosts will do.

asyncpg shares one time limit among all hosts, so that one that is silent (its machine is off, a firewall drops) takes
the time of those behind it. Here each host has `timeout` to itself, as in libpq (34.1.2, `connect_timeout`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import asyncpg

Accept: TypeAlias = Callable[[Any], Awaitable[None]]
"""Looks at a fresh connection, and raises where the host will not do."""

# After these the next host is tried; any other (a wrong password, no such database) would be the same everywhere.
_NEXT: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # no host has the attribute that is asked for
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,  # it starts, or stops
    asyncpg.ReadOnlySQLTransactionError,
)


async def connect(*, accept: Accept | None = None, **options: Any) -> asyncpg.Connection:
    """Connect to the first host that accepts.

    Args:
        accept: looks at the connection before it is given out.
        options: of `asyncpg.connect`; `host` and `port` may be lists, and `timeout` is seconds for each host.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError: what the last host said.
    """
    hosts = options.get("host")
    places: list[dict[str, Any]] = [{}]
    if isinstance(hosts, list):
        places = [{"host": [host], "port": [port]} for host, port in zip(hosts, options["port"], strict=True)]
    failure: Exception = ConnectionError("no host")
    for place in places:
        try:
            connection = await asyncpg.connect(**{**options, **place})
            try:
                if accept is not None:
                    await accept(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection
        except _NEXT as error:
            failure = error
    raise failure
