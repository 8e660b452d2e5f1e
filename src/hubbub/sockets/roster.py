"""`room-users`, `user-joined`, `user-left`: who is here.

Rooms of up to 100 connected people are given the whole list, at most once a second; larger ones only comings and
goings. The list comes from the database, so that it names people connected to any process.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import msgspec
import structlog

from hubbub.chat.members import coming
from hubbub.domain import limits
from hubbub.domain.changes import Told
from hubbub.domain.events import UserJoined, UserLeft
from hubbub.domain.model import Actor, RoomUser
from hubbub.fanout.bus import Bus
from hubbub.fanout.feeds import Feeds
from hubbub.realtime import Socket, broadcast, encode_event_json
from hubbub.store import members
from hubbub.store.database import Database

EVERY_SECONDS: Final = 1.0
ROOMS_A_SECOND: Final = 200

log = structlog.get_logger("roster")


class Roster:
    """Tells rooms who is here. `changed` marks a room; `run` tells the marked ones once a second."""

    def __init__(self, database: Database, bus: Bus, feeds: Feeds[Socket]) -> None:
        self._database = database
        self._bus = bus
        self._feeds = feeds
        self._changed: dict[UUID, None] = {}

    def changed(self, room_id: UUID) -> None:
        """Somebody came or went in a room."""
        if room_id in self._feeds.by_id:
            self._changed[room_id] = None

    async def show(self, socket: Socket, room_id: UUID, name: str) -> None:
        """A socket that has joined is told who is here."""
        people = await self._people(room_id, name)
        if people is not None:
            socket.send(encode_event_json("/", "room-users", [msgspec.json.encode(people)]))
        self.changed(room_id)

    def here(self, actor: Actor, room_id: UUID, name: str) -> None:
        """A member is here: the others are told."""
        self._say(coming(UserJoined, "is here", room_id, name, *_who(actor)), "user-joined")

    def left(self, actor: Actor, room_id: UUID, name: str) -> None:
        """A socket no longer listens: the others are told."""
        self._say(coming(UserLeft, "is away", room_id, name, *_who(actor)), "user-left")
        self.changed(room_id)

    def _say(self, data: UserJoined, event: str) -> None:
        self._bus.publish(Told(room_id=data.room_id, event=event, data=data, but=data.user_id))

    async def run(self) -> None:
        """Tell the marked rooms, once a second, a bounded number at a time."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            for room_id in list(self._changed)[:ROOMS_A_SECOND]:
                del self._changed[room_id]
                try:
                    await self._tell(room_id)
                except Exception as error:
                    log.warning("a room could not be told who is here", error=type(error).__name__)

    async def _tell(self, room_id: UUID) -> None:
        feed = self._feeds.by_id.get(room_id)
        if feed is None or feed.is_idle:
            return
        people = await self._people(room_id, feed.name)
        if people is not None:
            message = encode_event_json("/", "room-users", [msgspec.json.encode(people)])
            message.key = ("room-users", room_id)
            broadcast(tuple(feed.everyone()), message)

    async def _people(self, room_id: UUID, name: str) -> list[RoomUser] | None:
        """The connected members, or None where they are too many to list."""
        async with self._database.connection() as conn:
            people = await members.connected(conn, room_id, name, limits.NAMED_PEOPLE_MAX + 1)
        return people if len(people) <= limits.NAMED_PEOPLE_MAX else None


def _who(actor: Actor) -> tuple[UUID, str, str, str | None]:
    return actor.user_id, actor.username, actor.display_name, actor.avatar
