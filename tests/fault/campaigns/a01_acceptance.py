"""A1, what the whole is accepted by: three nodes, twenty senders, five rooms; nodes, the bus and connections to the
database are killed at random. In the end every client's log is what the database has, in order.

Once over PostgreSQL's own notifications, whose connections are killed with the others, and once over NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.load import SMALL, L
from tests.fault.harness.servers import Nats
from tests.fault.harness.world import World, world

NIGHTLY_SECONDS = 600.0
BUS = "query ILIKE 'LISTEN%' OR query ILIKE '%pg_notify%'"
BACKENDS = (
    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND ({which}) ORDER BY random() LIMIT {most}) AS b"
)
Kill = Callable[[Run, World], Awaitable[None]]


@campaign("A1P", "nodes, bus (PostgreSQL) and database connections killed", short=3, nightly=120, unit="kills")
async def a1_postgres(run: Run) -> None:
    await _accept(run, _end_bus)


@campaign("A1N", "nodes, bus (NATS) and database connections killed", short=3, nightly=120, unit="kills")
async def a1_nats(run: Run) -> None:
    nats = Nats(run.folder)

    async def kill_bus(run: Run, here: World) -> None:
        here.fault("kill NATS")
        await nats.kill()
        run.bit()
        await asyncio.sleep(run.chance.uniform(0.0, 2.0))
        await nats.start()

    async with nats:
        await _accept(run, kill_bus, nats.url)


async def _accept(run: Run, kill_bus: Kill, bus: str | None = None) -> None:
    async with world(run, shared=True, nodes=3, size=L if run.nightly else SMALL, bus=bus) as here:
        await here.start()
        kinds = [_kill_node, kill_bus, _end_connections]
        turn = 0
        while run.wants_more or (run.nightly and run.elapsed < NIGHTLY_SECONDS):
            await here.load.acknowledged(run.chance.randrange(15, 40) if run.nightly else 10, timeout=60)
            # Each kind once, then any of them.
            await (kinds[turn] if turn < len(kinds) else run.chance.choice(kinds))(run, here)
            turn += 1
        await here.load.acknowledged(20, timeout=60)
        await here.finish()


async def _kill_node(run: Run, here: World) -> None:
    node = run.chance.choice(here.nodes.up)
    here.fault(f"kill {node.name}")
    await node.kill()
    run.bit()
    await asyncio.sleep(run.chance.uniform(0.0, 1.0))
    await node.start()


async def _end_connections(run: Run, here: World) -> None:
    here.fault("terminate backends")
    async with here.sql() as db:
        if await db.fetchval(BACKENDS.format(which="true", most=run.chance.randrange(1, 5))):
            run.bit()


async def _end_bus(run: Run, here: World) -> None:
    """The connections that listen and notify."""
    here.fault("terminate the bus")
    async with here.sql() as db:
        if await db.fetchval(BACKENDS.format(which=BUS, most=3)):
            run.bit()
