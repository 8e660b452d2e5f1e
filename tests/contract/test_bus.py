"""What a bus promises, held against every implementation: see `hubbub.fanout.bus`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from tests.support.process import eventually

from hubbub.domain.changes import Change, Hint, Renamed, Revoked, StatusChanged, Told
from hubbub.domain.events import UserStatusUpdate, UserTyping
from hubbub.domain.model import Message
from hubbub.fanout.bus import Bus
from hubbub.fanout.local import LocalBus

ROOM, ANN = UUID(int=1), UUID(int=2)
BUSES: dict[str, Callable[[], Bus]] = {"local": LocalBus}

MESSAGE = Message(
    id=UUID(int=3), seq=7, change_seq=7, room="general", room_id=ROOM, user_id=ANN, username="ann", display_name="Ann",
    avatar=None, message="hello \u2713", timestamp="2026-11-22T10:00:00.000Z", client_id="c1", read_by=[ANN],
)  # fmt: skip
HINTS: list[Hint] = [
    Change(room_id=ROOM, number=7, event="receive-message", data=MESSAGE),
    Change(room_id=ROOM, number=8, event="user-left", data=MESSAGE, leaver=ANN),
    Told(
        room_id=ROOM,
        event="user-typing",
        data=UserTyping(user_id=ANN, username="ann", display_name="Ann", is_typing=True, room="general", room_id=ROOM),
        but=ANN,
    ),
    StatusChanged(
        user_id=ANN,
        data=UserStatusUpdate(user_id=ANN, username="ann", display_name="Ann", online=True, last_seen=None),
        room_ids=(ROOM,),
    ),
    Revoked(session_ids=(UUID(int=4), UUID(int=5))),
    Renamed(user_id=ANN, display_name="Anna", avatar=None),
]


@pytest.fixture(params=sorted(BUSES))
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    made = BUSES[request.param]()
    yield made
    await made.close()


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: type(hint).__name__)
async def test_what_is_handed_over_is_what_was_published(bus: Bus, hint: Hint) -> None:
    heard: list[Hint] = []
    await bus.start(heard.extend)
    bus.publish(hint)
    await eventually(lambda: bool(heard))
    assert heard[0] == hint
    assert type(heard[0]) is type(hint)


async def test_nothing_is_invented(bus: Bus) -> None:
    heard: list[Hint] = []
    await bus.start(heard.extend)
    hints = [Change(room_id=ROOM, number=n, event="receive-message", data=MESSAGE) for n in range(500)]
    for hint in hints:
        bus.publish(hint)
    bus.publish(HINTS[-1])
    await eventually(lambda: HINTS[-1] in heard)
    assert all(hint in hints for hint in heard if hint != HINTS[-1])


async def test_publish_never_raises_whatever_the_state(bus: Bus) -> None:
    heard: list[Hint] = []
    bus.publish(HINTS[0])
    await bus.start(heard.extend)
    await bus.close()
    bus.publish(HINTS[0])
    await bus.close()


async def test_nothing_is_delivered_after_close(bus: Bus) -> None:
    heard: list[Hint] = []
    await bus.start(heard.extend)
    bus.publish(HINTS[0])
    await bus.close()
    count = len(heard)
    bus.publish(HINTS[1])
    assert len(heard) == count


async def test_reprs_show_no_texts(bus: Bus) -> None:
    for hint in HINTS:
        assert not any(word in repr(hint) for word in ("hello", "ann", "Ann"))
