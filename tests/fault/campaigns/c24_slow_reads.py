"""C24: reads that do not end fill the pools: somebody holds a table that they need and sends do not. Sends over sockets go
on as if nothing were; what waits too long for a connection, or on one, is told to come again; afterwards none is stuck."""

from __future__ import annotations

import asyncio
import time

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.chatter import Chatter
from tests.fault.harness.client import Http
from tests.fault.harness.world import World, world

AT_ONCE = 20  # for each node; its pool has 4 connections
ANSWER_SECONDS = 15.0
P99_SECONDS = 1.0
ENV = {"DB_POOL_SIZE": "4", "HUBBUB_DB_TIMEOUT": "4"}


@campaign("C24", "pools full of reads that do not end", short=40, nightly=2_000, unit="reads told to come again")
async def c24(run: Run) -> None:
    windows: list[tuple[float, float]] = []
    async with world(run, shared=True, nodes=2, env=ENV) as here:
        await here.start()
        await here.load.acknowledged(20)
        while run.wants_more:
            windows.append(await _hold(run, here))
            await here.load.acknowledged(2 * len(here.load.senders), timeout=60)
        for node in here.nodes:
            async with asyncio.timeout(20):
                while await node.metric("database_connections_in_use") > 2:
                    await asyncio.sleep(0.1)
        await here.finish()
        slowest = _p99(here, windows)
        run.figures["send_p99_seconds"] = round(slowest, 3)
        if run.nightly and slowest > P99_SECONDS:
            run.violate("I11", f"sends took {slowest:.2f} s at the 99th percentile while reads filled the pools")


async def _hold(run: Run, here: World) -> tuple[float, float]:
    """Hold the table of former texts, and ask for them; from when until when."""
    began = time.monotonic()
    async with here.sql() as db:
        message = str(await db.fetchval("SELECT message_id FROM messages WHERE client_id IS NOT NULL LIMIT 1"))
        here.fault("reads do not end")
        async with db.transaction():
            await db.execute("LOCK TABLE hubbub.message_edits IN ACCESS EXCLUSIVE MODE")
            statuses = await asyncio.gather(
                *(
                    _ask(run, node.url, here.load.listeners[number % len(here.load.listeners)], message)
                    for node in here.nodes
                    for number in range(AT_ONCE)
                )
            )
    run.bit(statuses.count(503))
    return began, time.monotonic()


async def _ask(run: Run, url: str, who: Chatter, message: str) -> int:
    """The status of one such read."""
    http = Http(url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            status, _ = await http.request("GET", f"/api/messages/{message}/history", None, who.person.token)
    except (OSError, TimeoutError) as error:
        run.violate("I11", f"a read that waited was not answered: {error!r}")
        return 0
    finally:
        http.close()
    if status not in (503, 404):  # those who are not in the room are told so first, where a connection came free
        run.violate("I11", f"a read that waited was answered {status}")
    return status


def _p99(here: World, windows: list[tuple[float, float]]) -> float:
    """Of the sends over sockets that began meanwhile, seconds until they were acknowledged."""
    by_rest = {sender.name for number, sender in enumerate(here.load.senders) if number % 5 == 4}
    began: dict[tuple[str, str], float] = {}
    took: list[float] = []
    for record in here.history:
        if record.op == "send" and record.client not in by_rest:
            key = (record.client, record.client_id)
            if record.phase == "invoke":
                began[key] = record.t_mono
            elif record.phase == "ok" and any(start <= began[key] <= end for start, end in windows):
                took.append(record.t_mono - began[key])
    took.sort()
    return took[int(len(took) * 0.99)] if took else 0.0
