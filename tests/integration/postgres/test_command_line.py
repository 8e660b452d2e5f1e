"""`hubbub` as people type it: on the embedded database, beside a running server and without one."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from tests.integration.postgres.operators_server import environment
from typer.testing import CliRunner

import hubbub as hubbub_package
from hubbub.cli.main import app
from hubbub.config import Settings
from hubbub.postgres import Progress, postmaster, server_for
from hubbub.postgres.embedded import EmbeddedPostgres

pytestmark = pytest.mark.timeout(60)


def hubbub(root: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on this data directory."""
    return subprocess.run(
        [sys.executable, "-m", "hubbub.cli.main", *arguments],
        env=environment(PYTHONPATH=os.pathsep.join(p for p in sys.path if p), HUBBUB_DATA_DIR=str(root), **settings),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd="/",
    )


def test_init_is_idempotent_and_leaves_no_server_behind(folder: Path) -> None:
    root = folder / "data"
    untouched = json.loads(hubbub(root, "doctor", "--json").stdout)
    assert untouched["ok"]
    assert "first `hubbub serve` makes it" in untouched["checks"][-1]["summary"]

    first = hubbub(root, "db", "init")
    assert first.returncode == 0, first.stderr
    assert "applied" in first.stdout
    assert "Making a new PostgreSQL" in first.stderr
    second = hubbub(root, "db", "init")
    assert (second.returncode, "Nothing to do" in second.stdout) == (0, True)
    status = hubbub(root, "db", "status", "--json")
    assert status.returncode == 0
    told = json.loads(status.stdout)
    assert (told["upToDate"], told["pending"], told["database"]["managed"]) == (True, [], True)
    assert not postmaster.running(root / "postgres" / "18" / "data")
    assert json.loads(hubbub(root, "doctor", "--json").stdout)["ok"]


async def test_commands_work_beside_a_running_server(folder: Path, embedded: Callable[..., EmbeddedPostgres]) -> None:
    server = embedded()
    await server.start(lambda _: None)
    root = folder / "data"
    pending = await asyncio.to_thread(hubbub, root, "db", "status")
    assert (pending.returncode, "To apply: hubbub db upgrade" in pending.stdout) == (3, True)
    assert (await asyncio.to_thread(hubbub, root, "db", "upgrade")).returncode == 0
    answer = await asyncio.to_thread(hubbub, root, "db", "psql", "--", "-tAc", "SELECT room_name FROM rooms ORDER BY 1")
    assert answer.stdout.split() == ["general", "random", "tech"]
    assert server.pid is not None
    assert postmaster.is_alive(server.pid)


def test_psql_gives_its_exit_code(folder: Path) -> None:
    broken = hubbub(folder / "data", "db", "psql", "--", "-v", "ON_ERROR_STOP=1", "-f", "/dev/stdin")
    assert broken.returncode == 0
    assert hubbub(folder / "data", "db", "psql", "--", "-d", "nowhere").returncode == 2


def test_config_hides_secrets(folder: Path) -> None:
    secrets = {"JWT_SECRET": "s" * 40, "DATABASE_URL": "postgresql://app:right-word@db/chatdb"}
    for arguments in (("config",), ("config", "--json")):
        answer = hubbub(folder, *arguments, PORT="4000", **secrets)
        assert answer.returncode == 0
        assert "right-word" not in answer.stdout
        assert "ssss" not in answer.stdout
        assert "4000" in answer.stdout
        assert "HUBBUB_DATA_DIR" in answer.stdout


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "doctor",
        "promote",
        "verify",
        "backup",
        "backups",
        "restore",
        "config",
        "version",
        "db init",
        "db upgrade",
        "db status",
        "db psql",
        "db new-epoch",
        "db roles",
        "db adopt",
    ],
)
def test_help_documents_exit_codes(command: str) -> None:
    answer = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert "Exit codes:" in answer.output


@pytest.fixture
def smallest_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` with the smallest application there can be: one that wants its port and its database."""

    def serve(settings: Settings, progress: Progress) -> None:
        with socket.create_server((settings.host, settings.port)):
            asyncio.run(server_for(settings).start(progress))

    smallest = ModuleType("hubbub.app")
    smallest.serve = serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hubbub.app", smallest)
    monkeypatch.setattr(hubbub_package, "app", smallest, raising=False)


@pytest.mark.usefixtures("smallest_app")
def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = CliRunner().invoke(app, ["serve", "--port", str(taken.getsockname()[1])])
    assert answer.exit_code == 1
    assert "Cannot listen on 127.0.0.1" in answer.output
    assert "hubbub serve --port 0" in answer.output


@pytest.mark.usefixtures("smallest_app")
def test_a_start_that_fails_tells_the_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:1/chatdb")
    answer = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert answer.exit_code == 1
    assert "Connection refused" in answer.output
    assert "pg_isready -h 127.0.0.1 -p 1" in answer.output
    assert "Traceback" not in answer.output
