"""What the nodes lean on, as processes that may be killed, stopped and started again: PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.support.cluster import Cluster, wheel_bin
from tests.support.database import Databases
from tests.support.process import Process, free_port


class Postgres:
    """A PostgreSQL 18 of this run alone; `databases` makes databases in it.

    Args:
        settings: further settings of postgresql.conf.
        data_dir: where its data are to be; None for a folder of its own.
    """

    def __init__(self, settings: dict[str, str] | None = None, data_dir: Path | None = None) -> None:
        self.cluster = Cluster(
            wheel_bin(), data_dir, settings={"max_connections": "120", "wal_level": "replica", **(settings or {})}
        )
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
        await asyncio.to_thread(self.cluster.stop, signal.SIGQUIT)


class Nats:
    """A NATS server on a port that stays the same over restarts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process = self._made()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def _made(self) -> Process:
        program = Path(sys.executable).parent / "nats-server"
        return Process(
            [program, "-a", "127.0.0.1", "-p", str(self.port)],
            ready="Server is ready",
            start_timeout=30,
            stop_timeout=5,
        )

    async def start(self) -> None:
        """Start it, or start it again."""
        self.process = self._made()
        await self.process.start()

    async def kill(self) -> None:
        await self.process.kill()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.thaw()
            await self.process.kill()
