"""C12: some clients of a large room stop reading, others read a kilobyte a second. They are dropped, the rest notices
nothing, memory stays bounded; and when they read again they resume without a gap."""

from __future__ import annotations

import asyncio
import re
import time

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.delays import own_lag, percentile
from tests.fault.harness.load import Size
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.world import World, world
from tests.support.raw_client import request

OUTBOX = 65_536  # HUBBUB_OUTBOX_BYTES, the least there is
WINDOW = 16_384
CLOSED_SECONDS = 120.0
OTHERS_P99 = 0.3
MORE_BYTES = 50_000_000


async def dropped(here: World) -> int:
    """How many connections the nodes closed because they were slow."""
    total = 0.0
    for node in here.nodes:
        text = (await request(f"{node.url}/metrics")).text
        for reason, count in re.findall(
            r'^hubbub_connections_closed_total\{reason="([^"]+)"\} (\S+)', text, re.MULTILINE
        ):
            if reason == "slow":
                total += float(count)
    return int(total)


@campaign("C12", "clients that stop reading", short=8, nightly=100, unit="clients dropped", alone=True)
async def c12(run: Run) -> None:
    # Texts are long, because kernels keep megabytes for each connection before the outbox even begins to fill.
    listeners, stopped = (120, 25) if run.nightly else (24, 8)
    size = Size(senders=4, rooms=1, rate=10 if run.nightly else 20, listeners=listeners, each=1)
    options = {"env": {"HUBBUB_OUTBOX_BYTES": str(OUTBOX)}, "transports": ("websocket",), "library": False}
    async with world(run, shared=True, nodes=1, size=size, padding=15_000, receipts=False, **options) as here:
        await here.load.prepare()
        proxies = {name: Proxy(("127.0.0.1", here.nodes[0].port), window=WINDOW) for name in ("stopped", "slow")}
        for number, name in enumerate(("stopped", "slow")):
            await proxies[name].start()
            url = [f"http://127.0.0.1:{proxies[name].port}"]
            for one in here.load.listeners[number * stopped : (number + 1) * stopped]:
                one.urls = lambda url=url: url
        await here.start()
        base = (await here.nodes[0].sample()).rss
        async with own_lag() as late:
            while run.wants_more:
                before = await dropped(here)
                here.fault("stop reading")
                proxies["stopped"].faults.is_paused = True
                proxies["slow"].faults.bandwidth = 1_000
                end = time.monotonic() + CLOSED_SECONDS
                while await dropped(here) < before + stopped and time.monotonic() < end:
                    await asyncio.sleep(0.2)
                now = await dropped(here)
                if now < before + stopped:
                    run.violate(
                        "C12", f"of {stopped} that do not read {now - before} were dropped in {CLOSED_SECONDS:.0f} s"
                    )
                    break
                grown = (await here.nodes[0].sample()).rss - base
                if grown > MORE_BYTES + 2 * stopped * OUTBOX:
                    run.violate("I12", f"memory has grown by {grown >> 20} MB under {2 * stopped} slow readers")
                run.figures["grown_mb"] = max(run.figures.get("grown_mb", 0), grown >> 20)
                run.bit(now - before)
                here.fault("read again")
                for proxy in proxies.values():
                    proxy.faults.clear()
                    proxy.cut()
                await here.load.acknowledged(40)
                if now < before + stopped:
                    break
        slowest, lag = percentile(here.load.send_seconds["room0"]), percentile(late)
        run.figures |= {"send_p99": round(slowest, 3), "own_lag_p99": round(lag, 3)}
        if run.nightly and slowest - lag > OTHERS_P99:
            run.violate("C12", f"p99 of a send among the others is {run.figures['send_p99'] * 1000:.0f} ms")
        await here.finish()
        for proxy in proxies.values():
            await proxy.close()
