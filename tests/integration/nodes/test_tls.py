"""Nodes that speak TLS speak it with each other, and with nobody who does not prove to be one of them."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme
import uvicorn
from tests.integration.nodes.test_forwarding import PATH, UNKNOWN, Node
from tests.support.certificates import issue
from tests.support.process import eventually
from tests.support.raw_client import RawWebSocket, request
from tests.support.server import running

from hubbub.config import ConfigError
from hubbub.realtime import Address, Handshakes, NodeHttp, Nodes
from hubbub.tls import Certificate

NAME = "chat.example.org"


@dataclass
class TlsNode(Node):
    """One whose port speaks TLS."""

    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.certificate is not None
        self.nodes = Nodes(self.address, self._read, self.realtime.options, self.certificate.trust)
        self.handshakes = Handshakes(self.certificate.context)

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def listen(self, listener: socket.socket, server: uvicorn.Server) -> None:
        make = partial(NodeHttp, self.nodes, server.config, server.server_state, {})
        self.handshakes.listen(listener, 100, make)


def anybody() -> ssl.SSLContext:
    """Of a client that believes whoever is there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Several:
    """Two that belong together, `near` and `far`; and others: of another authority, for another name, out of date, without TLS."""

    near: TlsNode
    far: TlsNode
    stranger: TlsNode
    misnamed: TlsNode
    ended: TlsNode
    plain: Node
    trust: ssl.SSLContext

    @property
    def others(self) -> tuple[Node, ...]:
        return self.stranger, self.misnamed, self.ended, self.plain

    async def session(self, node: Node) -> str:
        """The query of a new session there, as a client that believes anybody gets it."""
        answer = await request(node.url + PATH + "polling", trust=None if node is self.plain else anybody())
        node.requests.clear()
        return PATH + "polling&sid=" + json.loads(answer.body[1:])["sid"]

    async def by_near(self, query: str, body: bytes | None = None) -> object:
        answer = await request(self.near.url + query, "POST" if body else "GET", body, trust=self.trust)
        return answer.json() if answer.text.startswith("{") else answer.text


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Several]:
    ours = trustme.CA()
    trust = issue(tmp_path / "near.pem", NAME, "127.0.0.1", authority=ours)
    issue(tmp_path / "far.pem", NAME, authority=ours)
    issue(tmp_path / "stranger.pem", NAME)
    issue(tmp_path / "misnamed.pem", "127.0.0.1", "other.example.org", authority=ours)
    issue(tmp_path / "ended.pem", NAME, authority=ours, until=datetime.now(UTC) - timedelta(days=1))
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
    for listener in listeners:
        listener.setblocking(False)
    addresses = [Address("127.0.0.1", listener.getsockname()[1]) for listener in listeners]
    living = list(map(str, addresses))
    made = [
        TlsNode(address, living, ping_ms=25_000, certificate=Certificate(tmp_path / f"{name}.pem", None))
        for address, name in zip(addresses, ("near", "far", "stranger", "misnamed", "ended"), strict=False)
    ]
    plain = Node(addresses[5], living)
    servers = []
    for node in made:
        server, task = node.serve([])
        await eventually(lambda server=server: server.started)
        node.listen(listeners[len(servers)], server)
        servers.append((server, task))
    servers.append(plain.serve([listeners[5]]))
    await eventually(lambda: servers[5][0].started)
    yield Several(*made, plain, trust)
    for node in (*made, plain):
        await node.realtime.close(1)
        node.nodes.close()
    for node in made:
        node.handshakes.close()
        await node.handshakes.wait_closed()
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in servers))
    for listener in listeners:
        listener.close()


