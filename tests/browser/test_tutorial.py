"""docs/tutorial.md: its files are the shop's, its commands are run here, and two people use its page to the end."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.browser.player import Player
from tests.support.database import Databases
from tests.support.process import ROOT, Process

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
SHOP = ROOT / "docs" / "examples" / "shop"
FILES = sorted(file for file in SHOP.rglob("*") if file.suffix in (".py", ".sql", ".js", ".html"))
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_tutorial_shows_each_file_as_it_is(file: Path) -> None:
    name = file.relative_to(SHOP).as_posix()
    shown = re.findall(
        rf"^`{re.escape(name)}`:\n\n<!-- [^\n]* -->\n```\w+\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL
    )
    assert shown == [file.read_text(encoding="utf-8")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reader:
    """Somebody who does what the tutorial says, in a folder of their own. The ports, and the last database, are this machine's.

    Attributes:
        url: where the shop is.
    """

    def __init__(self, folder: Path, moved: str) -> None:
        self._folder = folder
        self._moved = moved
        self._ports = {"3001": _free_port(), "8000": _free_port()}
        self.url = f"http://127.0.0.1:{self._ports['8000']}"
        self._running: list[Process] = []
        self._env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("HUBBUB_") and name not in ("DATABASE_URL", "DB_SSL")
        }
        self._env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.report = ""

    def _block(self, words: str) -> str:
        """The block of the tutorial in which these words are, for this machine."""
        (found,) = [block for block in BLOCKS if words in block]
        for theirs, ours in self._ports.items():
            found = found.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{ours}")
        found = found.replace("createdb chatdb\n", "")  # it is there
        return found.replace("postgresql://localhost/chatdb", self._moved)

    async def do(self, words: str) -> str:
        """Run the block with these words; what it printed. What it exports is there for the next."""
        return await self._run(self._block(words))

    async def _run(self, block: str) -> str:
        left = self._folder / "left"
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", f"set -e\n{block}\nenv -0 > {left}", cwd=self._folder, env=self._env,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"{block}\n{said}"
        self._env = dict(line.split("=", 1) for line in left.read_text(encoding="utf-8").split("\0") if line)
        return said

    async def serve(self) -> None:
        await self._leave_running("hubbub serve", ready=r"ready at http://", port="3001")

    async def open_shop(self) -> None:
        await self._leave_running("python shop.py", ready=r"Running on http://", port="8000")

    async def _leave_running(self, program: str, *, ready: str, port: str) -> None:
        (found,) = [block for block in BLOCKS if f"{program}\n" in block]
        assert found.endswith(f"{program}\n"), "a program that is left running is the last of its block"
        env = dict.fromkeys(os.environ) | self._env | {"PORT": str(self._ports[port])}
        process = Process(["bash", "-c", f"exec {program}"], ready=ready, start_timeout=120, env=env, cwd=self._folder)
        await process.start()
        self._running.append(process)

    async def prepare(self) -> None:
        """The first six steps, until the page can be opened."""
        await self.do("CORS_ORIGIN")
        await self.serve()
        await self.do("shop.sql")
        await self._run(self._block("python shop.py").replace("python shop.py\n", ""))
        await self.open_shop()

    async def answer(self, wish: str) -> str:
        """What the scenario asks for."""
        if wish == "stop":
            self.report = await self.do("report.sql")
            await self.do("hubbub backup\n")
            await self.stop()
        elif wish == "move":
            await self.do("hubbub restore")
            await self.do('"DATABASE_URL=$DATABASE_URL"')
            await self.serve()
            await self.open_shop()
        else:
            raise AssertionError(f"the scenario asked for {wish!r}")
        return ""

    async def stop(self) -> None:
        while self._running:
            await self._running.pop().stop()


@pytest.fixture
async def reader(tmp_path: Path, pg18: Databases) -> AsyncIterator[Reader]:
    moved = pg18.empty()
    shutil.copytree(SHOP, tmp_path / "shop")
    here = Reader(tmp_path / "shop", pg18.cluster.tcp_dsn(moved))
    try:
        yield here
    finally:
        await here.stop()
        pg18.drop(moved)


@pytest.mark.timeout(400)
async def test_two_people_use_the_shop_of_the_tutorial_to_its_end(
    reader: Reader, node: str, chromium: str, tmp_path: Path
) -> None:
    await reader.prepare()
    player = Player(node, chromium)
    try:
        await player.play("tutorial", reader, tmp_path)
    finally:
        await player.stop()
    assert re.search(r"1 \| ann +\| shipped +\| +4 ", reader.report), reader.report
    assert re.search(r"^ ann +\| +1$", reader.report, re.MULTILINE), reader.report
