"""Everybody is cut off at once and comes back as the official client does, each by its own clock."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any, Final

from bench.load.histogram import Histogram
from bench.load.member import LoadError
from bench.load.plan import Storm

if TYPE_CHECKING:
    from bench.load.client import Load

# The official client's defaults: the first wait, the longest, how far both are strayed from, and for how long it tries.
FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 5.0
STRAY: Final = 0.5
TRY_SECONDS: Final = 20.0


async def run(load: Load, storm: Storm) -> dict[str, Any]:
    """Cut, wait until all are live again or the limit has passed; the figures."""
    took, tries, dice = Histogram(), 0, random.Random(len(load.members))
    before, began = load.cpu(), time.perf_counter()
    for member in load.members:
        member.leave()

    async def come_back(index: int) -> None:
        nonlocal tries
        attempt = 0
        while True:
            wait = FIRST_SECONDS * 2**attempt * dice.uniform(1 - STRAY, 1 + STRAY)
            await asyncio.sleep(min(wait, LONGEST_SECONDS))
            tries += 1
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    load.members[index] = await load.open(index, resumes=storm.syncs)
            except (LoadError, OSError, TimeoutError):
                attempt += 1
                continue
            took.add(int((time.perf_counter() - began) * 1e6))
            return

    tasks = [asyncio.create_task(come_back(index)) for index in range(len(load.members))]
    _, waiting = await asyncio.wait(tasks, timeout=storm.limit)
    elapsed = time.perf_counter() - began
    spent = load.spent(before)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    missed = [member.missed for member in load.members]
    return {
        "phase": storm.name,
        "seconds": elapsed,
        "connections": took.count,
        "tries": tries,
        "live_ms": took.summary(),
        "missed": {"least": min(missed), "most": max(missed)},
        "cpu": spent,
        "check": {
            "absent": len(waiting),
            "behind": sum(count < storm.missed for count in missed) if storm.syncs else 0,
            "closed": load.closed,
            "strange": load.strange,
        },
    }
