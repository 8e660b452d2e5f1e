"""The proxy that spoils connections, against real servers: what it is told to do happens, and what passes is unaltered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from tests.fault.harness.protocols import NatsMessages, PostgresReplies
from tests.fault.harness.proxy import Filter, Proxy
from tests.fault.harness.servers import Nats
from tests.support.database import Databases


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says everything back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@contextlib.asynccontextmanager
async def before(port: int, make_filter: Callable[[], Filter] = Filter) -> AsyncIterator[Proxy]:
    proxy = Proxy(("127.0.0.1", port), make_filter)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()


async def told_back(proxy: Proxy, data: bytes) -> bytes:
    """What comes back of what is said, until it is all there or the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    got = b""
    try:
        writer.write(data)
        while len(got) < len(data):
            part = await reader.read(65_536)
            if not part:
                break
            got += part
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return got


async def test_what_is_not_spoilt_passes_unaltered(echo: int) -> None:
    data = os.urandom(300_000)
    async with before(echo) as proxy:
        assert await told_back(proxy, data) == data
        proxy.faults.slicer = 999
        assert await told_back(proxy, data[:20_000]) == data[:20_000]


async def test_slow_lines(echo: int) -> None:
    async with before(echo) as proxy:
        proxy.faults.latency = 0.1
        began = time.monotonic()
        assert await told_back(proxy, b"x") == b"x"
        assert time.monotonic() - began >= 0.2
        proxy.faults.clear()
        proxy.faults.bandwidth = 20_000
        began = time.monotonic()
        assert len(await told_back(proxy, bytes(10_000))) == 10_000
        assert time.monotonic() - began >= 0.4


async def test_lines_that_are_cut_or_lead_nowhere(echo: int) -> None:
    async with before(echo) as proxy:
        proxy.faults.limit = lambda: 1_000
        assert len(await told_back(proxy, bytes(5_000))) <= 1_000
        assert proxy.cuts == 1
        proxy.faults.clear()
        proxy.faults.refuses = True
        assert await told_back(proxy, b"x") == b""
        proxy.faults.clear()
        for fault in ("is_paused", "is_blackhole"):
            setattr(proxy.faults, fault, True)
            waiting = asyncio.create_task(told_back(proxy, b"x"))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            if fault == "is_paused":
                proxy.faults.is_paused = False
                assert await waiting == b"x"
            else:
                assert proxy.cut() == 1
                assert await waiting == b""


async def test_the_reply_of_one_statement_is_cut_after_its_commit(pg18: Databases) -> None:
    name = pg18.empty()
    armed = True
    filters: list[PostgresReplies] = []

    def make() -> Filter:
        filters.append(PostgresReplies(lambda query: armed and "INSERT INTO kept" in query))
        return filters[-1]

    async with before(pg18.cluster.port, make) as proxy:
        address = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"
        conn = await asyncpg.connect(address)
        await conn.execute("CREATE TABLE kept (n integer PRIMARY KEY)")  # simple protocol
        assert await conn.fetchval("SELECT 41 + $1::int", 1) == 42  # extended
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await conn.fetch("INSERT INTO kept VALUES ($1) RETURNING n", 1)
        assert proxy.cuts == 1
        straight = await asyncpg.connect(pg18.cluster.dsn(name))
        assert await straight.fetchval("SELECT count(*) FROM kept") == 1  # committed, whatever the client believes

        conn = await asyncpg.connect(address)
        with pytest.raises(asyncpg.UniqueViolationError):  # an error goes through
            await conn.fetch("INSERT INTO kept VALUES ($1) RETURNING n", 1)
        armed = False
        large = "x" * 300_000
        assert await conn.fetchval("SELECT $1::text", large) == large
        assert [row[0] for row in await conn.fetch("INSERT INTO kept VALUES ($1), ($2) RETURNING n", 2, 3)] == [2, 3]
        armed = True
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await conn.execute("INSERT INTO kept VALUES (4)")  # simple protocol
        assert await straight.fetchval("SELECT count(*) FROM kept") == 4
        assert proxy.cuts == 2
        await straight.close()
    pg18.drop(name)


async def subscribed(port: int, count: int) -> list[bytes]:
    """What a subscriber is sent of `count` messages."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b'CONNECT {"verbose":false}\r\nSUB talk 1\r\n')
        for number in range(count):
            text = b"%d" % number
            writer.write(b"PUB talk %d\r\n%b\r\n" % (len(text), text))
        writer.write(b"PING\r\n")
        got: list[bytes] = []
        while (line := await reader.readline()) != b"PONG\r\n":
            if line.startswith(b"MSG"):
                got.append((await reader.readline()).strip())
        return got
    finally:
        writer.transport.abort()


async def test_nats_messages_are_dropped_repeated_and_reordered(tmp_path: Path) -> None:
    async with Nats(tmp_path) as nats:
        tally: dict[str, int] = {}
        spoils = {"drop": 0.2, "repeat": 0.2, "window": 20}
        want = [b"%d" % number for number in range(300)]
        async with before(nats.port) as proxy:
            assert await subscribed(proxy.port, 300) == want
        async with before(nats.port, lambda: NatsMessages(random.Random(7), tally, **spoils)) as proxy:  # type: ignore[arg-type]
            got = await subscribed(proxy.port, 300)
        assert set(got) <= set(want)
        assert len(set(got)) == 300 - tally["dropped"]
        assert len(got) - len(set(got)) == tally["repeated"]
        assert tally["dropped"] > 20
        assert tally["repeated"] > 20
        assert tally["reordered"] > 3
        assert got != sorted(got, key=int)
