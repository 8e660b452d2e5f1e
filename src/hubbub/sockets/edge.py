"""What the handlers work with: the `Edge` of this process, and the `Seat` of each socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from hubbub.chat.access import access_room
from hubbub.chat.context import Chat
from hubbub.chat.limiter import Rate
from hubbub.chat.presence import Session
from hubbub.domain import limits
from hubbub.domain.changes import Change
from hubbub.domain.commands import Command
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.sequencer import RoomFeed
from hubbub.realtime import Socket
from hubbub.sockets.roster import Roster

Feed: TypeAlias = RoomFeed[Socket]
SENDS: Final = frozenset({"send-message", "edit-message", "delete-message"})
NEWCOMERS_MAX = 1_000  # above it, who was let in hears the room after the next connect


@dataclass(slots=True, eq=False, repr=False)
class Seat:
    """One socket's place in the chat: `socket.data`.

    Attributes:
        actor: whoever it speaks for; None while an older client has not sent its token yet.
        session: its row of `active_sessions`.
        room_id, room: the room it joined last, which events without a room mean.
        timer: ends a socket that has not signed in.
        rooms: those it listens to.
        joining: True while its own `join` is under way, which sees to listening.
        sends_full_at, events_full_at: what `limiter.Rate` remembers of it.
    """

    socket: Socket
    actor: Actor | None = None
    session: Session | None = None
    room_id: UUID | None = None
    room: str | None = None
    timer: asyncio.TimerHandle | None = None
    rooms: set[UUID] = field(default_factory=set)
    joining: bool = False
    sends_full_at: float = 0.0
    events_full_at: float = 0.0

    def require(self) -> Actor:
        """The actor.

        Raises:
            HubbubError: `unauthorized`, before the socket has signed in.
        """
        if self.actor is None:
            raise HubbubError("unauthorized", "Send `join` with a token first.")
        return self.actor


class Seats:
    """The sockets of this process that have signed in, by person and by session."""

    def __init__(self) -> None:
        # Lists: most hold one seat, and a set of one has 200 bytes.
        self.by_user: dict[UUID, list[Seat]] = {}
        self.by_session: dict[UUID, list[Seat]] = {}

    def add(self, seat: Seat, actor: Actor) -> None:
        self.by_user.setdefault(actor.user_id, []).append(seat)
        self.by_session.setdefault(actor.session_id, []).append(seat)

    def remove(self, seat: Seat, actor: Actor) -> None:
        for book, key in ((self.by_user, actor.user_id), (self.by_session, actor.session_id)):
            seats = book.get(key, [])
            if seat in seats:
                seats.remove(seat)
                if not seats:
                    del book[key]

    def all(self) -> Iterable[Seat]:
        for seats in list(self.by_session.values()):
            yield from list(seats)


@dataclass(slots=True)
class Edge:
    """The socket edge of this process.

    Attributes:
        event_rate: how fast one connection may send events that are no messages.
        newcomers: comings of people, and their sockets here that do not listen to the room yet; see `connect.welcome`.
    """

    chat: Chat
    feeds: Feeds[Socket]
    seats: Seats
    roster: Roster
    event_rate: Rate = field(default_factory=lambda: Rate(limits.EVENTS_PER_SECOND, limits.EVENTS_BURST))
    newcomers: asyncio.Queue[tuple[Change, list[Seat]]] = field(default_factory=lambda: asyncio.Queue(NEWCOMERS_MAX))

    def admit(self, seat: Seat, event: str) -> None:
        """An event came: may it, by the rates of its connection and its account?

        Raises:
            HubbubError: `rate_limited`.
        """
        if event in SENDS:
            sends = self.chat.sends
            seat.sends_full_at = sends.by_connection.spend(seat.sends_full_at)
            if seat.actor is not None:
                sends.spend(seat.actor.user_id)
        else:
            seat.events_full_at = self.event_rate.spend(seat.events_full_at)

    async def place(self, seat: Seat, ref: str | None) -> tuple[UUID, str]:
        """The id and the name of the room that an event means: the one it names, or the one joined last.

        Only a name is found here; whether the actor may do anything there is decided by the use case.

        Raises:
            HubbubError: `unauthorized`, `validation_failed`, `not_found`.
        """
        known = self.known_place(seat, ref)
        if known is not None:
            return known
        async with self.chat.database.connection() as conn:
            room = await access_room(conn, seat.require(), str(ref))
        return room.room_id, room.name

    def known_place(self, seat: Seat, ref: str | None) -> tuple[UUID, str] | None:
        """As `place`, where nobody has to be asked: the socket listens to that room; else None."""
        seat.require()
        if ref is None:
            if seat.room_id is None or seat.room is None:
                raise HubbubError("validation_failed", fields={"room": "Name a room, or join one first"})
            return seat.room_id, seat.room
        feed = self.feeds.find(ref)
        if feed is not None and feed.room_id in seat.rooms:
            return feed.room_id, feed.name
        return None


Handler = Callable[[Edge, Seat, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the table: what an event carries, and who handles it."""

    command: type[Command]
    handle: Handler
    answer: type
    doc: str
