"""Servers as processes of their own, for tests: start, wait for a line, stop by process id, keep what was printed.

Every wait has a bound; a process that ends before its line is an error that shows its output. Nothing is stopped by
name. Use as an async context manager, or `start_server` and `stop` from a fixture.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_KEPT_LINES = 2_000


class ProcessError(AssertionError):
    """A process did not do what was waited for; the message ends with its last lines."""


class Process:
    """One child process whose output is read all the time, so that it never blocks on a full pipe.

    Args:
        argv: the program and its arguments.
        ready: a regular expression; `start` returns at the first line of output in which it is found.
        start_timeout: seconds `start` may take.
        stop_timeout: seconds between SIGTERM and SIGKILL.
        env: variables laid over this process's own; a value of None removes one.
        cwd: the working directory; the repository's root by default.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        ready: str,
        start_timeout: float = 60,
        stop_timeout: float = 10,
        env: Mapping[str, str | None] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.match: re.Match[str] | None = None
        self._ready = re.compile(ready)
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._env = env or {}
        self._cwd = cwd
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return None if self._process is None else self._process.returncode

    @property
    def output(self) -> str:
        """What it printed on stdout and stderr; the last 2,000 lines."""
        return "\n".join(self.lines)

    async def start(self) -> re.Match[str]:
        """Start it and wait for its line; the match, whose groups hold what the line says.

        Raises:
            ProcessError: it ended, or the time passed, before the line came. It is not left running.
        """
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        for name, value in self._env.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        self._process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._cwd,
            env=environment,
            limit=1 << 20,
        )
        self._reader = asyncio.ensure_future(self._read())
        self._reader.add_done_callback(lambda _: self._changed.set())  # whoever waits for a line waits no longer
        try:
            self.match = await self.wait_for_line(self._ready.pattern, self._start_timeout)
        except BaseException:
            await self.kill()
            raise
        return self.match

    async def wait_for_line(self, pattern: str, timeout: float) -> re.Match[str]:
        """Wait until a line, already printed or to come, contains `pattern`.

        Raises:
            ProcessError: the process ended or `timeout` seconds passed.
        """
        wanted = re.compile(pattern)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for line in self.lines:
                        if found := wanted.search(line):
                            return found
                    if self._reader is None or self._reader.done():
                        raise ProcessError(f"{self.argv} ended before printing {pattern!r}:\n{self.output}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ProcessError(f"{self.argv} did not print {pattern!r} in {timeout} s:\n{self.output}") from None

    async def stop(self) -> int:
        """SIGTERM, and SIGKILL after `stop_timeout`; the exit status. Does nothing more the second time."""
        assert self._process is not None, "not started"
        self.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._stop_timeout):
                await self._process.wait()
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
        return await self._finish()

    async def kill(self) -> int:
        """SIGKILL, as a crash would be; the exit status."""
        self.send_signal(signal.SIGKILL)
        return await self._finish()

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        assert self._process is not None, "not started"
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _finish(self) -> int:
        assert self._process is not None
        status = await self._process.wait()
        if self._reader is not None:
            await self._reader
        return status

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.set()
        finally:
            self._changed.set()
        # The end of the output may come a moment before the end of the process.
        await self._process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def python(*arguments: str | Path) -> list[str]:
    """An argv that runs this interpreter."""
    return [sys.executable, *map(str, arguments)]


def free_port() -> int:
    """A TCP port that was free a moment ago. Prefer to let the server take port 0 and read the port from its line."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def eventually(condition: Callable[[], bool | Awaitable[bool]], timeout: float = 20, step: float = 0.01) -> None:
    """Wait until `condition` holds.

    Raises:
        AssertionError: it did not within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            while True:
                holds = condition()
                if isinstance(holds, Awaitable):
                    holds = await holds
                if holds:
                    return
                await asyncio.sleep(step)
    except TimeoutError:
        raise AssertionError(f"not within {timeout} s: {condition}") from None


async def run_to_end(*argv: str | Path) -> tuple[int, str]:
    """Run a program from the repository's root to its end: its exit code, and all it printed. It ends with the test."""
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode(errors="replace")
