"""Every client is sent away, each at a moment of its own, and none with an event unanswered.

A connection whose moment has come is read no more. What it sent before is answered, and what waits for it leaves; then its
transport is closed, after which official clients come back by themselves, to whoever takes them. So no send that was
stored stays without its ack, and the other nodes are not asked for everybody at once. (Anchor: reliability D10.)
Before it: `server.py`. After it: `connection.py`.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from hubbub.realtime.transport import GOING_AWAY, SHUTTING_DOWN

if TYPE_CHECKING:
    from hubbub.realtime.connection import Connection
    from hubbub.realtime.registry import Registry

AWAY_A_SECOND: Final = 250  # clients sent away in a second, until that would take longer than there is time
_TICK: Final = 0.02
_ANSWERING: Final = 2 / 3  # the share of the time in which everybody's moment comes; the rest is for their answers


async def leave(registry: Registry, most: float) -> None:
    """Open no new session, and send everybody away within `most` seconds; who is not quiet by then stays."""
    registry.start()
    registry.leaving = True
    began = registry.now()
    staying = list(registry.connections.values())
    random.shuffle(staying)
    spread = min(_ANSWERING * most, len(staying) / AWAY_A_SECOND)
    pause = spread / max(1, len(staying))
    going: list[Connection] = []
    while (staying or going) and registry.now() < began + most:
        later = int((began + spread - registry.now()) / pause)
        while staying and len(staying) > later:
            connection = staying.pop()
            if connection.channel is not None:
                connection.channel.pause_reading()
                going.append(connection)
        going = [connection for connection in going if not _has_gone(connection)]
        await asyncio.sleep(_TICK)


def _has_gone(connection: Connection) -> bool:
    if connection.channel is not None and connection.is_quiet:
        connection.close(SHUTTING_DOWN, code=GOING_AWAY, text=SHUTTING_DOWN)
    return connection.channel is None
