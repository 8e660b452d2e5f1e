"""One client of the load client: the handshake, the join, then everything that comes; and one that sends.

Before: `plan.py`. After: `client.py`, which holds them all.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from bench.load.frames import CLOSE, EVENT, PING, TEXT, body, frame, split
from bench.load.stream import Stream

if TYPE_CHECKING:
    from bench.load.client import Load

_PONG: Final = frame(b"3")
_EVENT: Final = b'42["'  # any; after the joining only messages matter
_READY: Final = b'42["ready",'


class LoadError(Exception):
    """A server did not do what every server here does."""


@dataclass(slots=True)
class Sender:
    """A member that sends: numbers from 1 on, `window` in flight."""

    member: Member
    prefix: bytes
    window: int = 0
    own_copy: bool = False
    sent: int = 0
    acked: int = 0
    own: int = 0
    sent_at: list[float] = field(default_factory=lambda: [0.0])

    def room(self) -> int:
        """How many more the window lets."""
        done = min(self.acked, self.own) if self.own_copy else self.acked
        return max(0, self.window - (self.sent - done))

    def pump(self) -> None:
        """Send as many as the window lets."""
        if room := self.room():
            self.send(room)

    def send(self, count: int) -> None:
        """Send so many in one write."""
        load = self.member.load
        parts = []
        now = time.perf_counter()
        for _ in range(count):
            self.sent += 1
            self.sent_at.append(now)
            text = body(self.member.index, self.sent, load.plan.body_bytes)
            client_id = b"%b-%d-%d" % (load.run_id, self.member.index, self.sent)
            parts.append(frame(b'42%d%b%b","clientId":"%b"}]' % (self.sent, self.prefix, text, client_id)))
        self.member.transport.write(b"".join(parts))


class Member(asyncio.Protocol):
    """One client. `at` is how far in its room's `stream` it has received."""

    __slots__ = ("_live", "_tail", "at", "deaf", "gone", "index", "joined", "load", "missed", "paced", "resumes",
                 "room", "sampled", "seen", "sender", "stream", "transport")  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, load: Load, index: int, *, resumes: bool = False) -> None:
        self.load = load
        self.index = index
        self.room = load.plan.members[index].room
        self.resumes = resumes
        self.stream: Stream = load.streams[self.room]
        self.joined: asyncio.Future[None] = load.loop.create_future()
        self.at = self.seen = self.missed = 0
        self.sampled = self.paced = self.deaf = self.gone = self._live = False
        self.sender: Sender | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key.encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.closed += not self.gone and not self.deaf
        self.gone = True
        self._fail("closed by the server")

    def leave(self) -> None:
        """Cut the connection, as a lost network does."""
        self.gone = True
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._live and self.stream.data.startswith(data, self.at):
            self.at += len(data)
            if self.sampled or self.sender is not None:
                self._advance()
        elif not self.deaf:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """What others have not received yet, what is of no matter, or what is for this one alone."""
        load = self.load
        load.last_data = time.perf_counter()
        if self._live and data in load.idle_talk and self.at == self.stream.frame_start(self.at):
            return
        if self._live:
            start = self.stream.frame_start(self.at)
            data, self.at = bytes(self.stream.data[start : self.at]) + data, start
        else:
            data = self._tail + data
        if not self.joined.done() and data.startswith(b"HTTP/"):
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._tail = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(head.split(b"\r\n", 1)[0].decode())
        end, matters = 0, not self._live
        for begin, payload, end in split(data):
            if data[begin] == TEXT and data.startswith(EVENT, payload):
                matters = True
                self._take(data[begin:end])
            elif data[begin] != TEXT or not data.startswith(_EVENT, payload) or not self.joined.done():
                matters = True
                self._other(data[begin], data[payload:end])
        self._tail = data[end:]
        if not matters and not self._tail:
            load.ignore(data)
        self._live = self.joined.done() and not self._tail
        if self.sampled or self.sender is not None:
            self._advance()

    def _take(self, delivery: bytes) -> None:
        stream = self.stream
        if not stream.data.startswith(delivery, self.at):
            if self.at != len(stream.data):
                self.stream = stream = stream.fork(self.at)
                self.load.forks += 1
            stream.append(delivery)
        self.at += len(delivery)

    def _advance(self) -> None:
        """Notice what came, where somebody wants to know it at once."""
        stream, at, load = self.stream, self.at, self.load
        sender = self.sender
        if sender is not None:
            own = stream.own.get(self.index, ())
            count = sender.own
            while count < len(own) and own[count] <= at:
                count += 1
            sender.own = count
            if not self.paced:
                sender.pump()
        if self.sampled:
            ends, seen = stream.ends, self.seen
            first = seen
            while seen < len(ends) and ends[seen] <= at:
                seen += 1
            self.seen = seen
            if load.recording and seen > first:
                load.record(stream.messages[first:seen])

    def _other(self, first_byte: int, payload: bytes) -> None:
        if first_byte == TEXT:
            if payload.startswith(b"43"):
                self._ack(payload)
            elif payload == b"2":
                self.transport.write(_PONG)
            elif payload.startswith(b"40"):
                if not self.resumes:
                    self.transport.write(frame(b'420["join",{"room":%b}]' % json.dumps(self.room).encode()))
            elif self.resumes and payload.startswith(_READY):
                self._resume(json.loads(payload[2:])[1])
            elif payload.startswith(b"0"):
                auth = self.load.plan.members[self.index].auth
                self.transport.write(frame(b"40" + json.dumps(auth).encode()))
            elif payload.startswith((b"44", b"41", b"1")):
                self._fail(payload.decode())
        elif first_byte == PING:
            self.transport.write(frame(payload, 0xA))
        elif first_byte == CLOSE:
            self._fail(f"close frame {payload!r}")
        else:
            self.load.strange += 1

    def _resume(self, ready: dict[str, Any]) -> None:
        """Ask for the last changes of each room, as if they had been missed."""
        storm = self.load.plan.storm
        assert storm is not None
        rooms = {room["roomId"]: max(0, room["seq"] - storm.missed) for room in ready["rooms"]}
        self.transport.write(frame(b'420["sync",%b]' % msgspec.json.encode({"epoch": ready["epoch"], "rooms": rooms})))

    def _ack(self, payload: bytes) -> None:
        bracket = payload.index(b"[")
        number = int(payload[2:bracket])
        is_good = b'"success":true' in payload
        if number == 0:
            self._in(payload[bracket:], is_good)
            return
        sender, load = self.sender, self.load
        assert sender is not None
        sender.acked += 1
        load.refused += not is_good
        if load.recording:
            load.acked += is_good
            load.acks.add(int((time.perf_counter() - sender.sent_at[number]) * 1e6))

    def _in(self, answer: bytes, is_good: bool) -> None:
        """The answer to `join` or `sync`."""
        if not is_good:
            self._fail(answer.decode())
        elif not self.joined.done():
            if self.resumes:
                rooms = json.loads(answer)[0]["rooms"].values()
                self.missed = sum(len(room["changes"]) for room in rooms)
            self.at = len(self.stream.data)
            self.joined.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.joined.done():
            self.joined.set_exception(LoadError(f"member {self.index} could not join: {why}"))
