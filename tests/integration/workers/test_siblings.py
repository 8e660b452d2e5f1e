"""A connection moves to the sibling its request is for: byte for byte, at a request's beginning, and nowhere else.

Three servers in this event loop, each as a worker has it, with an application that says which it is and what it got.
The whole with real processes and clients, on uvloop, is `test_workers.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.support.process import eventually

from hubbub.realtime import Client, SharedHttp, Siblings

QUERY = "/socket.io/?EIO=4&transport=polling"


@dataclass
class Server:
    """One worker."""

    siblings: Siblings
    port: int = 0
    requests: list[str] = field(default_factory=list)
    answer_early: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append(scope["path"])
        body = b""
        while not self.answer_early:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = json.dumps({"worker": self.siblings.number, "size": len(body), "sum": sum(body)}).encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[Server]]:
    made = [Server(Siblings(number, 3, tmp_path, "/socket.io/")) for number in (1, 2, 3)]
    running = [serve(server) for server in made]
    tasks = [asyncio.create_task(one.serve(sockets=[listener])) for one, listener in running]
    await eventually(lambda: all(one.started for one, _ in running))
    for server, (one, _) in zip(made, running, strict=True):
        server.siblings.listen(partial(take, server, one), lambda server=server: b"I am %d" % server.siblings.number)
    yield made
    for server, (one, _) in zip(made, running, strict=True):
        server.siblings.close()
        one.should_exit = True
    await asyncio.gather(*tasks)


def serve(server: Server) -> tuple[uvicorn.Server, socket.socket]:
    """A server with its socket, to be run."""
    http = partial(SharedHttp, server.siblings, None)
    config = uvicorn.Config(server, http=http, ws="none", lifespan="off", log_config=None, access_log=False)  # type: ignore[arg-type]
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    running = uvicorn.Server(config)
    running.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    return running, listener


async def take(
    server: Server, running: uvicorn.Server, connection: socket.socket, first: bytes, client: Client | None
) -> None:
    """Go on with a connection, as `http_server.py` does."""
    make = partial(
        SharedHttp, server.siblings, None, running.config, running.server_state, {}, first=first, decrypted_for=client
    )
    await asyncio.get_running_loop().connect_accepted_socket(make, connection)


class Talk:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
            answer: dict[str, Any] = json.loads(await self.reader.readexactly(length))
        return answer

    async def get(self, sid: str) -> int:
        """Who answers a request for a session."""
        self.writer.write(f"GET {QUERY}&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        worker: int = (await self.answer())["worker"]
        return worker


@pytest.fixture
async def talk(servers: list[Server]) -> AsyncIterator[Talk]:
    """A connection that the first of them has accepted."""
    made = Talk(*await asyncio.open_connection("127.0.0.1", servers[0].port))
    yield made
    made.writer.close()


async def test_one_connection_for_sessions_of_all(servers: list[Server], talk: Talk) -> None:
    asked = ["2.a", "2.a", "1.b", "3.c", "2.a", "3.c", "1.b", "1.b", "2.a"] * 20
    assert [await talk.get(sid) for sid in asked] == [int(sid[0]) for sid in asked]
    moves = sum(before[0] != after[0] for before, after in zip(["1", *asked], asked, strict=False))
    assert sum(server.siblings.stats.given for server in servers) == moves
    assert sum(server.siblings.stats.taken for server in servers) == moves


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000])
async def test_a_body_goes_with_its_request(talk: Talk, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    talk.writer.write(f"POST {QUERY}&sid=2.a HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + body)
    assert await talk.answer() == {"worker": 2, "size": size, "sum": sum(body)}
    assert await talk.get("1.a") == 1


async def test_a_request_that_comes_byte_by_byte(talk: Talk) -> None:
    for _ in range(2):
        for byte in f"\r\nPOST {QUERY}&sid=3.a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode():
            talk.writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        assert await talk.answer() == {"worker": 3, "size": 3, "sum": sum(b"abc")}


async def test_a_body_is_never_taken_for_a_request(servers: list[Server], talk: Talk) -> None:
    inner = f"GET {QUERY}&sid=2.a HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    talk.writer.write(f"POST {QUERY}&sid=1.a HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n".encode())
    await eventually(lambda: len(servers[0].requests) == 1)
    talk.writer.write(inner)
    assert await talk.answer() == {"worker": 1, "size": len(inner), "sum": sum(inner)}
    # Nor where the answer is there before the body is.
    servers[0].answer_early = True
    talk.writer.write(f"POST {QUERY}&sid=1.a HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n".encode())
    await talk.answer()
    talk.writer.write(inner)
    assert await talk.get("1.a") == 1  # the body has been read to its end
    assert await talk.get("3.a") == 3
    assert servers[1].requests == []
    assert servers[0].requests == ["/socket.io/"] * 3


@pytest.mark.parametrize(
    "target",
    [
        "/", "/socket.io/", QUERY, f"{QUERY}&sid=1.a", f"{QUERY}&sid=4.a", f"{QUERY}&sid=0.a", f"{QUERY}&sid=a.2.a",
        f"{QUERY}&sid=2", f"{QUERY}&xsid=2.a", f"{QUERY}&sid=99999.a", f"{QUERY}&sid=-2.a", "/api/?sid=2.a",
        "/?x=/socket.io/?sid=2.a", f"{QUERY}#?sid=2.a", f"{QUERY}&sid=" + "x" * 20_000,
    ],
)  # fmt: skip
async def test_what_names_no_sibling_stays(servers: list[Server], talk: Talk, target: str) -> None:
    talk.writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (await talk.answer())["worker"] == 1
    assert servers[0].siblings.stats.given == 0


async def test_a_sibling_that_is_gone_leaves_the_answer_to_us(servers: list[Server], talk: Talk) -> None:
    servers[1].siblings.close()
    assert await talk.get("2.a") == 1
    assert await talk.get("3.a") == 3
    assert (servers[0].siblings.stats.refused, servers[0].siblings.stats.given) == (1, 1)


async def test_a_sibling_can_be_asked(servers: list[Server]) -> None:
    assert await servers[0].siblings.ask(3) == b"I am 3"
    servers[2].siblings.close()
    with pytest.raises(OSError, match=r"\d"):
        await servers[0].siblings.ask(3)


async def test_what_is_no_letter_of_a_sibling_does_no_harm(servers: list[Server], talk: Talk, tmp_path: Path) -> None:
    for letter in (b"", b"C", b"C\0\0\0\0", b"C\0\0\0\x05abc", b"X\0\0\0\0", b"Q\0\0\0\x01"):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "2.sock"))
        writer.write(letter)
        writer.write_eof()
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
    assert await talk.get("2.a") == 2
    assert servers[1].siblings.stats.taken == 1
