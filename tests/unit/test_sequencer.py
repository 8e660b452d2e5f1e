"""The sequencer: each change of a room to each listener once, in order, whatever the bus does to its hints."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID, uuid4

import pytest
from tests.support.process import eventually

from hubbub.domain.changes import Change
from hubbub.domain.model import Wire
from hubbub.fanout import feeds, sequencer
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.sequencer import RoomFeed

ROOM = UUID(int=1)


def change(number: int, room_id: UUID = ROOM) -> Change:
    return Change(room_id=room_id, number=number, event="receive-message", data=Wire())


class World:
    """The truth (a room whose changes are numbered), and what each listener was told of it."""

    def __init__(self) -> None:
        self.last: dict[UUID, int] = {ROOM: 0}
        self.told: dict[str, list[int]] = {}
        self.reads: list[int] = []
        self.page = 1_000
        self.followed: dict[UUID, bool] = {}
        self.broken = False
        self.reading: asyncio.Event | None = None
        self.feeds: Feeds[str] = Feeds(self._deliver, self._read, self._positions, follow=self._follow)

    def _deliver(self, feed: RoomFeed[str], listeners: Collection[str], run: Sequence[Change]) -> None:
        for listener in listeners:
            self.told[listener] += [one.number for one in run]

    async def _read(self, room_id: UUID, number: int) -> tuple[list[Change], int]:
        self.reads.append(number)
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError
        last = min(self.last[room_id], number + self.page)
        if self.reading is not None:
            await self.reading.wait()
        return [change(n, room_id) for n in range(number + 1, last + 1)], last

    def _follow(self, room_id: UUID, wanted: bool) -> None:
        self.followed[room_id] = wanted

    async def _positions(self, room_ids: list[UUID]) -> dict[UUID, int]:
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError
        return {room_id: self.last[room_id] for room_id in room_ids}

    def write(self, count: int = 1) -> list[Change]:
        """Changes are committed; their hints are given to whoever calls."""
        first = self.last[ROOM] + 1
        self.last[ROOM] += count
        return [change(n) for n in range(first, first + count)]

    def listen(self, listener: str, after: int) -> bool:
        self.told.setdefault(listener, [])
        return self.feeds.attach(ROOM, "room", listener, after)

    def hint(self, *numbers: int) -> None:
        for number in numbers:
            self.feeds.accept([change(number)])

    @property
    def feed(self) -> RoomFeed[str]:
        return self.feeds.by_id[ROOM]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    here = World()
    yield here
    here.feeds.stop()


async def test_in_order_and_at_once(world: World) -> None:
    world.listen("ann", 0)
    world.write(3)
    world.hint(1, 2, 3)
    assert world.told["ann"] == [1, 2, 3]
    assert world.feeds.stats.accepted == 3


async def test_repeats_are_dropped(world: World) -> None:
    world.listen("ann", 0)
    world.write(3)
    world.hint(1, 1, 2, 1, 3, 2, 3)
    assert world.told["ann"] == [1, 2, 3]
    assert world.feeds.stats.dropped == 4


async def test_what_comes_early_is_held_until_the_gap_closes(world: World) -> None:
    world.listen("ann", 0)
    world.write(4)
    world.hint(4, 3, 2)
    assert world.told["ann"] == []
    world.hint(1)
    assert world.told["ann"] == [1, 2, 3, 4]
    assert world.feed.held == {}
    await asyncio.sleep(2 * sequencer.GAP_SECONDS)  # nothing is read for a gap that closed by itself
    assert world.reads == []


async def test_a_gap_is_read_after_the_time_of_a_gap(world: World) -> None:
    world.listen("ann", 0)
    world.write(3)
    loop = asyncio.get_running_loop()
    began = loop.time()
    world.hint(3)
    await eventually(lambda: world.told["ann"] == [1, 2, 3], timeout=15)
    assert loop.time() - began >= sequencer.GAP_SECONDS * 0.9
    assert world.reads[0] == 0
    world.hint(1, 2, 3)
    assert world.told["ann"] == [1, 2, 3]


async def test_the_look_finds_the_last_change_before_a_silence(world: World) -> None:
    world.listen("ann", 0)
    world.write(2)
    await world.feeds.look()
    assert world.feeds.stats.lag == 2
    await eventually(lambda: world.told["ann"] == [1, 2])
    await world.feeds.look()
    assert world.feeds.stats.lag == 0


async def test_a_long_gap_is_read_in_pages(world: World) -> None:
    world.page = 7
    world.listen("ann", 0)
    world.write(100)
    world.hint(100)
    await eventually(lambda: world.told["ann"] == list(range(1, 101)))


async def test_a_gap_that_cannot_be_read_yet_is_read_later(world: World) -> None:
    world.listen("ann", 0)
    world.write(3)
    world.broken = True
    world.hint(3)
    await eventually(lambda: len(world.reads) >= 2)
    assert world.told["ann"] == []
    world.broken = False
    await eventually(lambda: world.told["ann"] == [1, 2, 3])


async def test_hints_that_close_the_gap_while_it_is_read(world: World) -> None:
    world.listen("ann", 0)
    world.write(3)
    world.reading = asyncio.Event()
    world.hint(3)
    await eventually(lambda: len(world.reads) == 1)
    world.hint(1, 2)
    assert world.told["ann"] == [1, 2, 3]
    world.write(2)
    world.reading.set()
    await eventually(lambda: world.feed._repair is None)
    world.hint(4, 5)
    assert world.told["ann"] == [1, 2, 3, 4, 5]


async def test_more_than_can_be_held_is_read_instead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "HELD_MAX", 5)
    world.listen("ann", 0)
    world.write(20)
    world.hint(*range(2, 21))
    assert len(world.feed.held) == 5
    await eventually(lambda: world.told["ann"] == list(range(1, 21)))


async def test_nothing_is_told_to_a_room_nobody_listens_to(world: World) -> None:
    world.write()
    world.hint(1)
    assert world.feeds.by_id == {}


@pytest.mark.parametrize("position", [3, 5, 8])
@pytest.mark.parametrize("after", range(11))
async def test_attach_at_every_position(world: World, position: int, after: int) -> None:
    """A listener that has read up to `after` is told all from there, whether the feed is before or behind it."""
    world.listen("first", 0)
    world.write(10)
    world.hint(*range(1, position + 1))
    attached = world.listen("late", after)
    assert attached
    world.hint(*range(position + 1, 11))
    assert world.told["first"] == list(range(1, 11))
    assert world.told["late"] == list(range(after + 1, 11))


async def test_attach_beyond_the_ring_asks_for_a_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.listen("first", 0)
    world.write(sequencer.RING + 10)
    world.hint(*range(1, sequencer.RING + 11))
    assert world.listen("old", 9) is False
    assert world.told["old"] == []
    assert world.listen("old", 10) is True
    assert world.told["old"] == list(range(11, sequencer.RING + 11))


async def test_a_ring_with_holes_is_not_used() -> None:
    """A repair gives the present state: numbers that were superseded are missing."""
    world = World()
    world.listen("first", 0)

    async def sparse(room_id: UUID, number: int) -> tuple[list[Change], int]:
        return [change(n) for n in (2, 5) if n > number], 6

    world.feeds.read = sparse
    world.last[ROOM] = 6
    world.feed.repair()
    await eventually(lambda: world.feed.position == 6)
    assert world.told["first"] == [2, 5]
    for after in range(6):
        assert world.listen("old", after) is False
    assert world.listen("old", 6) is True
    world.feeds.stop()


async def test_detach_says_how_far_and_attach_goes_on_there(world: World) -> None:
    world.listen("ann", 0)
    world.write(9)
    world.hint(1, 2, 3)
    assert world.feeds.detach(ROOM, "ann") == 3
    assert world.feeds.detach(ROOM, "ann") is None
    world.hint(4, 5)
    assert world.listen("ann", 3)
    world.hint(6)
    assert world.told["ann"] == [1, 2, 3, 4, 5, 6]
    world.listen("bob", 8)
    assert world.feeds.detach(ROOM, "bob") == 8
    world.hint(7, 8, 9)
    assert world.told["bob"] == []
    assert world.feeds.detach(UUID(int=9), "bob") is None


async def test_feeds_that_nobody_listens_to_are_closed(world: World) -> None:
    world.listen("ann", 0)
    world.listen("bob", 4)
    world.feeds.detach(ROOM, "ann")
    for _ in range(5):
        await world.feeds.look()
    assert ROOM in world.feeds.by_id
    world.feeds.detach(ROOM, "bob")
    for _ in range(5):
        await world.feeds.look()
    assert world.feeds.by_id == {}
    assert world.feeds.find("room") is None


async def test_rooms_are_found_by_id_and_by_their_present_name(world: World) -> None:
    world.listen("ann", 0)
    feed = world.feed
    assert world.feeds.find(str(ROOM)) is feed is world.feeds.find("room")
    world.feeds.rename(feed, "other")
    assert (world.feeds.find("room"), world.feeds.find("other")) == (None, feed)
    assert world.feeds.find(str(uuid4())) is None


async def test_whoever_stops_listening_while_told_is_told_no_more(world: World) -> None:
    """As when a change that is replayed tells a listener that it is no member any more."""
    world.listen("first", 0)
    world.write(5)
    world.hint(1, 2, 3, 4, 5)
    real = world.feeds.deliver

    def put_out(feed: RoomFeed[str], listeners: Collection[str], run: Sequence[Change]) -> None:
        real(feed, listeners, run)
        if run[-1].number == 3:
            world.feeds.detach(ROOM, "late")

    world.feeds.deliver = put_out
    world.listen("late", 0)
    assert world.told["late"] == [1, 2, 3]
    assert world.feed.listeners == {"first": None}


async def test_stop_leaves_nothing_running(world: World) -> None:
    world.listen("ann", 0)
    world.write(5)
    world.reading = asyncio.Event()
    world.hint(3)
    await eventually(lambda: len(world.reads) == 1)
    repair = world.feed._repair
    feed = world.feed
    assert repair is not None
    world.feeds.stop()
    await asyncio.wait([repair], timeout=1)
    assert (feed._repair, feed._timer) == (None, None)


async def test_a_quiet_room_keeps_no_recent_changes(world: World) -> None:
    """They are for who attaches a moment after reading the room; thousands of rooms that were busy once cost nothing."""
    feed = world.feeds.open(ROOM, "room")
    assert world.listen("ann", 0)
    world.write(3)
    world.hint(1, 2, 3)
    await world.feeds.look()
    assert len(feed.ring) == 3, "it moved since the look before"
    assert world.listen("ben", 1)
    assert world.told["ben"] == [2, 3]
    await world.feeds.look()
    assert not feed.ring
    assert not world.listen("eve", 1), "what came since is to be read from the database"
    assert world.listen("eve", 3)
    world.write()
    world.hint(4)
    assert world.told == {"ann": [1, 2, 3, 4], "ben": [2, 3, 4], "eve": [4]}


async def test_the_look_survives_a_database_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.005)
    task = asyncio.create_task(world.feeds.run())
    world.listen("ann", 0)
    world.broken = True
    world.write(2)
    await asyncio.sleep(0.05)
    world.broken = False
    await eventually(lambda: world.told["ann"] == [1, 2])
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(25)], ids=lambda seed: f"seed={seed}")
async def test_nothing_is_lost_doubled_or_out_of_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are written while the bus loses, repeats, delays and reorders, and listeners come, pause and go."""
    monkeypatch.setattr(sequencer, "GAP_SECONDS", 0.002)
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(sequencer, "RING", 8)
    monkeypatch.setattr(sequencer, "HELD_MAX", 10)
    dice = random.Random(seed)
    world = World()
    world.page = dice.choice([1, 3, 100])
    run = asyncio.create_task(world.feeds.run())
    waiting: list[Change] = []  # hints under way
    began: dict[str, int] = {}
    paused: dict[str, int] = {}
    names = iter(f"listener {n}" for n in range(1_000))

    async def come(listener: str, after: int) -> None:
        """As `sockets.connect.listen` does."""
        while not world.listen(listener, after):
            up_to = min(world.last[ROOM], after + world.page)
            await asyncio.sleep(0)
            world.told[listener] += range(after + 1, up_to + 1)
            after = up_to

    for _ in range(150):
        step = dice.random()
        if step < 0.5:
            for one in world.write(dice.choice([1, 1, 2, 5, 30])):
                waiting += [one] * dice.choice([0, 1, 1, 1, 2])
        elif step < 0.75:
            dice.shuffle(waiting) if dice.random() < 0.5 else None
            some = dice.randrange(20)
            together = dice.choice([1, 20])
            for start in range(0, min(len(waiting), some), together):
                world.feeds.accept(waiting[start : min(start + together, some)])
            del waiting[:some]
        elif step < 0.85:
            listener = next(names)
            world.feeds.open(ROOM, "room")
            # The state it read may be older, or newer, than what the feed has told.
            began[listener] = dice.randint(max(0, world.last[ROOM] - 20), world.last[ROOM])
            await come(listener, began[listener])
        elif step < 0.9 and len(began) > len(paused):
            listener = dice.choice([name for name in began if name not in paused])
            after = world.feeds.detach(ROOM, listener)
            assert after is not None
            paused[listener] = after
        elif paused:
            listener = dice.choice(list(paused))
            await come(listener, paused.pop(listener))
        if dice.random() < 0.3:
            world.broken = dice.random() < 0.2
            await asyncio.sleep(dice.choice([0, 0.001, 0.004]))
    world.broken = False
    for listener, after in paused.items():
        await come(listener, after)
    truth = {listener: list(range(after + 1, world.last[ROOM] + 1)) for listener, after in began.items()}
    with contextlib.suppress(AssertionError):
        await eventually(lambda: {name: world.told[name] for name in truth} == truth, timeout=15)
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run
    for listener, numbers in truth.items():
        assert world.told[listener] == numbers, listener
    world.feeds.stop()


async def test_a_number_that_never_was_costs_one_read(world: World) -> None:
    world.listen("ann", 0)
    for round_ in (1, 2):
        world.hint(1_000_000_000 * round_)
        await eventually(lambda round_=round_: len(world.reads) == round_)
        await eventually(lambda: not world.feed.held)
        first = world.write()
        world.feeds.accept(first)
        await eventually(lambda: world.told["ann"][-1:] == [world.last[ROOM]])
    await asyncio.sleep(3 * sequencer.GAP_SECONDS)
    world.feeds.reached(ROOM, 1_000_000_000)
    await eventually(lambda: len(world.reads) == 3)
    await asyncio.sleep(3 * sequencer.GAP_SECONDS)
    assert len(world.reads) == 3
    assert world.told["ann"] == [1, 2]


async def test_the_bus_is_told_which_rooms_somebody_listens_to(world: World) -> None:
    world.listen("ann", 0)
    assert world.followed == {ROOM: True}
    world.feeds.detach(ROOM, "ann")
    for _ in range(3):
        assert world.followed == {ROOM: True}  # who comes back at once finds it still heard
        await world.feeds.look()
    assert world.followed == {ROOM: False}
