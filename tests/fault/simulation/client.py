"""A client of a simulation, by the rules of docs/howto/clients.md; it writes down whatever the server may not do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast
from uuid import UUID

from bench.load.frames import split
from tests.fault.simulation.node import Node
from tests.fault.simulation.wire import Pipe
from tests.support.crowd import HELLO, frame

ACK_SECONDS = 6.0


class Lost(Exception):
    """The connection is gone, or an answer did not come."""


class Session(asyncio.Protocol):
    """One connection: WebSocket, Engine.IO and Socket.IO as far as a client needs them."""

    def __init__(self, user: UUID, on_event: Callable[[str, Any], None]) -> None:
        loop = asyncio.get_running_loop()
        self.joined: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._user = user
        self._on_event = on_event
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._buffer = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(HELLO)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self.transport.close()
                return
            self._is_open, self._buffer = True, rest
        whole, taken = self._buffer, 0
        for at, start, end in split(whole):
            taken = end
            if whole[at] & 15 == 8:
                self.transport.close()
            elif whole[at] & 15 == 1:
                self._packet(whole[start:end].decode())
        self._buffer = whole[taken:]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)
        if not self.joined.done():
            self.joined.set_result(None)
        for call in self._calls.values():
            if not call.done():
                call.set_result(None)

    def _packet(self, text: str) -> None:
        if text.startswith("0"):
            self.say("40" + json.dumps({"user": str(self._user)}))
        elif text == "2":
            self.say("3")
        elif text.startswith("40"):
            if not self.joined.done():
                self.joined.set_result(None)
        elif text.startswith("42"):
            self._on_event(*json.loads(text[2:]))
        elif text.startswith("43"):
            number, _, rest = text[2:].partition("[")
            call = self._calls.pop(int(number), None)
            if call is not None and not call.done():
                call.set_result(json.loads("[" + rest)[0])

    def say(self, text: str) -> None:
        self.transport.write(frame(text.encode()))

    def call(self, event: str, data: Any) -> asyncio.Future[Any]:
        """Send an event; the future has its answer, or None once the connection is gone."""
        self._number += 1
        call = self._calls[self._number] = asyncio.get_running_loop().create_future()
        if self.over.done():
            call.set_result(None)
        else:
            self.say(f"42{self._number}{json.dumps([event, data])}")
        return call


@dataclass
class Client:
    """A person's one client.

    Attributes:
        stands: whether a change of a room is some message's latest.
        todo: what is to be sent, in order: room, text, clientId. One is on its way at a time.
        acked: the place of each, by clientId.
        numbers: the changes told, in order, by room.
        state: what it knows of each message: its latest change, its text.
        wrong: what the server did against its promise.
    """

    user: UUID
    luck: Random
    nodes: Callable[[], list[Node]]
    stands: Callable[[str, int], bool]
    todo: list[tuple[UUID, str, str]]
    acked: dict[str, tuple[str, int]] = field(default_factory=dict)
    cursors: dict[str, int] | None = None
    began: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    state: dict[str, tuple[int, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    session: Session | None = None
    pipe: Pipe | None = None
    connects: int = 0
    _waiting: dict[str, list[dict[str, Any]]] | None = None

    @property
    def is_here(self) -> bool:
        return self.session is not None and not self.session.over.done()

    async def run(self) -> None:
        """Connect, catch up, send what is to be sent, listen; and again."""
        while True:
            with contextlib.suppress(Lost, TimeoutError):
                await self._once()
            if self.pipe is not None:
                self.pipe.client.close()
            await asyncio.sleep(self.luck.uniform(0.05, 0.5))

    async def _once(self) -> None:
        nodes = self.nodes()
        if not nodes:
            return
        node = self.luck.choice(nodes)
        self._waiting = {}
        ready: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        session = self.session = Session(self.user, lambda event, data: self._heard(ready, event, data))
        self.pipe = Pipe(self.luck, node.accept(), session, self.luck.choice((0.001, 0.02, 0.2)))
        node.pipes.append(self.pipe)
        self.connects += 1
        async with asyncio.timeout(20):
            await session.joined
            await asyncio.wait((ready, session.over), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise Lost
        await self._catch_up(session, ready.result())
        while self.todo and not session.over.done():
            await self._send(session, *self.todo[0])
        await session.over

    async def _catch_up(self, session: Session, rooms: dict[str, int]) -> None:
        if self.cursors is None:
            self.cursors = dict(rooms)
            self.began = dict(rooms)
        behind = {room: at for room, at in self.cursors.items() if at < rooms[room]}
        for room, at in self.cursors.items():
            if at > rooms[room]:
                self.wrong.append(f"I4 `ready` is behind what was told: {at} > {rooms[room]}")
        while behind:
            answer = await self._ask(session, "sync", behind)
            if not answer["success"]:
                await asyncio.sleep(0.3)
                continue
            for room, page in answer["rooms"].items():
                for change in page["changes"]:
                    self._apply(room, change, is_live=False)
                self.cursors[room] = max(self.cursors[room], page["upTo"])
                if not page["more"]:
                    del behind[room]
                else:
                    behind[room] = page["upTo"]
        waiting, self._waiting = self._waiting or {}, None
        for room, changes in waiting.items():
            for change in changes:
                self._apply(room, change, is_live=True)

    async def _send(self, session: Session, room: UUID, text: str, client_id: str) -> None:
        if text.startswith("edit "):
            mine = [message for message, (_, known) in self.state.items() if known.startswith(str(self.user))]
            if mine:
                await self._ask(session, "edit", {"id": self.luck.choice(mine), "text": f"{self.user} {text}"})
            self.todo.pop(0)
            return
        answer = await self._ask(session, "send", {"room": str(room), "text": text, "clientId": client_id})
        if answer["success"]:
            before = self.acked.setdefault(client_id, (answer["id"], answer["seq"]))
            if before != (answer["id"], answer["seq"]):
                self.wrong.append(f"I1 two answers for one message: {before}, {answer}")
            self.todo.pop(0)
            await asyncio.sleep(self.luck.choice((0, 0, 0.05, 1.0)))
        elif not answer.get("retryable"):
            self.wrong.append(f"I2 refused for good: {answer}")
            self.todo.pop(0)
        else:
            await asyncio.sleep(0.2)

    async def _ask(self, session: Session, event: str, data: Any) -> Any:
        async with asyncio.timeout(ACK_SECONDS):
            answer = await session.call(event, data)
        if answer is None:
            raise Lost
        return answer

    def _heard(self, ready: asyncio.Future[dict[str, int]], event: str, data: Any) -> None:
        if event == "ready":
            ready.set_result(data)
        elif event in ("receive-message", "message-updated"):
            if self._waiting is not None:
                self._waiting.setdefault(data["room"], []).append(data)
            else:
                self._apply(data["room"], data, is_live=True)

    def _apply(self, room: str, change: dict[str, Any], *, is_live: bool) -> None:
        assert self.cursors is not None
        number, cursor = change["changeSeq"], self.cursors[room]
        told = self.numbers.setdefault(room, [])
        if number <= cursor:
            if not is_live:
                self.wrong.append(f"I4 `sync` after {cursor} told {number}")
            return
        # A number between may be missing only where a later change of the same message has taken its place.
        if is_live and any(self.stands(room, missing) for missing in range(cursor + 1, number)):
            self.wrong.append(f"I4 after {cursor} came {number}")
        told.append(number)
        self.cursors[room] = number
        self.state[change["id"]] = (number, change["text"])
