"""C14: one node is frozen for longer than its lease, another is killed, and somebody comes and goes all the time.

Nobody is shown on-line whose node has gone; the frozen node accepts nothing of its past when it wakes, and comes back as a
new one; and who flaps is no news.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import AnySocket, connect
from tests.fault.harness.nodes import Node
from tests.fault.harness.world import World, world
from tests.support import people
from tests.support.people import Person
from tests.support.process import eventually

GHOSTS = 12
GHOST_SECONDS = 20.0
NOISE_SECONDS = 5.0  # of a busy machine, and of looking
DEBOUNCE_SECONDS = 10.0
AFTER_WAKING = 30.0
TAKEN_FOR_DEAD = "taken for dead"


@campaign("C14", "a node frozen beyond its lease, one killed, flaps", short=2, nightly=20, unit="nodes gone")
async def c14(run: Run) -> None:
    gone: set[Node] = set()
    async with world(
        run, shared=True, nodes=3, urls=lambda nodes: lambda: [node.url for node in nodes if node not in gone]
    ) as here:
        await here.start()
        longest = 0.0
        while run.wants_more:
            frozen, killed, other = run.chance.sample(list(here.nodes), 3)
            longest = max(longest, await _round(here, run, frozen, killed, other, gone))
        run.figures["longest_ghost_seconds"] = round(longest, 1)
        await here.finish(allowed=TAKEN_FOR_DEAD)
        async with here.sql() as conn:
            left = await conn.fetchval("SELECT count(*) FROM active_sessions")
            if left:
                run.violate("I10", f"{left} rows of connections were left after everybody had gone")


async def _round(here: World, run: Run, frozen: Node, killed: Node, other: Node, gone: set[Node]) -> float:
    number = run.bites
    async with here.sql() as conn:
        ghosts = [await people.sign_up(conn, f"ghost{number}x{one}") for one in range(GHOSTS)]
        flapper = await people.sign_up(conn, f"flapper{number}")
        witness = await people.sign_up(conn, f"witness{number}")
        await people.room(conn, f"haunted{number}", *ghosts, flapper, witness)
    told: list[Any] = []
    sockets = [await _come(ghost, (frozen, killed)[one % 2]) for one, ghost in enumerate(ghosts)]
    watching = await _come(witness, other, lambda event, data: told.append((event, data)))
    await eventually(lambda: _online(here, ghosts, GHOSTS), timeout=20)
    fenced = await frozen.metric("fenced_total")
    here.fault(f"freeze {frozen.name}, kill {killed.name}")
    gone |= {frozen, killed}
    began = time.monotonic()
    frozen.freeze()
    await killed.kill()
    run.bit(2)
    # What is sent to a frozen process waits in its kernel until it wakes.
    late = asyncio.create_task(
        sockets[0].call("send-message", {"room": f"haunted{number}", "message": "from the past"}, 60)
    )
    flapping = asyncio.create_task(_flap(flapper, other, 200 if run.nightly else 40))
    await eventually(lambda: _online(here, ghosts, 0), timeout=GHOST_SECONDS + NOISE_SECONDS)
    seconds = time.monotonic() - began
    flaps = await flapping
    frozen.thaw()
    await asyncio.wait([late], timeout=AFTER_WAKING)
    if not late.done() or (late.exception() is None and late.result()["success"]):
        run.violate("I11", "a node that had been taken for dead accepted a send, or said nothing to it")
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    await eventually(lambda: _has_fenced(frozen, fenced + 1), timeout=AFTER_WAKING)
    async with here.sql() as conn:
        if await conn.fetchval("SELECT count(*) FROM messages WHERE message_text = 'from the past'"):
            run.violate("I11", "a send to a node that had been taken for dead was stored")
    await killed.start()
    gone.clear()
    news = [data for event, data in told if event == "user-status-update" and data["userId"] == flapper.id]
    if len(news) > 1 + (time.monotonic() - began) / DEBOUNCE_SECONDS:
        run.violate("I10", f"{flaps} comings and goings of one person were told {len(news)} times")
    for socket in (watching, *sockets):
        await socket.close()
    return seconds


def _ignore(event: str, data: Any) -> None:
    """What a ghost is told is of no interest."""


async def _come(person: Person, node: Node, take: Callable[[str, Any], None] = _ignore) -> AnySocket:
    return await connect(node.url, person.token, "websocket", take)


async def _flap(person: Person, node: Node, times: int) -> int:
    for _ in range(times):
        await (await _come(person, node)).close()
    return times


async def _online(here: World, ghosts: list[Person], wanted: int) -> bool:
    """Whether so many are shown on-line, and as connected."""
    async with here.sql() as conn:
        ids = [ghost.user_id for ghost in ghosts]
        shown = await conn.fetchval("SELECT count(*) FROM users WHERE status = 'online' AND user_id = ANY ($1)", ids)
        rows = await conn.fetchval("SELECT count(DISTINCT user_id) FROM active_sessions WHERE user_id = ANY ($1)", ids)
    return (shown, rows) == (wanted, wanted)


async def _has_fenced(node: Node, wanted: float) -> bool:
    return await node.metric("fenced_total") >= wanted
