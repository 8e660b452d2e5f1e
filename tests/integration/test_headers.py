"""The headers of everything that is served, over a real connection; and who is believed about where a client comes from."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from tests.support.server import Running, running

import hubbub
from hubbub.rest import edge

POLLING = "/socket.io/?EIO=4&transport=polling"
ROOT = Path(hubbub.__file__).parent / "web"
PAGES = [
    "/",
    "/docs/",
    *(f"/{path.relative_to(ROOT).as_posix()}" for path in sorted(ROOT.rglob("*.*")) if path.is_file()),
]
# What no document names: method, path, the status wanted.
OTHERS = [
    ("GET", "/nothing", 404),
    ("GET", "/docs", 308),
    ("GET", "/api/nothing", 404),
    ("PUT", "/api/rooms", 405),
    ("HEAD", "/api/health", 200),
    ("OPTIONS", "/api/rooms", 204),
    ("POST", "/api/auth/login", 422),
    ("GET", POLLING, 200),
    ("OPTIONS", POLLING, 204),
    ("GET", f"{POLLING}&sid=gone", 400),
    ("GET", "/socket.io/?EIO=3&transport=polling", 400),
    ("DELETE", POLLING, 400),
]
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
PROXY = {"HUBBUB_TRUSTED_PROXIES": "127.0.0.0/8, 10.1.0.0/16"}


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path, **PROXY) as server:
        yield server


async def test_all_that_is_served_has_them(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url, headers={"origin": server.url}) as http:
        document = (await http.get("/openapi.json")).json()
        routes = [
            (method.upper(), re.sub(r"\{\w+\}", "a", path), None)
            for path, operations in document["paths"].items()
            for method in operations
        ]
        assert len(routes) > 30
        tried = 0
        for method, path, status in [*routes, *(("GET", page, None) for page in PAGES), *OTHERS]:
            for forwarded in ("http", "https"):
                answer = await http.request(method, path, headers={"x-forwarded-proto": forwarded})
                if path in PAGES and answer.status_code == 404:
                    continue  # a kind of file that is not served
                assert status is None or answer.status_code == status, (method, path, answer.text)
                where = (method, path, answer.status_code)
                headers = answer.headers
                for name, value in edge.SAFE_HEADERS:
                    wanted = (
                        "cross-origin" if path in PAGES and name == b"cross-origin-resource-policy" else value.decode()
                    )
                    assert headers.get_list(name.decode()) == [wanted], (where, name)
                assert headers.get("strict-transport-security") == (
                    "max-age=31536000" if forwarded == "https" else None
                ), where
                assert "server" not in headers, where
                tried += 1
        assert tried > 2 * len(routes) + 2 * len(OTHERS) + 10
    for asked in (
        b"no http at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + 101 * b"x: y\r\n" + b"\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: x\r\n" + UPGRADE,
        b"GET /socket.io/?EIO=4&transport=websocket&sid=gone HTTP/1.1\r\nHost: x\r\n" + UPGRADE,
    ):
        head = (await raw(server, asked)).partition("\r\n\r\n")[0]
        given = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        assert given.keys() >= {name.decode() for name, _ in edge.SAFE_HEADERS}, (asked, head)
        assert "frame-ancestors 'none'" in given["content-security-policy"]


async def raw(server: Running, request: bytes) -> str:
    """What bytes are answered with."""
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(server.url).port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return (await reader.read()).decode().lower()
    finally:
        writer.close()


# X-Forwarded-For, and whom a server that trusts 127.0.0.0/8 and 10.1.0.0/16 takes for the client.
HOPS = {
    "203.0.113.7": "203.0.113.7",
    "198.51.100.1, 203.0.113.7": "203.0.113.7",  # the first was said by the client itself
    "198.51.100.1, 203.0.113.7, 10.1.2.3": "203.0.113.7",  # through a second proxy, of the network
    "198.51.100.1, 10.2.0.1": "10.2.0.1",  # not of the network
    "10.1.0.1, 10.1.0.2": "10.1.0.1",
}


async def test_of_several_hops_the_last_stranger_is_the_client(server: Running) -> None:
    with capture_logs() as lines:
        seen = await clients_seen(server, *({"x-forwarded-for": hops} for hops in HOPS))
    assert seen == list(HOPS.values())
    assert [line for line in lines if line["log_level"] == "warning"] == []


async def clients_seen(server: Running, *requests: dict[str, str]) -> list[str]:
    """From where the server takes requests with these headers to come."""
    seen: list[str] = []
    application = server.hubbub.application

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await application(scope, receive, send)

    server.hubbub.application = look
    async with httpx.AsyncClient(base_url=server.url) as http:
        for headers in requests:
            assert (await http.get("/api/health", headers=headers)).status_code == 200
    server.hubbub.application = application
    return seen


async def test_a_stranger_is_not_believed_and_that_is_said_once(database: str, tmp_path: Path) -> None:
    spoofed = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    async with running(database, tmp_path, HUBBUB_TRUSTED_PROXIES="10.1.0.0/16") as server:
        with capture_logs() as lines:
            assert await clients_seen(server, {}, spoofed, spoofed) == ["127.0.0.1"] * 3
        warnings = [line for line in lines if line["log_level"] == "warning"]
        assert [(line["proxy"], "HUBBUB_TRUSTED_PROXIES" in line["event"]) for line in warnings] == [
            ("127.0.0.1", True)
        ]
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert "strict-transport-security" not in (await http.get("/api/health", headers=spoofed)).headers
