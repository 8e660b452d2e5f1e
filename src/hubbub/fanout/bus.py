"""The seam between processes, and what a bus promises. It is a hint only (law 1).

A bus carries `domain.changes` values from the process that committed something to every process, its own included.

It promises:
- `publish` and `follow` never block, never raise, and may be called from anywhere on the event loop;
- what it hands to `deliver` was published by a process of this deployment, unaltered.

It does not promise that anything arrives, nor once, nor in order, nor soon. Whoever listens repairs that from PostgreSQL:
`sequencer.py` orders a room's changes and reads what is missing; a look each second finds what no hint told.
`tests/contract/test_bus.py` holds every implementation to this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from hubbub.domain.changes import Hint


class Bus(Protocol):
    """Before: the use cases. After: `sequencer.py`, by way of `deliver`."""

    async def start(self, deliver: Callable[[Sequence[Hint]], None]) -> None:
        """Begin to hand over what any process publishes, several hints at a time. `deliver` is called on the loop."""

    async def close(self) -> None:
        """End; nothing is delivered afterwards."""

    def publish(self, hint: Hint) -> None:
        """Tell every process."""

    def follow(self, room_id: UUID, wanted: bool) -> None:
        """Somebody here listens to a room, or nobody does any longer: what is told of others need not be handed over."""