async def test_polls_and_upgrades_get_to_their_node_encrypted(nodes: Several, tmp_path: Path) -> None:
    query = await nodes.session(nodes.far)
    for number in range(3):
        assert await nodes.by_near(query, b"4%d" % number) == "ok"
        assert await nodes.by_near(query) == f"4{number}"
    assert {told["x-forwarded-proto"] for told in nodes.far.requests} == {"https"}
    upgrade = nodes.near.url + query.replace("polling", "websocket")
    ws = await RawWebSocket.connect(upgrade, trust=nodes.trust)
    poll = asyncio.create_task(nodes.by_near(query))
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    assert await poll == "6"
    ws.send("5")
    for size in (1, 150_000):
        ws.send(b"x" * size)
        assert await ws.receive() == b"x" * size
    ws.send("9")  # no packet: the session ends with a close frame, and the tunnel after it
    assert (await ws.closed())[0] is not None
    await eventually(lambda: nodes.far.realtime.transports == nodes.near.nodes.stats.open == 0)

    # Renewed on one node before the other: the file of each still holds who vouches for both.
    query = await nodes.session(nodes.far)
    authority = trustme.CA()
    for name in ("far", "near"):
        node = getattr(nodes, name)
        assert node.certificate is not None
        nodes.trust = issue(tmp_path / f"{name}.pem", NAME, "127.0.0.1", authority=authority)
        node.certificate.look()
    assert await nodes.by_near(query, b"4new") == "ok"
    assert nodes.near.nodes.stats.failed == 0


async def test_who_does_not_prove_to_be_a_node_is_told_nothing(
    nodes: Several, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "hubbub.realtime"):
        for other in nodes.others:
            query = await nodes.session(other)
            for _ in range(2):
                assert await nodes.by_near(query, b"4secret") == UNKNOWN
            with pytest.raises(ConnectionRefusedError) as refused:
                await RawWebSocket.connect(nodes.near.url + query.replace("polling", "websocket"), trust=nodes.trust)
            assert refused.value.args[0].json() == UNKNOWN
            assert other.requests == []
    assert nodes.near.nodes.stats.failed == 3 * len(nodes.others)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(nodes.others), "once for each"
    assert [str(other.address) in line for line, other in zip(said, nodes.others, strict=True)] == [True] * len(said)  # fmt: skip


async def test_an_end_reaches_the_client_through_the_tunnel(nodes: Several) -> None:
    sockets = []
    for owner, way in ((nodes.far, nodes.near), (nodes.near, nodes.far)):
        query = await nodes.session(owner)
        ws = await RawWebSocket.connect(way.url + query.replace("polling", "websocket"), trust=anybody())
        ws.send("2probe")
        assert await ws.receive() == "3probe"
        ws.send("5")
        ws.send("4x")
        assert await ws.receive() == "4x"
        sockets.append(ws)
    await nodes.far.realtime.leave(2.0)  # where the first session is
    assert (await sockets[0].closed())[0] == 1001
    nodes.far.nodes.close()  # by way of which the second client came
    await sockets[1].closed()
    await eventually(lambda: nodes.near.realtime.transports == nodes.near.nodes.stats.open == 0)


def test_whom_a_certificate_is_for(tmp_path: Path) -> None:
    for names, expected in (
        (("127.0.0.1", NAME), NAME), (("127.0.0.1",), "127.0.0.1"), (("*.example.org",), "node.example.org"),
    ):  # fmt: skip
        issue(tmp_path / "cert.pem", *names)
        assert Certificate(tmp_path / "cert.pem", None).trust()[1] == expected
    issue(tmp_path / "cert.pem", "somebody@example.org")
    with pytest.raises(ConfigError, match="names no host"):
        Certificate(tmp_path / "cert.pem", None)


async def test_two_nodes_of_a_chat(database: str, tmp_path: Path) -> None:
    trust = issue(tmp_path / "cert.pem")
    several = {"HUBBUB_BUS": "postgres", "HUBBUB_TLS_CERTIFICATE": str(tmp_path / "cert.pem")}
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(running(database, tmp_path / name, **several)) for name in ("1", "2")
        ]
        ann = await one.person("ann")
        opened = await request(one.url + PATH + "polling", trust=trust)
        query = two.url + PATH + "polling&sid=" + json.loads(opened.body[1:])["sid"]
        hello = b'40{"token":"%b"}' % ann.token.encode()
        assert (await request(query, "POST", hello, trust=trust)).text == "ok"
        said = (await request(query, trust=trust)).text
        assert said.startswith('40{"sid"')
        assert two.hubbub.nodes is not None
        stats = two.hubbub.nodes.stats
        await eventually(lambda: (stats.forwarded, stats.failed) == (2, 0))
        assert (await request(query, "POST", b"1", trust=trust)).text == "ok"
