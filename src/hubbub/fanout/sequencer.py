"""Per room: every change once, in order, gaps repaired; and who listens.

A `RoomFeed` exists for each room that somebody here listens to. It knows how far it has told (`position`), and:
- tells a change whose number is the next one, drops lower ones, and holds higher ones;
- when the gap has not closed by itself within `GAP_SECONDS`, reads what is missing from the database;
- is looked at once a second by `feeds.py`, so that the last change before a silence is found too.

Joining without a seam: a listener that has read the room's state up to number N is attached with `after=N`. What the
feed has told since is given to it from the ring of recent changes; what it has not told yet but N covers is kept from
it. So state read, then events told, is the whole truth, with no gap and no repeat.

Before: `bus.py`. After: `sockets/delivery.py`. Listeners are opaque here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from uuid import UUID

import structlog

from hubbub.domain.changes import Change

if TYPE_CHECKING:
    from hubbub.fanout.feeds import Feeds

GAP_SECONDS: Final = 0.05
RING: Final = 128  # recent changes kept per room in use, until it has been quiet for a second or two
HELD_MAX: Final = 1_000  # changes held for a gap; more are dropped, and read from the database instead

log = structlog.get_logger("sequencer")
L = TypeVar("L")
Deliver = Callable[["RoomFeed[L]", Collection[L], Sequence[Change]], None]
Read = Callable[[UUID, int], Awaitable[tuple[list[Change], int]]]


class RoomFeed(Generic[L]):
    """One room's stream in this process. `position` is None until somebody has read the room's state."""

    __slots__ = (
        "_again", "_owner", "_repair", "_timer", "held", "idle_looks", "late", "listeners", "looked", "name", "position", "ring", "room_id",
    )  # fmt: skip

    def __init__(self, owner: Feeds[L], room_id: UUID, name: str) -> None:
        self._owner = owner
        self.room_id = room_id
        self.name = name
        self.position: int | None = None
        self.listeners: dict[L, None] = {}
        self.late: dict[L, int] = {}
        """Listeners whose state already covers changes not told yet, and up to which number."""
        self.idle_looks = 0
        self.looked: int | None = None  # `position` at the last look
        self.held: dict[int, Change] = {}
        self.ring: deque[Change] = deque(maxlen=RING)
        self._again = False  # a read that began before this was set may have seen too little
        self._timer: asyncio.TimerHandle | None = None
        self._repair: asyncio.Task[None] | None = None

    def attach(self, listener: L, after: int) -> bool:
        """Listen from number `after` on.

        Returns:
            False where what lies between `after` and now is no longer at hand: read it from the database, then attach.
        """
        if self.position is None:
            self.position = after
            self.listeners[listener] = None
            self.drain()
            return True
        if after < self.position:
            recent = [change for change in self.ring if change.number > after]
            # Numbers may be missing from a ring that was filled by a repair; only an unbroken run will do.
            if len(recent) != self.position - after:
                return False
            self.listeners[listener] = None
            for change in recent:
                if listener not in self.listeners:
                    break  # put out of the room by the change before
                self._owner.deliver(self, (listener,), [change])
            return True
        if after > self.position:
            self.late[listener] = after
            self.listeners.pop(listener, None)
        else:
            self.listeners[listener] = None
        return True

    def detach(self, listener: L) -> int | None:
        """Listen no longer: the number up to which the listener knows the room, None where it did not listen."""
        after = self.late.pop(listener, None)
        if after is None and listener in self.listeners:
            del self.listeners[listener]
            after = self.position
        return after

    @property
    def is_idle(self) -> bool:
        return not self.listeners and not self.late

    def everyone(self) -> Iterable[L]:
        """All listeners, those included who are ahead of what has been told."""
        return (*self.listeners, *self.late) if self.late else self.listeners

    def hold(self, change: Change) -> None:
        """Take a change from the bus, or drop it; `drain` is to follow."""
        if (self.position is not None and change.number <= self.position) or change.number in self.held:
            self._owner.stats.dropped += 1
        elif len(self.held) < HELD_MAX:
            self.held[change.number] = change

    def drain(self) -> None:
        """Tell what is held and comes next; see to the gap before the rest."""
        if self.position is None:
            return
        run: list[Change] = []
        while (change := self.held.pop(self.position + len(run) + 1, None)) is not None:
            run.append(change)
        self._tell(run)
        for number in [number for number in self.held if number <= self.position]:
            del self.held[number]
        if self.held and self._timer is None and self._repair is None:
            self._timer = asyncio.get_running_loop().call_later(GAP_SECONDS, self._gap)

    def _tell(self, run: Sequence[Change]) -> None:
        """Tell changes in order; together, except where somebody knows a part of them already."""
        for part in ([change] for change in run) if self.late else [run] if run else ():
            self.position = part[-1].number
            self.ring.extend(part)
            for listener in [who for who, after in self.late.items() if after < part[0].number]:
                del self.late[listener]
                self.listeners[listener] = None
            self._owner.deliver(self, self.listeners, part)

    def _gap(self) -> None:
        self._timer = None
        if self.held:
            self.repair()

    def repair(self) -> None:
        """Read from the database what has not been told, up to now."""
        self._again = True
        if self._repair is None and self.position is not None:
            self._repair = asyncio.create_task(self._read(), name=f"repair {self.room_id}")

    async def _read(self) -> None:
        try:
            self._owner.stats.repairs += 1
            while self.position is not None:
                start, self._again, told_of = self.position, False, list(self.held)
                changes, up_to = await self._owner.read(self.room_id, start)
                if self.position != start:
                    continue  # hints closed the gap meanwhile; what was read may be told already
                self._tell(changes)
                self.position = max(self.position, up_to)
                for listener in [who for who, after in self.late.items() if after <= self.position]:
                    del self.late[listener]
                    self.listeners[listener] = None
                if (not changes or up_to == start) and not self._again:
                    for number in told_of:
                        self.held.pop(number, None)  # told before it was committed? Then it never was
                    break
        except Exception as error:
            log.warning("a gap could not be read yet", room_id=str(self.room_id), error=type(error).__name__)
        finally:
            self._repair = None
            self.drain()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._repair is not None:
            self._repair.cancel()
        self.held.clear()  # nothing starts another repair
