"""One node of a simulation: Hubbub's own realtime core, journal, feeds and presence, around a few events of a chat.

Before: `client.py`, over `wire.py`. After: `truth.py`, and the bus of `Ether`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from tests.fault.simulation.truth import Line, Message, Truth

from hubbub.chat.presence import Presence
from hubbub.domain.changes import Change, Hint
from hubbub.domain.model import Actor, Wire
from hubbub.errors import HubbubError
from hubbub.fanout.feeds import Feeds
from hubbub.fanout.sequencer import RoomFeed
from hubbub.realtime import Options, Realtime, Socket, broadcast, encode_event_json
from hubbub.realtime.broadcast import bundle
from hubbub.sockets.events import failure
from hubbub.store.journal import Journal, Stored

PAGE = 3  # changes in one answer: small, so that there are many
_ATTACH_TRIES = 20


class Said(Wire, frozen=True, kw_only=True):
    """A message in its present state, as it is told."""

    id: UUID
    seq: int
    change_seq: int
    room: UUID
    user: UUID
    text: str
    client_id: str | None


@dataclass
class Ether:
    """What lies between the nodes: hints that are lost, doubled, late and out of order."""

    luck: Random
    bit: Callable[[str], None]
    lose: float = 0.0
    double: float = 0.0
    nodes: list[Node] = field(default_factory=list)

    def carry(self, sender: Node, hint: Hint) -> None:
        loop = asyncio.get_running_loop()
        for node in self.nodes:
            if node is sender:
                continue
            if self.luck.random() < self.lose:
                self.bit("hint lost")
                continue
            for _ in range(2 if self.luck.random() < self.double else 1):
                late = self.luck.random() < 0.05
                loop.call_later(self.luck.uniform(0.0001, 2.0 if late else 0.02), node.hear, [hint])


class SimBus:
    """A node's end of it; keeps exactly what `fanout.bus.Bus` promises, and no more."""

    def __init__(self, ether: Ether, node: Node) -> None:
        self._ether, self._node = ether, node

    def publish(self, hint: Hint) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self._node.hear, [hint])
        self._ether.carry(self._node, hint)

    def follow(self, room_id: UUID) -> None:
        """Every node hears every room."""

    def unfollow(self, room_id: UUID) -> None:
        """As above."""


@dataclass
class Seat:
    """A signed-in socket."""

    actor: Actor
    session: Any
    rooms: set[UUID] = field(default_factory=set)


