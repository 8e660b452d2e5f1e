"""C21: behind nginx, where each request reaches any node: upgrades, racing requests, cut polls, and nodes that end.

Nobody misses or repeats a message: not in the middle of an upgrade, nor when an answer is lost with the node that was to
pass it on, while its session goes on at another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import TRANSPORTS
from tests.fault.harness.load import L, Size
from tests.fault.harness.upgrading import Upgrading
from tests.fault.harness.world import World, world
from tests.support.nginx import nginx

WHOLE = Size(senders=20, rooms=5, rate=200, listeners=30)
FAST = Size(senders=8, rooms=4, rate=80, listeners=10)
FEW = Size(senders=4, rooms=2, rate=15, listeners=6)
# A polling client that is gone between two polls is missed at its next ping.
PINGS = {"HUBBUB_PING_INTERVAL_MS": "4000", "HUBBUB_PING_TIMEOUT_MS": "4000"}


@contextlib.asynccontextmanager
async def behind_nginx(run: Run, nodes: int, size: Size, transports: tuple[str, ...]) -> AsyncIterator[World]:
    """Nodes and their load, which comes in by way of nginx alone. Started."""
    where: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        here = await stack.enter_async_context(
            world(
                run,
                nodes=nodes,
                size=size,
                env=PINGS,
                urls=lambda _: lambda: where,
                transports=transports,
                library=False,
            )
        )
        proxy, url = nginx(run.folder / "nginx", here.nodes.urls())
        await stack.enter_async_context(proxy)
        where.append(url)
        await here.start()
        yield here


async def forwards(here: World) -> float:
    return sum([await node.metric("forwards_total") for node in here.nodes])


@campaign("C21", "upgrades, cut polls and racing requests under load", short=25, nightly=1_000, unit="upgrades")
async def c21(run: Run) -> None:
    Upgrading.done.clear()
    async with behind_nginx(run, 2, WHOLE if run.nightly else FAST, ("upgrade",)) as here:
        while run.wants_more:
            for one in here.load.listeners:
                if isinstance(one.socket, Upgrading) and one.socket.settled and not one.socket.closed.is_set():
                    one.socket.settled = False
                    one.socket.abort()
            run.bit(Upgrading.done["upgraded"] - run.bites)
            await asyncio.sleep(0.05)
        await here.load.acknowledged(20)
        await here.finish()
        run.figures |= {name.replace(" ", "_"): count for name, count in Upgrading.done.items()}
        run.figures["forwards"] = await forwards(here)
        if Upgrading.done["failed"]:
            run.violate("I11", f"{Upgrading.done['failed']} upgrades failed")
        if not Upgrading.done["given up"] or not Upgrading.done["cut"] or not run.figures["forwards"]:
            run.violate("I11", "nothing was given up, cut or forwarded")


@campaign("C21b", "nodes behind nginx killed and restarted under polling clients", short=2, nightly=40, unit="ends")
async def c21b(run: Run) -> None:
    transports = ("polling", "polling", *TRANSPORTS, "upgrade")
    async with behind_nginx(run, 3 if run.nightly else 2, L if run.nightly else FEW, transports) as here:
        forwarded = 0.0
        while run.wants_more:
            await here.load.acknowledged(run.chance.randrange(10, 100 if run.nightly else 20))
            node = run.chance.choice(here.nodes)
            how = run.chance.choice(("kill", "kill", "stop"))
            forwarded = max(forwarded, await forwards(here))
            here.fault(f"{how} {node.name}")
            await getattr(node, how)()
            run.bit()
            await node.start()
        await here.load.acknowledged(10)
        await here.finish()
        run.figures["forwards"] = forwarded
        if not forwarded:
            run.violate("I11", "nothing was forwarded")
