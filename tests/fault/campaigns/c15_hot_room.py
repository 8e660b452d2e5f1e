"""C15: one room with very many listeners, and a quiet one beside it that must not suffer."""

from __future__ import annotations

import asyncio

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.delays import own_lag, percentile
from tests.fault.harness.load import Size
from tests.fault.harness.world import world

SEND_P99 = 0.25
IDLE_FLOOR = 0.05  # below it twice the idle figure is noise


@campaign("C15", "a hot room", short=4_000, nightly=600_000, unit="deliveries", alone=True)
async def c15(run: Run) -> None:
    listeners = 1_000 if run.nightly else 100
    size = Size(senders=10, rooms=2, rate=20, listeners=0)  # 10 messages a second in each room
    async with world(run, shared=True, nodes=2, size=size) as here:
        load = here.load
        await load.prepare()
        await here.start()
        await load.acknowledged(400 if run.nightly else 60)
        idle = {room: percentile(seconds) for room, seconds in load.send_seconds.items()}
        async with here.sql() as db:
            for number in range(listeners):
                transport = "polling" if number % 10 == 9 else "websocket"
                load.listeners.append(await load.newcomer(db, f"listener{number}", transport, ["room0"]))
        for start in range(0, listeners, 50):
            for one in load.listeners[start : start + 50]:
                one.start()
            for one in load.listeners[start : start + 50]:
                await one.connected()
        load.send_seconds.clear()
        before = load.deliveries
        async with own_lag() as late:
            while run.wants_more:
                await asyncio.sleep(0.5)
                run.bit(load.deliveries - before - run.bites)
        lag = percentile(late)
        hot, quiet = percentile(load.send_seconds["room0"]), percentile(load.send_seconds["room1"])
        run.figures |= {
            "send_p99_hot": round(hot, 3),
            "send_p99_quiet": round(quiet, 3),
            "idle_p99": round(idle["room1"], 3),
            "own_lag_p99": round(lag, 3),
        }
        if run.nightly and hot - lag > SEND_P99:
            run.violate("C15", f"p99 of a send in the hot room is {hot * 1000:.0f} ms")
        if run.nightly and quiet - lag > 2 * max(idle["room1"], IDLE_FLOOR):
            run.violate(
                "C15", f"p99 of a send in a quiet room went from {idle['room1'] * 1000:.0f} to {quiet * 1000:.0f} ms"
            )
        await here.finish()
