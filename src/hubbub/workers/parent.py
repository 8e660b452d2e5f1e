"""`hubbub serve --workers N`: the parent of N processes that serve one port.

Promises: it alone starts and stops the embedded PostgreSQL and brings the schema up to date; it says that Hubbub is
ready once every worker serves; SIGTERM and SIGINT reach every worker, which then end as a single process does, in 20 seconds at most; a worker
that dies is started again, unless it dies at once `TRIES` times in a row, which ends the whole with its reason. When the
parent itself is killed, the workers see the end of their line to it, and end.
Before it: the command line. After it: `child.py`, one process each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from hubbub import listener as listening
from hubbub.config import ConfigError, Settings
from hubbub.ending import END_SECONDS, POSTGRES_SECONDS
from hubbub.listener import announce, listen
from hubbub.postgres import ConnectionSpec, PostgresUnavailable, Progress, Trouble, hosts, server_for
from hubbub.store import migrate
from hubbub.telemetry import configure_logs
from hubbub.tls import certificate_of
from hubbub.workers.place import Place, letter

SETTLED_SECONDS: Final = 10.0  # a worker that lived longer did not die at once
TRIES: Final = 3
PAUSE_FIRST, PAUSE_MOST = 0.2, 5.0
STOP_SECONDS: Final = END_SECONDS - POSTGRES_SECONDS  # a worker, which has no PostgreSQL to stop, ends in less

log = structlog.get_logger("workers")


@dataclass(slots=True)
class Worker:
    """One place and whoever holds it now."""

    number: int
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    reason: str = ""


class Parent:
    """The workers, and what they share.

    Args:
        settings: `workers` says how many.
        spec: the database, ready for use.
        bound: the socket that holds the port.
        folder: for the workers' Unix sockets.
    """

    def __init__(self, settings: Settings, spec: ConnectionSpec, bound: socket.socket, folder: Path) -> None:
        self._settings = replace(settings, port=bound.getsockname()[1], db_pool_size=settings.pool_of_each)
        self._spec = spec
        self._bound = bound
        self._folder = folder
        self._workers = [Worker(number) for number in range(1, settings.workers + 1)]
        self._stopping = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Keep the workers until a signal.

        Raises:
            PostgresUnavailable: a worker does not stay alive; the trouble says why.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        keepers = [asyncio.create_task(self._keep(worker)) for worker in self._workers]
        ready = asyncio.create_task(self._announce(on_ready))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            # A keeper ends by itself only when its worker does not stay alive.
            await asyncio.wait((stopped, *keepers), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping.set()
            ready.cancel()
            await self._end(keepers)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        for keeper in keepers:
            keeper.result()

    def _stop(self, number: signal.Signals) -> None:
        """The first signal lets the workers drain, the second is passed on to end them at once."""
        if self._stopping.is_set():
            self._tell(number)
        self._stopping.set()

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            _signal(worker, number)

    async def _announce(self, on_ready: Callable[[], None]) -> None:
        await asyncio.gather(*(worker.ready.wait() for worker in self._workers))
        on_ready()

    async def _keep(self, worker: Worker) -> None:
        """Start a worker, and start it again whenever it ends, until we stop."""
        failures = 0
        pause = PAUSE_FIRST
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._live(worker)
            if self._stopping.is_set():
                return
            reason = worker.reason or _how(status)
            if time.monotonic() - began > SETTLED_SECONDS:
                failures, pause = 0, PAUSE_FIRST
            failures += 1
            if failures == TRIES:
                title = f"Worker {worker.number} ended {TRIES} times in a row as soon as it had started"
                raise PostgresUnavailable(Trouble("worker", title, reason, ("hubbub doctor",)))
            log.error("a worker has ended; starting it again", worker=worker.number, reason=reason, pause=pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, PAUSE_MOST)

    async def _live(self, worker: Worker) -> int:
        """One life of a worker; its exit status."""
        ours, theirs = socket.socketpair()
        shared = None if listening.KERNEL_BALANCES else self._bound.fileno()
        place = Place(worker.number, len(self._workers), self._folder, self._spec, shared)
        with theirs:
            worker.reason = ""
            worker.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hubbub.workers.child", str(theirs.fileno()), str(worker.number),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *([] if shared is None else [shared])),
                # Ctrl-C on the terminal is for the parent, which tells the workers.
                start_new_session=True,
            )  # fmt: skip
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            writer.write(letter(self._settings, place))
            if self._stopping.is_set():
                _signal(worker, signal.SIGTERM)
            async for line in reader:
                said = json.loads(line)
                worker.reason = said.get("failed", "")
                if said.get("ready"):
                    worker.ready.set()
        except OSError:
            pass  # it ended before it had read its settings
        finally:
            status = await worker.process.wait()
            writer.close()
        return status

    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        """See every worker to its end; one that is just being started is told when it has."""
        self._tell(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=STOP_SECONDS)
        if late:
            log.error("workers did not end in time and are killed", workers=len(late))
            self._tell(signal.SIGKILL)
            await asyncio.wait(keepers)


def _signal(worker: Worker, number: signal.Signals) -> None:
    if worker.process is not None and worker.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            worker.process.send_signal(number)


def _how(status: int) -> str:
    """How a process ended, for people."""
    if status >= 0:
        return f"It ended with status {status}."
    with contextlib.suppress(ValueError):
        return f"It was ended by {signal.Signals(-status).name}."
    return f"It was ended by signal {-status}."


def _hold_port(settings: Settings) -> socket.socket:
    """The socket that holds the port for the workers: bound but not listening, or the one they all listen on.

    Raises:
        OSError: another program has it; also another Hubbub with workers, which the kernel would let us join.
    """
    bound = listen(settings)
    if not listening.KERNEL_BALANCES:
        bound.listen(4_096)
        return bound
    port = bound.getsockname()[1]
    bound.close()
    return listen(replace(settings, port=port), is_one_of_many=True)


async def run(settings: Settings, progress: Progress) -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigError: the bus does not reach from one process to another; the certificate cannot be used.
        OSError: the port is taken.
        PostgresUnavailable: the database cannot be used, or the workers do not stay alive.
    """
    if settings.bus == "local":
        raise ConfigError("HUBBUB_BUS=local is for one process; leave it out, or serve with one worker.")
    certificate_of(settings)  # told once and at once, not by every worker
    began = time.monotonic()
    with _hold_port(settings) as bound:
        postgres = server_for(replace(settings, db_pool_size=settings.connections))  # what it has to make room for
        spec = await postgres.start(progress)
        folder = Path(tempfile.mkdtemp(prefix="hubbub-"))  # made with mode 0700
        try:
            applied = await migrate.upgrade(partial(_connect, spec))
            if applied:
                progress(f"Database brought up to date: {', '.join(applied)}")
            progress(f"Starting {settings.workers} workers")
            await Parent(settings, spec, bound, folder).run(partial(announce, bound, began, settings))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(TimeoutError):  # then it ends by itself
                async with asyncio.timeout(POSTGRES_SECONDS):
                    await postgres.stop()


async def _connect(spec: ConnectionSpec) -> asyncpg.Connection:
    return await hosts.connect(**spec.asyncpg_kwargs())


def serve(settings: Settings, progress: Progress) -> None:
    """`hubbub serve` with more than one worker: run until Ctrl-C or SIGTERM."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run(settings, progress))
