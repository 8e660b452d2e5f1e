"""After any abuse nothing is left: sessions, sockets, handlers, tasks, file descriptors and memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable

import psutil
import pytest
from tests.conformance.conftest import EchoServer, start
from tests.support.process import eventually
from tests.support.raw_client import BINARY, CONTINUATION, ClosedError, RawWebSocket, open_request, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

P0 = '{"_placeholder":true,"num":0}'


async def vanish(server: EchoServer) -> None:
    (await server.join()).abort()


async def leave(server: EchoServer) -> None:
    await (await server.join()).close()


async def bad_packet(server: EchoServer) -> None:
    ws = await server.join()
    ws.send("42{}")
    await ws.closed()


async def half_a_binary_event(server: EchoServer) -> None:
    ws = await server.join()
    ws.send(f'452-["message",{P0},{P0}]')
    ws.send(b"x" * 100_000)
    await ws.drain()
    ws.abort()


async def half_a_message(server: EchoServer) -> None:
    ws = await server.join()
    ws.frame(BINARY, b"x" * 100_000, fin=False)
    ws.frame(CONTINUATION, b"x" * 100_000, fin=False)
    await ws.drain()
    ws.abort()


async def too_large(server: EchoServer) -> None:
    ws = await server.open()
    ws.raw(b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 1_000)
    await ws.closed()


async def open_and_forget(server: EchoServer) -> None:
    await server.sid()


async def poll_and_vanish(server: EchoServer) -> None:
    _, writer = await open_request(server.session(await server.sid()))
    writer.transport.abort()


async def post_and_vanish(server: EchoServer) -> None:
    _, writer = await open_request(server.session(await server.sid()), "POST", b"4", {"Content-Length": "1000"})
    writer.transport.abort()


async def events_and_vanish(server: EchoServer) -> None:
    ws = await server.join()
    for number in range(200):
        ws.send(f'42{number}["message-with-ack",{number}]')
    await ws.drain()
    ws.abort()


async def connect_and_vanish(server: EchoServer) -> None:
    ws = await server.open()
    ws.send("40")
    ws.send("40/custom,")
    ws.abort()


async def half_an_upgrade(server: EchoServer) -> None:
    sid = await server.sid()
    ws = await RawWebSocket.connect(f"{server.websocket}&sid={sid}")
    ws.send("2probe")
    await ws.receive()
    ws.abort()


async def upgrade_and_vanish(server: EchoServer) -> None:
    sid = await server.sid()
    ws = await RawWebSocket.connect(f"{server.websocket}&sid={sid}")
    ws.send("2probe")
    await ws.receive()
    ws.send("5")
    ws.send("40")
    await ws.receive()
    ws.abort()


async def half_a_handshake(server: EchoServer) -> None:
    _, writer = await open_request(server.websocket, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    writer.transport.abort()


ABUSES: list[Callable[[EchoServer], Awaitable[None]]] = [
    *[vanish, leave, bad_packet, half_a_binary_event, half_a_message, too_large, open_and_forget, poll_and_vanish],
    *[post_and_vanish, events_and_vanish, connect_and_vanish, half_an_upgrade, upgrade_and_vanish, half_a_handshake],
]


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: abuse.__name__)
async def test_each_abuse_leaves_nothing(echo: EchoServer, abuse: Callable[[EchoServer], Awaitable[None]]) -> None:
    await asyncio.gather(*(abuse(echo) for _ in range(5)))
    await echo.nothing_left()


async def test_five_hundred_at_random_leave_nothing() -> None:
    seed = int(os.environ.get("HUBBUB_PROPERTY_SEED") or random.SystemRandom().randrange(2**32))
    print(f"HUBBUB_PROPERTY_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    server = await start("--ping-interval", "300", "--ping-timeout", "300", "--connect-timeout", "1000")
    try:
        process = psutil.Process(server.process.pid)
        await asyncio.gather(*(abuse(server) for abuse in ABUSES))
        await server.nothing_left()
        files, memory = process.num_fds(), process.memory_info().rss
        gate = asyncio.Semaphore(25)

        async def one(abuse: Callable[[EchoServer], Awaitable[None]]) -> None:
            async with gate:
                with contextlib.suppress(ClosedError):  # a busy server's ping timeout may come first
                    await abuse(server)

        await asyncio.gather(*(one(chance.choice(ABUSES)) for _ in range(500)))
        await server.nothing_left()
        await eventually(lambda: process.num_fds() <= files)
        counts = await server.counts()
        assert counts["opened"] == sum(counts["closed"].values())
        assert process.memory_info().rss - memory < 30_000_000
    finally:
        await server.stop()
    assert server.process.lines[-1] == server.url, "nothing was logged"


async def test_a_client_that_does_not_read_is_dropped() -> None:
    server = await start("--ping-interval", "20000", "--outbox-bytes", "262144")
    try:
        process = psutil.Process(server.process.pid)
        ws = await server.join()
        memory = process.memory_info().rss
        event = '42["message","' + "x" * 10_000 + '"]'

        async def dropped() -> bool:
            for _ in range(50):
                ws.send(event)
            return (await server.counts())["closed"].get("slow", 0) == 1

        await eventually(dropped, 20)
        ws.abort()
        assert process.memory_info().rss - memory < 20_000_000
        await server.nothing_left()
        async with await server.join() as other:
            other.send('421["message-with-ack"]')
            assert await other.receive() == "431[]"
    finally:
        await server.stop()


async def test_a_poll_that_never_comes_is_dropped() -> None:
    server = await start("--ping-interval", "20000", "--outbox-bytes", "262144")
    try:
        sid = await server.sid()
        await request(server.session(sid), "POST", b"40")
        body = b"\x1e".join([b'42["message","' + b"x" * 10_000 + b'"]'] * 40)

        async def dropped() -> bool:
            await request(server.session(sid), "POST", body)
            return (await server.counts())["closed"].get("slow", 0) == 1

        await eventually(dropped)
        await server.nothing_left()
    finally:
        await server.stop()


async def test_the_server_stops_while_clients_are_connected() -> None:
    server = await start("--ping-interval", "20000")
    sockets = [await server.join() for _ in range(5)]
    sid = await server.sid()
    reader, writer = await open_request(server.session(sid))
    assert await server.stop() in (0, -15)
    for ws in sockets:
        code, _ = await ws.closed()
        assert code == 1001
    assert (await reader.read()).endswith(b"1")
    writer.close()
    assert server.process.output == server.url
