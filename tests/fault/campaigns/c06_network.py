"""C6: everything a client's network does: resets, connections that end after so many bytes, black holes, single bytes,
latency, a thin line. All clients come through proxies; what counts is how often one of them had to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.world import World, before_nodes, world

# So that both sides notice a dead line within seconds.
HEARTBEAT = {"HUBBUB_PING_INTERVAL_MS": "1000", "HUBBUB_PING_TIMEOUT_MS": "2000"}


@campaign("C6", "the clients' network", short=60, nightly=1_000, unit="reconnects", seconds=1_800)
async def c6(run: Run) -> None:
    proxies: list[Proxy] = []
    async with world(run, shared=True, nodes=2, urls=before_nodes(proxies), env=HEARTBEAT) as here:
        for proxy in proxies:
            await proxy.start()
        await here.start()
        faults = [_reset, _limit, _black_hole, _slicer, _latency, _bandwidth]
        while run.wants_more:
            run.chance.shuffle(faults)
            for fault in faults:
                if run.wants_more:
                    here.fault(fault.__doc__ or "")
                    await fault(run, proxies)
                    for proxy in proxies:
                        proxy.faults.clear()
                    _count(run, here)
        await here.load.acknowledged(20)
        await here.finish()
        for proxy in proxies:
            await proxy.close()


def _count(run: Run, here: World) -> None:
    came_back = sum(one.reconnects for one in here.load.everyone)
    if came_back > run.bites:
        run.bit(came_back - run.bites)


async def _reset(run: Run, proxies: list[Proxy]) -> None:
    """Reset every other connection, twice."""
    for _ in range(2):
        for proxy in proxies:
            proxy.cut(0.5)
        await asyncio.sleep(run.chance.uniform(0.5, 1.0))


async def _limit(run: Run, proxies: list[Proxy]) -> None:
    """Every connection is reset after some bytes."""
    limit: Callable[[], int] = lambda: run.chance.randrange(50, 20_000)  # noqa: E731
    for proxy in proxies:
        proxy.faults.limit = limit
        proxy.cut()
    await asyncio.sleep(2.0)


async def _black_hole(run: Run, proxies: list[Proxy]) -> None:
    """One side's lines lead nowhere, then are reset."""
    proxy = run.chance.choice(proxies)
    proxy.faults.is_blackhole = True
    await asyncio.sleep(run.chance.uniform(0.5, 2.5))
    proxy.cut()


async def _slicer(run: Run, proxies: list[Proxy]) -> None:
    """Single bytes."""
    for proxy in proxies:
        proxy.faults.slicer = 1
        proxy.cut(0.5)  # handshakes in single bytes, too
    await asyncio.sleep(1.5)


async def _latency(run: Run, proxies: list[Proxy]) -> None:
    """Fifty milliseconds, give or take as many."""
    for proxy in proxies:
        proxy.faults.latency = proxy.faults.jitter = 0.05
        proxy.cut(0.5)
    await asyncio.sleep(1.5)


async def _bandwidth(run: Run, proxies: list[Proxy]) -> None:
    """Five kilobytes a second."""
    proxy = run.chance.choice(proxies)
    proxy.faults.bandwidth = 5_000
    proxy.cut(0.5)
    await asyncio.sleep(1.5)
