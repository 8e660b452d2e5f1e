"""Several nodes, each `hubbub serve` as a process, on one database; behind nginx where a test wants it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import socketio
from tests.support import people
from tests.support.client import Client
from tests.support.nginx import nginx
from tests.support.people import SECRET, Person
from tests.support.process import Process, free_port, python

from hubbub.realtime import Address


@dataclass
class FleetNode:
    """One of them. It keeps its port, and so its key, when it is started again."""

    process: Process
    url: str

    @property
    def key(self) -> str:
        """What the ids of its sessions begin with."""
        return Address.read(self.url.removeprefix("http://")).key

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self.url}/metrics")).text
        found = re.search(rf"^hubbub_{name} (\S+)$", text, re.MULTILINE)
        assert found is not None, name
        return float(found[1])


@dataclass
class Fleet:
    """The nodes, their database, and where clients come in.

    Attributes:
        clients: made here, and closed at the end.
    """

    nodes: list[FleetNode]
    url: str
    db: asyncpg.Connection
    clients: list[Client] = field(default_factory=list)

    async def people(self, count: int, room: str) -> list[Person]:
        """New accounts, all of them members of a new room."""
        crowd = [await people.sign_up(self.db, f"{room}-{n}") for n in range(count)]
        await people.room(self.db, room, *crowd)
        return crowd

    async def connect(self, person: Person, *transports: str) -> Client:
        """A client that has had its `ready`; tries again where it fails, as an official client does."""
        async with asyncio.timeout(30):
            while True:
                client = Client(self.url, transports=transports or ("polling",))
                self.clients.append(client)
                try:
                    await client.connect({"token": person.token}, timeout=3)
                    await client.wait_for("ready")
                except (socketio.exceptions.ConnectionError, AssertionError):
                    await client.close(collect=False)
                else:
                    return client

    async def numbers(self, room: str) -> list[int]:
        """The places of all messages of a room."""
        query = "SELECT seq FROM messages JOIN rooms USING (room_id) WHERE room_name = $1 ORDER BY seq"
        return [row["seq"] for row in await self.db.fetch(query, room)]

    async def forwards(self) -> float:
        """How many requests the nodes have forwarded, all together."""
        return sum([await node.metric("forwards_total") for node in self.nodes])


@asynccontextmanager
async def fleet(dsn: str, folder: Path, *, nodes: int = 3, workers: int = 1, **env: str) -> AsyncIterator[Fleet]:
    """Start them, and nginx in front, as docs/howto says; each is ended by its process id."""
    settings = {
        "DATABASE_URL": dsn, "JWT_SECRET": SECRET, "HOST": "127.0.0.1", "HUBBUB_BUS": "postgres",
        "DB_POOL_SIZE": "4", "HUBBUB_LOG_LEVEL": "warning", **env,
    }  # fmt: skip
    serve = python("-c", "from hubbub.cli.main import app; app()", "serve", "--workers", str(workers))
    made = []
    for number in range(nodes):
        port = free_port()
        own = {"HUBBUB_DATA_DIR": str(folder / f"node{number}"), "PORT": str(port)}
        process = Process(serve, ready="ready at", env=settings | own, start_timeout=90, stop_timeout=30)
        made.append(FleetNode(process, f"http://127.0.0.1:{port}"))
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(node.process) for node in made))
        proxy, url = nginx(folder / "nginx", [node.url for node in made])
        await stack.enter_async_context(proxy)
        db = await asyncpg.connect(dsn)
        stack.push_async_callback(db.close)
        here = Fleet(made, url, db)
        try:
            yield here
        finally:
            await asyncio.gather(*(client.close(collect=False) for client in here.clients))
            for client in here.clients[-1:]:
                await client.close()
