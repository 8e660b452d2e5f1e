"""What a bus promises, held against every implementation: see `hubbub.fanout.bus`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.bus import nats_bus, postgres_bus
from tests.support.nats import nats_server
from tests.support.process import eventually

from hubbub.domain.changes import Change, Hint, Reached, Renamed, Revoked, SignInFailed, StatusChanged, Told
from hubbub.domain.events import UserLeft, UserStatusUpdate, UserTyping
from hubbub.domain.model import Message
from hubbub.fanout.line_bus import LineBus
from hubbub.fanout.local import LocalBus

ROOM, ANN = UUID(int=1), UUID(int=2)

MESSAGE = Message(
    id=UUID(int=3), seq=7, change_seq=7, room="general", room_id=ROOM, user_id=ANN, username="ann", display_name="Ann",
    avatar=None, message="hello \u2713", timestamp="2026-11-22T10:00:00.000Z", client_id="c1", read_by=[ANN],
)  # fmt: skip
HINTS: list[Hint] = [
    Change(room_id=ROOM, number=7, event="receive-message", data=MESSAGE),
    Change(
        room_id=ROOM,
        number=8,
        event="user-left",
        data=UserLeft(
            user_id=ANN, username="ann", display_name="Ann", avatar=None, message="Ann has left",
            timestamp="2026-11-22T10:00:00.000Z", room="general", room_id=ROOM, change_seq=8,
        ),
        leaver=ANN,
    ),
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
    Reached(room_id=ROOM, number=9),
    SignInFailed(key="127.0.0.1 ann", process=UUID(int=6)),
]  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Where a test publishes, and where it listens: the same bus, or that of another process."""

    here: LocalBus | LineBus
    there: LocalBus | LineBus

    async def start(self) -> list[Hint]:
        """Start both; what `there` hears."""
        heard: list[Hint] = []
        self.there.follow(ROOM, True)
        await self.there.start(heard.extend)
        if self.here is not self.there:
            await self.here.start(lambda _: None)
        for bus in (self.here, self.there):
            await eventually(lambda bus=bus: bus.fault is None)
        return heard

    async def close(self) -> None:
        await self.here.close()
        await self.there.close()


@pytest.fixture(
    params=[
        "local", "postgres: the same process", "postgres: another process", "nats: the same process", "nats: another process",
    ]
)  # fmt: skip
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    kind, _, where = request.param.partition(": ")
    dsn = request.getfixturevalue("database") if kind == "postgres" else ""
    async with AsyncExitStack() as stack:
        url = (await stack.enter_async_context(nats_server(tmp_path))).url if kind == "nats" else ""

        def make() -> LocalBus | LineBus:
            return LocalBus() if kind == "local" else postgres_bus(dsn) if kind == "postgres" else nats_bus(url)

        bus = make()
        made = Pair(bus, make() if where == "another process" else bus)
        yield made
        await made.close()


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: type(hint).__name__)
async def test_what_is_handed_over_is_what_was_published(pair: Pair, hint: Hint) -> None:
    heard = await pair.start()
    pair.here.publish(hint)
    await eventually(lambda: bool(heard))
    assert heard[0] == hint
    assert type(heard[0]) is type(hint)


async def test_nothing_is_invented(pair: Pair) -> None:
    heard = await pair.start()
    hints = [Change(room_id=ROOM, number=n, event="receive-message", data=MESSAGE) for n in range(500)]
    for hint in hints:
        pair.here.publish(hint)
    pair.here.publish(HINTS[-1])
    await eventually(lambda: HINTS[-1] in heard)
    assert all(hint in hints for hint in heard if hint != HINTS[-1])


async def test_publish_never_raises_whatever_the_state(pair: Pair) -> None:
    pair.here.publish(HINTS[0])
    await pair.start()
    await pair.close()
    pair.here.publish(HINTS[0])
    await pair.close()


async def test_nothing_is_delivered_after_close(pair: Pair) -> None:
    heard = await pair.start()
    pair.here.publish(HINTS[0])
    await pair.there.close()
    count = len(heard)
    pair.here.publish(HINTS[1])
    await pair.here.close()
    assert len(heard) == count


def test_reprs_show_no_texts() -> None:
    for hint in HINTS:
        assert not any(word in repr(hint) for word in ("hello", "ann", "Ann"))
