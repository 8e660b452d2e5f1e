"""`hubbub serve --workers N` as real processes, and what a test asks of it: which worker has whom, and their ends."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from tests.support import people
from tests.support.client import Client
from tests.support.people import SECRET, Person
from tests.support.process import Process, eventually, python

_TRIES = 60
_PROGRAM = "from hubbub.cli.main import app; app()"


@dataclass
class Machine:
    """A parent with its workers.

    Attributes:
        clients: made here, and closed at the end.
        trust: what its certificate is verified with, where it speaks TLS.
    """

    process: Process
    url: str
    db: asyncpg.Connection
    trust: ssl.SSLContext | None = None
    clients: list[Client] = field(default_factory=list)

    @property
    def pids(self) -> dict[int, int]:
        """Process ids of the workers by their numbers, as they are now."""
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:  # it has just ended
                continue
            if "hubbub.workers.child" in words:
                found[int(words[-2])] = int(pid)
        return found

    async def person(self, username: str) -> Person:
        return await people.sign_up(self.db, username)

    def client(self, *transports: str, reconnection: bool = False) -> Client:
        made = Client(self.url, transports=transports or ("websocket",), reconnection=reconnection, trust=self.trust)
        self.clients.append(made)
        return made

    async def connect(self, person: Person, *transports: str, on: int | None = None, **options: Any) -> Client:
        """A client that has had its `ready`.

        Args:
            on: the number of the worker that is to have it; the kernel chooses, so it is tried until it does.
        """
        for _ in range(_TRIES):
            client = self.client(*transports, **options)
            await client.connect({"token": person.token}, timeout=15)
            await client.wait_for("ready")
            if on is None or worker_of(client) == on:
                return client
            await client.close()
        raise AssertionError(f"none of {_TRIES} connections came to worker {on}")

    async def kill(self, number: int) -> None:
        """SIGKILL a worker, and wait until it is gone."""
        pid = self.pids[number]
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: self.pids.get(number) != pid)


def worker_of(client: Client) -> int:
    """The number of the worker that has a client's session."""
    return int(client.sio.eio.sid.split(".")[0])


@asynccontextmanager
async def machine(
    dsn: str,
    folder: Path,
    *,
    workers: int = 2,
    program: str = _PROGRAM,
    trust: ssl.SSLContext | None = None,
    **env: str,
) -> AsyncIterator[Machine]:
    """Start one, in front of a test's database; it is ended by its process id."""
    settings = {
        "DATABASE_URL": dsn, "HUBBUB_DATA_DIR": str(folder), "JWT_SECRET": SECRET, "HOST": "127.0.0.1", "PORT": "0",
        "HUBBUB_LOG_LEVEL": "warning", **env,
    }  # fmt: skip
    command = python("-c", program, "serve", "--workers", str(workers))
    process = Process(command, ready=r"ready at (https?://\S+)", env=settings, start_timeout=90, stop_timeout=30)
    db = await asyncpg.connect(dsn)
    try:
        async with process:
            assert process.match is not None
            here = Machine(process, process.match[1], db, trust)
            try:
                yield here
            finally:
                for client in here.clients:
                    await client.close()
    finally:
        await db.close()
