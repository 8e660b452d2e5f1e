"""One seed: some nodes, some people, what goes wrong and when; then everything heals, and nothing may be missing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tests.fault.simulation.client import Client
from tests.fault.simulation.clock import virtual_time
from tests.fault.simulation.node import Ether, Node
from tests.fault.simulation.truth import Faults, Truth

from hubbub.realtime import Options

HEAL_SECONDS = 120.0  # for whatever was broken, timeouts included
QUIET_SECONDS = 40.0  # leases run out, and people are off-line


@dataclass
class Outcome:
    """What a seed led to."""

    seed: int
    violations: list[str]
    bitten: Counter[str]
    messages: int = 0


@dataclass
class World:
    """The state of one run."""

    seed: int
    luck: Random
    truth: Truth
    ether: Ether
    options: Options
    nodes: list[Node] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def make(cls, seed: int) -> World:
        luck = Random(seed)
        often = lambda *choices: luck.choice(choices)  # noqa: E731
        faults = Faults(often(0, 0, 0.02, 0.1), often(0, 0.02, 0.1, 0.3), often(0, 0, 0.05))
        truth = Truth(luck, faults, {UUID(int=number): 0 for number in range(1, luck.randint(2, 4))})
        ether = Ether(luck, truth.bit, often(0, 0.1, 0.5, 1.0), often(0, 0.3))
        options = Options(ping_interval_ms=5_000, ping_timeout_ms=4_000, connect_timeout_ms=10_000)
        return cls(seed, luck, truth, ether, options)

    async def run(self) -> list[str]:
        """The whole story; what was wrong with it."""
        luck = self.luck
        for _ in range(luck.randint(1, 3)):
            await self._start()
        for number in range(luck.randint(2, 5)):
            user = UUID(int=1_000 + number)
            rooms = list(self.truth.rooms)
            todo = [
                (luck.choice(rooms), f"{'edit' if luck.random() < 0.2 else user} {n}", f"{number}-{n}")
                for n in range(luck.randint(0, 12))
            ]
            self.clients.append(
                Client(user, luck, lambda: [node for node in self.nodes if node.alive], self.truth.stands, todo)
            )
        self.running = [asyncio.create_task(client.run()) for client in self.clients]
        promised = [list(client.todo) for client in self.clients]
        for _ in range(luck.randint(0, 14)):
            await asyncio.sleep(luck.uniform(0.01, 3.0))
            await luck.choice(self._troubles())()
        await self._heal()
        wrong = await self._settle()
        wrong += self._check(promised)
        wrong += await self._leave()
        return wrong

    # What goes wrong

    def _troubles(self) -> list[Callable[[], object]]:
        return [self._crash, self._crash, self._restart, self._away, self._cut_off, self._cut, self._cut, self._cut]

    async def _start(self) -> Node:
        node = Node(self.truth, self.ether, self.options)
        self.nodes.append(node)
        await node.start()
        return node

    async def _crash(self) -> None:
        node = self._any_node()
        if node is not None:
            self.truth.bit("node killed")
            node.crash()
            self.nodes.remove(node)
            await asyncio.sleep(self.luck.choice((0.1, 1.0, 20.0)))
            await self._start()

    async def _restart(self) -> None:
        node = self._any_node()
        if node is not None:
            self.truth.bit("node stopped")
            await node.stop()
            self.nodes.remove(node)
            await self._start()

    async def _away(self) -> None:
        self.truth.bit("database stopped")
        self.truth.away_until = asyncio.get_running_loop().time() + self.luck.choice((0.3, 3.0, 14.0, 40.0))

    async def _cut_off(self) -> None:
        node = self._any_node()
        if node is not None:
            node.line.cut_until = asyncio.get_running_loop().time() + self.luck.choice((1.0, 12.0, 30.0))

    async def _cut(self) -> None:
        here = [client for client in self.clients if client.is_here]
        if here:
            self.truth.bit("line cut")
            pipe = self.luck.choice(here).pipe
            assert pipe is not None
            pipe.cut()

    def _any_node(self) -> Node | None:
        alive = [node for node in self.nodes if node.alive]
        return self.luck.choice(alive) if alive else None

    async def _heal(self) -> None:
        self.truth.faults.lost_before = self.truth.faults.lost_after = self.truth.faults.slow = 0.0
        self.truth.away_until = 0.0
        self.ether.lose = 0.0
        for node in self.nodes:
            node.line.cut_until = 0.0
        if not any(node.alive for node in self.nodes):
            await self._start()

    # What must hold

    async def _settle(self) -> list[str]:
        """Wait until everybody has sent and heard everything."""
        end = asyncio.get_running_loop().time() + HEAL_SECONDS
        while asyncio.get_running_loop().time() < end:
            done = [
                not client.todo and client.is_here and client.cursors is not None
                and all(client.cursors[str(room)] == last for room, last in self.truth.rooms.items())
                for client in self.clients
            ]  # fmt: skip
            if all(done):
                return []
            await asyncio.sleep(0.25)
        return [f"I4 {client.user} never came to the end: {client.cursors}, {len(client.todo)} to send" for client in self.clients
                if client.todo or client.cursors is None
                or any(client.cursors[str(room)] != last for room, last in self.truth.rooms.items())] or ["somebody flaps"]  # fmt: skip

    def _check(self, promised: list[list[tuple[UUID, str, str]]]) -> list[str]:
        wrong: list[str] = []
        for client, sent in zip(self.clients, promised, strict=True):
            wrong += client.wrong
            stored = []
            for room, text, client_id in sent:
                if text.startswith("edit "):
                    continue
                message = self.truth.by_client.get((client.user, client_id))
                if message is None:
                    wrong.append(f"I1 lost: {client_id}")
                elif client.acked.get(client_id) != (str(message.id), message.seq):
                    wrong.append(f"I1 acked {client.acked.get(client_id)}, stored {message.id}, {message.seq}")
                else:
                    stored.append((room, message.seq))
            for room in self.truth.rooms:
                seqs = [seq for where, seq in stored if where == room]
                if seqs != sorted(seqs):
                    wrong.append(f"I6 {client.user} wrote in another order: {seqs}")
            for room, numbers in client.numbers.items():
                if numbers != sorted(set(numbers)):
                    wrong.append(f"I4 {client.user} was told {numbers} in {room}")
            wanted = {
                str(message.id): (message.change_seq, message.text) for message in self.truth.messages.values()
                if message.change_seq > client.began.get(str(message.room), 0)
            }  # fmt: skip
            if client.state != wanted:
                wrong.append(f"I5 {client.user} knows {len(client.state)} of {len(wanted)}, or others")
        if len(self.truth.messages) != len(self.truth.by_client):
            wrong.append("I1 a message without its clientId")
        return wrong

    async def _leave(self) -> list[str]:
        """Presence agrees with who is here; then all go, and nothing is left."""
        wrong: list[str] = []
        await asyncio.sleep(QUIET_SECONDS)
        here = Counter(client.user for client in self.clients if client.is_here)
        rows = Counter(user for user, _ in self.truth.sessions.values())
        if rows != here:
            wrong.append(f"I10 connections {sorted(here.values())}, rows {sorted(rows.values())}")
        if self.truth.online != set(here):
            wrong.append("I10 on-line are others than those who are connected")
        for task in self.running:
            task.cancel()
        for client in self.clients:
            if client.pipe is not None:
                client.pipe.client.close()
        await asyncio.sleep(QUIET_SECONDS)
        if self.truth.sessions or self.truth.online:
            wrong.append("I10 ghosts stay")
        for node in self.nodes:
            left = (node.realtime.connections, node.realtime.transports, node.realtime.tasks, len(node.feeds.by_id))
            if any(left):
                wrong.append(f"I12 left in a node: {left}")
            await node.stop()
        return wrong


def simulate(seed: int) -> Outcome:
    """Run one seed."""
    with virtual_time() as loop:
        asyncio.set_event_loop(loop)
        world = World.make(seed)
        wrong: list[str] = []
        loop.set_exception_handler(
            lambda _, context: wrong.append(f"I11 {context['message']}: {context.get('exception')!r}")
        )
        try:
            wrong += loop.run_until_complete(world.run())
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            asyncio.set_event_loop(None)
        return Outcome(seed, wrong, Counter(world.truth.bitten), len(world.truth.messages))
