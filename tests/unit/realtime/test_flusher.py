"""When what waits is written: at once in a quiet process, once per tick under load, acks without waiting."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

from tests.support.process import eventually

from hubbub.histogram import Histogram
from hubbub.realtime.broadcast import Flusher

FOREVER = 60.0  # a tick that no test waits for


class Waiting:
    """What the flusher sees of a connection; a flush of it takes `seconds` of the processor."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.flushed = 0

    def flush(self, memo: Any) -> None:
        self.flushed += 1
        until = perf_counter() + self.seconds
        while perf_counter() < until:
            pass


def add(flusher: Flusher, connection: Any) -> None:
    flusher.add(connection)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_first_frame_of_a_quiet_process_leaves_in_the_next_turn() -> None:
    flusher = Flusher(asyncio.get_running_loop(), FOREVER, Histogram())
    connection = Waiting()
    add(flusher, connection)
    assert connection.flushed == 0
    await turns(1)
    assert connection.flushed == 1


async def test_a_tick_lasts_as_long_as_the_last_flush_took() -> None:
    flusher = Flusher(asyncio.get_running_loop(), FOREVER, Histogram())
    add(flusher, Waiting(seconds=0.1))
    await turns()
    late = [Waiting() for _ in range(3)]
    for connection in late:
        add(flusher, connection)
    await turns()
    assert [connection.flushed for connection in late] == [0, 0, 0]  # gathered
    await eventually(lambda: [connection.flushed for connection in late] == [1, 1, 1], timeout=15)  # not for ever


async def test_a_tick_has_a_longest() -> None:
    flusher = Flusher(asyncio.get_running_loop(), 0.0, Histogram())
    add(flusher, Waiting(seconds=0.2))
    await turns()
    connection = Waiting()
    add(flusher, connection)
    await turns()
    assert connection.flushed == 1


async def test_acks_wait_for_no_tick() -> None:
    flusher = Flusher(asyncio.get_running_loop(), FOREVER, Histogram())
    add(flusher, Waiting(seconds=0.5))
    await turns()
    patient, urgent = Waiting(), Waiting()
    add(flusher, patient)
    add(flusher, urgent)
    flusher.urge(urgent)  # type: ignore[arg-type]
    await turns(1)
    assert (patient.flushed, urgent.flushed) == (0, 1)


async def test_a_flush_is_timed_once_however_many_it_writes_to() -> None:
    took = Histogram()
    flusher = Flusher(asyncio.get_running_loop(), 0.0, took)
    many = [Waiting() for _ in range(1_000)]  # written to in several turns
    for connection in many:
        add(flusher, connection)
    add(flusher, Waiting(seconds=0.02))
    await eventually(lambda: took.count > 0, timeout=15)
    assert [connection.flushed for connection in many] == [1] * 1_000
    assert took.count == 1
    assert took.total >= 0.02
    add(flusher, Waiting())
    await turns()
    assert took.count == 2


async def test_the_wait_for_the_tick_is_part_of_a_flush() -> None:
    took = Histogram()
    flusher = Flusher(asyncio.get_running_loop(), FOREVER, took)
    add(flusher, Waiting(seconds=0.3))
    await turns()
    add(flusher, Waiting())  # waits as long as that flush took
    await eventually(lambda: took.count == 2, timeout=15)
    assert took.total >= 0.3 + 0.1
