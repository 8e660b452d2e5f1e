"""TLS of Hubbub's own, with real clients; its certificate, changed while it serves; and handshakes that come to nothing."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import socketio
from tests.support.certificates import issue
from tests.support.process import ROOT, eventually
from tests.support.server import running

from hubbub import tls
from hubbub.realtime import tls as handshakes


async def connected(url: str, trust: ssl.SSLContext, token: str, transport: str) -> socketio.AsyncClient:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
    client = socketio.AsyncClient(http_session=session, reconnection=False)
    await client.connect(url, auth={"token": token}, transports=[transport])
    return client


async def status(url: str, trust: ssl.SSLContext) -> int:
    """Of a new connection; 0 where its certificate is not believed."""
    async with aiohttp.ClientSession() as http:
        try:
            async with http.get(f"{url}/api/health", ssl=trust) as answer:
                return answer.status
        except aiohttp.ClientConnectorCertificateError:
            return 0


async def health_of_the_container(url: str, certificate: Path) -> int:
    """The exit status of the Dockerfile's health check."""
    (line,) = [line for line in (ROOT / "deploy/Dockerfile").read_text().splitlines() if "/readyz" in line]
    env = {"PORT": url.rpartition(":")[2], "HUBBUB_TLS_CERTIFICATE": str(certificate)}
    command = json.loads(line.partition("CMD ")[2])[1:]
    return await (await asyncio.create_subprocess_exec(sys.executable, *command, env=env)).wait()


async def is_believed(url: str, trust: ssl.SSLContext) -> bool:
    return await status(url, trust) == 200


async def test_clients_chat_and_the_certificate_changes(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_SECONDS", 0.05)
    path = tmp_path / "cert.pem"
    first = issue(path)
    async with running(database, tmp_path, HUBBUB_TLS_CERTIFICATE=str(path)) as server:
        certificate = server.hubbub.certificate
        assert certificate is not None
        assert certificate.context.minimum_version == ssl.TLSVersion.TLSv1_2
        async with httpx.AsyncClient(verify=first, base_url=server.url) as http:
            answer = await http.get("/")
            assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")
        ann, bob = await server.people("ann", "bob")
        clients = [
            await connected(server.url, first, ann.token, "polling"),
            await connected(server.url, first, bob.token, "websocket"),
        ]
        heard: list[asyncio.Queue[Any]] = [asyncio.Queue(), asyncio.Queue()]
        for client, queue in zip(clients, heard, strict=True):
            client.on("receive-message", lambda message, queue=queue: queue.put_nowait(message["message"]))
            assert (await client.call("join", {"room": "general"}))["success"]

        async def both_talk(text: str) -> None:
            for client in clients:
                assert (await client.call("send-message", {"message": text, "room": "general"}))["success"]
            async with asyncio.timeout(30):
                for queue in heard:
                    assert [await queue.get(), await queue.get()] == [text, text]

        await both_talk("over the first")
        assert await health_of_the_container(server.url, path) == 0

        second = issue(tmp_path / "next.pem")
        (tmp_path / "next.pem").replace(path)
        await eventually(lambda: is_believed(server.url, second), timeout=30)
        assert await status(server.url, first) == 0
        await both_talk("over connections of before")
        for client in clients:
            await client.disconnect()
            await client.eio.http.close()

        path.write_text("half a certif")
        await eventually(lambda: certificate.fault is not None, timeout=30)
        assert "half" not in str(certificate.fault)
        assert await status(server.url, second) == 200  # the one before is kept
        text = (await server.hubbub.metrics_text()).decode()
        assert "hubbub_tls_certificate_refused 1.0" in text
        assert "hubbub_tls_certificate_expires_timestamp_seconds" in text
        third = issue(path)
        await eventually(lambda: is_believed(server.url, third), timeout=30)
        assert (certificate.fault, await status(server.url, second)) == (None, 0)


def first_flight() -> bytes:
    """What a client of TLS says first."""
    said = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), said, server_hostname="example.org")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return said.read()


async def test_a_handshake_that_stalls_is_cut_and_takes_nobodys_place(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "HANDSHAKES_MAX", 3)
    monkeypatch.setattr(handshakes, "MAKES_ROOM", 0.0)
    path = tmp_path / "cert.pem"
    trust = issue(path)
    async with running(database, tmp_path, HUBBUB_TLS_CERTIFICATE=str(path)) as server:
        here = server.hubbub.handshakes
        assert here is not None
        port = int(server.url.rpartition(":")[2])

        writers: list[asyncio.StreamWriter] = []

        async def connect(said: bytes) -> asyncio.StreamReader:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(said)
            return reader

        async def stall(said: bytes) -> asyncio.StreamReader:
            before = here.open
            reader = await connect(said)
            await eventually(lambda: here.open == before + 1)
            return reader

        stalled = [await stall(said) for said in (b"", first_flight(), first_flight()[:100])]
        assert (await status(server.url, trust), here.stats.refused) == (200, 1), "who has waited longest makes room"
        assert await stalled[0].read() == b""
        assert here.open == 2

        monkeypatch.setattr(handshakes, "MAKES_ROOM", 3600.0)
        await stall(b"")
        assert await (await connect(b"")).read() == b"", "a newcomer does not, where nobody has waited long"
        assert (here.open, here.stats.refused) == (3, 2)
        for writer in writers:
            writer.close()
        await eventually(lambda: here.open == 0)

        failed = here.stats.failed
        monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 0.2)
        assert await (await connect(first_flight())).read() != b"", "the server's part came"
        assert await (await connect(b"")).read() == b""
        assert b"HTTP" not in await (await connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).read()
        await eventually(lambda: here.open == 0)
        assert here.stats.failed == failed + 3
        shown = (await server.hubbub.metrics_text()).decode()
        assert f"hubbub_tls_handshakes_failed_total {here.stats.failed}.0" in shown
        monkeypatch.setattr(handshakes, "HANDSHAKE_SECONDS", 3600.0)
        silent = await stall(b"")
    assert await silent.read() == b"", "an end waits for nobody"
    for writer in writers:
        writer.close()
