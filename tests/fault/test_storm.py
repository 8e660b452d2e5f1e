"""Everybody is cut at once and comes back: all live again and caught up, with few statements, and never more than the pool."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.people import Person
from tests.support.process import eventually
from tests.support.raw_client import ClosedError, RawWebSocket
from tests.support.server import Running, by_events, running

from hubbub import open_files

CLIENTS = 500
ROOMS = 5
MISSED = 3  # messages in each room while they are away
POOL = 4
BESIDE = 2  # the watch over the database, and the line that hears of plain SQL


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    open_files.make_room(4 * CLIENTS)  # both ends of each connection are in this process
    async with running(database, tmp_path, DB_POOL_SIZE=str(POOL)) as here:
        yield here


class Wanderer:
    """A client that remembers how far it has heard each room, over all its connections."""

    def __init__(self, server: Running, person: Person) -> None:
        self.server = server
        self.person = person
        self.cursors: dict[str, int] = {}
        self.heard: list[int] = []
        self.attempts = 0
        self.ws: RawWebSocket | None = None

    async def come(self, chance: random.Random) -> None:
        """Connect as official clients do, again after a refusal or a closed transport; then `sync`."""
        while True:
            self.attempts += 1
            try:
                await self._come()
            except (ClosedError, OSError):  # a refusal is an OSError too
                await asyncio.sleep(chance.uniform(0.05, 0.2))  # the client's own delay
            else:
                return

    async def _come(self) -> None:
        url = f"{self.server.url}/socket.io/?EIO=4&transport=websocket"
        self.ws = ws = await RawWebSocket.connect(url)
        ws.send("40" + json.dumps({"token": self.person.token}))
        ready = await self._next("ready")
        if not self.cursors:
            self.cursors = {room["roomId"]: room["seq"] for room in ready["rooms"]}
        asked = {"epoch": ready["epoch"], "rooms": self.cursors}
        ws.send("427" + json.dumps(["sync", asked]))
        answer = await self._next("ack")
        assert answer["success"], answer
        for room_id, page in answer["rooms"].items():
            assert not page["more"]
            self.heard += [change["changeSeq"] for change in page["changes"]]
            self.cursors[room_id] = page["upTo"]

    async def _next(self, wanted: str) -> Any:
        assert self.ws is not None
        while True:
            message = await self.ws.receive(timeout=30)
            assert isinstance(message, str)
            kind, _, rest = message.partition("[")
            if kind == "42":
                name, *args = json.loads("[" + rest)
                if name == wanted:
                    return args[0]
            elif kind == "437" and wanted == "ack":
                return json.loads("[" + rest)[0]


async def watch_sessions(observer: asyncpg.Connection, own: int, seen: list[int]) -> None:
    """How many connections the database has beside the test's own two, as often as it answers."""
    while True:
        seen.append(
            await observer.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = "
                "'client backend' AND pid NOT IN ($1, pg_backend_pid())",
                own,
            )
        )
        await asyncio.sleep(0.005)


async def test_all_cut_at_once_are_live_again_and_caught_up(server: Running) -> None:
    seed = int(os.environ.get("HUBBUB_PROPERTY_SEED") or random.SystemRandom().randrange(2**32))
    print(f"HUBBUB_PROPERTY_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    people = [await server.person(f"person{n}") for n in range(CLIENTS)]
    rooms = [await server.room(f"room {n}", *people[n::ROOMS]) for n in range(ROOMS)]
    wanderers = [Wanderer(server, person) for person in people]
    await asyncio.gather(*(one.come(chance) for one in wanderers))
    realtime = server.hubbub.realtime
    assert realtime.connections == CLIENTS

    for one in wanderers:
        assert one.ws is not None
        one.ws.abort()
    await eventually(lambda: realtime.connections == 0, timeout=20)
    for room_id in rooms:
        for n in range(MISSED):
            await server.db.execute(
                "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3)",
                people[rooms.index(room_id)].user_id, room_id, f"missed {n}",
            )  # fmt: skip

    seen: list[int] = []
    observer = await asyncpg.connect(server.hubbub.settings.database_url)
    watching = asyncio.create_task(watch_sessions(observer, server.db.get_server_pid(), seen))
    async with server.statements() as ran:
        await asyncio.gather(*(one.come(chance) for one in wanderers))
    assert not watching.done(), watching
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await observer.close()

    assert realtime.connections == CLIENTS
    last = {str(room_id): await server.last_seq(f"room {n}") for n, room_id in enumerate(rooms)}
    for number, one in enumerate(wanderers):
        (room_id,) = one.cursors
        assert one.cursors[room_id] == last[room_id]
        assert one.heard == list(range(last[room_id] - MISSED + 1, last[room_id] + 1)), number
    assert 0 < max(seen) <= POOL + BESIDE
    # Who connects, where their rooms stand, what those who stopped at the same place have missed, presence: all of it is
    # read and written for many at once: 41 statements where the machine is quick, and more groups, each smaller, where it
    # is slow. Each client for itself had nine.
    assert len(by_events(ran)) <= CLIENTS / 5, sorted(ran)
    for one in wanderers:
        assert one.ws is not None
        one.ws.abort()
    await eventually(lambda: realtime.connections == 0 and not realtime.transports, timeout=20)
