"""A request for a session of another node gets there and back, once, whole, and no other request does.

Three servers in this event loop, each as a node has it, that echo Engine.IO messages. The whole behind a proxy, with
processes and a database, is `test_nginx.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import uvicorn
from tests.conformance.echo_app import EngineEcho
from tests.support.process import eventually
from tests.support.raw_client import RawWebSocket, open_request, read_answer, request

from hubbub.realtime import Address, NodeHttp, Nodes, Options, Realtime, nodes, tunnel

PATH = "/socket.io/?EIO=4&transport="
UNKNOWN = {"code": 1, "message": "Session ID unknown"}
MOST = 8


@dataclass
class Node:
    """One of them; what it was asked, and by which headers."""

    address: Address
    living: list[str]
    requests: list[dict[str, str]] = field(default_factory=list)
    ping_ms: int = 1_500

    def __post_init__(self) -> None:
        options = Options(
            sid_prefix=self.address.prefix, ping_interval_ms=self.ping_ms, ping_timeout_ms=3_500, max_payload=200_000,
            max_connections=4 * MOST,
        )  # fmt: skip
        self.realtime = Realtime(options, {}, engine=EngineEcho)
        self.nodes = Nodes(self.address, self._read, options)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def _read(self) -> list[str]:
        return self.living

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append({name.decode(): value.decode() for name, value in scope["headers"]})
        if not await self.nodes.forward(scope, receive, send):
            await self.realtime(scope, receive, send)

    async def session(self) -> str:
        """The query of a new polling session of this node."""
        answer = await request(self.url + PATH + "polling")
        return PATH + "polling&sid=" + json.loads(answer.body[1:])["sid"]

    def serve(self, listeners: list[socket.socket]) -> tuple[uvicorn.Server, asyncio.Task[None]]:
        http = partial(NodeHttp, self.nodes)
        ws = self.realtime.protocol_factory
        config = uvicorn.Config(
            self, http=http, ws=ws, lifespan="off", log_config=None, access_log=False, proxy_headers=False,  # type: ignore[arg-type]
        )  # fmt: skip
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
        return server, asyncio.create_task(server.serve(sockets=listeners))


@pytest.fixture
async def three() -> AsyncIterator[list[Node]]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    living: list[str] = []
    made = [Node(Address("127.0.0.1", listener.getsockname()[1]), living) for listener in listeners]
    living += [str(node.address) for node in made]
    running = [node.serve([listener]) for node, listener in zip(made, listeners, strict=True)]
    await eventually(lambda: all(server.started for server, _ in running))
    yield made
    await eventually(lambda: not any(node.nodes.stats.open for node in made))
    for node in made:
        await node.realtime.close(1)
        node.nodes.close()
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))


async def test_polling_by_way_of_others(three: list[Node]) -> None:
    query = await three[0].session()
    for number in range(12):
        said = f"4{number}" * 50
        answer = await request(three[number % 3].url + query, "POST", said.encode())
        assert (answer.status, answer.text) == (200, "ok")
        answer = await request(three[(number + 1) % 3].url + query)
        assert (answer.status, answer.text) == (200, said)
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert [node.nodes.stats.forwarded for node in three] == [0, 8, 8]
    assert [node.nodes.stats.failed for node in three] == [0, 0, 0]


async def test_a_connection_is_kept_for_other_requests(three: list[Node]) -> None:
    queries = [await node.session() for node in three]
    reader, writer = await asyncio.open_connection(*three[1].address)
    for query in queries * 3:
        writer.write(f"POST {query} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4x".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"200 OK" in head
        assert await reader.readexactly(2) == b"ok"
    writer.close()
    assert three[1].nodes.stats.forwarded == 6


async def test_a_body_of_any_framing_up_to_the_limit(three: list[Node]) -> None:
    query = await three[0].session()
    chunks = [b"4" + b"x" * 99_000, b"y" * 99_000]
    reader, writer = await open_request(three[1].url + query, "POST", headers={"Transfer-Encoding": "chunked"})
    for chunk in chunks:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    writer.write(b"0\r\n\r\n")
    assert (await read_answer(reader, writer)).text == "ok"
    assert (await request(three[2].url + query)).body == b"".join(chunks)
    answer = await request(three[1].url + query, "POST", b"4" * 200_001)
    assert (answer.status, answer.json()["message"]) == (413, "Payload too large")
    assert (await request(three[2].url + query)).json() == UNKNOWN, "too large a body ends the session"


async def test_who_is_believed(three: list[Node]) -> None:
    query = await three[0].session()
    three[0].requests.clear()
    lies = {
        "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6", "X-Forwarded-Proto": "https", "Host": "chat.example", "Origin": "http://chat.example",
    }  # fmt: skip
    assert (await request(three[1].url + query, "POST", b"4x", lies)).status == 200
    (told,) = three[0].requests
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "http"
    assert (told["host"], told["origin"]) == ("chat.example", "http://chat.example")
    assert told["hubbub-forwarded"] == "1"
    assert not {"forwarded", "x-real-ip", "x-forwarded-host"} & set(told)


async def test_a_forwarded_request_is_not_forwarded_again(three: list[Node]) -> None:
    query = await three[0].session()
    three[0].requests.clear()
    answer = await request(three[1].url + query, headers={"Hubbub-Forwarded": "1"})
    assert (answer.status, answer.json()) == (400, UNKNOWN)
    with pytest.raises(ConnectionRefusedError) as refused:
        await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"), {"Hubbub-Forwarded": "1"})
    assert refused.value.args[0].json() == UNKNOWN
    assert three[0].requests == []
    assert three[1].nodes.stats.failed == 0, "that was no attempt"


async def test_only_living_nodes_are_connected_to(three: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "FRESH", 0.0)
    stranger = socket.create_server(("127.0.0.1", 0))
    stranger.setblocking(False)
    key = Address("127.0.0.1", stranger.getsockname()[1]).key
    answer = await request(f"{three[1].url}{PATH}polling&sid={key}.{'x' * 24}")
    assert (answer.status, answer.json()) == (400, UNKNOWN)
    with pytest.raises(BlockingIOError):
        stranger.accept()
    stranger.close()
    query = await three[0].session()
    three[0].living.remove(str(three[0].address))
    assert (await request(three[1].url + query)).json() == UNKNOWN


async def test_a_node_that_is_not_there(three: list[Node]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = Address("127.0.0.1", gone.getsockname()[1])
    three[0].living.append(str(address))
    query = f"{PATH}polling&sid={address.key}.{'x' * 24}"
    async with asyncio.timeout(20):
        for method, body in (("GET", None), ("POST", b"4x")):
            assert (await request(three[1].url + query, method, body)).json() == UNKNOWN
        with pytest.raises(ConnectionRefusedError) as refused:
            await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
    assert refused.value.args[0].json() == UNKNOWN
    assert three[1].nodes.stats.failed == 3


async def test_a_node_that_does_not_answer(three: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "FRESH", 0.0)
    monkeypatch.setattr(nodes, "_LOOK", 0.05)
    monkeypatch.setattr(nodes, "_UPGRADE_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1])
        three[0].living.append(str(address))
        query = f"{PATH}polling&sid={address.key}.{'x' * 24}"
        with pytest.raises(ConnectionRefusedError) as refused:
            await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
        assert refused.value.args[0].json() == UNKNOWN
        polling = asyncio.create_task(request(three[1].url + query))
        await eventually(lambda: three[1].nodes.stats.open == 1)
        three[0].living.remove(str(address))  # its lease has run out
        assert (await polling).json() == UNKNOWN


async def test_no_more_than_so_many_at_a_time(three: list[Node]) -> None:
    queries = [await three[0].session() for _ in range(MOST + 1)]
    for query in queries:
        await request(three[0].url + query, "POST", b"4x")
        assert (await request(three[0].url + query)).text == "4x"
    waiting = [asyncio.create_task(request(three[1].url + query)) for query in queries[:MOST]]
    await eventually(lambda: three[1].nodes.stats.open == MOST)
    assert (await request(three[1].url + queries[MOST])).json() == UNKNOWN
    assert three[1].nodes.stats.refused == 1
    assert {answer.text for answer in await asyncio.gather(*waiting)} == {"2"}, "pings came back to all that wait"


async def test_a_poll_that_its_client_gives_up_ends_the_session_at_its_node(three: list[Node]) -> None:
    query = await three[0].session()
    _, writer = await open_request(three[1].url + query)
    await eventually(lambda: three[1].nodes.stats.open == 1)
    await eventually(lambda: len(three[0].requests) == 2)
    writer.close()
    await eventually(lambda: three[0].realtime.connections == 0)


async def test_a_poll_that_comes_again_ends_the_session(three: list[Node]) -> None:
    query = await three[0].session()
    await request(three[0].url + query, "POST", b"4x")
    assert (await request(three[1].url + query + "&t=a")).text == "4x"
    await request(three[0].url + query, "POST", b"4y")
    assert (await request(three[2].url + query + "&t=b")).text == "4y"
    await request(three[0].url + query, "POST", b"4z")
    assert (await request(three[1].url + query + "&t=b")).status == 400
    assert (await request(three[0].url + query + "&t=c")).json() == UNKNOWN


async def test_an_upgrade_by_way_of_another(three: list[Node]) -> None:
    query = await three[0].session()
    ws = await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
    poll = asyncio.create_task(request(three[2].url + query))
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    assert (await poll).text == "6"
    ws.send("5")
    for size in (1, 1_000, 150_000):
        ws.send(b"x" * size)
        assert await ws.receive() == b"x" * size
    assert three[1].nodes.stats.open == 1
    assert await ws.receive(pings=True) == "2"
    ws.send("3")
    ws.send("9")  # no packet: the session ends with a close frame, and the tunnel after it
    code, _ = await ws.closed()
    assert code is not None
    await eventually(lambda: three[0].realtime.connections == three[0].realtime.transports == 0)
    await eventually(lambda: three[1].nodes.stats.open == 0)


async def test_a_client_that_goes_takes_its_tunnel_along(three: list[Node]) -> None:
    query = await three[0].session()
    ws = await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    ws.send("5")
    ws.send("4x")
    assert await ws.receive() == "4x"
    ws._writer.transport.abort()
    await eventually(lambda: three[0].realtime.connections == three[0].realtime.transports == 0)


async def test_a_reader_that_stops_holds_the_tunnel_for_a_bounded_time(
    three: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "_STUCK", 0.3)
    query = await three[0].session()
    ws = await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
    ws.send("2probe")
    await ws.receive()
    ws.send("5")
    for _ in range(150):  # nothing is read of what comes back
        ws.send(b"x" * 150_000)
    await eventually(lambda: three[1].nodes.stats.open == 0)
    ws._writer.transport.abort()


async def test_a_node_that_ends_lets_go(three: list[Node]) -> None:
    query, other = await three[0].session(), await three[0].session()
    ws = await RawWebSocket.connect(three[1].url + query.replace("polling", "websocket"))
    poll = asyncio.create_task(request(three[1].url + other))
    await eventually(lambda: three[1].nodes.stats.open == 2)
    three[1].nodes.close()
    assert (await poll).status == 400
    await ws.closed()
    await eventually(lambda: three[1].nodes.stats.open == 0)
    assert (await request(three[1].url + query)).json() == UNKNOWN, "nothing more is forwarded"
    assert (await request(three[2].url + query)).status == 200, "the session that was not waited for lives on"
