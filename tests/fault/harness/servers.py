"""What the nodes lean on, as processes that may be killed, stopped and started again: PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import asyncpg
from tests.support.cluster import Cluster, wheel_bin
from tests.support.nats import NatsServer

LENT: Final = "FAULT_POSTGRES"
_numbers = itertools.count(1)
_FIRST, _LAST, _BLOCK = 10_000, 32_000, 40  # below the ports that systems give to connections, which begin at 32,768
_ports = itertools.count(os.getpid() * _BLOCK % (_LAST - _FIRST))


def lasting_port() -> int:
    """A free port that stays free while its server is down: no connection is given it, and each process has its own block."""
    while True:
        port = _FIRST + next(_ports) % (_LAST - _FIRST)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A PostgreSQL 18 of this run alone; `databases` makes databases in it. A block (`async with`) starts and stops it.

    Args:
        settings: further settings of postgresql.conf.
        data_dir: where its data are to be; None for a folder of its own.
    """

    def __init__(self, settings: dict[str, str] | None = None, data_dir: Path | None = None) -> None:
        port = lasting_port()
        ours = {"max_connections": "120", "wal_level": "replica", "port": str(port)}
        self.cluster = Cluster(wheel_bin(), data_dir, settings={**ours, **(settings or {})})
        self.cluster.port = port
        from tests.support.database import Databases  # migrations, which take a second to load: not for a lent server

        self.databases = Databases(self.cluster)

    async def start(self) -> None:
        """Start it, again after `kill` as well: until it comes up, for a minute."""
        await asyncio.to_thread(self.cluster.start)

    async def database(self) -> str:
        """The name of a fresh Hubbub database."""
        return await asyncio.to_thread(self.databases.clone)

    async def kill(self) -> None:
        """SIGKILL the postmaster; its children see it and end by themselves."""
        await asyncio.to_thread(self.cluster.end, signal.SIGKILL)

    async def restart(self) -> None:
        """After `kill`: start again, as often as the old children's hold on shared memory makes that fail."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.start()
                    return
                except RuntimeError:
                    await asyncio.to_thread(self.cluster.end, signal.SIGKILL)
                    await asyncio.sleep(0.2)

    def freeze(self) -> None:
        """SIGSTOP the postmaster and all its processes: it hangs, and is not dead."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.cluster.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            try:
                os.kill(one, number)
            except ProcessLookupError:
                continue

    async def stop(self) -> None:
        """End it, killed or frozen as it may be."""
        with contextlib.suppress(AssertionError, FileNotFoundError):  # it does not run
            self.thaw()
        await asyncio.to_thread(self.cluster.stop, signal.SIGQUIT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class LentPostgres:
    """A database in a server that several short runs share, named in `LENT`; it is nobody's to stop."""

    def __init__(self, address: str) -> None:
        folder, port, self._template = address.rsplit(":", 2)
        self.cluster = LentCluster(folder, int(port))

    async def database(self) -> str:
        """The name of a fresh Hubbub database."""
        name = f"run_{os.getpid()}_{next(_numbers)}"
        conn = await asyncpg.connect(self.cluster.dsn("postgres"))
        try:
            await conn.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY file_copy")
        finally:
            await conn.close()
        return name


class LentCluster:
    """The addresses of such a server."""

    def __init__(self, folder: str, port: int) -> None:
        self.folder, self.port = folder, port

    def dsn(self, database: str = "postgres") -> str:
        """Over its Unix socket, for the superuser."""
        return f"postgresql://postgres@/{database}?host={quote(self.folder, safe='')}&port={self.port}"

    def tcp_dsn(self, database: str = "postgres") -> str:
        """Over TCP."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextlib.asynccontextmanager
async def lender() -> AsyncIterator[dict[str, str]]:
    """A server for several runs: the variable that tells them of it."""
    async with Postgres({"max_connections": "400"}) as postgres:
        template = await postgres.database()
        yield {LENT: f"{postgres.cluster.socket_dir}:{postgres.cluster.port}:{template}"}


class Nats(NatsServer):
    """A NATS server whose port nobody takes while it is down."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, port=lasting_port())

    def freeze(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """End it, killed, frozen or never started as it may be."""
        if self._process is None:
            return 0
        self.thaw()
        return await self.kill()
