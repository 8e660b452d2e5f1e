"""A real PostgreSQL in the data directory, looked after like a child of the process.

Promises: one Hubbub per directory; a postmaster that dies is brought back, without end and with growing pauses; one that
an earlier Hubbub left behind is taken over, or stopped and started anew when its settings differ; `stop` is a fast
shutdown, so nothing committed is lost; pid files and data are never deleted. `directory.py` lays out the folders,
`postmaster.py` reads what runs, `account.py` keeps PostgreSQL from running as root.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg

from hubbub.postgres import account as accounts
from hubbub.postgres import binaries, directory, postmaster
from hubbub.postgres.lock import DirectoryLock
from hubbub.postgres.spec import ConnectionSpec, Tls
from hubbub.postgres.troubles import PostgresUnavailable, Trouble, diagnose

DATABASE: Final = "chatdb"
ROLE: Final = "hubbub"

_log = logging.getLogger("hubbub.postgres")

# Seconds. Old backends held the memory of a killed postmaster for up to 19 s here; replaying a long log takes longer.
_BUSY_LIMIT: Final = 90.0
_READY_LIMIT: Final = 600.0
_USUAL: Final = 2.0  # of a start, in seconds
_PATIENCE: Final = 1.0
_STOP_LIMIT: Final = 60.0
_PAUSE_FIRST, _PAUSE_MOST = 0.1, 5.0
_LOG_CHECK: Final = 60.0
_POLL: Final = 0.02


def _moved(file: Path) -> Trouble:
    where = file.read_text(encoding="utf-8").partition("\n")[0]
    return Trouble(
        "moved",
        "The chat lives elsewhere now",
        f"{where} This embedded database is what it was then ({file}).",
        (
            "Set DATABASE_URL, in the environment or .env, to where it lives.",
            f"To serve this one all the same: rm {shlex.quote(str(file))}",
        ),
    )


class EmbeddedPostgres:
    """The embedded server of one data directory."""

    is_managed = True

    def __init__(self, root: Path, *, chosen_bin: str | None, pool_size: int) -> None:
        """
        Args:
            root: HUBBUB_DATA_DIR.
            chosen_bin: HUBBUB_POSTGRES_BIN.
            pool_size: connections that Hubbub itself will open.
        """
        self._root = root.absolute()
        self._chosen_bin = chosen_bin
        self._pool_size = pool_size
        self._lock = DirectoryLock(self._root / "hubbub.lock")
        self._child: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._binaries: binaries.Binaries | None = None

    # -- the face ---------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster in charge."""
        return self._pid

    def binaries(self) -> binaries.Binaries:
        """The programs that fit the data; see `binaries.find` for what it raises."""
        if self._binaries is None:
            self._binaries = binaries.find(self._chosen_bin, directory.existing_major(self._root))
        return self._binaries

    def bin_dir(self) -> Path:
        return self.binaries().folder

    def layout(self) -> directory.Layout:
        """The paths of this server."""
        return directory.Layout(self._root, self.binaries().major)

    @property
    def moved_away(self) -> Path:
        """The file that says where the chat went; while it is there, this database is not served."""
        return self._root / "moved.txt"

    def move_away(self, sentence: str) -> None:
        """Say that the chat lives elsewhere now, so that nobody goes on here by mistake."""
        self.moved_away.write_text(
            f"{sentence}\nThe database here is what it was then. To serve it all the same, remove this file.\n"
        )

    def exists(self) -> bool:
        """True once the first start has made the data."""
        return directory.existing_major(self._root) is not None

    async def attach(self) -> ConnectionSpec | None:
        """The way to the server that runs on this data, whoever started it."""
        if not self.exists():
            return None
        layout = self.layout()
        accounts.choose(layout.home)
        found = await asyncio.to_thread(postmaster.running, layout.data)
        return self._spec(found.socket_dir) if found is not None and found.is_ready else None

    async def start(self, progress: Callable[[str], None]) -> ConnectionSpec:
        """Lock the directory, make the data if there is none, start or take over the server, and watch over it."""
        directory.prepare_root(self._root)
        if self.moved_away.exists():
            raise PostgresUnavailable(_moved(self.moved_away))
        try:
            self._lock.acquire()
        except OSError as error:
            raise directory.unwritable(self._root, error) from error
        try:
            return await self._start(progress)
        except OSError as error:
            await self.stop()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise PostgresUnavailable(diagnose(error, self._spec(str(self._root)))) from error
            raise directory.unwritable(Path(error.filename or self._root), error) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """A fast shutdown (pg_ctl, "fast"): transactions are rolled back, the log is flushed, connections are closed."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        if self._pid is not None:
            await self._end(self._pid)
            self._reap()
            self._pid = None
        self._lock.release()

    # -- starting ---------------------------------------------------------------------------------------------------

    async def _start(self, progress: Callable[[str], None]) -> ConnectionSpec:
        found = await asyncio.to_thread(self.binaries)
        layout = self.layout()
        account = accounts.choose(layout.home)
        directory.prepare_home(layout, account)
        if not layout.data.exists():
            progress(f"Making a new PostgreSQL {found.version} database in {layout.home} (first start only)")
            await self._initialise(layout, account)
        changed = directory.write_config(layout, account, directory.config_text(layout, self._pool_size))
        if not await self._take_over(layout, changed, progress):
            progress(f"Starting PostgreSQL {found.version}")
            await self._launch(layout, account, progress)
        spec = self._spec(str(layout.socket_dir))
        await self._ensure_database(spec, progress)
        self._supervisor = asyncio.create_task(self._supervise(layout, account), name="hubbub.postgres.supervisor")
        return spec

    def _spec(self, socket_dir: str) -> ConnectionSpec:
        return ConnectionSpec(
            hosts=((socket_dir, 5432),), user=ROLE, database=DATABASE, tls=Tls("disable"), is_managed=True
        )

    async def _initialise(self, layout: directory.Layout, account: accounts.Account) -> None:
        made = directory.new_folder(layout, account)
        common = ("-D", made, "-U", ROLE, "-E", "UTF8", "--auth=trust", "--data-checksums", "--no-instructions")
        # Sorting by code point, and letters of all languages known, without the C library's locales: an upgrade of those
        # would corrupt indexes on text. Before 17 there is no such provider; plain C then knows ASCII letters only.
        builtin = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        attempts = [builtin] if self.binaries().major >= 17 else [("--locale=C", "--lc-ctype=C.UTF-8"), ("--locale=C",)]
        output = ""
        for locale in attempts:
            code, output = await self._run(account, self.binaries().program("initdb"), *common, *locale, layout=layout)
            if code == 0:
                break
            if "locale" not in output:
                raise _failed("PostgreSQL could not make its database", output, layout)
        else:
            raise _failed("PostgreSQL could not make its database", output, layout)
        directory.adopt_folder(made, layout)

    async def _run(
        self, account: accounts.Account, program: Path, *arguments: str | Path, layout: directory.Layout
    ) -> tuple[int, str]:
        """Run a program to its end; it is ended with us."""
        command = account.command(program, *arguments, needs=(program.parent, layout.home))
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env=_clean_environment(),
            cwd="/",
        )
        try:
            output, _ = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        return process.returncode or 0, output.decode("utf-8", "replace")

    async def _take_over(self, layout: directory.Layout, changed: bool, progress: Callable[[str], None]) -> bool:
        """Adopt the server that a killed Hubbub left; stop it instead where its settings or its programs are others."""
        found = await asyncio.to_thread(postmaster.running, layout.data)
        if found is None:
            return False
        fits = not changed and Path(found.socket_dir) == layout.socket_dir and self._is_ours(layout)
        if not fits:
            progress("Stopping the PostgreSQL that an earlier Hubbub left behind")
            await self._end(found.pid)
            return False
        progress("Taking over the PostgreSQL that an earlier Hubbub left running")
        self._pid = found.pid
        deadline = time.monotonic() + _READY_LIMIT
        while not await self._answers(layout):
            if not postmaster.is_alive(found.pid):
                self._pid = None
                return False
            if time.monotonic() > deadline:
                raise _failed("The PostgreSQL left by an earlier Hubbub does not answer", "", layout)
            await asyncio.sleep(_POLL)
        return True

    def _is_ours(self, layout: directory.Layout) -> bool:
        """True where the running server is of the program we would start."""
        with contextlib.suppress(OSError):
            started_with = (layout.data / "postmaster.opts").read_text(encoding="utf-8").split()[:1]
            return started_with == [str(self.binaries().program("postgres"))]
        return False

    async def _launch(
        self, layout: directory.Layout, account: accounts.Account, progress: Callable[[str], None]
    ) -> None:
        """Start a postmaster; again and again while what a killed one left behind is in the way.

        Raises:
            PostgresUnavailable: it does not start, for a reason that waiting does not mend.
        """
        began = time.monotonic()
        pause = _PAUSE_FIRST
        waits = "PostgreSQL is starting"
        if postmaster.was_cut_off(layout.data):
            waits = "PostgreSQL was not stopped cleanly and replays its log; this may take a while"
        while True:
            since = directory.log_size(layout)
            self._spawn(layout, account)
            if await self._ready(layout, waits, progress):
                return
            self._reap()
            self._pid = None
            said = directory.log_tail(layout, since)
            if not _is_busy(said) or time.monotonic() - began > _BUSY_LIMIT:
                raise _failed("PostgreSQL does not start", said, layout)
            if time.monotonic() - began > _PATIENCE:
                ended = await asyncio.to_thread(postmaster.end_leftovers, layout.data)
                _log.warning("ended %d processes of a PostgreSQL that was killed", len(ended))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_MOST)

    def _spawn(self, layout: directory.Layout, account: accounts.Account) -> None:
        program = self.binaries().program("postgres")
        environment = _clean_environment()
        innocent = postmaster.innocent_holder(layout.data)
        if innocent is not None:
            # A stale postmaster.pid may name a process that has nothing to do with PostgreSQL. Named here, it is passed
            # over (CreateLockFile in miscinit.c); the check of the shared memory still keeps two servers apart.
            environment["PG_GRANDPARENT_PID"] = str(innocent)
        log = directory.open_log(layout, account)
        try:
            self._child = subprocess.Popen(  # noqa: S603
                account.command(program, "-D", layout.data, needs=(program.parent, layout.data, layout.socket_dir)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C on the terminal is for Hubbub, which stops PostgreSQL last.
                start_new_session=True,
                env=environment,
                cwd="/",
            )
        finally:
            os.close(log)
        self._pid = self._child.pid

    async def _ready(self, layout: directory.Layout, waits: str, progress: Callable[[str], None]) -> bool:
        """Wait until the child answers; False when it ended instead. `waits` is said where that takes longer than usual."""
        began = time.monotonic()
        told = False
        while self._child is not None and self._child.poll() is None:
            found = postmaster.read_pidfile(layout.data)
            if found is not None and found.pid == self._pid and found.is_ready and await self._answers(layout):
                return True
            waited = time.monotonic() - began
            if waited > _READY_LIMIT:
                raise _failed("PostgreSQL does not become ready", directory.log_tail(layout, 0), layout)
            if waited > _USUAL and not told:
                told = True
                progress(waits)
            await asyncio.sleep(_POLL)
        return False

    async def _answers(self, layout: directory.Layout) -> bool:
        try:
            connection = await asyncpg.connect(
                **self._spec(str(layout.socket_dir)).with_database("postgres").asyncpg_kwargs()
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    async def _ensure_database(self, spec: ConnectionSpec, progress: Callable[[str], None]) -> None:
        try:
            connection = await asyncpg.connect(**spec.with_database("postgres").asyncpg_kwargs())
            try:
                if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", spec.database) is None:
                    progress(f'Creating the database "{spec.database}"')
                    await connection.execute(f'CREATE DATABASE "{spec.database}"')
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError) as error:
            raise PostgresUnavailable(diagnose(error, spec)) from error

    # -- while it runs ----------------------------------------------------------------------------------------------

    async def _supervise(self, layout: directory.Layout, account: accounts.Account) -> None:
        """Bring the postmaster back whenever it is gone, and keep its log short. Ends by cancellation only."""
        while True:
            if self._pid is not None and not await postmaster.wait_gone(self._pid, _LOG_CHECK):
                directory.trim_log(layout)
                continue
            self._reap()
            _log.error("PostgreSQL (process %s) is gone; starting it again", self._pid)
            self._pid = None
            began, pause = time.monotonic(), _PAUSE_FIRST
            while self._pid is None:
                try:
                    await self._launch(layout, account, _log.info)
                except Exception as error:  # whatever it is: without PostgreSQL there is nothing to do but try again
                    _log.error("PostgreSQL cannot be started, next try in %.1f s: %s", pause, error)
                    await self._give_up_child()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _PAUSE_MOST)
            _log.warning("PostgreSQL is back after %.1f s", time.monotonic() - began)

    async def _give_up_child(self) -> None:
        """After a start that failed half-way nothing of ours may keep running."""
        if self._pid is not None:
            await self._end(self._pid)
            self._reap()
            self._pid = None

    async def _end(self, pid: int) -> None:
        """Fast shutdown; immediate (the log is replayed at the next start) only when that does not end in a minute."""
        for sign, limit in ((signal.SIGINT, _STOP_LIMIT), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                return
            if self._child is not None and self._child.pid == pid and self._child.poll() is not None:
                return
            if await postmaster.wait_gone(pid, limit):
                return
            _log.error("PostgreSQL (process %d) did not end within %d s of %s", pid, limit, sign.name)

    def _reap(self) -> None:
        """Take note of the child's end, so that it does not stay a zombie."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=5)
            self._child = None


