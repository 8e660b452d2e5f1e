"""How long messages were under way: from the acknowledgement of a send until a client heard it live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from tests.fault.harness.history import Record


def delays(history: Iterable[Record]) -> Iterator[tuple[float, float]]:
    """Of each message and each client that heard it live: when it was acknowledged, and how much later it was heard."""
    acknowledged: dict[tuple[str, int], float] = {}
    heard: list[tuple[tuple[str, int], float]] = []
    for record in history:
        if record.op == "send" and record.phase == "ok":
            acknowledged.setdefault((record.room, record.seq), record.t_mono)
        elif record.op == "hear" and record.source == "live" and record.seq == record.change_seq:
            heard.append(((record.room, record.seq), record.t_mono))
    for place, at in heard:
        if place in acknowledged:
            yield acknowledged[place], max(0.0, at - acknowledged[place])


def percentile(seconds: Iterable[float], share: float = 0.99) -> float:
    """That one; 0 of nothing."""
    some = sorted(seconds)
    return some[min(len(some) - 1, int(len(some) * share))] if some else 0.0


@asynccontextmanager
async def own_lag() -> AsyncIterator[list[float]]:
    """How late the load's own event loop wakes while the block runs: what a thousand clients in one process add to all they time.

    An answer waits for the loop as a timer does, so its 99th percentile is taken off before a server is judged.
    """
    found: list[float] = []

    async def sample() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            found.append(time.monotonic() - began - 0.02)

    sampling = asyncio.create_task(sample())
    try:
        yield found
    finally:
        sampling.cancel()
