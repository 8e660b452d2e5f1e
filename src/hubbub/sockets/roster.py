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

from hubbub.domain import limits
from hubbub.domain.changes import Told
from hubbub.domain.events import UserJoined, UserLeft
from hubbub.domain.ids import now_utc, stamp
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
        data = UserJoined(
            user_id=actor.user_id,
            username=actor.username,
            display_name=actor.display_name,
            avatar=actor.avatar,
            message=f"{actor.display_name} is here",
            timestamp=stamp(now_utc()),
            room=name,
            room_id=room_id,
        )
        self._bus.publish(Told(room_id=room_id, event="user-joined", data=data, but=actor.user_id))

    def left(self, actor: Actor, room_id: UUID, name: str) -> None:
        """A socket no longer listens: the others are told."""
        data = UserLeft(
            user_id=actor.user_id,
            username=actor.username,
            display_name=actor.display_name,
            avatar=actor.avatar,
            message=f"{actor.display_name} is away",
            timestamp=stamp(now_utc()),
            room=name,
            room_id=room_id,
        )
        self._bus.publish(Told(room_id=room_id, event="user-left", data=data, but=actor.user_id))
        self.changed(room_id)

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
            broadcast(tuple(feed.everyone()), message)

    async def _people(self, room_id: UUID, name: str) -> list[RoomUser] | None:
        """The connected members, or None where they are too many to list."""
        async with self._database.connection() as conn:
            people = await members.connected(conn, room_id, name, limits.NAMED_PEOPLE_MAX + 1)
        return people if len(people) <= limits.NAMED_PEOPLE_MAX else None
