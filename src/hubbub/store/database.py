"""The connection pool, and the one place where the driver's errors become ours.

Promises: a request waits at most half of `timeout` for a connection and half for a statement; one connection is kept from
reads, for those who store messages; what the database could not do is raised as `HubbubError`, retryable where
the same may work later; no error carries SQL, parameters or secrets to a client.
A connection that dies during a statement means *unknown*, never *failed* (`unavailable` says so), and is not used again;
nor is one to a server that takes no writes, or that sees another time of the database than the newest connection
(`epoch.py`): what it said is not told. `watch.py` looks after the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import asyncpg
import structlog

from hubbub.errors import HubbubError
from hubbub.postgres import hosts
from hubbub.store import epoch
from hubbub.store.database_stats import DatabaseStats
from hubbub.store.epoch import Epoch
from hubbub.store.statements import load

SQL: Final = load("database")
STATEMENTS_MAX: Final = 100  # the latest used, kept prepared on a connection

# The driver has no types of its own; these names say what is meant.
Connection: TypeAlias = Any
Record: TypeAlias = Any

# SQLSTATE classes after which the same statement may succeed: connection, resources, operator intervention;
# and single states: serialization failure, deadlock, lock not available, read-only server.
_PASSING_CLASSES = ("08", "53", "57")
_PASSING_STATES = frozenset({"40001", "40P01", "55P03", "25006"})


# What the driver raises of itself when a connection breaks under it; the last where that happens between two states.
_BROKEN = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# After these a connection is not used again: it broke, its server ends, or is a standby by now.
_SPENT = (*_BROKEN, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.ReadOnlySQLTransactionError)

log = structlog.get_logger("database")


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


class Held(asyncpg.Connection):  # type: ignore[misc]
    """A connection that remembers which time of the database it sees."""

    epoch = Epoch("", "", 0)


class HeldByPooler(Held):
    """The same through a pooler in transaction mode: outside a transaction each statement gets one of its own.

    The driver prepares a statement and then runs it, in two steps: in a transaction they meet the same server.
    """

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        if not args:  # one step
            return await super().execute(query, **options)
        async with self._together():
            return await super().execute(query, *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        async with self._together():
            return await super().fetchval(query, *args, **options)

    @asynccontextmanager
    async def _together(self) -> AsyncIterator[None]:
        if self.is_in_transaction():
            yield
        else:
            async with self.transaction():
                yield


async def has_pooler(connect: Mapping[str, Any]) -> bool:
    """Does a pooler stand between? It gives a number of its own for the server's process."""
    connection = await hosts.connect(**connect, connection_class=HeldByPooler)
    try:
        return bool(connection.get_server_pid() != await connection.fetchval(SQL["server_process"]))
    finally:
        await connection.close()


