"""How much is measured: `make bench`, `make bench-full`, and a run that only proves that the bench works."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

IN_SMALL_ROOM: Final = 5
IN_QUIET_ROOM: Final = 10
SEEN_BEFORE: Final = 20  # messages in each room of the crowd, the last ten of which were missed in the storm
MISSED: Final = 10


@dataclass(frozen=True, slots=True)
class Size:
    """Counts, and seconds per phase.

    Attributes:
        members, senders: of the hall: one room with everybody.
        rooms: with two members, one of whom sends.
        small_rooms: with five members, one of whom sends.
        window, deep_window: messages in flight per sender.
        lone_pace: messages a second where each is alone.
        hubbub_sizes, peer_sizes: rooms of so many members; 500 is the hall.
        crowd, crowd_room: connections of the idle run and the storm, and how many share a room.
        stopped: members of the hall that stop reading.
        large_bytes: the bodies of that run: enough to fill the kernel's buffers and the server's.
        slow_commit_ms: how long a commit takes where it is made slow.
        quiet: seconds without a word from the server, after everybody has joined, before anything is measured.
        once: scenarios, and servers in a scenario, that are measured in the first round only.
    """

    rounds: int = 3
    members: int = 500
    senders: int = 8
    rooms: int = 50
    small_rooms: int = 100
    window: int = 4
    deep_window: int = 8
    body_bytes: int = 100
    quiet: float = 0.7
    warm: float = 0.7
    delivery_seconds: float = 3.0
    send_seconds: float = 2.0
    alone_seconds: float = 2.0
    lone_pace: float = 20
    lone_seconds: float = 6.0
    hubbub_sizes: tuple[int, ...] = (10, 2_000)
    peer_sizes: tuple[int, ...] = (10,)
    crowd: int = 500
    crowd_room: int = 50
    stopped: int = 50
    large_bytes: int = 4_000
    slow_readers_seconds: float = 5.0
    storm_limit: float = 90.0
    slow_commit_ms: int = 4
    once: tuple[str, ...] = (
        "sizes", "lone", "idle", "slow-readers",
        "delivery: python-relay", "small-rooms: node-relay", "small-rooms: uws",
        "delivery: hubbub-2", "sends: hubbub-2", "sends-one-room: hubbub-2",
    )  # fmt: skip


NORMAL: Final = Size()
FULL: Final = Size(
    warm=1.5,
    delivery_seconds=7.0,
    send_seconds=5.0,
    alone_seconds=4.0,
    lone_seconds=30.0,
    hubbub_sizes=(10, 50, 2_000, 5_000),
    peer_sizes=(10, 50, 2_000),
    crowd=5_000,
    slow_readers_seconds=10.0,
    storm_limit=180.0,
    once=(),
)
QUICK: Final = replace(
    NORMAL,
    rounds=1,
    members=40,
    senders=4,
    rooms=8,
    small_rooms=10,
    quiet=0.1,
    warm=0.1,
    delivery_seconds=0.25,
    send_seconds=0.25,
    alone_seconds=0.4,
    lone_seconds=0.5,
    hubbub_sizes=(10,),
    peer_sizes=(),
    crowd=30,
    crowd_room=10,
    stopped=4,
    slow_readers_seconds=0.25,
)
