"""C3: the postmaster is killed by SIGKILL, of a server that somebody else runs (and starts again), and of the embedded
one, which its node has to bring back itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.embedded import RESTARTS, embedded_world, postmaster
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

NOTICED_SECONDS = 5.0
BACK_SECONDS = 30.0


@campaign("C3", "kill -9 the postmaster of an external PostgreSQL", short=1, nightly=30, unit="kills", seconds=1_800)
async def c3(run: Run) -> None:
    # Killed, and not without power: what is committed has to be in the log's file, not on its plate.
    durable = {"synchronous_commit": "on"}
    async with Postgres(durable) as postgres, world(run, nodes=2, postgres=postgres) as here:
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


@campaign("C3E", "kill -9 the embedded postmaster", short=1, nightly=30, unit="kills", seconds=1_800)
async def c3_embedded(run: Run) -> None:
    async with embedded_world(run) as here:
        await here.start()
        while run.wants_more:
            await here.load.acknowledged(run.chance.randrange(10, 60))
            here.fault("kill -9 the embedded postmaster")
            killed_at = time.monotonic()
            os.kill(postmaster(here), signal.SIGKILL)
            run.bit()
            await here.load.acknowledged(len(here.load.senders), timeout=90)
            _worst(run, "longest_until_sent_seconds", time.monotonic() - killed_at)
        await here.finish(allowed=RESTARTS)


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