class Database:
    """A bounded pool. Made by `Database.open`, closed by `close`."""

    def __init__(self, connect: Mapping[str, Any], size: int, timeout: float, *, is_pooled: bool) -> None:
        self.is_pooled = is_pooled
        """A pooler stands between: nothing is kept prepared or set for a session, and `HeldByPooler` costs three more
        round trips a statement. That does no harm in a pooler's other modes."""
        self.epoch = Epoch("", "", 0)
        """That of the newest connection; `told` is what clients are told."""
        self.on_new_epoch: Callable[[], None] = _nothing
        """Called when another epoch is seen than before: nothing that was read before is to be believed any more."""
        self.fault: str | None = None
        """Why the database cannot be used just now, as far as `watch.py` knows."""
        self.guard: Callable[[], Awaitable[None]] | None = None
        """Asked before each use: raises where this process may not act just now; see `chat/lease.py`."""
        self.stats = DatabaseStats()
        self._half = timeout / 2
        self._kind = HeldByPooler if is_pooled else Held
        self._connect = partial(
            hosts.connect, **{**connect, "statement_cache_size": 0 if is_pooled else STATEMENTS_MAX}
        )
        self._pool: asyncpg.Pool
        self._shared = asyncio.Semaphore(size - 1)

    @classmethod
    async def open(cls, connect: Mapping[str, Any], *, size: int, timeout: float) -> Database:
        """Open the pool and prove that it answers.

        Args:
            connect: arguments of `hosts.connect`.
            size: most connections, two at least.
            timeout: seconds that a request may wait for the database: half of it for a connection, half for a statement.

        Raises:
            asyncpg.PostgresError, OSError: the first connection failed; `postgres.troubles` explains these.
        """
        database = cls(connect, size, timeout, is_pooled=await has_pooler(connect))
        pool = database._pool = await asyncpg.create_pool(
            connect=database._open,
            connection_class=database._kind,
            min_size=0,  # the driver's keeping of a minimum logs and connects by itself while the server is away
            max_size=size,
            command_timeout=timeout / 2,
            max_inactive_connection_lifetime=300,
            reset=_keep,
        )
        try:
            async with pool.acquire(timeout=timeout):
                return database
        except BaseException:
            pool.terminate()
            raise

    async def _open(self, _: None, **options: Any) -> Connection:
        """A new connection of the pool, which passes an address that we do not use."""
        return await self._connect(accept=self._greet, **options)

    async def _greet(self, fresh: Connection) -> None:
        """Bound what a session may take, and learn which time of the database it sees."""
        if not self.is_pooled:
            await epoch.bound(fresh, self._half)
        fresh.epoch = await epoch.read(fresh, self._half)
        fresh.add_query_logger(self.stats.ran)
        await self.see(fresh.epoch)

    async def line(self) -> Connection:
        """A connection beside the pool, for the watch; its statements need time limits of their own.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError: it could not be opened.
        """
        settings = {**self._connect.keywords.get("server_settings", {}), "application_name": "hubbub watch"}
        return await self._connect(accept=self._greet, connection_class=self._kind, server_settings=settings)

    async def see(self, found: Epoch) -> None:
        """Take note of the epoch that a connection sees.

        Raises:
            ConnectionError: it is that of a primary whose place another has taken.
        """
        known = self.epoch
        if found.system == known.system and found.timeline < known.timeline:
            log.error("a server whose place another has taken still takes writes", timeline=found.timeline)
            raise ConnectionError("this server has been replaced by another")
        if found == known:
            return
        self.epoch = found
        if known.told:
            log.warning("the database is of another epoch: every client comes back and starts afresh")
            await self._pool.expire_connections()
            self.on_new_epoch()

    async def doubt(self) -> None:
        """Use no connection again that is open now: they may be silent."""
        await self._pool.expire_connections()

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
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; each statement on it is its own transaction.

        Raises:
            HubbubError: `overloaded` when none came free in time, `unavailable` when the database is away.
        """
        try:
            async with asyncio.timeout(self._half):
                await self._shared.acquire()
        except TimeoutError:
            raise self._none_free() from None
        try:
            async with self.urgent() as held:
                yield held
        finally:
            self._shared.release()

    @asynccontextmanager
    async def urgent(self, *, is_guarded: bool = True) -> AsyncIterator[Connection]:
        """As `connection`, for who stores messages and for the lease: however many others wait, one is left for them.

        Args:
            is_guarded: False for what renews the lease itself.
        """
        if is_guarded and self.guard is not None:
            await self.guard()
        try:
            held = await self._pool.acquire(timeout=self._half)
        except TimeoutError:
            raise self._none_free() from None
        except Exception as error:
            self.stats.failed(error)
            raise in_our_words(error) or error from error
        seen = held.epoch
        try:
            yield held
        except Exception as error:
            if isinstance(error, _SPENT):
                held.terminate()  # whatever state it is in, nobody is to be given it again
            ours = in_our_words(error)
            if ours is not error:
                self.stats.failed(error)
            if ours is None or ours is error:
                raise
            raise ours from error
        finally:
            # Shielded: a cancelled request must not leave its connection half-returned. One that breaks just now is the
            # driver's affair alone: what was asked on it has been answered.
            with contextlib.suppress(*_BROKEN):
                await asyncio.shield(self._pool.release(held, timeout=self._half))
        # Last of all, so that nothing can happen between this and what the caller does with it.
        if seen is not self.epoch and seen != self.epoch:
            raise HubbubError("unavailable")  # what was read, or written, was so in a time that is over

    def _none_free(self) -> HubbubError:
        if self.fault is not None:
            self.stats.errors["lost"] += 1
            return HubbubError("unavailable")
        self.stats.errors["busy"] += 1
        return HubbubError("overloaded", "Every database connection is busy.", retry_after=1)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one READ COMMITTED transaction, rolled back when the block raises."""
        async with self.connection() as held, held.transaction():
            yield held


def _nothing() -> None:
    """No one wants to know."""
