"""The time that a process has for its end, and the steps of it, none of which may hang the others.

Promises: whatever hangs (a database that does not answer, a client that does not read), the process has ended
`END_SECONDS` after it was asked to; a second signal ends it at once. Nothing that was acknowledged depends on any step: what is cut short here, the
next start, or another process, puts in order. (Anchor: reliability D10.)
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final

import structlog

END_SECONDS: Final = 20.0
POSTGRES_SECONDS: Final = (
    5.0  # of these, kept for an embedded PostgreSQL, which goes on by itself where it needs longer
)
HURRIED_SECONDS: Final = 0.5  # for each step once somebody is in a hurry
_CANCELLED_SECONDS: Final = 0.2  # for a step that is cut short to take note of it

log = structlog.get_logger("ending")


class Ending:
    """How much time is left, from `begin` on."""

    def __init__(self) -> None:
        self._end: float | None = None
        self._hurry = asyncio.Event()

    def begin(self) -> None:
        """The process was asked to end; from now on it does, even where the event loop itself hangs."""
        if self._end is None:
            self._end = time.monotonic() + END_SECONDS
            watchdog = threading.Timer(END_SECONDS, os._exit, (1,))
            watchdog.daemon = True
            watchdog.start()

    def hurry(self) -> None:
        """Somebody asked again."""
        self._hurry.set()

    async def step(
        self, what: str, work: Coroutine[Any, Any, Any], most: float = END_SECONDS, keep: float = POSTGRES_SECONDS + 1
    ) -> None:
        """Do one step; where it fails, or takes too long, say so and go on.

        Args:
            most: seconds it may take.
            keep: seconds of what is left that are for later steps.
        """
        left = END_SECONDS if self._end is None else self._end - time.monotonic()
        task = asyncio.create_task(work, name=what)
        hurry = asyncio.create_task(self._hurry.wait(), name="hurry")
        limit = max(0.0, min(most, left - keep))
        await asyncio.wait({task, hurry}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not task.done() and self._hurry.is_set():
            await asyncio.wait({task}, timeout=HURRIED_SECONDS)
        if not task.done():
            log.warning("not waited for any longer", step=what)
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCELLED_SECONDS)
        elif not task.cancelled() and task.exception() is not None:
            log.warning("this failed", step=what, error=type(task.exception()).__name__)
