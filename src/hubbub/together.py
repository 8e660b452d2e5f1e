"""Several pieces of work at once, of which none goes on when another has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Do all of it at once; what each gave, in order.

    Raises:
        Exception: what the first that failed has raised, by itself (`asyncio.TaskGroup` would wrap it), once the others
            have ended too.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, Exception):
            raise failure
    return ended
