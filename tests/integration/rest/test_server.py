"""Heads and bodies over a real connection: too long, without end, too slow. In a server of its own, as `hubbub serve` is."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
import uvicorn
from tests.support.process import eventually
from tests.support.raw_client import RawWebSocket
from tests.support.rest import Rest, rest_of

from hubbub.config import Settings
from hubbub.realtime import BoundedHttp, Options, Realtime, http
from hubbub.rest import body

HOW: dict[str, Any] = {"port": 0, "lifespan": "off", "log_config": None, "access_log": False}


@asynccontextmanager
async def served(rest: Rest) -> AsyncIterator[int]:
    """The application behind uvicorn; its port."""
    application = rest.http._transport.app  # type: ignore[attr-defined]
    async with _running(uvicorn.Config(application, http=BoundedHttp, **HOW)) as port:
        yield port


@asynccontextmanager
async def _running(config: uvicorn.Config) -> AsyncIterator[int]:
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # they are pytest's
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started, timeout=10)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], dict[str, object]]:
    """One answer: status, headers, body."""
    async with asyncio.timeout(15):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        content = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, json.loads(content)


HEAD = "POST /api/auth/login HTTP/1.1\r\nHost: chat.test\r\nContent-Type: application/json\r\n"


async def test_a_body_that_says_it_is_too_long_is_not_read(database: str) -> None:
    async with rest_of(database, settings=Settings(max_payload=1_000)) as rest, served(rest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{HEAD}Content-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n".encode())
        status, headers, problem = await answer_of(reader)
        assert (status, problem["code"], headers["connection"]) == (413, "too_large", "close")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


async def test_a_body_without_end_is_cut(database: str) -> None:
    async with rest_of(database, settings=Settings(max_payload=1_000)) as rest, served(rest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(11):
            writer.write(b"64\r\n" + b" " * 100 + b"\r\n")
        status, headers, problem = await answer_of(reader)
        assert (status, problem["code"], headers["connection"]) == (413, "too_large", "close")
        writer.close()


async def test_a_body_that_trickles_in_is_given_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.3)
    async with rest_of(database) as rest, served(rest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{HEAD}Content-Length: 100\r\n\r\n{{".encode())
        started = time.monotonic()
        status, headers, problem = await answer_of(reader)
        assert (status, problem["code"], headers["connection"]) == (408, "too_slow", "close")
        assert time.monotonic() - started < 5
        writer.close()


async def test_a_client_that_goes_away_in_the_middle_is_no_defect(database: str) -> None:
    async with rest_of(database) as rest, served(rest) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{HEAD}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: chat.test\r\n\r\n")
        assert (await answer_of(reader))[0] == 200
        writer.close()


async def test_headers_that_are_no_headers(database: str) -> None:
    async with rest_of(database) as rest, served(rest) as port:
        for request in (
            b"GET /api/health HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
            b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET /api/health HTTP/1.1\r\nHost: a b\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            async with asyncio.timeout(20):
                line = await reader.readline()
            assert line.split()[1] == b"400", request
            writer.close()


async def ask(port: int, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection over which these have been sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    return reader, writer


GOOD = b"GET /livez HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ((GOOD, b"".join(b"X-%d: 1\r\n" % n for n in range(500)), b"\r\n"), 431, "head_too_large"),
        ((GOOD, b"X-A: ", b"a" * 70_000, b"\r\n\r\n"), 431, "head_too_large"),
        ((GOOD, b"X-A: " + b"a" * 60_000, b"a" * 10_000), 431, "head_too_large"),  # and no end
        ((b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",), 431, "head_too_large"),
        ((b"GET /" + b"a" * 70_000,), 431, "head_too_large"),
        ((b"nonsense\r\n\r\n",), 400, "bad_request"),
        ((HEAD.encode(), b"Transfer-Encoding: chunked\r\n\r\n", b"1ffffffffffffffff\r\n"), 400, "bad_request"),
        ((b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",), 400, "bad_request"),
    ],
    ids=[
        "headers",
        "header",
        "header without end",
        "address",
        "address without end",
        "no HTTP",
        "a body that is none",
        "not ASCII",
    ],
)
async def test_heads_that_are_refused(database: str, parts: tuple[bytes, ...], status: int, code: str) -> None:
    async with rest_of(database) as rest, served(rest) as port:
        reader, writer = await ask(port, *parts)
        got, headers, problem = await answer_of(reader)
        assert (got, problem["code"], problem["status"], headers["connection"]) == (status, code, status, "close")
        assert headers["content-type"] == "application/problem+json"
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


async def test_a_head_just_small_enough_is_taken(database: str) -> None:
    async with rest_of(database) as rest, served(rest) as port:
        many = b"".join(b"X-%d: 1\r\n" % n for n in range(http.HEADERS_MAX - 1))
        long = b"X-A: " + b"a" * (http.HEAD_BYTES - 100) + b"\r\n"
        reader, writer = await ask(port, GOOD + many + b"\r\n" + GOOD + long + b"\r\n" + GOOD + b"\r\n")
        for _ in range(3):
            assert (await answer_of(reader))[0] == 200
        writer.close()


async def test_a_head_that_trickles_in_is_given_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.3)
    async with rest_of(database) as rest, served(rest) as port:
        silent, silent_writer = await ask(port)
        for before in ((), (GOOD + b"\r\n",)):  # the first request of a connection, and a later one
            reader, writer = await ask(port, *before)
            for _ in before:
                assert (await answer_of(reader))[0] == 200
            writer.write(b"GET /livez HT")
            started = time.monotonic()
            status, headers, problem = await answer_of(reader)
            assert (status, problem["code"], headers["connection"]) == (408, "too_slow", "close")
            assert time.monotonic() - started < 5
            writer.close()
        async with asyncio.timeout(20):
            assert await silent.read() == b"", "who says nothing is told nothing"
        silent_writer.close()


async def test_a_websocket_keeps_nothing_of_its_handshake() -> None:
    """Not even until the collector of cycles comes: a crowd that connects would hold twice its memory."""
    realtime = Realtime(Options(), {})
    config = uvicorn.Config(realtime, http=BoundedHttp, ws=realtime.protocol_factory, **HOW)  # type: ignore[arg-type]
    async with _running(config) as port:
        gc.collect()
        gc.disable()
        try:
            url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
            sockets = [await RawWebSocket.connect(url) for _ in range(3)]
            for websocket in sockets:
                assert str(await websocket.receive()).startswith("0{")
            assert [one for one in gc.get_objects() if isinstance(one, BoundedHttp)] == []
        finally:
            gc.enable()
        for websocket in sockets:
            websocket.abort()
