"""`room-users`, `room-online`, `user-joined`, `user-left`, `user-status-update`: who is here.

Rooms of up to 100 connected people are given the whole list, larger ones how many they are; both come from the database,
so that they mean people connected to any process. Who comes on-line or goes is told to those who share a room of up to 200
members with them, each once. All of it is gathered: a room is told at most once a second, the latest of each person.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import msgspec
import structlog

from hubbub.chat.members import coming
from hubbub.domain import limits
from hubbub.domain.changes import StatusChanged, Told
from hubbub.domain.events import RoomOnline, UserJoined, UserLeft
from hubbub.domain.model import Actor
from hubbub.fanout.bus import Bus
from hubbub.fanout.feeds import Feeds
from hubbub.realtime import Encoded, Socket, broadcast, encode_event_json
from hubbub.store import members
from hubbub.store.database import Database

EVERY_SECONDS: Final = 1.0
ROOMS_A_SECOND: Final = 200
STATUSES_MAX: Final = 2_000  # people of whom to tell at once; more are told by `room-users` and `room-online` alone

log = structlog.get_logger("roster")


class Roster:
    """Tells rooms who is here. `changed` marks a room; `run` tells the marked ones once a second."""

    def __init__(self, database: Database, bus: Bus, feeds: Feeds[Socket]) -> None:
        self._database = database
        self._bus = bus
        self._feeds = feeds
        self._changed: dict[UUID, None] = {}
        self._statuses: dict[UUID, tuple[StatusChanged, set[UUID], list[Socket]]] = {}
        """Who came on-line or went, the latest of each person; the rooms that are to hear it, and their own sockets."""

    def changed(self, room_id: UUID) -> None:
        """Somebody came or went in a room."""
        if room_id in self._feeds.by_id:
            self._changed[room_id] = None

    def status(self, hint: StatusChanged, own: list[Socket]) -> None:
        """Somebody came on-line or went; `own` are their sockets here."""
        for room_id in (*hint.room_ids, *hint.large_room_ids):
            self.changed(room_id)
        rooms = self._statuses.pop(hint.user_id, (hint, set[UUID](), own))[1]
        rooms.update(room_id for room_id in hint.room_ids if room_id in self._feeds.by_id)
        if (rooms or own) and len(self._statuses) < STATUSES_MAX:
            self._statuses[hint.user_id] = hint, rooms, own

    async def show(self, socket: Socket, room_id: UUID, name: str) -> None:
        """A socket that has joined is told who is here."""
        socket.send(await self._who_is_here(room_id, name))
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
            self._tell_statuses()
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
        message = await self._who_is_here(room_id, feed.name)
        broadcast(tuple(feed.everyone()), message)

    def _tell_statuses(self) -> None:
        """All at once: each who hears of several is written to once."""
        told, self._statuses = self._statuses, {}
        for user_id, (hint, rooms, own) in told.items():
            hearers = dict.fromkeys(own)
            for room_id in rooms:
                feed = self._feeds.by_id.get(room_id)
                if feed is not None:
                    hearers.update(dict.fromkeys(feed.everyone()))
            message = encode_event_json("/", "user-status-update", [msgspec.json.encode(hint.data)])
            message.key = ("user-status-update", user_id)
            broadcast(hearers, message)

    async def _who_is_here(self, room_id: UUID, name: str) -> Encoded:
        """The connected members, or how many they are where they are too many to list."""
        async with self._database.connection() as conn:
            people = await members.connected(conn, room_id, name, limits.NAMED_PEOPLE_MAX + 1)
            if len(people) <= limits.NAMED_PEOPLE_MAX:
                message = encode_event_json("/", "room-users", [msgspec.json.encode(people)])
            else:
                count = RoomOnline(room=name, room_id=room_id, online=await members.count_connected(conn, room_id))
                message = encode_event_json("/", "room-online", [msgspec.json.encode(count)])
        message.key = ("room-users", room_id)
        return message


def _who(actor: Actor) -> tuple[UUID, str, str, str | None]:
    return actor.user_id, actor.username, actor.display_name, actor.avatar
