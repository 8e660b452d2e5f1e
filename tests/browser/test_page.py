"""The page, used as people use it. Each scenario is a file in scenarios/; this side owns the server."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from pathlib import Path

import pytest
from tests.browser.conftest import HERE, Served
from tests.support.process import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

_runs = itertools.count(1)


async def play(scenario: str, server: Served, node: str, chromium: str, pictures: Path) -> None:
    """Run one scenario; what it asks of the server is done here.

    Raises:
        AssertionError: it failed; with what it printed.
    """
    process = await asyncio.create_subprocess_exec(
        node,
        str(HERE / "run.mjs"),
        scenario,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "HUBBUB_URL": server.url,
            "HUBBUB_CHROMIUM": chromium,
            "HUBBUB_PICTURES": str(pictures),
            "HUBBUB_PICTURE": str(ROOT / "docs" / "screenshot.png"),
            "HUBBUB_RUN": f"{os.getpid()}-{next(_runs)}",
        },
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    complaints = asyncio.create_task(process.stderr.read())
    printed: list[str] = []
    try:
        async for line in process.stdout:
            text = line.decode()
            if not text.startswith("@ask "):
                printed.append(text)
                continue
            answer = await _do(json.loads(text[5:]), server)
            process.stdin.write(json.dumps(answer).encode() + b"\n")
            await process.stdin.drain()
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = "".join(printed) + (await complaints).decode(errors="replace")
    assert status == 0, f"{scenario} failed (pictures in {pictures}):\n{said}"


async def _do(wish: str, server: Served) -> str:
    verb, _, rest = wish.partition(" ")
    if verb == "kill":
        await server.kill()
    elif verb == "start":
        await server.start()
    elif verb == "sql":
        return await asyncio.to_thread(server.sql, rest)
    else:
        raise AssertionError(f"a scenario asked for {wish!r}")
    return ""


@pytest.mark.parametrize(
    "scenario", ["talk", "sql", "history", "rooms", "phone", "keyboard", "accessible", "docs", "restart"]
)
async def test_scenario(scenario: str, served: Served, node: str, chromium: str, tmp_path: Path) -> None:
    await play(scenario, served, node, chromium, tmp_path)


async def test_tokens_of_a_few_seconds(node: str, chromium: str, tmp_path: Path) -> None:
    server = Served(tmp_path / "data", JWT_EXPIRES_IN="6s")
    await server.start()
    try:
        await play("tokens", server, node, chromium, tmp_path)
    finally:
        await server.stop()


@pytest.mark.skipif(os.environ.get("HUBBUB_SCREENSHOT") != "1", reason="HUBBUB_SCREENSHOT=1 takes the README's picture")
async def test_screenshot(node: str, chromium: str, tmp_path: Path) -> None:
    server = Served(tmp_path / "data")
    await server.start()
    try:
        await play("screenshot", server, node, chromium, tmp_path)
    finally:
        await server.stop()
