"""An event loop whose time jumps to the next thing that is due, and the patches that let everybody read that time.

A run takes as long as its work does, whatever its timeouts; and, with one seeded source of luck, takes the same course
each time: asyncio promises the order of what is ready, and nothing here depends on sockets, threads or the wall clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import selectors
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

START = 1_000_000.0


class Stuck(AssertionError):
    """Nothing is due any more, and the run has not ended: somebody waits for ever."""


class _Selector(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    now = START

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, over `_Selector`."""

    def __init__(self) -> None:
        self.virtual = _Selector()
        super().__init__(self.virtual)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.virtual.now


@contextlib.contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A new loop; meanwhile the modules that ask for the time are told its own."""
    loop = VirtualLoop()
    now = loop.time
    try:
        with (
            mock.patch.object(time, "monotonic", now),
            mock.patch.object(time, "perf_counter", now),
            mock.patch.object(time, "time", now),
            mock.patch.object(time, "clock_gettime", side_effect=lambda _: now()),
            mock.patch.object(importlib.import_module("hubbub.realtime.broadcast"), "perf_counter", now),
        ):
            yield loop
    finally:
        loop.close()
