"""The feeds of one process: which rooms somebody here listens to, and the look once a second that no lost hint can fool.

`sequencer.py` is one feed. Before: `sockets/`, which opens, attaches and detaches. After: the database, once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias
from uuid import UUID

import structlog

from hubbub.domain.changes import Change
from hubbub.domain.ids import as_uuid
from hubbub.fanout.sequencer import GAP_SECONDS, Deliver, L, Read, RoomFeed
from hubbub.stages import Stages

LOOK_SECONDS: Final = 1.0
LOOK_ROOMS: Final = 1_000  # rooms asked after in one statement

Positions: TypeAlias = Callable[[list[UUID]], Awaitable[Mapping[UUID, int]]]
log = structlog.get_logger("feeds")


@dataclass(slots=True)
class FeedStats:
    """Counters since start; `metrics.py` shows them.

    Attributes:
        lag: changes that the rooms in use were behind the database, at the last look.
    """

    accepted: int = 0
    dropped: int = 0
    repairs: int = 0
    lag: int = 0


class Feeds(Generic[L]):
    """The feeds of this process.

    Args:
        deliver: tells listeners a run of changes.
        read: from the database, the changes of a room after a number, and the number they reach.
        positions: where the counters of rooms stand.
        follow: told of each room that somebody here listens to, and, with False, that nobody does any longer.
        stages: where they tell that changes came.
    """

    def __init__(
        self,
        deliver: Deliver[L],
        read: Read,
        positions: Positions,
        follow: Callable[[UUID, bool], None],
        stages: Stages | None = None,
    ) -> None:
        self.deliver = deliver
        self.read = read
        self.positions = positions
        self.follow = follow
        self.stages = stages or Stages()
        self.by_id: dict[UUID, RoomFeed[L]] = {}
        self._by_name: dict[str, RoomFeed[L]] = {}
        self.stats = FeedStats()
        self.on_rewound: Callable[[], None] = self.stop
        """Called where a counter has gone back, which only another database's can; `app.py` has every client come back."""
        self._hurry = asyncio.Event()

    def open(self, room_id: UUID, name: str) -> RoomFeed[L]:
        """The feed of a room. Open it before reading the room's state: from then on no hint is missed."""
        feed = self.by_id.get(room_id)
        if feed is None:
            feed = self.by_id[room_id] = RoomFeed(self, room_id, name)
            self._by_name[name] = feed
            self.follow(room_id, True)
        return feed

    def find(self, ref: str) -> RoomFeed[L] | None:
        """The feed of a room that somebody here listens to, by id or name. Says nothing of who may use it."""
        room_id = as_uuid(ref)
        return (self.by_id.get(room_id) if room_id is not None else None) or self._by_name.get(ref)

    def rename(self, feed: RoomFeed[L], name: str) -> None:
        """The room has another name now."""
        if self._by_name.get(feed.name) is feed:
            del self._by_name[feed.name]
        feed.name = name
        self._by_name[name] = feed

    def _close(self, feed: RoomFeed[L]) -> None:
        feed.stop()
        self.follow(feed.room_id, False)
        del self.by_id[feed.room_id]
        if self._by_name.get(feed.name) is feed:
            del self._by_name[feed.name]

    def accept(self, changes: Iterable[Change]) -> None:
        """Changes from the bus, in any order; rooms nobody here listens to are passed over."""
        self.stages.handed_over()
        moved: dict[RoomFeed[L], None] = {}
        for change in changes:
            feed = self.by_id.get(change.room_id)
            if feed is not None:
                self.stats.accepted += 1
                feed.hold(change)
                moved[feed] = None
        for feed in moved:
            feed.drain()

    def reached(self, room_id: UUID, number: int) -> None:
        """A room has come to a number, by a hint without the change itself: it is read, unless it has been told."""
        feed = self.by_id.get(room_id)
        if feed is not None and feed.position is not None and feed.position < number:
            feed.repair()

    def changed(self, room_id: UUID) -> None:
        """Something of a room was committed, and nobody said which number it has: it is read."""
        feed = self.by_id.get(room_id)
        if feed is not None:
            feed.repair()

    def attach(self, room_id: UUID, name: str, listener: L, after: int) -> bool:
        """Let a listener hear a room from number `after` on; see `RoomFeed.attach`."""
        return self.open(room_id, name).attach(listener, after)

    def detach(self, room_id: UUID, listener: L) -> int | None:
        """Listen to a room no longer; see `RoomFeed.detach`."""
        feed = self.by_id.get(room_id)
        return feed.detach(listener) if feed is not None else None

    async def run(self) -> None:
        """Once a second, or when `look_soon` asks: find what no hint told, close feeds that nobody listens to, empty the
        rings of quiet rooms.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._hurry.wait()
            self._hurry.clear()
            try:
                await self.look()
            except Exception as error:
                log.warning("the rooms in use could not be looked at", error=type(error).__name__)

    def look_soon(self) -> None:
        """Hints were lost: look now."""
        self._hurry.set()

    async def look(self) -> None:
        """One such look. A counter that is ahead gets the time of a gap to close by itself."""
        for feed in list(self.by_id.values()):
            feed.idle_looks = feed.idle_looks + 1 if feed.is_idle else 0
            if feed.looked == feed.position:
                feed.ring.clear()  # who attaches had read the room a moment before; a full ring is a hundred kilobytes
            feed.looked = feed.position
            if feed.idle_looks > 2:  # long enough for whoever opened it to have read the room and attached
                self._close(feed)
        told = {room_id: (feed, feed.position) for room_id, feed in self.by_id.items() if feed.position is not None}
        room_ids = list(told)
        behind: dict[UUID, int] = {}
        for start in range(0, len(room_ids), LOOK_ROOMS):
            some = room_ids[start : start + LOOK_ROOMS]
            found = await self.positions(some)
            # A feed that is another by now was forgotten meanwhile, and not by this.
            if any(self.by_id.get(one) is told[one][0] and seq < told[one][1] for one, seq in found.items()):
                log.error("counters of rooms have gone back; was a backup put in place?")
                self.on_rewound()
                return
            behind.update({room_id: seq for room_id, seq in found.items() if self._lag(room_id, seq)})
            for room_id in some:
                if room_id not in found:
                    self.changed(room_id)  # its row is gone
        if behind:
            await asyncio.sleep(GAP_SECONDS)
        self.stats.lag = 0
        for room_id, seq in behind.items():
            lag = self._lag(room_id, seq)
            if lag:
                self.stats.lag += lag
                self.by_id[room_id].repair()

    def _lag(self, room_id: UUID, last_seq: int) -> int:
        """How many changes a room's listeners are behind its counter."""
        feed = self.by_id.get(room_id)
        return max(0, last_seq - feed.position) if feed is not None and feed.position is not None else 0

    def stop(self) -> None:
        for feed in self.by_id.values():
            feed.stop()
        self.by_id.clear()
        self._by_name.clear()
