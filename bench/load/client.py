"""Many clients in one process: raw Engine.IO 4 and Socket.IO 5 over WebSocket, on uvloop.

    python -m bench.load.client < plan.json

Reads a plan (`Plan`, as JSON) from standard input; writes one JSON object a line: `{"connected": n}` now and then,
then one object for each phase. Promises: every delivery is counted, its sender's order is checked, what is missing at
the end is said; it knows no server from another. Its own CPU is part of the answer: where it is the bottleneck, the
figure is not the server's.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec
import uvloop

from bench import cpu
from bench.load.frames import Reader, body, frame
from bench.load.histogram import Histogram

CONNECTING_AT_ONCE: Final = 25
CONNECT_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 15.0
QUIET_SECONDS: Final = 0.7
SAMPLE: Final = 10  # latency is taken at every tenth member; all others are counted and checked just the same
_PONG: Final = frame(b"3")


class MemberPlan(msgspec.Struct, frozen=True):
    """One client: what it says of itself when it connects, and the room it joins."""

    auth: dict[str, str]
    room: str


class Phase(msgspec.Struct, frozen=True):
    """One measurement over the open connections.

    Attributes:
        senders: indices of members.
        window: messages in flight per sender.
        warm, seconds: seconds before the measurement, and of it.
        own_copy: True where a message is in flight until its sender has its own copy back as well as the ack, so that
            a server that acknowledges at once and delivers later is not flooded; False where the ack alone counts.
    """

    name: str
    senders: list[int]
    window: int
    warm: float
    seconds: float
    own_copy: bool


class Plan(msgspec.Struct, frozen=True):
    """What one run of the client does. `watch`: process ids by name, whose CPU is counted with their children's."""

    port: int
    members: list[MemberPlan]
    phases: list[Phase]
    body_bytes: int
    watch: dict[str, int]


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

    def pump(self) -> None:
        """Send as many as the window lets."""
        done = min(self.acked, self.own) if self.own_copy else self.acked
        room = self.window - (self.sent - done)
        if room <= 0:
            return
        load = self.member.load
        parts = []
        now = time.perf_counter()
        for _ in range(room):
            self.sent += 1
            self.sent_at.append(now)
            text = body(self.member.index, self.sent, load.plan.body_bytes)
            client_id = b"%b-%d-%d" % (load.run_id, self.member.index, self.sent)
            parts.append(frame(b'42%d%b%b","clientId":"%b"}]' % (self.sent, self.prefix, text, client_id)))
        self.member.transport.write(b"".join(parts))


class Member(asyncio.Protocol):
    """One client: the handshake, the join, then everything that comes."""

    __slots__ = ("heard", "index", "joined", "load", "room", "sampled", "sender", "tail", "transport")

    transport: asyncio.Transport

    def __init__(self, load: Load, index: int, room: str) -> None:
        self.load = load
        self.index = index
        self.room = room
        self.joined: asyncio.Future[None] = load.loop.create_future()
        self.heard: dict[int, int] = {}
        self.sampled = index % SAMPLE == SAMPLE // 3
        self.sender: Sender | None = None
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key.encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.closed += 1
        self._fail("closed by the server")

    def data_received(self, data: bytes) -> None:
        load = self.load
        load.last_data = time.perf_counter()
        if self.joined.done():
            self._live(data)
            return
        data = self.tail + data
        if data.startswith(b"HTTP/"):
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.tail = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(head.split(b"\r\n", 1)[0].decode())
        self.tail = b""
        self._live(data)

    def _live(self, data: bytes) -> None:
        if self.tail:
            data = self.tail + data
        load = self.load
        piece = load.reader.read(data)
        self.tail = data[piece.end :] if piece.end < len(data) else b""
        if piece.deliveries:
            load.delivered += piece.deliveries
            heard = self.heard
            load.disorder += piece.disorder
            for sender, first, last in piece.runs:
                if first != heard.get(sender, 0) + 1:
                    load.disorder += 1
                heard[sender] = last
            if load.recording and self.sampled:
                load.record(piece.messages)
            own = self.sender
            if own is not None:
                mine = sum(1 for sender, _ in piece.messages if sender == self.index)
                if mine:
                    own.own += mine
                    own.pump()
        for first_byte, payload in piece.others:
            self._other(first_byte, payload)

    def _other(self, first_byte: int, payload: bytes) -> None:
        if first_byte == 0x81:
            if payload.startswith(b"43"):
                self._ack(payload)
            elif payload == b"2":
                self.transport.write(_PONG)
            elif payload.startswith(b"40"):
                self.transport.write(frame(b'420["join",{"room":%b}]' % json.dumps(self.room).encode()))
            elif payload.startswith(b"0"):
                auth = self.load.plan.members[self.index].auth
                self.transport.write(frame(b"40" + json.dumps(auth).encode()))
            elif payload.startswith((b"44", b"41", b"1")):
                self._fail(payload.decode())
        elif first_byte == 0x89:
            self.transport.write(frame(payload, 0xA))
        elif first_byte == 0x88:
            self._fail(f"close frame {payload!r}")
        else:
            self.load.strange += 1

    def _ack(self, payload: bytes) -> None:
        bracket = payload.index(b"[")
        number = int(payload[2:bracket])
        is_good = b'"success":true' in payload
        if number == 0:
            if not is_good:
                self._fail(payload.decode())
            elif not self.joined.done():
                self.joined.set_result(None)
            return
        sender, load = self.sender, self.load
        assert sender is not None
        sender.acked += 1
        load.refused += not is_good
        if load.recording:
            load.acked += is_good
            load.acks.add(int((time.perf_counter() - sender.sent_at[number]) * 1e6))
        sender.pump()

    def _fail(self, why: str) -> None:
        if not self.joined.done():
            self.joined.set_exception(LoadError(f"member {self.index} could not join: {why}"))