def _clean_environment() -> dict[str, str]:
    """Variables that steer a PostgreSQL client or server must not steer this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _is_busy(said: str) -> bool:
    """True where a killed server's remains are in the way, which pass by themselves."""
    return "shared memory block" in said or ("lock file" in said and "already exists" in said)


def _failed(title: str, said: str, layout: directory.Layout) -> PostgresUnavailable:
    lines = [line for line in said.splitlines() if line.strip()]
    detail = " / ".join(line.split("] ", 1)[-1].strip() for line in lines[-4:]) or f"see {layout.log}"
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return PostgresUnavailable(
            Trouble(
                "disk_full",
                "The disk is full",
                detail,
                (
                    f"df -h {layout.root}",
                    "Free some space, then start Hubbub again; the data is intact. Never delete files below postgres/.",
                ),
            )
        )
    if "does not exist" in said and "user ID" in said:
        return PostgresUnavailable(
            Trouble(
                "account",
                "This account has no name on this machine",
                detail,
                (
                    'echo "hubbub:x:$(id -u):$(id -g)::/:/usr/sbin/nologin" >> /etc/passwd',
                    "In a container: a USER line with an account that exists.",
                ),
            )
        )
    return PostgresUnavailable(Trouble("start_failed", title, detail, (f"tail -n 50 {layout.log}", "hubbub doctor")))
