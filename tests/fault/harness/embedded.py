"""One node with the embedded PostgreSQL, which is its own to bring back, and load upon it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from tests.fault.harness.campaign import Run
from tests.fault.harness.history import History
from tests.fault.harness.load import SMALL, L, Load
from tests.fault.harness.nodes import Node, Nodes
from tests.fault.harness.world import World

RESTARTS: Final = r"is gone; starting it again|cannot be started, next try"
"""What an operator reads as an error when the embedded PostgreSQL has to be brought back."""


def home(here: World) -> Path:
    """The folder of the embedded server: `data` and `socket` are in it."""
    folder: Path = here.nodes[0].folder / "postgres" / "18"
    return folder


def postmaster(here: World) -> int:
    """Its process id."""
    return int((home(here) / "data" / "postmaster.pid").read_text().splitlines()[0])


@asynccontextmanager
async def embedded_world(run: Run, **env: str) -> AsyncIterator[World]:
    """As `world`, of one such node, not started yet; its `postgres` is not there to be broken.

    Args:
        env: further variables of the node.
    """
    node = Node(1, "", run.folder, bus="local", env={"DATABASE_URL": None, **env})
    history = History(run.folder / "history.jsonl")
    socket = quote(str(node.folder / "postgres" / "18" / "socket"), safe="")
    dsn = f"postgresql://hubbub@/chatdb?host={socket}&port=5432"
    load = Load(history, run.chance, size=L if run.nightly else SMALL, urls=lambda: [node.url], dsn=dsn)
    try:
        yield World(run, cast("Any", None), "chatdb", Nodes([node]), load, history, {})
    finally:
        await load.close()
        if node.is_up:
            await node.stop()  # its PostgreSQL with it
        await node.close()
        history.close()
