"""C21: from polling to WebSocket in the middle of everything, behind nginx: the request of an upgrade reaches any node.

POSTs race polls, upgrades are given up after the probe, polls are cut off. Nobody misses or repeats a message.
"""

from __future__ import annotations

import asyncio

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.load import Size
from tests.fault.harness.upgrading import Upgrading
from tests.fault.harness.world import world
from tests.support.nginx import nginx
from tests.support.process import Process

WHOLE = Size(senders=20, rooms=5, rate=200, listeners=30)
SMALL = Size(senders=8, rooms=4, rate=80, listeners=10)


@campaign("C21", "upgrades, cut polls and racing requests under load", short=40, nightly=1_000, unit="upgrades")
async def c21(run: Run) -> None:
    proxies: list[Process] = []
    where: list[str] = []
    Upgrading.done.clear()
    size = WHOLE if run.nightly else SMALL
    # A polling client that is gone between two polls is missed at its next ping.
    env = {"HUBBUB_PING_INTERVAL_MS": "4000", "HUBBUB_PING_TIMEOUT_MS": "4000"}
    async with world(
        run, nodes=2, size=size, env=env, urls=lambda _: lambda: where, transports=("upgrade",), library=False
    ) as here:
        try:
            proxy, url = nginx(run.folder / "nginx", here.nodes.urls())
            await proxy.start()
            proxies.append(proxy)
            where.append(url)
            await here.start()
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
            run.figures["forwards"] = sum([await node.metric("forwards_total") for node in here.nodes])
            if Upgrading.done["failed"]:
                run.violate("I11", f"{Upgrading.done['failed']} upgrades failed")
            if not Upgrading.done["given up"] or not Upgrading.done["cut"] or not run.figures["forwards"]:
                run.violate("I11", "nothing was given up, cut or forwarded")
        finally:
            for one in proxies:
                await one.stop()
