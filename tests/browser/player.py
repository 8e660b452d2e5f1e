"""Who plays scenarios: a Node process with one browser, and whoever answers what a scenario asks of the server."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from pathlib import Path
from typing import Protocol

from tests.browser.conftest import HERE
from tests.support.process import ROOT

_runs = itertools.count(1)


class Server(Protocol):
    """What a scenario is played on."""

    @property
    def url(self) -> str: ...

    async def answer(self, wish: str) -> str:
        """Do what the scenario asks for, and say what came of it."""
        ...


class Player:
    """The process that plays scenarios, all in one browser; after one that failed, a new one."""

    def __init__(self, node: str, chromium: str) -> None:
        self._node = node
        self._chromium = chromium
        self._process: asyncio.subprocess.Process | None = None

    async def play(self, scenario: str, server: Server, pictures: Path) -> None:
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
                    process.stdin.write(json.dumps(await server.answer(json.loads(text[5:]))).encode() + b"\n")
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
