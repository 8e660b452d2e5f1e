"""An operator's PostgreSQL for these tests: of the system where there is one, with passwords, TLS and its own pg_hba.conf."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from hubbub.postgres import account, binaries

_HBA = """\
local   all all                    trust
hostssl all tlsonly 127.0.0.1/32   scram-sha-256
host    all app     127.0.0.1/32   scram-sha-256
host    all limited 127.0.0.1/32   scram-sha-256
"""
_SETUP = """\
CREATE ROLE app LOGIN PASSWORD 'right-word';
CREATE ROLE limited LOGIN PASSWORD 'right-word' CONNECTION LIMIT 1;
CREATE ROLE tlsonly LOGIN PASSWORD 'right-word';
CREATE ROLE stranger LOGIN PASSWORD 'right-word';
CREATE DATABASE chatdb OWNER app;
CREATE DATABASE theirs;
"""


def system_bin() -> Path:
    """The system's newest PostgreSQL, else the one that Hubbub brings (which has no TLS)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else binaries.find(None).folder


class OperatorsServer:
    """Started by its constructor, ended by `close`."""

    def __init__(self) -> None:
        self.bin = system_bin()
        self.folder = Path(tempfile.mkdtemp(prefix="hb-op-", dir="/tmp"))
        self.data = self.folder / "data"
        self.account = account.choose(Path("/nonexistent"))
        self.account.give(self.folder)
        self.authority = trustme.CA()
        self.root_cert = self.folder / "root.crt"
        self.authority.cert_pem.write_to_path(str(self.root_cert))
        self._as_owner("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "-N")
        (self.data / "pg_hba.conf").write_text(_HBA)
        with open(self.data / "postgresql.conf", "a") as config:
            config.write("ssl = on\n")
        self.certificate(self.authority, "localhost", "127.0.0.1")
        self.port = _free_port()
        self.process = subprocess.Popen(
            self.account.command(
                self.bin / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder,
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=20",
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._until_up()
        for statement in _SETUP.splitlines():
            self.sql(statement)

    def certificate(self, authority: trustme.CA, *names: str, **options: object) -> None:
        """Give the server a certificate; `reload` makes it use it."""
        made = authority.issue_cert(*names, **options)  # type: ignore[arg-type]
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        for name, content in (("server.crt", chain), ("server.key", made.private_key_pem.bytes())):
            path = self.data / name
            path.write_bytes(content)
            path.chmod(0o600)
            self.account.give(path)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement as the administrator."""
        return subprocess.run(
            [str(self.bin / "psql"), "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database,
             "-v", "ON_ERROR_STOP=1", "-tAc", statement],
            check=True, capture_output=True, text=True, timeout=20,
        ).stdout.strip()  # fmt: skip

    def reload(self) -> None:
        """Read settings and certificates again; returns when it has happened."""
        before = self.sql("SELECT pg_conf_load_time()")
        self.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while self.sql("SELECT pg_conf_load_time()") == before:
            assert time.monotonic() < deadline, "the settings were not read again"

    def url(self, user: str = "app", database: str = "chatdb", host: str = "127.0.0.1", query: str = "") -> str:
        return f"postgresql://{user}:right-word@{host}:{self.port}/{database}{query}"

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=20)
        shutil.rmtree(self.folder)

    def _as_owner(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            self.account.command(self.bin / program, *arguments), check=True, capture_output=True, timeout=60, cwd="/"
        )

    def _until_up(self) -> None:
        deadline = time.monotonic() + 20
        ready = [str(self.bin / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert self.process.poll() is None, "the operator's server ended"
            assert time.monotonic() < deadline, "the operator's server does not answer"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """The environment of a `hubbub` command that knows these settings only."""
    dropped = ("PG", "HUBBUB_", "DATABASE_URL", "DB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "NO_COLOR": "1", **settings}
