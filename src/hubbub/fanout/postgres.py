"""The line of several processes on one database: LISTEN and NOTIFY.

What is told together leaves as one statement of its own, after the commits it tells of: NOTIFY takes a lock that makes
every commit of the server wait. There is one channel, which every process hears whole.
Before: `line_bus.py`. After: `store/notify.py`, handed in by `app.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias
from uuid import UUID

from hubbub.fanout.line_bus import Heard


class Channel(Protocol):
    """LISTEN and NOTIFY on one connection."""

    async def send(self, payloads: Sequence[str]) -> None:
        """Tell these payloads; raises where that may have failed."""

    def close(self) -> None:
        """Cut the connection at once."""


OpenChannel: TypeAlias = Callable[[Callable[[str], None], Callable[[], None]], Awaitable[Channel]]
"""Opens one, given what to call with each payload, and what to call when the connection breaks."""


class PostgresLine:
    """See `line_bus.Line`."""

    payload_bytes = 7_900  # PostgreSQL takes less than 8,000

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def subject(self, room_id: UUID | None) -> str:
        return ""

    async def send(self, payloads: Sequence[tuple[str, bytes]]) -> None:
        await self._channel.send([payload.decode() for _, payload in payloads])

    def follow(self, rooms: Mapping[UUID, bool]) -> None:
        """Every process hears everything."""

    def close(self) -> None:
        self._channel.close()


async def open_line(open_channel: OpenChannel, heard: Heard, broken: Callable[[], None]) -> PostgresLine:
    """Raises what `open_channel` raises."""
    return PostgresLine(await open_channel(lambda payload: heard("", payload.encode()), broken))
