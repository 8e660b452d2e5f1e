"""A real Prometheus from Debian's package, and its `promtool`; skipped where they are not installed, but not in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.process import Process, free_port

SHIPPED = Path(__file__).resolve().parents[2] / "deploy"
RULES = SHIPPED / "prometheus/hubbub.rules.yml"


def needed(program: str) -> str:
    """The path of one of the package's programs."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs {program}: apt-get install prometheus")
        pytest.skip(f"no {program}")
    return found


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """Run it to its end: all it printed. It is well where it exits with 0."""
    done = subprocess.run(
        [needed("promtool"), *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass
class Prometheus:
    """One that runs, and is asked by its HTTP API."""

    http: httpx.AsyncClient

    async def ask(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of `/api/v1`.

        Raises:
            AssertionError: it did not answer with success.
        """
        answer = await self.http.get(f"/api/v1/{path}", params=parameters)
        body = answer.json()
        assert body["status"] == "success", (path, parameters, body)
        return body["data"]

    async def value(self, query: str) -> float | None:
        """The value of a query for one series; None where there is none."""
        result = (await self.ask("query", query=query))["result"]
        return float(result[0]["value"][1]) if result else None


@asynccontextmanager
async def prometheus(target: str, folder: Path) -> AsyncIterator[Prometheus]:
    """Start one that scrapes `target` (`host:port`) once a second, with the rules that are shipped.

    Args:
        folder: for its configuration and its data.
    """
    program = needed("prometheus")
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{RULES}]\n"
        f"scrape_configs: [{{job_name: hubbub, scrape_timeout: 1s, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    port = free_port()
    command = [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    async with (
        Process(command, ready="Server is ready to receive web requests", start_timeout=60, stop_timeout=30),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        yield Prometheus(http)
