"""The page, used as people use it. Each scenario is a file in scenarios/; this side owns the server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.browser.conftest import Served
from tests.browser.player import Player

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def player(node: str, chromium: str) -> AsyncIterator[Player]:
    """Who plays all scenarios."""
    found = Player(node, chromium)
    yield found
    await found.stop()


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
