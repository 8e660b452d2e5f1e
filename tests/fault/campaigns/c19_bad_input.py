"""C19: every bad input of the corpus, good ones spoilt by chance, and all that the OpenAPI document names, while two chat."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

import asyncpg
from tests.fault.corpus import ABSENT, ENTRIES
from tests.fault.corpus.entry import Entry
from tests.fault.corpus.mutations import Mutations, spoil_wire
from tests.fault.corpus.openapi import Drive
from tests.fault.corpus.runner import ENV, Arena, apply_all
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.load import Size
from tests.fault.harness.world import world

WITNESSES: Final = Size(senders=2, rooms=1, rate=10, listeners=0)
SHORT_SECONDS: Final = 12.0  # what takes longer by its nature is left to the night
OF_EACH: Final = 2  # entries of one number in a short run, by chance; at night all
WIRE: Final = 1_000_000  # spoilt inputs of `wire` alone, at night
LANES: Final = 3  # of spoilt inputs
ALIVE: Final = 900.0  # seconds a nightly run of spoilt inputs may take


@campaign("C19", "bad input of every kind", short=220, nightly=20_000, unit="inputs")
async def c19(run: Run) -> None:
    async with (
        world(run, nodes=1, size=WITNESSES, env=ENV) as here,
        asyncpg.create_pool(here.dsn, min_size=1, max_size=3) as db,
    ):
        await here.start()
        arena = await Arena.prepare(here.nodes[0], db)
        chosen = list(ENTRIES) if run.nightly else some(run.chance)

        def wrong(entry: Entry, what: str) -> None:
            run.violate("I11", f"{entry.name}: {what}")

        def failed(what: str) -> None:
            run.violate("I11", what)

        async def corpus() -> None:
            await apply_all(arena, chosen, wrong)
            run.bit(len(chosen))
            here.fault("the corpus is through")

        mutations = Mutations(arena, run.chance, failed)

        async def spoilt() -> None:
            while run.wants_more and time.monotonic() - began < ALIVE:
                await mutations.some(50)
                run.bit(50)

        began = time.monotonic()
        names = arena.names
        drive = await asyncio.to_thread(
            Drive, arena.url, {"": names["ann"], "logout": names["mallory"], "deleteUser": names["oscar"]},
            {"room": "arena", "userId": names["ann_id"], "messageId": names["said"], "q": "an"}, run.seed,
        )  # fmt: skip
        try:
            await corpus()
            await asyncio.gather(
                *(spoilt() for _ in range(LANES if run.nightly else 1)),
                asyncio.to_thread(drive.run, 100 if run.nightly else 1, failed),
            )
            if run.nightly:
                await asyncio.to_thread(spoil_wire, WIRE, run.chance, failed)
        finally:
            drive.close()
        run.figures |= {
            "entries": len(chosen),
            "kinds": len({entry.number for entry in chosen}),
            "kinds_without_a_door": sum(len(absent.numbers) for absent in ABSENT),
            "spoilt": mutations.sent,
            "by_openapi": drive.asked,
            "by_wire_alone": WIRE if run.nightly else 0,
            "longest_close_ms": round(max(arena.closed_after) * 1000),
            "median_close_ms": round(sorted(arena.closed_after)[len(arena.closed_after) // 2] * 1000),
        }
        await here.finish()


def some(chance: random.Random) -> list[Entry]:
    """A few entries of each number, none that takes long."""
    by_number: dict[int, list[Entry]] = {}
    for entry in ENTRIES:
        if entry.slow < SHORT_SECONDS:
            by_number.setdefault(entry.number, []).append(entry)
    return [entry for found in by_number.values() for entry in chance.sample(found, min(OF_EACH, len(found)))]
