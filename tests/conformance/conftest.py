"""The echo server as a process, once per module, and what every test may ask of it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from tests.support.nginx import nginx
from tests.support.process import Process, eventually, python
from tests.support.raw_client import RawWebSocket, request

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
PING_INTERVAL, PING_TIMEOUT = 300, 5_000  # ms: pings come often, and are answered in time on a busy machine too
AT_ONCE = 4.0  # seconds: a busy machine's, and before any ping timeout could have come
PROXIED = "HUBBUB_TEST_PROXIED"
"""Set: the servers stand behind nginx, as docs/howto ships it."""
HIDDEN = {
    "test_endless_empty_fragments", "test_a_flood_of_pings",  # nginx cuts the client off, the close frame with it
    "test_post_over_the_limit", "test_chunks_without_end_are_cut_at_the_limit",  # nginx answers by itself
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get(PROXIED):
        for item in items:
            if getattr(item, "originalname", "") in HIDDEN:
                item.add_marker(pytest.mark.skip(reason="behind a proxy, the proxy is what is seen"))


@dataclass(frozen=True)
class EchoServer:
    """A running echo server; `url` ends in its path, `/socket.io/` or `/engine.io/`."""

    url: str
    process: Process
    proxy: Process | None = None
    folder: Path | None = None

    async def stop(self) -> int:
        """End it; its exit status."""
        status = await self.process.stop()
        if self.proxy is not None:
            await self.proxy.stop()
        if self.folder is not None:
            shutil.rmtree(self.folder)
        return status

    @property
    def polling(self) -> str:
        return self.url + "?EIO=4&transport=polling"

    @property
    def websocket(self) -> str:
        return self.url + "?EIO=4&transport=websocket"

    @property
    def origin(self) -> str:
        return self.url.rsplit("/", 2)[0]

    async def counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = (await request(self.origin + "/counts", headers={"X": "counts"})).json()
        return counts

    async def sid(self) -> str:
        """A new polling session."""
        answer = await request(self.polling)
        assert answer.status == 200
        assert answer.text[0] == "0"
        sid: str = json.loads(answer.text[1:])["sid"]
        return sid

    def session(self, sid: str) -> str:
        return f"{self.polling}&sid={sid}"

    async def open(self) -> RawWebSocket:
        """A WebSocket, the Engine.IO handshake read."""
        ws = await RawWebSocket.connect(self.websocket)
        hello = await ws.receive()
        assert isinstance(hello, str)
        assert hello.startswith("0{")
        return ws

    async def join(self, connect: str = "40", answers: int = 2) -> RawWebSocket:
        """A WebSocket that has joined a namespace and been sent `auth`."""
        ws = await self.open()
        ws.send(connect)
        for _ in range(answers):
            await ws.receive()
        return ws

    async def nothing_left(self, tasks: int = 8) -> None:
        """Wait until no session, WebSocket, handler or socket is open."""

        async def empty() -> bool:
            counts = await self.counts()
            names = ("connections", "transports", "tasks", "sockets")
            return not any(counts[name] for name in names) and counts["all_tasks"] <= tasks

        await eventually(empty)


async def start(*arguments: str, ready: str = r"(http://\S+)") -> EchoServer:
    process = Process(python(HERE / "echo_app.py", "--port", "0", *arguments), ready=ready)
    found = await process.start()
    if not os.environ.get(PROXIED):
        return EchoServer(found[1], process)
    folder = Path(tempfile.mkdtemp(prefix="hubbub-nginx-"))
    parts = urlsplit(found[1])
    proxy, url = nginx(folder, [f"http://{parts.netloc}"])
    await proxy.start()
    return EchoServer(url + parts.path, process, proxy, folder)


async def _serve(*arguments: str) -> AsyncIterator[EchoServer]:
    server = await start(*arguments)
    try:
        yield server
        await server.nothing_left()
    finally:
        await server.stop()
    assert len(server.process.lines) == 1, server.process.output


def _pings(interval: int, timeout: int) -> list[str]:
    return ["--ping-interval", str(interval), "--ping-timeout", str(timeout)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo() -> AsyncIterator[EchoServer]:
    """Socket.IO; a namespace has to be asked for within 1 s."""
    async for server in _serve(*_pings(PING_INTERVAL, PING_TIMEOUT), "--connect-timeout", "1000"):
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[EchoServer]:
    """Engine.IO alone."""
    async for server in _serve(*_pings(PING_INTERVAL, PING_TIMEOUT), "--engine-only"):
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient() -> AsyncIterator[EchoServer]:
    """Engine.IO alone, with the protocol suites' times: a ping each 300 ms, to be answered in 200 ms."""
    async for server in _serve(*_pings(300, 200), "--engine-only"):
        yield server


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """The folder of the Node clients, installed. Missing Node is a failure where CI is set, else a skip."""
    if not shutil.which("node") or not shutil.which("npm"):
        if os.environ.get("CI"):
            pytest.fail("node and npm are needed for the official client's tests")
        pytest.skip("node and npm are not installed")
    lock, mark = CLIENTS / "package-lock.json", CLIENTS / "node_modules" / ".package-lock.json"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # other tests, of other processes, ask for them at the same time
        if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=110, check=False)
            assert done.returncode == 0, done.stderr
            mark.touch()
    return CLIENTS
