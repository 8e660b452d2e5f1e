"""The bus of one process: what is published in one turn of the event loop is delivered together, two turns later.

Together, because a batch that was committed in one statement is published in one turn: its messages to a room are then
encoded one by one, but queued for each listener once. Two turns, because the turn between belongs to the acks of that
batch (law 2); what was told then leaves with them, in one write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from hubbub.domain.changes import Hint
from hubbub.fanout.stats import BusStats


class LocalBus:
    """See `bus.Bus`. Keeps more than it promises: nothing is lost, repeated or reordered."""

    fault: str | None = None

    def __init__(self) -> None:
        self.stats = BusStats()
        self._deliver: Callable[[Sequence[Hint]], None] | None = None
        self._published: list[Hint] = []

    async def start(self, deliver: Callable[[Sequence[Hint]], None]) -> None:
        self._deliver = deliver

    def renew(self, epoch: str) -> None:
        """The database is another: what waits to be delivered is of before, and is forgotten."""
        self._published.clear()

    async def close(self) -> None:
        self._deliver = None

    def publish(self, hint: Hint) -> None:
        if self._deliver is None:
            return
        if not self._published:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._hand_over)
        self._published.append(hint)

    def follow(self, room_id: UUID, wanted: bool) -> None:
        """Everything is heard."""

    def _hand_over(self) -> None:
        published, self._published = self._published, []
        if self._deliver is not None:
            self._deliver(published)
