"""C4: connections to the database are ended under the nodes, one every 200 ms."""

from __future__ import annotations

import asyncio

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.world import world

# One at random of those that nodes hold.
END_ONE = (
    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'hubbub%' ORDER BY random() LIMIT 1) AS b"
)


@campaign("C4", "pg_terminate_backend every 200 ms", short=25, nightly=2_500, unit="connections ended")
async def c4(run: Run) -> None:
    async with world(run, shared=True, nodes=2) as here:
        await here.start()
        here.fault("connections are ended, one every 200 ms")
        async with here.sql() as db:
            while run.wants_more:
                run.bit(await db.fetchval(END_ONE))
                await asyncio.sleep(0.2)
        here.fault("no more")
        await here.load.acknowledged(2 * len(here.load.senders), timeout=60)
        for node in here.nodes:
            async with asyncio.timeout(10):
                while await node.readiness() != 200:
                    await asyncio.sleep(0.1)
        await here.finish()
