"""The NATS connection against a server that says what no server would, in pieces of any size."""

from __future__ import annotations

import asyncio
import gc
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.support.process import eventually
from tests.support.properties import SEED

from hubbub.fanout import nats_connection
from hubbub.fanout.line_bus import LineBroken
from hubbub.fanout.nats_connection import LINE_BYTES, NatsConnection

INFO = b'INFO {"server_id":"x","max_payload":1048576}\r\n'
MOST = 1_000


class Server:
    """Takes one client, shakes hands as told, and then says whatever a test wants."""

    def __init__(self, info: bytes, answer: bytes) -> None:
        self.info, self.answer = info, answer
        self.got = bytearray()
        self.writer: asyncio.StreamWriter | None = None
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            writer.write(self.info)
            while data := await reader.read(65_536):
                self.got += data
                writer.write(self.answer * data.count(b"PING\r\n"))
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def say(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)
        await self.writer.drain()


@asynccontextmanager
async def scripted(info: bytes = INFO, answer: bytes = b"PONG\r\n") -> AsyncIterator[Server]:
    script = Server(info, answer)
    server = await asyncio.start_server(script.take, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        if script.writer is not None:
            script.writer.transport.abort()


async def connect(
    server: Server, heard: Callable[[str, bytes], None] = lambda *_: None, broken: Callable[[], None] = lambda: None
) -> NatsConnection:
    return await NatsConnection.connect(
        "127.0.0.1", server.port, needs_tls=False, tls=ssl.create_default_context, sign_in=lambda nonce: {"user": nonce},
        heard=heard, broken=broken, most_bytes=MOST,
    )  # fmt: skip


async def test_messages_come_whole_in_pieces_of_any_size() -> None:
    chance = random.Random(SEED)
    heard: list[tuple[str, bytes]] = []
    said = (
        b"MSG a 1 5\r\nhello\r\nPING\r\n+OK\r\nmsg b 2 reply 0\r\n\r\n"
        b"HMSG c 3 12 17\r\nNATS/1.0\r\n\r\nworld\r\nINFO {\"ldm\":true}\r\n"
        b"-ERR 'Permissions Violation for Subscription to \"x\"'\r\n"
        b"MSG d 1 1001\r\n" + b"x" * 1_001 + b"\r\nMSG e 1 4\r\n\r\n\r\n\r\n"
    )  # fmt: skip
    want = [("a", b"hello"), ("b", b""), ("c", b"world"), ("d", b""), ("e", b"\r\n\r\n")]
    async with scripted() as server:
        connection = await connect(server, lambda *what: heard.append(what))
        for size in (1, 2, 3, 7, 100, len(said)):
            heard.clear()
            pings = server.got.count(b"PONG\r\n")
            at = 0
            while at < len(said):
                step = chance.randint(1, size)
                connection.data_received(said[at : at + step])
                at += step
            assert heard == want
            await eventually(lambda pings=pings: server.got.count(b"PONG\r\n") == pings + 1)
        assert connection.info == {"ldm": True}
        connection.close()


async def test_a_hundred_megabytes_are_never_kept() -> None:
    heard: list[tuple[str, bytes]] = []
    async with scripted() as server:
        connection = await connect(server, lambda *what: heard.append(what))
        most = 0
        connection.data_received(b"MSG a 1 100000000\r\n")
        for _ in range(1_000):
            connection.data_received(b"x" * 100_000)
            most = max(most, len(connection._buffer))
        connection.data_received(b"\r\nMSG b 1 1\r\ny\r\n")
        assert heard == [("a", b""), ("b", b"y")]
        assert most == 0
        connection.close()


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad Request\r\n", b"MSG a\r\n", b"MSG a 1 -5\r\n", b"MSG a 1 x\r\n", b"HMSG a 1 9 5\r\n", b"INFO {\r\n",
     b"PONG\r\n", b"\r\n", b"x" * (LINE_BYTES + 1), b"MSG \xff 1 1\r\n"],
)  # fmt: skip
async def test_what_is_no_nats_ends_the_connection(said: bytes) -> None:
    broken: list[bool] = []
    async with scripted() as server:
        connection = await connect(server, broken=lambda: broken.append(True))
        await server.say(said)
        await eventually(lambda: bool(broken))
        with pytest.raises(LineBroken, match="does not speak NATS"):
            await connection.publish([("a", b"x")])
        with pytest.raises(LineBroken):
            connection.subscribe("b")
    assert broken == [True]


@pytest.fixture
async def complaints() -> list[dict[str, object]]:
    """What the event loop complains of."""
    found: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found


async def test_a_server_that_says_nothing_is_given_up(
    complaints: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_connection, "PATIENCE_SECONDS", 0.1)
    async with scripted(info=b"") as server:
        with pytest.raises(TimeoutError):
            await connect(server)
        await eventually(lambda: server.writer is not None and server.writer.is_closing())
    assert not complaints


async def test_what_is_told_while_it_closes_leaves_no_failure_behind(complaints: list[dict[str, object]]) -> None:
    async with scripted() as server:
        connection = await connect(server)
        connection.close()
        with pytest.raises(LineBroken):
            await connection.publish([("a", b"x")])
        await eventually(lambda: server.writer is not None and server.writer.is_closing())
    del connection
    gc.collect()
    assert not complaints


async def test_what_the_server_says_before_it_closes_is_the_reason() -> None:
    async with scripted(answer=b"-ERR 'Authorization Violation'\r\nPONG\r\n") as server:
        server.answer = b"-ERR 'Authorization Violation'\r\n"
        connecting = asyncio.create_task(connect(server))
        await eventually(lambda: b"PING\r\n" in server.got)
        await asyncio.sleep(0)
        assert server.writer is not None
        server.writer.close()
        with pytest.raises(LineBroken, match="authorization violation"):
            await connecting


async def test_it_says_who_it_is_and_what_it_wants() -> None:
    async with scripted(info=b'INFO {"nonce":"chall"}\r\n') as server:
        connection = await connect(server)
        connection.subscribe("a.b")
        connection.subscribe("a.b")
        connection.subscribe("c")
        connection.unsubscribe("a.b")
        connection.unsubscribe("never")
        await connection.publish([("d", b"one"), ("e", b"")])
        lines = bytes(server.got).split(b"\r\n")
        connection.close()
    assert lines[0].startswith(b"CONNECT {")
    assert b'"user": "chall"' in lines[0]
    assert lines[1:] == [
        b"PING",
        b"SUB a.b 1",
        b"SUB c 2",
        b"UNSUB 1",
        b"PUB d 3",
        b"one",
        b"PUB e 0",
        b"",
        b"PING",
        b"",
    ]
