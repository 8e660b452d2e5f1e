"""PgBouncer in transaction mode, as Debian packages it, in front of a test's server; stopped by its process id."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.cluster import Cluster
from tests.support.process import free_port

PGBOUNCER = Path("/usr/sbin/pgbouncer")


@contextmanager
def pgbouncer(cluster: Cluster, *, pool_size: int = 5) -> Iterator[int]:
    """The port of a pooler in front of all databases of a cluster; skips where none is installed, but not in CI.

    Args:
        pool_size: connections to the server for each database.
    """
    if not PGBOUNCER.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs {PGBOUNCER}: apt-get install pgbouncer")
        pytest.skip(f"no {PGBOUNCER}")
    port = free_port()
    with tempfile.NamedTemporaryFile("w", prefix="hb-pooler-", suffix=".ini") as config:
        config.write(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {pool_size}\nserver_round_robin = 1\n"
        )
        config.flush()
        Path(config.name).chmod(0o644)
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it does not run as root
        process = subprocess.Popen([PGBOUNCER, "-q", *as_user, config.name], stderr=subprocess.PIPE)
        try:
            _wait_for(process, port)
            yield port
        finally:
            process.terminate()
            process.communicate(timeout=10)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                assert process.stderr is not None
                raise RuntimeError(f"PgBouncer did not start: {process.stderr.read().decode()}") from None
            time.sleep(0.02)
