"""The page in a real browser: Node, playwright-core, Debian's Chromium, and servers that may be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.process import ROOT, Process

HERE = Path(__file__).parent
SERVE = "import sys; from hubbub.cli.main import app; sys.argv[0] = 'hubbub'; app()"


def _missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {what} for the tests of the page")
    pytest.skip(f"no {what}")


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of package-lock.json installed beside these tests."""
    program = shutil.which("node")
    if program is None or shutil.which("npm") is None:
        _missing("node and npm")
    lock, mark = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr
        mark.touch()
    assert program is not None
    return program


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium; the variable CHROMIUM names another than the system's."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        _missing("chromium")
    assert program is not None
    return program


class Served:
    """A Hubbub with a database and an address of its own, which stay when it is killed and started again."""

    def __init__(self, data: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {name: None for name in os.environ if name.startswith("HUBBUB_") or name in ("DATABASE_URL", "DB_SSL")}
        self._env = {**kept, "HUBBUB_DATA_DIR": str(data), "PORT": str(self.port), "HOST": "127.0.0.1", **settings}
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._process = Process(
            [sys.executable, "-c", SERVE, "serve"], ready=r"ready at http://", start_timeout=90, env=self._env
        )
        await self._process.start()

    async def kill(self) -> None:
        """As a crash: the server first, whatever becomes of its PostgreSQL."""
        assert self._process is not None
        await self._process.kill()

    async def stop(self) -> None:
        assert self._process is not None
        await self._process.stop()

    async def answer(self, wish: str) -> str:
        """What a scenario asks for: `kill`, `start`, `sql …`."""
        verb, _, rest = wish.partition(" ")
        if verb == "sql":
            return await asyncio.to_thread(self.sql, rest)
        await {"kill": self.kill, "start": self.start}[verb]()
        return ""

    def sql(self, statement: str) -> str:
        """Plain SQL on the database in use, as an operator writes it."""
        environment = {name: value for name, value in (os.environ | self._env).items() if value is not None}
        command = [sys.executable, "-c", SERVE, "db", "psql", "--", "-XAtc", statement]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The server of most scenarios."""
    server = Served(tmp_path_factory.mktemp("page"))
    await server.start()
    yield server
    await server.stop()
