"""Many clients in one process: raw Engine.IO 4 and Socket.IO 5 over WebSocket, on uvloop.

    python -m bench.load.client < plan.json

Reads a `Plan` from standard input; writes one JSON object a line: `{"connected": n}` now and then, then one object with
its `phase` for the connecting, where the plan asks for it, for each phase, and for the storm. Promises: every delivery
is counted, its sender's order is checked, what is missing at the end is said; it knows no server from another. Its own
CPU is part of the answer: where it is the bottleneck, the figure is not the server's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
import uvloop

from bench import cpu, memory
from bench.load import storm
from bench.load.histogram import Histogram
from bench.load.member import Member, Sender
from bench.load.plan import Phase, Plan
from bench.load.stream import Stream

CONNECTING_AT_ONCE: Final = 25
CONNECT_SECONDS: Final = 150.0
DRAIN_SECONDS: Final = 8.0  # without anything coming: what is missing then is lost
SAMPLES: Final = 20  # latency is taken at so many members; all others are counted and checked just the same
_STOPPING_BYTES: Final = 65_536  # enough to read as fast as others, too little to hide for long that one does not
_REMEMBERED: Final = 512
_LET_GO_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1


class Load:
    """All members, and the counters of the phase that runs."""

    def __init__(self, plan: Plan, loop: asyncio.AbstractEventLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.run_id = os.urandom(6).hex().encode()  # a clientId that came before would be a repetition
        self.stopping = frozenset(index for phase in plan.phases for index in phase.stopped)
        self.streams = {member.room: Stream() for member in plan.members}
        self.idle_talk: set[bytes] = set()  # of late, what says only who came and went
        self.members: list[Member] = []
        self.senders: dict[int, Sender] = {}
        self.closed = self.strange = self.refused = self.forks = self.acked = 0
        self.best_rate = 0.0  # of acks a second
        self.recording = False
        self.last_data = time.perf_counter()
        self.deliveries = Histogram()
        self.acks = Histogram()

    def ignore(self, data: bytes) -> None:
        """These bytes hold nothing that matters: whoever else receives them need not look."""
        if len(self.idle_talk) >= _REMEMBERED:
            self.idle_talk.clear()
        self.idle_talk.add(data)

    def record(self, messages: Iterable[tuple[int, int]]) -> None:
        """Latencies of what one member received just now."""
        now = time.perf_counter()
        for sender, number in messages:
            self.deliveries.add(int((now - self.senders[sender].sent_at[number]) * 1e6))

    async def open(self, index: int, *, resumes: bool = False) -> Member:
        """One member, connected and in its room.

        Raises:
            LoadError, OSError: it could not.
        """
        address = ("127.0.0.1", self.plan.port)
        end = socket.socket()
        try:
            end.setblocking(False)
            if index in self.stopping:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STOPPING_BYTES)
            await self.loop.sock_connect(end, address)
            _, member = await self.loop.create_connection(lambda: Member(self, index, resumes=resumes), sock=end)
        except BaseException:
            end.close()
            raise
        try:
            await member.joined
        except BaseException:
            member.leave()
            raise
        return member

    async def connect(self) -> None:
        """Open every connection and join; say what each cost where the plan asks for it.

        Raises:
            LoadError, TimeoutError, OSError: one of them could not.
        """
        first = self.plan.first
        if not first:
            await self._connect(range(len(self.plan.members)))
            return
        server = self.plan.watch["server"]
        await self._connect(range(first))
        held, before = memory.held(server), self.cpu()
        began = time.perf_counter()
        connected = await self._connect(range(first, len(self.plan.members))) - began
        elapsed = time.perf_counter() - began
        spent = self.spent(before)
        say({
            "phase": "idle",
            "seconds": elapsed,
            "connected_after": connected,
            "connections": len(self.members) - first,
            "memory": {"base": held, "after": memory.held(server)},
            "cpu": spent,
            "check": {"closed": self.closed, "strange": self.strange},
        })  # fmt: skip

    async def _connect(self, indices: Iterable[int]) -> float:
        """Connect these, and wait until it is quiet; when the last of them was in its room."""
        turn = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(index: int) -> None:
            async with turn:
                self.members.append(await self.open(index))
                if len(self.members) % 50 == 0:
                    say({"connected": len(self.members)})

        async with asyncio.timeout(CONNECT_SECONDS), asyncio.TaskGroup() as group:
            for index in indices:
                group.create_task(one(index))
        done = time.perf_counter()
        self.members.sort(key=lambda member: member.index)
        await self.quiet()
        return done

    async def quiet(self) -> None:
        """Wait until what the joining set off has passed, ten seconds at most."""
        end = time.perf_counter() + 10
        while time.perf_counter() < min(end, self.last_data + self.plan.quiet):
            await asyncio.sleep(0.05)

    async def run(self, phase: Phase) -> dict[str, Any]:
        """One phase; its figures."""
        listening = self._make_ready(phase)
        rooms = Counter(member.room for member in listening)
        active = [self.senders[index] for index in phase.senders]

        def owed() -> int:
            return sum(sender.sent * rooms[sender.member.room] for sender in self.senders.values())

        def received() -> int:
            return sum(member.stream.count(member.at) for member in listening)

        def disorder() -> int:
            return sum(member.stream.disorder(member.at) for member in listening)

        owed_before, received_before, disorder_before = owed(), received(), disorder()
        refused_before, closed_before = self.refused, self.closed
        pace = phase.pace or phase.share * self.best_rate / len(active)
        sending = [self.loop.create_task(_paced(sender, pace)) for sender in active] if pace else []
        for sender in active if not pace else ():
            sender.pump()
        await asyncio.sleep(phase.warm)

        self.deliveries, self.acks, self.acked = Histogram(), Histogram(), 0
        before, delivered, began = self.cpu(), received(), time.perf_counter()
        self.recording = True
        seen = await self._watch(phase)
        self.recording = False
        elapsed, delivered = time.perf_counter() - began, received() - delivered
        spent = self.spent(before)
        self.best_rate = max(self.best_rate, self.acked / elapsed)

        for task in sending:
            task.cancel()
        for sender in active:
            sender.window = 0
        expected, got = owed() - owed_before, 0
        end = time.perf_counter() + DRAIN_SECONDS
        while time.perf_counter() < end:
            if (so_far := received() - received_before) > got:
                got, end = so_far, time.perf_counter() + DRAIN_SECONDS
            if got >= expected and all(sender.acked >= sender.sent for sender in active):
                break
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
            **seen,
            **await self._let_go(phase),
            "check": {
                "expected": expected,
                "received": got,
                "lost": expected - got,
                "disorder": disorder() - disorder_before,
                "refused": self.refused - refused_before,
                "unanswered": sum(sender.sent - sender.acked for sender in active),
                "closed": self.closed - closed_before,
                "strange": self.strange,
            },
            "streams": len(self.streams) + self.forks,
        }

    def _make_ready(self, phase: Phase) -> list[Member]:
        """Who sends, who reads and who does not; the answer is those whose deliveries count."""
        step = max(1, len(self.members) // SAMPLES)
        for member in self.members:
            member.paced = bool(phase.pace or phase.share)
            member.sampled = member.index in phase.senders if phase.pace else member.index % step == step // 3
            member.seen = member.stream.count(member.at)
        for index in phase.stopped:
            self.members[index].transport.pause_reading()
            self.members[index].deaf = True
        for index in phase.senders:
            member = self.members[index]
            if index not in self.senders:
                prefix = b'["send-message",{"room":%b,"message":"' % json.dumps(member.room).encode()
                self.senders[index] = member.sender = Sender(member, prefix)
            self.senders[index].window, self.senders[index].own_copy = phase.window, phase.own_copy
        return [member for member in self.members if not member.deaf]

    async def _watch(self, phase: Phase) -> dict[str, Any]:
        """Let the phase's seconds pass; what the server's memory was meanwhile, where that is asked for."""
        if not phase.memory:
            await asyncio.sleep(phase.seconds)
            return {}
        server, end = self.plan.watch["server"], time.perf_counter() + phase.seconds
        base = peak = memory.held(server)
        while (left := end - time.perf_counter()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))
            peak = max(peak, memory.held(server))
        return {"memory": {"base": base, "peak": peak}}

    async def _let_go(self, phase: Phase) -> dict[str, Any]:
        """Let those read again who stopped: how many the server has closed."""
        stopped = [self.members[index] for index in phase.stopped]
        if not stopped:
            return {}
        for member in stopped:
            with suppress(RuntimeError):  # the transport is closed already
                member.transport.resume_reading()
        end = time.perf_counter() + _LET_GO_SECONDS
        while time.perf_counter() < end and not all(member.gone for member in stopped):
            await asyncio.sleep(0.02)
        return {"stopped": len(stopped), "dropped": sum(member.gone for member in stopped)}

    def cpu(self) -> dict[str, dict[str, float]]:
        """Seconds of CPU by now: of each watched process with its children, of this one, and of the whole machine."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        times = {name: cpu.taken(pid) for name, pid in self.plan.watch.items()}
        return times | {"client": {"user": own.ru_utime, "system": own.ru_stime}, "machine": cpu.machine()}

    def spent(self, before: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        """CPU taken since an earlier answer of `cpu`."""
        return {name: cpu.since(before[name], times) for name, times in self.cpu().items()}


async def _paced(sender: Sender, pace: float) -> None:
    """Send so many messages a second, by the clock, as far as the window lets; until cancelled."""
    loop = asyncio.get_running_loop()
    due = loop.time() + random.random() / pace  # not all at once
    while True:
        await asyncio.sleep(due - loop.time())
        due = max(due + 1 / pace, loop.time())
        if sender.room():
            sender.send(1)


def say(answer: dict[str, Any]) -> None:
    """One line for whoever started this."""
    print(json.dumps(answer), flush=True)


async def run(plan: Plan) -> None:
    """Connect, run the phases and the storm, go."""
    load = Load(plan, asyncio.get_running_loop())
    await load.connect()
    say({"connected": len(load.members)})
    gc.collect()
    gc.disable()  # nothing here makes cycles
    for phase in plan.phases:
        say(await load.run(phase))
    if plan.storm is not None:
        say(await storm.run(load, plan.storm))
    for member in load.members:
        member.leave()


def main() -> None:
    """The program."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(plan))


if __name__ == "__main__":
    main()
