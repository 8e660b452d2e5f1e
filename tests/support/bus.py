"""Buses between processes, as `app.py` puts them together, and hints to send over them."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from tests.support.people import SECRET
from tests.support.process import eventually

from hubbub.domain.changes import Change, Hint
from hubbub.domain.model import Message
from hubbub.fanout import nats, postgres
from hubbub.fanout.line_bus import LineBus
from hubbub.store import notify

DEPLOYMENT = "tests"
ROOM, ANN = UUID(int=1), UUID(int=2)


def postgres_bus(dsn: str, secret: str = SECRET) -> LineBus:
    return LineBus(partial(postgres.open_line, partial(notify.open_line, {"dsn": dsn})), secret, DEPLOYMENT)


def nats_bus(url: str, secret: str = SECRET, deployment: str = DEPLOYMENT, **files: str) -> LineBus:
    return LineBus(partial(nats.open_line, nats.Address.read(url, **files), deployment), secret, deployment)


def change(number: int, text: str = "hello", room_id: UUID = ROOM) -> Change:
    return Change(
        room_id=room_id,
        number=number,
        event="receive-message",
        data=Message(
            id=UUID(int=number), seq=number, change_seq=number, room="general", room_id=room_id, user_id=ANN,
            username="ann", display_name="Ann", avatar=None, message=text, timestamp="2026-11-22T10:00:00.000Z",
        ),
    )  # fmt: skip


class BusNode:
    """One process's bus, what it has heard, and how often a gap was told. It follows `ROOM`."""

    def __init__(self, bus: LineBus) -> None:
        self.bus = bus
        self.heard: list[Hint] = []
        self.gaps = 0
        self.bus.gap = self._gap
        self.bus.follow(ROOM, True)

    def _gap(self) -> None:
        self.gaps += 1

    async def start(self) -> None:
        await self.bus.start(self.heard.extend)

    async def hears(self, timeout: float = 20) -> None:
        await eventually(lambda: self.bus.fault is None, timeout)
