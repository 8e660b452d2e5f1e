"""C5: the reply of a COMMIT never comes. Whatever the journal sends is stored, and its connection is reset before it is
told so: nothing is lost by that, nothing is there twice, and who asks again is given the first place."""

from __future__ import annotations

import asyncio

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.protocols import PostgresReplies
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import world

SHARE = {True: 0.1, False: 0.4}  # of all batches; nightly, short


@campaign("C5", "replies of COMMIT cut after it was done", short=50, nightly=500, unit="ambiguous commits")
async def c5(run: Run) -> None:
    postgres = Postgres()
    await postgres.start()
    is_on = False

    def wanted(statement: str) -> bool:
        return is_on and "messages.append" in statement and run.chance.random() < SHARE[run.nightly]

    proxy = Proxy(("127.0.0.1", postgres.cluster.port), lambda: PostgresReplies(wanted))
    await proxy.start()
    try:
        address = f"postgresql://postgres@127.0.0.1:{proxy.port}"
        async with world(run, nodes=2, postgres=postgres, dsn=lambda name: f"{address}/{name}") as here:
            await here.start()
            here.fault("replies to the journal's batches are cut")
            is_on = True
            while run.wants_more:
                await asyncio.sleep(0.05)
                run.bit(proxy.cuts - run.bites)
            is_on = False
            await here.load.acknowledged(2 * len(here.load.senders), timeout=60)
            await here.finish()
            run.figures["recognised"] = here.load.repeated
    finally:
        await proxy.close()
        await postgres.stop()
