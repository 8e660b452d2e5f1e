"""`hubbub promote`, as an operator meets it: what stands in its way is said, and what was moved is not served by mistake."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.docs.markdown import blocks
from tests.integration.postgres.test_command_line import hubbub
from tests.support.database import Databases
from typer.testing import CliRunner

from hubbub.cli.main import app
from hubbub.postgres.embedded import EmbeddedPostgres

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def target(pg15: Databases) -> Iterator[str]:
    name = pg15.empty()
    yield pg15.cluster.tcp_dsn(name)
    pg15.drop(name)


def test_promoted_and_never_served_by_mistake(folder: Path, target: str) -> None:
    root = folder / "data"
    assert hubbub(root, "bench", "seed", "--messages", "300", "--rooms", "5", "--users", "20").returncode == 0

    nobody = ["promote", "--to", "postgresql://a@127.0.0.1:1/b"]
    refused = CliRunner().invoke(app, nobody, env={"HUBBUB_DATA_DIR": str(root), "DATABASE_URL": None})
    assert (refused.exit_code, "Connection refused" in refused.output) == (1, True)
    assert "DATABASE_URL" not in refused.output, "it was --to that was wrong"

    moved = hubbub(root, "promote", "--to", target, "--json")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    told = json.loads(moved.stdout)
    assert (told["rows"]["public.messages"], told["resumed"], told["left"]) == (300, False, [])
    assert told["target"]["managed"] is False

    again = hubbub(root, "promote", "--to", target)
    assert (again.returncode, "The chat lives elsewhere now" in again.stderr) == (1, True)
    served = hubbub(root, "serve", PORT="0")
    assert served.returncode == 1
    assert "Set DATABASE_URL" in served.stderr
    status = hubbub(root, "db", "status", "--json", DATABASE_URL=target)
    assert (status.returncode, json.loads(status.stdout)["upToDate"]) == (0, True)

    (root / "moved.txt").unlink()
    assert hubbub(root, "db", "status").returncode == 0
    full = hubbub(root, "promote", "--to", target)
    assert (full.returncode, "A chat lives there already" in full.stderr) == (1, True)
    assert not (root / "moved.txt").exists()


def test_what_cannot_be_is_said(folder: Path) -> None:
    settings = {"HUBBUB_DATA_DIR": str(folder / "data")}
    nobody = "postgresql://a@127.0.0.1:1/b"
    for command, url, words in (
        (["promote", "--to", "mysql://x"], None, "--to"),
        (["promote", "--to", nobody], "postgresql://c@d/e", "DATABASE_URL is set"),
        (["promote", "--to", nobody], None, "There is no database here"),
        (["promote", "--to", nobody.replace("a@", "a:sesame@")], None, "stands in `ps`"),
        (["backup"], None, "HUBBUB_DATA_DIR"),
        (["verify"], None, "There is no database here"),
        (["user", "list"], None, "hubbub db init"),
    ):
        answer = CliRunner().invoke(app, command, env={**settings, "DATABASE_URL": url})
        assert (answer.exit_code, words in answer.output) == (1, True), answer.output
        assert "sesame" not in answer.output
    assert not (folder / "data").exists(), "what only looks makes nothing"


async def test_not_while_hubbub_runs(folder: Path, embedded: Callable[..., EmbeddedPostgres], target: str) -> None:
    server = embedded()
    await server.start(lambda _: None)
    refused = hubbub(folder / "data", "promote", "--to", target)
    assert refused.returncode == 1
    assert "Stop Hubbub" in refused.stderr

    # What can be done meanwhile is the copy by hand.
    assert hubbub(folder / "data", "db", "init").returncode == 0
    (line,) = [block.text for block in blocks("docs/howto/promote.md") if block.run_by]
    line = line.replace("/path/to/.data", str(folder / "data"))
    line = line.replace("postgresql://user:password@host:5432/chatdb", target)
    path = f"{server.bin_dir()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line], check=False, env={"PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    status = hubbub(folder / "data", "db", "status", "--json", DATABASE_URL=target)
    assert json.loads(status.stdout)["upToDate"]
