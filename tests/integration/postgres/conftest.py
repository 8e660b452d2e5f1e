"""What the tests with real servers share: a short data folder, embedded servers that are stopped, the operator's server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.postgres.operators_server import OperatorsServer

from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.postgres.postmaster import is_alive, leftovers, running


def end_everything_in(data: Path) -> None:
    """End the PostgreSQL that a test left on this data, by process id."""
    found = running(data)
    pids = [found.pid] if found is not None else leftovers(data)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"processes {pids} do not end"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new, private folder (closed to other accounts) with a short path."""
    path = Path(tempfile.mkdtemp(prefix="hb-", dir="/tmp"))
    yield path
    for version in path.glob("**/data/PG_VERSION"):
        end_everything_in(version.parent)
    shutil.rmtree(path)


@pytest.fixture
async def embedded(folder: Path) -> AsyncIterator[Callable[..., EmbeddedPostgres]]:
    """Makes embedded servers, in `folder` unless said; all are stopped at the end."""
    made: list[EmbeddedPostgres] = []

    def make(root: Path | None = None, pool_size: int = 5) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(root or folder / "data", chosen_bin=None, pool_size=pool_size))
        return made[-1]

    yield make
    for server in reversed(made):
        await server.stop()


@pytest.fixture(scope="module")
def operators() -> Iterator[OperatorsServer]:
    """A PostgreSQL that Hubbub does not own."""
    server = OperatorsServer()
    yield server
    server.close()
