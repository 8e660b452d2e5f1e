"""The connection pool, and the one place where the driver's errors become ours.

Promises: a request waits for a connection at most `timeout` seconds; what the database could not do is raised as
`HubbubError`, retryable where the same may work later; no error carries SQL, parameters or secrets to a client.
A connection that dies during a statement means *unknown*, never *failed* (`unavailable` says so).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from hubbub.errors import HubbubError

# The driver has no types of its own; these names say what is meant.
Connection: TypeAlias = Any
Record: TypeAlias = Any

# SQLSTATE classes after which the same statement may succeed: connection, resources, operator intervention;
# and single states: serialization failure, deadlock, lock not available, read-only server.
_PASSING_CLASSES = ("08", "53", "57")
_PASSING_STATES = frozenset({"40001", "40P01", "55P03", "25006"})


# What the driver raises of itself when a connection breaks under it; the last where that happens between two states.
_BROKEN = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def is_passing(error: BaseException) -> bool:
    """True where the fault is the server's or the network's and will pass by itself."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
    return isinstance(error, _BROKEN)


def in_our_words(error: BaseException) -> HubbubError | None:
    """The row of the table for a driver's error, or None where it is a defect of ours (then it stays a 500)."""
    if isinstance(error, HubbubError):
        return error
    if is_passing(error):
        return HubbubError("unavailable")
    # 22021: NUL or broken encoding got past the checks; 22P02 and 22003: a value outside its type.
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in ("22021", "22P02", "22003", "22P05"):
        return HubbubError("validation_failed", "A value cannot be stored.")
    return None


async def _keep(connection: Connection) -> None:
    """What is done to a connection before the next use: nothing, instead of the driver's round trip.

    No statement here leaves anything behind on its connection: settings are local to a transaction, nobody listens,
    and a transaction that was left open is ended by the driver before this.
    """


class Database:
    """A bounded pool. Made by `Database.open`, closed by `close`."""

    def __init__(self, pool: asyncpg.Pool, timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self.guard: Callable[[], Awaitable[None]] | None = None
        """Asked before each use: raises where this process may not act just now; see `chat/lease.py`."""

    @classmethod
    async def open(cls, connect: Mapping[str, Any], *, size: int, timeout: float) -> Database:
        """Open the pool and prove that it answers.

        Args:
            connect: keyword arguments of `asyncpg.connect`.
            size: most connections.
            timeout: seconds that a request may wait for a connection, and that a statement may take.

        Raises:
            asyncpg.PostgresError, OSError: the first connection failed; `postgres.troubles` explains these.
        """
        pool = await asyncpg.create_pool(
            **connect,
            min_size=0,  # the driver's keeping of a minimum logs and connects by itself while the server is away
            max_size=size,
            command_timeout=timeout,
            max_inactive_connection_lifetime=300,
            reset=_keep,
        )
        database = cls(pool, timeout)
        try:
            async with pool.acquire(timeout=timeout):
                return database
        except BaseException:
            pool.terminate()
            raise

    async def close(self) -> None:
        """Close every connection; those in use after three seconds are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 3)
        except TimeoutError:
            self._pool.terminate()

    @property
    def in_use(self) -> int:
        return int(self._pool.get_size() - self._pool.get_idle_size())

    @property
    def size(self) -> int:
        return int(self._pool.get_max_size())

    @asynccontextmanager
    async def connection(self, *, is_guarded: bool = True) -> AsyncIterator[Connection]:
        """A connection; each statement on it is its own transaction.

        Args:
            is_guarded: False for what renews the lease itself.

        Raises:
            HubbubError: `overloaded` when none came free in time, `unavailable` when the database is away.
        """
        if is_guarded and self.guard is not None:
            await self.guard()
        try:
            held = await self._pool.acquire(timeout=self._timeout)
        except TimeoutError:
            raise HubbubError("overloaded", "Every database connection is busy.", retry_after=1) from None
        except Exception as error:
            raise in_our_words(error) or error from error
        try:
            yield held
        except Exception as error:
            if isinstance(error, _BROKEN):
                held.terminate()  # whatever state it is in, nobody is to be given it again
            ours = in_our_words(error)
            if ours is None or ours is error:
                raise
            raise ours from error
        finally:
            # Shielded: a cancelled request must not leave its connection half-returned.
            await asyncio.shield(self._pool.release(held, timeout=self._timeout))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one READ COMMITTED transaction, rolled back when the block raises."""
        async with self.connection() as held, held.transaction():
            yield held
