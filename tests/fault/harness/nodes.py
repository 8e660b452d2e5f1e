"""Nodes: `hubbub serve` as processes on fixed ports, killed, frozen, ended and started again as a run wants it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from tests.fault.harness.servers import lasting_port
from tests.support.people import SECRET
from tests.support.process import Process, python
from tests.support.raw_client import request

START_SECONDS: Final = 150.0
STOP_SECONDS: Final = 30.0
_TROUBLE: Final = re.compile(r'Traceback|"level": ?"(error|critical)"')
_PROGRAM: Final = "from hubbub.cli.main import app; app()"


@dataclass(frozen=True)
class Sample:
    """What a process holds: bytes of memory, open files, Socket.IO connections."""

    pid: int
    rss: int
    files: int
    connections: int


class Node:
    """One node.

    Args:
        number: which one; its name is `node<number>`.
        dsn: address of the database, perhaps a proxy's.
        folder: where its data directory and its log go.
        bus: `HUBBUB_BUS`.
        env: further variables; None removes one.
        mutant: name of a planted bug (`tests/fault/mutants`) that it runs with.

    Attributes:
        restarts: how often it was started after the first time.
    """

    def __init__(
        self,
        number: int,
        dsn: str,
        folder: Path,
        *,
        bus: str = "postgres",
        env: Mapping[str, str | None] | None = None,
        mutant: str | None = None,
    ) -> None:
        self.name = f"node{number}"
        self.port = lasting_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.restarts = -1
        self.asked_to_end = True
        self._env: dict[str, str | None] = {
            "DATABASE_URL": dsn, "HUBBUB_DATA_DIR": str(self.folder), "JWT_SECRET": SECRET, "HOST": "127.0.0.1",
            "PORT": str(self.port), "HUBBUB_BUS": bus, "HUBBUB_LOG_LEVEL": "info", "HUBBUB_LOG_FORMAT": "json",
            "DB_POOL_SIZE": "6",
            "HUBBUB_PING_INTERVAL_MS": "5000",  # so that lines that lead nowhere are noticed within a run
            "HUBBUB_PING_TIMEOUT_MS": "5000", **(env or {}),
        }  # fmt: skip
        self._argv = python("-m", "tests.fault.mutants", mutant, "serve") if mutant else python("-c", _PROGRAM, "serve")
        self.process: Process | None = None
        self._said: list[str] = []
        self._ends: list[str] = []

    @property
    def is_up(self) -> bool:
        """It was started, and nobody ended it since; a frozen one is up."""
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> float:
        """Start it, or start it again on its port; seconds until it was ready."""
        assert not self.is_up
        self._keep()
        began = time.monotonic()
        self.process = Process(
            self._argv, ready=r"ready at (http://\S+)", env=self._env,
            start_timeout=START_SECONDS, stop_timeout=STOP_SECONDS,
        )  # fmt: skip
        await self.process.start()
        self.restarts += 1
        self.asked_to_end = False
        return time.monotonic() - began

    async def kill(self) -> None:
        """SIGKILL: as if it had crashed."""
        self.asked_to_end = True
        assert self.process is not None
        await self.process.kill()

    async def stop(self) -> float:
        """SIGTERM: it drains. Seconds until it was gone; it is killed after 30."""
        self.asked_to_end = True
        assert self.process is not None
        began = time.monotonic()
        await self.process.stop()
        return time.monotonic() - began

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    async def heal(self) -> None:
        """Whatever was done to it: let it go on, or start it again."""
        self.thaw()
        if not self.is_up:
            self._note_end()
            await self.start()

    async def readiness(self) -> int:
        """What `/readyz` answers; 0 where nothing does."""
        try:
            return (await request(f"{self.url}/readyz")).status
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            return 0

    async def answers(self) -> bool:
        """Whether its event loop runs: `/livez`, within five seconds."""
        try:
            return (await request(f"{self.url}/livez")).status == 200
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            return False

    async def metric(self, name: str, default: float | None = None) -> float:
        """A metric, named without `hubbub_` and with its labels as they are shown.

        Raises:
            KeyError: there is none, and no default was given.
        """
        for line in (await request(f"{self.url}/metrics")).text.splitlines():
            if line.startswith(f"hubbub_{name} "):
                return float(line.split()[-1])
        if default is None:
            raise KeyError(name)
        return default

    async def sample(self) -> Sample:
        process = psutil.Process(self.pid)
        with process.oneshot():
            rss, files = process.memory_info().rss, process.num_fds()
        return Sample(self.pid, rss, files, int(await self.metric("connections")))

    @property
    def log(self) -> list[str]:
        """All it has said, over all its lives (of each the last 2,000 lines)."""
        return [*self._said, *(self.process.lines if self.process is not None else ())]

    def troubles(self, allowed: str = r"(?!)") -> list[str]:
        """Ends nobody asked for, tracebacks, and lines of level error that `allowed` does not match."""
        self._note_end()
        bad = [line for line in self.log if _TROUBLE.search(line) and not re.search(allowed, line)]
        return [*self._ends, *(f"{self.name}: {_shown(line)}" for line in bad)]

    def _note_end(self) -> None:
        if self.process is not None and self.process.returncode is not None and not self.asked_to_end:
            self._ends.append(f"{self.name} ended by itself with {self.process.returncode}")
            self.asked_to_end = True

    def _keep(self) -> None:
        self._note_end()
        if self.process is not None:
            self._said += self.process.lines

    async def close(self) -> None:
        """End it at once, and leave its log in the folder."""
        if self.process is not None:
            self.thaw()
            if self.is_up:
                self.asked_to_end = True
                await self.process.kill()
            (self.folder / "log").write_text("\n".join(self.log) + "\n")


def _shown(line: str) -> str:
    with contextlib.suppress(ValueError):
        said: dict[str, Any] = json.loads(line)
        return json.dumps({name: value for name, value in said.items() if name != "timestamp"})[:300]
    return line[:300]


class Nodes(Sequence[Node]):
    """The nodes of a run."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = list(nodes)

    def __getitem__(self, index: Any) -> Any:
        return self._nodes[index]

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    @property
    def up(self) -> list[Node]:
        """Those that run."""
        return [node for node in self._nodes if node.is_up]

    def urls(self) -> list[str]:
        """Where all of them listen, those included that are down just now: clients find out."""
        return [node.url for node in self._nodes]

    async def start(self) -> None:
        await self._nodes[0].start()  # alone: it makes what only one can
        await asyncio.gather(*(node.start() for node in self._nodes[1:]))

    async def heal(self) -> None:
        await asyncio.gather(*(node.heal() for node in self._nodes))

    async def close(self) -> None:
        await asyncio.gather(*(node.close() for node in self._nodes))
