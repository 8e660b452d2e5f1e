"""C26: a backup is put back while clients hold newer cursors. Everyone is told to start afresh, and nobody skips what now
stands under the numbers they know. Nothing but pg_dump and psql is used: no word to Hubbub."""

from __future__ import annotations

import asyncio

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.servers import Postgres
from tests.fault.harness.world import World, world


@campaign("C26", "restore of an older backup", short=1, nightly=10, unit="restores")
async def c26(run: Run) -> None:
    async with Postgres() as postgres, world(run, nodes=2, postgres=postgres) as here:
        await here.start()
        while run.wants_more:
            await here.load.acknowledged(run.chance.randrange(10, 40))
            backup = await asyncio.to_thread(postgres.cluster.dump, here.database)
            await here.load.acknowledged(run.chance.randrange(10, 40))
            resyncs = here.load.resyncs
            await _restore(here, postgres, backup)
            run.bit()
            await here.load.acknowledged(2 * len(here.load.senders), timeout=60)
            async with asyncio.timeout(60):
                for one in here.load.everyone:
                    await one.connected()
            told = here.load.resyncs - resyncs
            if told < len(here.load.everyone):
                run.violate("I5", f"{told} of {len(here.load.everyone)} clients were told to start afresh")
        await here.finish()
        run.figures["resyncs"] = here.load.resyncs


async def _restore(here: World, postgres: Postgres, backup: str) -> None:
    """As the manual says: end Hubbub, put the backup in place of the data, start Hubbub."""
    await asyncio.gather(*(node.stop() for node in here.nodes))
    here.fault("restore the backup")
    await asyncio.to_thread(postgres.cluster.psql, "postgres", f"DROP DATABASE {here.database} WITH (FORCE)")
    here.history.note("", "restored", "info")  # now that nobody can read what was
    await asyncio.to_thread(postgres.cluster.psql, "postgres", f"CREATE DATABASE {here.database} TEMPLATE template0")
    await asyncio.to_thread(postgres.cluster.psql, here.database, backup)
    await here.nodes.heal()
