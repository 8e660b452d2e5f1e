"""C13: a node that holds a crowd dies, and all of them come to the other one at once, where others are talking.

All are back with all that they missed; the pool does not grow, and whoever was talking goes on. Memory grows with the
first crowd, and no further with those that follow.
"""

from __future__ import annotations

import asyncio
import time

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.chatter import Chatter
from tests.fault.harness.load import Size
from tests.fault.harness.nodes import Node
from tests.fault.harness.world import World, world

from hubbub import open_files

CROWD = Size(senders=4, rooms=200, rate=4, listeners=2_000, each=1)
FEW = Size(senders=3, rooms=12, rate=10, listeners=60, each=1)
EACH, EACH_OF_FEW = 50, 6  # rooms of everybody in the crowd
BACK_SECONDS = 15.0
OTHERS = 3  # connections to the database that are not of the nodes: ours
POOL = 6 + 3  # of each node, with its bus, its watch and its ear for plain SQL


@campaign("C13", "kill the node that holds a crowd", short=1, nightly=20, unit="kills", seconds=2_400, alone=True)
async def c13(run: Run) -> None:
    size = CROWD if run.nightly else FEW
    open_files.make_room(4 * size.listeners)
    async with world(run, shared=True, nodes=2, size=size, transports=("websocket",), library=False) as here:
        load = here.load
        await load.prepare()
        await _into_rooms(here, EACH if run.nightly else EACH_OF_FEW)
        doomed, other = here.nodes
        where = [doomed.url]
        for chatter in load.listeners:
            chatter.urls = lambda: where
        for chatter in load.senders:
            chatter.urls = lambda: [other.url]
        await here.start()
        longest, most = 0.0, 0
        while run.wants_more:
            await load.acknowledged(5)
            before = {chatter: chatter.reconnects for chatter in load.listeners}
            here.fault(f"kill {doomed.name} with {len(before)} clients")
            where[:] = [other.url]
            began = time.monotonic()
            await doomed.kill()
            run.bit()
            most = max(most, await _come_back(here, before))
            longest = max(longest, time.monotonic() - began)
            await _move_to(here, doomed, where)
            if run.nightly and run.bites == 1:
                run.figures["kept_of_first_crowd_mb"] = await here.measure_memory() >> 20
        run.figures |= {
            "longest_back_seconds": round(longest, 2),
            "most_database_connections": most,
            "worst_send_seconds": round(max(max(seconds) for seconds in load.send_seconds.values()), 2),
            "failed_connects": load.failed_connects,
        }
        if most > 2 * POOL + OTHERS:
            run.violate("I12", f"the nodes had {most} connections to the database")
        if longest > (BACK_SECONDS if run.nightly else 2 * BACK_SECONDS):  # short runs share two cores
            run.violate("I11", f"the last came back after {longest:.1f} s")
        await here.finish()


async def _into_rooms(here: World, each: int) -> None:
    """Everybody in the crowd becomes a member of so many rooms."""
    load = here.load
    rooms = list(load.room_ids)
    async with here.sql() as conn:
        for number, one in enumerate(load.listeners):
            further = [rooms[(number + step) % len(rooms)] for step in range(1, each)]
            await conn.execute(
                "INSERT INTO room_members (room_id, user_id) SELECT unnest($1::uuid[]), $2",
                [load.room_ids[room] for room in further],
                one.person.user_id,
            )
            for room in further:
                here.history.note(one.name, "member", room=room, about="in")


async def _come_back(here: World, before: dict[Chatter, int]) -> int:
    """Wait until each has come back and caught up; the most connections that the database had meanwhile."""
    most = 0
    away = list(before)
    async with here.sql() as conn, asyncio.timeout(120):
        while away:
            away = [one for one in away if one.reconnects == before[one] or not one.up.is_set()]
            count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            most = max(most, await conn.fetchval(count))
            await asyncio.sleep(0.1)
    return most


async def _move_to(here: World, node: Node, where: list[str]) -> None:
    """Start the node again, and let the crowd come back to it."""
    await node.start()
    where[:] = [node.url]
    before = {chatter: chatter.reconnects for chatter in here.load.listeners}
    for chatter in before:
        if chatter.socket is not None:
            chatter.socket.abort()
    await _come_back(here, before)