class Node:
    """A process, from start to death."""

    def __init__(self, truth: Truth, ether: Ether, options: Options) -> None:
        self.alive = True
        self.line = Line(truth)
        self.truth = truth
        self.pipes: list[Any] = []
        self.connections: Any = set()  # what uvicorn counts
        bus = SimBus(ether, self)
        self.bus = bus
        self.journal = Journal(self.line, patience=10.0)  # type: ignore[arg-type]
        self.presence = Presence(self.line, bus)  # type: ignore[arg-type]
        self.feeds: Feeds[Socket] = Feeds(
            self._deliver, self._missed, self._positions, follow=lambda room_id, is_followed: None
        )
        self.realtime = Realtime(options, {"/": self}, on_error=failure)
        self.tasks: list[asyncio.Task[Any]] = []
        ether.nodes.append(self)
        self._ether = ether

    async def start(self) -> None:
        """Begin to serve, once the database answers."""
        lease = self.presence.lease
        lease.on_fenced = self._fenced
        lease.on_renewed = self.feeds.look_soon
        self.journal.start()
        self.tasks.append(asyncio.create_task(self.feeds.run()))
        while True:
            try:
                await self.presence.start()
                return
            except HubbubError:
                await asyncio.sleep(0.2)

    def _fenced(self) -> None:
        """As `app.py` does it."""
        self.journal.fenced_at = time.monotonic()
        self.realtime.send_away()

    def accept(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        config: Any = None
        state: Any = self
        return self.realtime.protocol_factory(config, state, {})

    def crash(self) -> None:
        """The process is killed: what it was doing ends where it is, and its connections break."""
        self.alive = False
        self._ether.nodes.remove(self)
        registry = self.realtime._registry
        lease = self.presence.lease
        for task in (*self.tasks, self.journal._writer, *self.presence._tasks, lease._renewal, *registry.tasks):
            if task is not None:
                task.cancel()
        self.feeds.stop()
        for pipe in self.pipes:
            pipe.server.over = True  # nobody is there to learn of it
            pipe.cut()
        if registry.connections:
            registry.alarms._heap.clear()
            registry.alarms._trim()

    async def stop(self) -> None:
        """The process ends in order, as `app.py` does it."""
        self.alive = False
        await self.journal.close()
        await self.realtime.close(2.0)
        for task in self.tasks:
            task.cancel()
        self.feeds.stop()
        self._ether.nodes.remove(self)
        await self.presence.close()

    def hear(self, hints: Sequence[Hint]) -> None:
        if self in self._ether.nodes and self.presence.lease.holds:
            self.feeds.accept([hint for hint in hints if isinstance(hint, Change)])

    # realtime.Handlers

    async def connect(self, socket: Socket, auth: Any) -> None:
        user = UUID(auth["user"])
        actor = Actor(
            user_id=user, session_id=user, username="x", display_name="x", avatar=None, role="user", expires_at=2**40
        )
        try:
            rooms = await self.line.ask(lambda: dict(self.truth.rooms))
        except HubbubError:
            socket.close("unavailable")
            return
        seat = socket.data = Seat(actor, self.presence.opened(actor, socket.id))
        socket.send(
            encode_event_json("/", "ready", [msgspec.json.encode({str(room): at for room, at in rooms.items()})])
        )
        try:
            for room, at in rooms.items():
                await self._listen(socket, seat, room, at)
        except HubbubError:
            self.disconnected(socket, "unavailable")
            socket.close("unavailable")

    async def _listen(self, socket: Socket, seat: Seat, room: UUID, after: int) -> None:
        """As `sockets.connect.listen`."""
        seat.rooms.add(room)
        for _ in range(_ATTACH_TRIES):
            if self.feeds.attach(room, str(room), socket, after):
                return
            changes, after = await self._missed(room, after)
            for change in changes:
                self._deliver(self.feeds.open(room, str(room)), (socket,), [change])
        raise HubbubError("overloaded")

    def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        seat: Seat = socket.data
        data = args[0]
        if name == "sync":
            return self._sync(data)
        if name == "edit":
            return self._edit(UUID(data["id"]), data["text"])
        room = UUID(data["room"])
        tell = partial(self._stored, seat.actor.user_id, room, data["text"], data["clientId"])
        return self.journal.append(seat.actor.user_id, room, data["text"], data["clientId"], None, tell)

    def disconnected(self, socket: Socket, reason: str) -> None:
        seat: Seat | None = socket.data
        socket.data = None
        if seat is not None:
            for room in seat.rooms:
                self.feeds.detach(room, socket)
            self.presence.closed(seat.session)

    # the use cases

    def _stored(self, user: UUID, room: UUID, text: str, client_id: str, place: Stored) -> dict[str, Any]:
        if not place.duplicate:
            message = Message(place.message_id, room, user, text, client_id, place.seq, place.change_seq)
            self.bus.publish(_told(message, is_new=True))
        return {"success": True, "id": str(place.message_id), "seq": place.seq}

    async def _edit(self, message_id: UUID, text: str) -> dict[str, Any]:
        message = await self.line.ask(lambda: Message(**vars(self.truth.edit(message_id, text))))
        self.bus.publish(_told(message, is_new=False))
        return {"success": True}

    async def _sync(self, cursors: dict[str, int]) -> dict[str, Any]:
        rooms = {}
        for room, number in cursors.items():
            page, up_to, more = await self.line.ask(partial(self.truth.since, UUID(room), number, PAGE))
            told = [_told(message, is_new=False).data for message in page]
            rooms[room] = {"changes": msgspec.to_builtins(told, str_keys=True), "upTo": up_to, "more": more}
        return {"success": True, "rooms": rooms}

    # for the feeds

    def _deliver(self, _: RoomFeed[Socket], listeners: Collection[Socket], run: Sequence[Change]) -> None:
        told = [encode_event_json("/", change.event, [msgspec.json.encode(change.data)]) for change in run]
        for message in bundle(told):
            broadcast(listeners, message)

    async def _missed(self, room: UUID, number: int) -> tuple[list[Change], int]:
        page, up_to, _ = await self.line.ask(partial(self.truth.since, room, number, PAGE))
        return [_told(message, is_new=message.seq > number) for message in page], up_to

    async def _positions(self, rooms: list[UUID]) -> dict[UUID, int]:
        found: dict[UUID, int] = await self.line.ask(lambda: {room: self.truth.rooms[room] for room in rooms})
        return found


def _told(message: Message, *, is_new: bool) -> Change:
    said = Said(
        id=message.id,
        seq=message.seq,
        change_seq=message.change_seq,
        room=message.room,
        user=message.user,
        text=message.text,
        client_id=message.client_id,
    )
    event = "receive-message" if is_new else "message-updated"
    return Change(room_id=message.room, number=message.change_seq, event=event, data=said)
