"""C8: PostgreSQL hangs: all its processes are stopped for a while. Its connections stay open, and nothing is answered."""

from __future__ import annotations

import asyncio
import time

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world

STOPPED_SECONDS = {True: 10.0, False: 3.0}  # nightly, short
SETTLE_SECONDS = 1.0  # what had been committed before is acknowledged meanwhile
DRAINED_SECONDS = 10.0


@campaign("C8", "SIGSTOP PostgreSQL", short=1, nightly=20, unit="stops")
async def c8(run: Run) -> None:
    async with Postgres() as postgres, world(run, nodes=2, postgres=postgres) as here:
        await here.start()
        while run.wants_more:
            await here.load.acknowledged(run.chance.randrange(20, 60))
            await _stop_for(run, here, postgres, STOPPED_SECONDS[run.nightly])
            run.bit()
        await here.finish()


async def _stop_for(run: Run, here: World, postgres: Postgres, seconds: float) -> None:
    here.fault(f"SIGSTOP PostgreSQL for {seconds} s")
    postgres.freeze()
    try:
        await asyncio.sleep(SETTLE_SECONDS)
        before = here.load.acked
        end = time.monotonic() + seconds - SETTLE_SECONDS
        while time.monotonic() < end:
            for node in here.nodes:
                if not await node.answers():
                    run.violate("I11", f"{node.name} did not answer /livez while its database hung")
            await asyncio.sleep(0.2)
        if here.load.acked != before:
            run.violate("I1", f"{here.load.acked - before} sends were acknowledged by a database that hung")
    finally:
        postgres.thaw()
    thawed_at = time.monotonic()
    await here.load.acknowledged(len(here.load.senders), timeout=60)
    took = time.monotonic() - thawed_at
    run.figures["longest_until_sent_seconds"] = round(max(run.figures.get("longest_until_sent_seconds", 0.0), took), 2)
    if run.nightly and took > DRAINED_SECONDS:
        run.violate("I11", f"sends went on only {took:.1f} s after the database did")
