"""The pool and its bounds: silent hosts, standbys, readers that fill it, a server that hangs, and the watch that sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.fault.harness.servers import Postgres
from tests.support.database import Databases
from tests.support.process import eventually
from tests.support.silent import silent_port

from hubbub.errors import HubbubError
from hubbub.postgres import hosts
from hubbub.store.database import Database
from hubbub.store.watch import watch


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Database]:
    made = await Database.open({"dsn": database}, size=3, timeout=2)
    yield made
    await made.close()


async def test_the_watch_is_told_from_the_pool(pool: Database) -> None:
    """`hubbub doctor` counts neither among other people's connections, and the bench counts the pool's alone."""
    line = await pool.line()
    try:
        assert await line.fetchval("SHOW application_name") == "hubbub watch"
    finally:
        line.terminate()
    async with pool.connection() as conn:
        assert await conn.fetchval("SHOW application_name") != "hubbub watch"


async def test_each_host_has_its_own_time(database: str, pg18: Databases) -> None:
    with silent_port() as silent:
        options = {"user": "postgres", "database": "postgres", "ssl": False, "timeout": 0.3}
        connection = await hosts.connect(
            host=["127.0.0.1", "127.0.0.1", "127.0.0.1"], port=[1, silent, pg18.cluster.port], **options
        )
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        with pytest.raises(TimeoutError):
            await hosts.connect(host=["127.0.0.1", "127.0.0.1"], port=[1, silent], **options)


async def test_a_host_that_is_not_accepted_is_passed_over(pg18: Databases) -> None:
    asked: list[int] = []

    async def accept(connection: asyncpg.Connection) -> None:
        asked.append(await connection.fetchval("SELECT 1"))
        if len(asked) == 1:
            raise asyncpg.ReadOnlySQLTransactionError("a standby")

    port = pg18.cluster.port
    connection = await hosts.connect(
        accept=accept, host=["127.0.0.1"] * 2, port=[port, port], user="postgres", database="postgres", timeout=5
    )
    await connection.close()
    assert asked == [1, 1]


async def test_what_a_session_may_take_is_bounded_by_the_server_too(pool: Database) -> None:
    async with pool.connection() as conn:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        assert [await conn.fetchval("SELECT current_setting($1)", name) for name in names] == ["1s"] * 3
    began = time.monotonic()
    with pytest.raises(HubbubError) as refused:
        async with pool.connection() as conn:
            await conn.execute("SELECT pg_sleep(60)")
    assert refused.value.code == "unavailable"
    assert time.monotonic() - began < 10


async def test_readers_that_fill_the_pool_leave_a_connection_for_messages(pool: Database) -> None:
    let_go = asyncio.Event()

    async def read() -> None:
        async with pool.connection() as conn:
            await conn.fetchval("SELECT 1")
            await let_go.wait()

    readers = [asyncio.create_task(read()) for _ in range(2)]
    await eventually(lambda: pool.in_use == 2)
    with pytest.raises(HubbubError) as refused:
        async with pool.connection():
            raise AssertionError("there was a third")
    assert (refused.value.code, refused.value.row.retryable) == ("overloaded", True)
    async with pool.urgent() as conn:
        assert await conn.fetchval("SELECT 1") == 1
    let_go.set()
    await asyncio.gather(*readers)
    async with pool.connection() as conn:
        assert await conn.fetchval("SELECT 1") == 1


async def test_a_connection_to_what_became_read_only_is_not_used_again(pool: Database) -> None:
    async with pool.urgent() as conn:
        spent = await conn.fetchval("SELECT pg_backend_pid()")
        await conn.execute("SET default_transaction_read_only = on")
    with pytest.raises(HubbubError) as refused:
        async with pool.urgent() as conn:
            await conn.execute("UPDATE hubbub.meta SET value = value")
    assert refused.value.code == "unavailable"
    async with pool.urgent() as conn:
        assert await conn.fetchval("SELECT pg_backend_pid()") != spent


async def test_a_server_that_hangs_is_seen_and_so_is_its_return() -> None:
    """The whole server is stopped, as by SIGSTOP or a frozen disk: connections stay open, and nothing is answered."""
    server = Postgres()
    await server.start()
    try:
        name = await server.database()
        pool = await Database.open({"dsn": server.cluster.tcp_dsn(name), "timeout": 1}, size=3, timeout=2)
        watching = asyncio.create_task(watch(pool))
        async with pool.connection() as conn:
            await conn.fetchval("SELECT 1")
        server.freeze()
        try:
            began = time.monotonic()
            with pytest.raises(HubbubError) as refused:
                async with pool.connection() as conn:
                    await conn.fetchval("SELECT 1")
            assert (refused.value.code, refused.value.row.retryable) == ("unavailable", True)
            await eventually(lambda: pool.fault == "the database does not answer", timeout=10)
            assert time.monotonic() - began < 10
            with pytest.raises(HubbubError) as refused:  # no new connection comes either
                async with pool.connection() as conn:
                    await conn.fetchval("SELECT 1")
            assert refused.value.code == "unavailable"
        finally:
            server.thaw()
        await eventually(lambda: pool.fault is None, timeout=10)
        async with pool.connection() as conn:
            assert await conn.fetchval("SELECT 1") == 1
        await server.kill()
        await eventually(lambda: pool.fault is not None, timeout=10)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await pool.close()
    finally:
        await server.stop()
