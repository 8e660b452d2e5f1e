"""Readers that stop: what waits for them is bounded, they are closed with a reason, and come back without a gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.people import Person
from tests.support.process import eventually
from tests.support.raw_client import ClosedError, RawWebSocket
from tests.support.server import Running

from hubbub.chat.members import join_room
from hubbub.realtime import Connection
from hubbub.realtime.transport import SLOW, TRY_AGAIN_LATER

TEXT = "x" * 16_000  # the kernel's own buffers, a dozen megabytes, are to be filled as well
MANY = 3_000

small = pytest.mark.parametrize("env", [{"HUBBUB_OUTBOX_BYTES": "131072", "HUBBUB_SEND_RATE": "0"}], indirect=True)
usual = pytest.mark.parametrize("env", [{"HUBBUB_SEND_RATE": "0"}], indirect=True)


class Reader:
    """A client that reads only when it is told to."""

    def __init__(self, ws: RawWebSocket, connection: Connection) -> None:
        self.ws = ws
        self.connection = connection
        self.heard: list[tuple[str, Any]] = []

    @classmethod
    async def connect(cls, server: Running, person: Person) -> Reader:
        before = set(server.hubbub.realtime._registry.connections.values())
        ws = await RawWebSocket.connect(f"{server.url}/socket.io/?EIO=4&transport=websocket")
        ws.send("40" + json.dumps({"token": person.token}))
        (connection,) = set(server.hubbub.realtime._registry.connections.values()) - before
        reader = cls(ws, connection)
        await reader.read_until("ready")
        return reader

    async def read_until(self, event: str) -> Any:
        """Read on to the first such event."""
        while True:
            message = await self.ws.receive()
            assert isinstance(message, str)
            if message.startswith("4"):
                kind, _, data = message.partition("[")
                if kind == "42":
                    name, *args = json.loads("[" + data)
                    self.heard.append((name, args[0] if args else None))
                    if name == event:
                        return self.heard[-1][1]
                elif kind.startswith("43"):
                    return json.loads("[" + data)[0]

    async def read_to_the_end(self) -> ClosedError:
        with pytest.raises(ClosedError) as closed:
            await self.read_until("no such event")
        return closed.value

    def numbers(self) -> list[int]:
        return [data["changeSeq"] for name, data in self.heard if name == "receive-message"]

    @property
    def held(self) -> int:
        """Bytes that the server keeps for this client."""
        channel = self.connection.channel
        return self.connection._waiting_bytes + (channel.buffered() if channel is not None else 0)


async def flood(server: Running, ann: Client, reader: Reader, until: Callable[[], bool]) -> None:
    """Send until the reader is that far behind; never is more than its bound kept for it."""
    for _ in range(0, MANY, 20):
        if until():
            return
        await asyncio.gather(*(ann.ok("send-message", {"message": TEXT, "room": "general"}) for _ in range(20)))
        assert reader.held <= server.hubbub.settings.outbox_bytes
    raise AssertionError("the reader was never found slow")


@small
async def test_a_reader_that_stops_is_closed_as_slow_and_resumes_without_a_gap(server: Running) -> None:
    ann, _ = await server.pair()
    ann.checks = False
    eve = await server.person("eve")
    await join_room(server.chat, eve.actor, "general")
    reader = await Reader.connect(server, eve)
    ready = reader.heard[-1][1]
    (room,) = [one for one in ready["rooms"] if one["room"] == "general"]
    stats = server.hubbub.realtime.stats
    await flood(server, ann, reader, lambda: stats.closed[SLOW] > 0)
    assert reader.connection.channel is None
    assert reader.held == 0
    closed = await reader.read_to_the_end()
    assert (closed.code, closed.reason) == (TRY_AGAIN_LATER, "slow")
    numbers = reader.numbers()
    assert numbers == list(range(room["seq"] + 1, room["seq"] + 1 + len(numbers)))

    await ann.ok("send-message", {"message": "while away", "room": "general"})
    back = await Reader.connect(server, eve)
    at, more = numbers[-1], True
    while more:
        back.ws.send("420" + json.dumps(["sync", {"epoch": ready["epoch"], "rooms": {room["roomId"]: at}}]))
        answer = await back.read_until("no such event")
        page = answer["rooms"][room["roomId"]]
        numbers += [change["changeSeq"] for change in page["changes"]]
        at, more = page["upTo"], page["more"]
    assert numbers == list(range(room["seq"] + 1, await server.last_seq() + 1))
    await back.ws.close()


@small
async def test_a_reader_that_never_reads_again_is_cut(server: Running) -> None:
    ann, _ = await server.pair()
    ann.checks = False
    reader = await Reader.connect(server, await server.person("eve"))
    reader.ws.send('420["join","general"]')
    await reader.read_until("user-joined")
    transports = server.hubbub.realtime.transports
    await flood(server, ann, reader, lambda: server.hubbub.realtime.stats.closed[SLOW] > 0)
    await eventually(lambda: server.hubbub.realtime.transports == transports - 1, timeout=10)
    await reader.ws.close()


@usual
async def test_of_passing_events_a_slow_reader_gets_the_latest_and_of_lasting_ones_all(server: Running) -> None:
    ann, bob = await server.pair()
    ann.checks = bob.checks = False
    eve = await server.person("eve")
    await join_room(server.chat, eve.actor, "general")
    reader = await Reader.connect(server, eve)
    room = next(one for one in reader.heard[-1][1]["rooms"] if one["room"] == "general")
    stats = server.hubbub.realtime.stats

    def is_backed_up() -> bool:
        channel = reader.connection.channel
        assert channel is not None
        return not channel.ready

    await flood(server, ann, reader, is_backed_up)
    before = reader.held
    for turn in range(50):
        for client in (ann, bob):
            await client.ok("typing", {"room": "general", "isTyping": turn % 2 == 0})
        if turn % 10 == 0:
            await ann.ok("send-message", {"message": f"lasting {turn}", "room": "general"})
    assert stats.conflated >= 2 * 49
    assert reader.held - before < 5_000, "what waits does not grow with what is replaced"
    last = await ann.ok("send-message", {"message": "the last", "room": "general"})
    await bob.ok("typing", {"room": "general", "isTyping": True})
    await bob.settle()
    assert stats.closed[SLOW] == 0
    while not reader.numbers() or reader.numbers()[-1] < last["seq"]:
        await reader.read_until("receive-message")
    while [name for name, _ in reader.heard].count("user-typing") < 2:
        await reader.read_until("user-typing")
    assert reader.numbers() == list(range(room["seq"] + 1, last["seq"] + 1))
    typing = [(data["username"], data["isTyping"]) for name, data in reader.heard if name == "user-typing"]
    assert typing == [("ann", False), ("bob", True)], "the last state of each, out of fifty"
    await reader.ws.close()
