"""The page, used as people use it. Each scenario is a file in scenarios/; this side owns the server."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.browser.conftest import HERE, Served
from tests.support.process import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

_runs = itertools.count(1)


class Player:
    """The process that plays scenarios, all in one browser; after one that failed, a new one."""

    def __init__(self, node: str, chromium: str) -> None:
        self._node = node
        self._chromium = chromium
        self._process: asyncio.subprocess.Process | None = None

    async def play(self, scenario: str, server: Served, pictures: Path) -> None:
        """Play one; what it asks of the server is done here.

        Raises:
            AssertionError: it failed; with what was printed.
        """
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        run = {
            "HUBBUB_URL": server.url,
            "HUBBUB_PICTURES": str(pictures),
            "HUBBUB_RUN": f"{os.getpid()}-{next(_runs)}",
        }
        printed: list[str] = []
        try:
            process.stdin.write(json.dumps({"scenario": scenario, "env": run}).encode() + b"\n")
            async for line in process.stdout:
                text = line.decode(errors="replace")
                if text == "@played\n":
                    return
                if text.startswith("@ask "):
                    process.stdin.write(json.dumps(await _do(json.loads(text[5:]), server)).encode() + b"\n")
                else:
                    printed.append(text)
        except BaseException:
            await self.stop()
            raise
        await self.stop()
        raise AssertionError(f"{scenario} failed (pictures in {pictures}):\n{''.join(printed)}")

    async def stop(self) -> None:
        """Its input ends; then it, and its browser."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            self._node,
            str(HERE / "run.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={
                **os.environ,
                "HUBBUB_CHROMIUM": self._chromium,
                "HUBBUB_PICTURE": str(ROOT / "docs" / "screenshot.png"),
            },
        )
        return self._process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def player(node: str, chromium: str) -> AsyncIterator[Player]:
    """Who plays all scenarios."""
    found = Player(node, chromium)
    yield found
    await found.stop()


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
async def test_scenario(scenario: str, served: Served, player: Player, tmp_path: Path) -> None:
    await player.play(scenario, served, tmp_path)


async def test_tokens_of_a_few_seconds(player: Player, tmp_path: Path) -> None:
    server = Served(tmp_path / "data", JWT_EXPIRES_IN="6s")
    await server.start()
    try:
        await player.play("tokens", server, tmp_path)
    finally:
        await server.stop()


@pytest.mark.skipif(os.environ.get("HUBBUB_SCREENSHOT") != "1", reason="HUBBUB_SCREENSHOT=1 takes the README's picture")
async def test_screenshot(player: Player, tmp_path: Path) -> None:
    server = Served(tmp_path / "data")
    await server.start()
    try:
        await player.play("screenshot", server, tmp_path)
    finally:
        await server.stop()
