"""C3: the postmaster is killed by SIGKILL, of a server that somebody else runs (and starts again), and of the embedded
one, which its node has to bring back itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.history import History
from tests.fault.harness.load import SMALL, L, Load
from tests.fault.harness.nodes import Node, Nodes
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

NOTICED_SECONDS = 5.0
BACK_SECONDS = 30.0


@campaign("C3", "kill -9 the postmaster of an external PostgreSQL", short=1, nightly=30, unit="kills", seconds=1_800)
async def c3(run: Run) -> None:
    # Killed, and not without power: what is committed has to be in the log's file, not on its plate.
    postgres = Postgres({"synchronous_commit": "on"})
    await postgres.start()
    try:
        async with world(run, nodes=2, postgres=postgres) as here:
            await here.start()
            while run.wants_more:
                await here.load.acknowledged(run.chance.randrange(10, 60))
                here.fault("kill -9 the postmaster")
                killed_at = time.monotonic()
                await postgres.kill()
                run.bit()
                await _noticed(run, here, killed_at)
                await postgres.restart()
                back_at = time.monotonic()
                await here.load.acknowledged(len(here.load.senders), timeout=60)
                _worst(run, "longest_until_sent_seconds", time.monotonic() - back_at)
            await here.finish()
    finally:
        await postgres.stop()


@campaign("C3E", "kill -9 the embedded postmaster", short=1, nightly=30, unit="kills", seconds=1_800)
async def c3_embedded(run: Run) -> None:
    node = Node(1, "", run.folder, bus="local", env={"DATABASE_URL": None})
    data = run.folder / node.name / "postgres" / "18"
    dsn = f"postgresql://hubbub@/chatdb?host={quote(str(data / 'socket'), safe='')}&port=5432"
    history = History(run.folder / "history.jsonl")
    load = Load(history, run.chance, size=L if run.nightly else SMALL, urls=lambda: [node.url], dsn=dsn)
    # Its PostgreSQL is the node's own: the world has none of its own to break.
    here = World(run, cast("Any", None), "chatdb", Nodes([node]), load, history, {})
    try:
        await here.start()
        while run.wants_more:
            await load.acknowledged(run.chance.randrange(10, 60))
            here.fault("kill -9 the embedded postmaster")
            killed_at = time.monotonic()
            os.kill(_postmaster(data), signal.SIGKILL)
            run.bit()
            await load.acknowledged(len(load.senders), timeout=90)
            _worst(run, "longest_until_sent_seconds", time.monotonic() - killed_at)
        # "is gone; starting it again" is what an operator is to read as an error.
        await here.finish(allowed=r"is gone; starting it again|cannot be started, next try")
    finally:
        await load.close()
        if node.is_up:
            await node.stop()  # its PostgreSQL with it
        await node.close()
        history.close()


def _postmaster(data: Path) -> int:
    return int((data / "data" / "postmaster.pid").read_text().splitlines()[0])


async def _noticed(run: Run, here: World, since: float) -> None:
    """Every node says that it is not ready."""
    async with asyncio.timeout(30):
        while any([await node.readiness() == 200 for node in here.nodes]):
            await asyncio.sleep(0.05)
    took = time.monotonic() - since
    _worst(run, "longest_until_not_ready_seconds", took)
    if run.nightly and took > NOTICED_SECONDS:
        run.violate("I11", f"a node was ready {took:.1f} s after its PostgreSQL was killed")


def _worst(run: Run, name: str, seconds: float) -> None:
    run.figures[name] = round(max(run.figures.get(name, 0.0), seconds), 2)
    if run.nightly and seconds > BACK_SECONDS:
        run.violate("I11", f"{name}: {seconds:.1f}")
