"""Two workers behind one port that speaks TLS, with real clients: each request on a connection of its own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
from pathlib import Path

import aiohttp
import pytest
from tests.support import people
from tests.support.certificates import issue
from tests.support.client import Client
from tests.support.process import eventually
from tests.support.raw_client import request
from tests.support.workers import Machine, machine, worker_of

from hubbub.tls import Certificate

POLLING = "/socket.io/?EIO=4&transport=polling"


async def metrics_of(here: Machine) -> dict[str, float]:
    text = (await request(here.url + "/metrics", trust=here.trust)).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, value in lines}


async def one_connection_for_sessions_of_both(here: Machine) -> None:
    """Requests for either worker's sessions, and for none, one after the other over one connection."""
    sids: dict[str, str] = {}
    while len(sids) < 2:
        answer = await request(here.url + POLLING, trust=here.trust)
        sid = json.loads(answer.body[1:])["sid"]
        sids.setdefault(sid.partition(".")[0], sid)
    host, port = here.url.removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=here.trust)

    async def ask(line: str, body: str = "") -> tuple[bytes, bytes]:
        writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length is not None
            return head, await reader.readexactly(int(length[1]))

    for number in ("1", "2", "2", "1", "2"):
        head, body = await ask(f"POST {POLLING}&sid={sids[number]}", "3")
        assert (head[:15], body) == (b"HTTP/1.1 200 OK", b"ok")
        head, body = await ask("GET /api/health")
        assert b'"success":true' in body
        assert b"strict-transport-security" in head.lower(), "whoever answers knows that the client came by https"
    writer.close()


async def all_show(here: Machine, trust: ssl.SSLContext) -> bool:
    """Whether each of so many new connections that all workers have some is believed."""
    for _ in range(12):
        async with aiohttp.ClientSession() as http:
            try:
                async with http.get(f"{here.url}/api/health", ssl=trust) as answer:
                    assert answer.status == 200
            except aiohttp.ClientConnectorCertificateError:
                return False
    return True


@pytest.mark.timeout(240)
async def test_a_chat_over_tls(database: str, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    trust = issue(path)
    async with machine(database, tmp_path, trust=trust, HUBBUB_TLS_CERTIFICATE=str(path)) as here:
        host, port = here.url.removeprefix("https://").split(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(4)]
        cut = asyncio.gather(*(reader.read() for reader, _ in silent))

        crowd = [await here.person(f"person{n}") for n in range(6)]
        await people.room(here.db, "hall", *crowd)
        kinds = [("polling",), ("websocket",), ("polling", "websocket")] * 2
        clients = await asyncio.gather(
            *(here.connect(person, *kind) for person, kind in zip(crowd, kinds, strict=True))
        )
        while {worker_of(client) for client in clients} != {1, 2} or (await metrics_of(here))[
            "hubbub_connections_led"
        ] == 0:
            clients.append(await here.connect(crowd[0], "polling", "websocket"))

        async def talk() -> None:
            """Everybody says something, and hears everything once, in order."""
            for client in clients:
                client.clear()
            await asyncio.gather(
                *(c.ok("send-message", {"room": "hall", "message": f"{n}"}) for c in clients for n in (1, 2))
            )
            rows = await here.db.fetch("SELECT seq FROM messages ORDER BY seq DESC LIMIT $1", 2 * len(clients))
            want = sorted(row["seq"] for row in rows)
            for client in clients:
                await eventually(lambda c=client: len(c.got("receive-message")) >= len(want), timeout=30)
                assert [message["seq"] for message in client.got("receive-message")] == want

        await talk()
        await one_connection_for_sessions_of_both(here)
        metrics = await metrics_of(here)
        assert metrics["hubbub_connections_not_given_total"] == 0
        assert metrics["hubbub_tls_certificate_expires_timestamp_seconds"] == Certificate(path, None).expires

        second = issue(tmp_path / "next.pem")
        (tmp_path / "next.pem").replace(path)
        await eventually(lambda: all_show(here, second), timeout=60)
        assert not await all_show(here, trust)
        here.trust = second
        assert all(not client.ended.is_set() for client in clients if client.sio.transport() == "websocket")

        assert await cut == [b""] * 4, "who says nothing is cut"
        for _, writer in silent:
            writer.close()
        assert (await metrics_of(here))["hubbub_tls_handshakes_failed_total"] >= 4

        await nothing_that_was_stored_is_left_unanswered_at_the_end(
            here, [c for c in clients if c.sio.transport() == "websocket"]
        )


async def nothing_that_was_stored_is_left_unanswered_at_the_end(here: Machine, clients: list[Client]) -> None:
    acked: set[int] = set()

    async def send(client: Client) -> None:
        while not client.ended.is_set():
            told: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
            await client.sio.emit("send-message", {"room": "hall", "message": "still here"}, callback=told.set_result)
            gone = asyncio.ensure_future(client.ended.wait())
            await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if told.done() and told.result()["success"]:
                acked.add(int(str(told.result()["seq"])))

    before = await here.db.fetchval("SELECT max(seq) FROM messages")
    sending = [asyncio.create_task(send(client)) for client in clients]
    await eventually(lambda: len(acked) > 2 * len(clients))
    here.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*sending, return_exceptions=True)
    assert await here.process.stop() == 0
    rows = await here.db.fetch("SELECT seq FROM messages WHERE seq > $1", before)
    assert {row["seq"] for row in rows} == acked
