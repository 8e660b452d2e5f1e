"""The command line in this process, on a database of PostgreSQL 18 and of 15."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from click.testing import Result
from tests.support.database import Databases
from tests.support.people import SECRET
from typer.testing import CliRunner

from hubbub.cli.main import app


@dataclass
class Shell:
    """Commands on one database."""

    dsn: str
    folder: Path

    def run(self, *arguments: str, input: str | None = None, code: int = 0, **env: str) -> Result:
        """Run `hubbub …`; it has to end with `code`, and never with a traceback."""
        environment = {
            "DATABASE_URL": self.dsn, "HUBBUB_DATA_DIR": str(self.folder), "JWT_SECRET": SECRET, "COLUMNS": "200", **env,
        }  # fmt: skip
        result = CliRunner().invoke(app, list(arguments), input=input, env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str, code: int = 0, **env: str) -> Any:
        """The same with `--json`: standard output is one document."""
        return json.loads(self.run(*arguments, "--json", code=code, **env).stdout)

    def sql(self, statement: str, *parameters: Any) -> Any:
        """What one statement of plain SQL gives: the first column of its first row."""

        async def ask() -> Any:
            conn = await asyncpg.connect(self.dsn)
            try:
                return await conn.fetchval(statement, *parameters)
            finally:
                await conn.close()

        return asyncio.run(ask())


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """structlog that nobody has configured prints to standard output, which is a command's own while it runs in this process."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="module", params=["pg18", "pg15"])
def databases(request: pytest.FixtureRequest) -> Databases:
    server: Databases = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="module")
def shell(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Commands on a fresh database that the tests of a module share."""
    name = databases.clone()
    yield Shell(databases.cluster.dsn(name), tmp_path_factory.mktemp("cli"))
    databases.drop(name)