class Load:
    """All members, and the counters of the phase that runs."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.reader = Reader()
        self.run_id = os.urandom(6).hex().encode()  # a clientId that came before would be a repetition
        self.members: list[Member] = []
        self.senders: dict[int, Sender] = {}
        self.closed = self.strange = self.refused = self.disorder = 0
        self.delivered = self.acked = 0
        self.recording = False
        self.last_data = time.perf_counter()
        self.deliveries = Histogram()
        self.acks = Histogram()

    def record(self, messages: Iterable[tuple[int, int]]) -> None:
        """Latencies of what one member received just now."""
        now = time.perf_counter()
        for sender, number in messages:
            self.deliveries.add(int((now - self.senders[sender].sent_at[number]) * 1e6))

    async def connect(self) -> None:
        """Open every connection and join.

        Raises:
            LoadError, TimeoutError, OSError: one of them could not.
        """
        turn = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def open_one(index: int, plan: MemberPlan) -> None:
            async with turn:
                _, member = await self.loop.create_connection(
                    lambda: Member(self, index, plan.room), "127.0.0.1", self.plan.port
                )
                self.members.append(member)
                await member.joined
                if len(self.members) % 50 == 0:
                    say({"connected": len(self.members)})

        async with asyncio.timeout(CONNECT_SECONDS), asyncio.TaskGroup() as group:
            for index, plan in enumerate(self.plan.members):
                group.create_task(open_one(index, plan))
        self.members.sort(key=lambda member: member.index)
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait until what the joining set off has passed, ten seconds at most."""
        end = time.perf_counter() + 10
        while time.perf_counter() < min(end, self.last_data + QUIET_SECONDS):
            await asyncio.sleep(0.05)

    async def run(self, phase: Phase) -> dict[str, Any]:
        """One phase; its figures."""
        rooms: dict[str, int] = {}
        for member in self.members:
            rooms[member.room] = rooms.get(member.room, 0) + 1
        for index in phase.senders:
            member = self.members[index]
            if index not in self.senders:
                prefix = b'["send-message",{"room":%b,"message":"' % json.dumps(member.room).encode()
                self.senders[index] = member.sender = Sender(member, prefix)
        active = [self.senders[index] for index in phase.senders]
        sent_before = sum(sender.sent * rooms[sender.member.room] for sender in self.senders.values())
        delivered_before, disorder_before, refused_before = self.delivered, self.disorder, self.refused
        closed_before = self.closed
        for sender in active:
            sender.window, sender.own_copy = phase.window, phase.own_copy
            sender.pump()
        await asyncio.sleep(phase.warm)

        self.deliveries, self.acks, self.acked = Histogram(), Histogram(), 0
        self.recording = True
        before, began, delivered = self._cpu(), time.perf_counter(), self.delivered
        await asyncio.sleep(phase.seconds)
        self.recording = False
        elapsed = time.perf_counter() - began
        delivered = self.delivered - delivered
        spent = {name: cpu.since(before[name], times) for name, times in self._cpu().items()}

        for sender in active:
            sender.window = 0
        expected = sum(sender.sent * rooms[sender.member.room] for sender in self.senders.values()) - sent_before
        end = time.perf_counter() + DRAIN_SECONDS
        while time.perf_counter() < end and (
            self.delivered - delivered_before < expected or any(sender.acked < sender.sent for sender in active)
        ):
            await asyncio.sleep(0.02)
        return {
            "phase": phase.name,
            "members": len(self.members),
            "senders": len(active),
            "window": phase.window,
            "seconds": elapsed,
            "deliveries": delivered,
            "acks": self.acked,
            "delivery_ms": self.deliveries.summary(),
            "ack_ms": self.acks.summary(),
            "cpu": spent,
            "check": {
                "expected": expected,
                "received": self.delivered - delivered_before,
                "lost": expected - (self.delivered - delivered_before),
                "disorder": self.disorder - disorder_before,
                "refused": self.refused - refused_before,
                "unanswered": sum(sender.sent - sender.acked for sender in active),
                "closed": self.closed - closed_before,
                "strange": self.strange,
            },
        }

    def _cpu(self) -> dict[str, dict[str, float]]:
        """Seconds of CPU by now: of each watched process with its children, of this one, and of the whole machine."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        times = {name: cpu.taken(pid) for name, pid in self.plan.watch.items()}
        return times | {"client": {"user": own.ru_utime, "system": own.ru_stime}, "machine": cpu.machine()}


def say(answer: dict[str, Any]) -> None:
    """One line for whoever started this."""
    print(json.dumps(answer), flush=True)


async def run(plan: Plan) -> None:
    """Connect, run the phases, go."""
    load = Load(plan, asyncio.get_running_loop())
    await load.connect()
    say({"connected": len(load.members)})
    gc.collect()
    gc.disable()  # nothing here makes cycles
    for phase in plan.phases:
        say(await load.run(phase))
    for member in load.members:
        member.transport.abort()


def main() -> None:
    """The program."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(plan))


if __name__ == "__main__":
    main()
