"""The bus of one process: what is published is delivered at once, by a plain call."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.domain.changes import Hint


class LocalBus:
    """See `bus.Bus`. Keeps more than it promises: nothing is lost, repeated, delayed or reordered."""

    def __init__(self) -> None:
        self._deliver: Callable[[Hint], None] | None = None

    async def start(self, deliver: Callable[[Hint], None]) -> None:
        self._deliver = deliver

    async def close(self) -> None:
        self._deliver = None

    def publish(self, hint: Hint) -> None:
        if self._deliver is not None:
            self._deliver(hint)
