"""The whole server inside a test's event loop, in front of a test's database, with everything a test may look into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from tests.support import people
from tests.support.client import Client
from tests.support.people import SECRET, Person

from hubbub.app import Hubbub
from hubbub.chat.context import Chat
from hubbub.config import load
from hubbub.http_server import Server, http_config
from hubbub.listener import listen


@dataclass
class Running:
    """A server that answers at `url`, and a connection to its database for looking and for plain SQL."""

    hubbub: Hubbub
    url: str
    db: asyncpg.Connection
    clients: list[Client] = field(default_factory=list)

    @property
    def chat(self) -> Chat:
        return self.hubbub.chat

    async def person(self, username: str, **options: Any) -> Person:
        return await people.sign_up(self.db, username, **options)

    async def people(self, *usernames: str) -> list[Person]:
        return [await self.person(username) for username in usernames]

    async def room(self, name: str, *members: Person, private: bool = False, by: Person | None = None) -> UUID:
        return await people.room(self.db, name, *members, private=private, by=by)

    def client(self) -> Client:
        """A client that is not connected yet; it is disconnected at the end of the test."""
        client = Client(self.url)
        self.clients.append(client)
        return client

    async def connect(self, person: Person | None = None, auth: Any = None) -> Client:
        """A client that has connected, and has had its `ready` if it is signed in."""
        client = self.client()
        await client.connect(auth if auth is not None else {"token": person.token} if person else None)
        if person is not None:
            await client.wait_for("ready")
        return client

    async def pair(self, room: str = "general") -> tuple[Client, Client]:
        """Ann and Bob, connected and joined to a room; what came so far is forgotten."""
        ann, bob = [await self.connect(person) for person in await self.people("ann", "bob")]
        await ann.ok("join", {"room": room})
        await bob.ok("join", {"room": room})
        await ann.wait_for("user-joined")
        ann.clear()
        bob.clear()
        return ann, bob

    async def room_id(self, name: str = "general") -> str:
        return str(await self.db.fetchval("SELECT room_id FROM rooms WHERE room_name = $1", name))

    async def last_seq(self, name: str = "general") -> int:
        return int(await self.db.fetchval("SELECT last_seq FROM rooms WHERE room_name = $1", name))

    @contextlib.asynccontextmanager
    async def statements(self) -> AsyncIterator[list[str]]:
        """The names of the statements that the server runs meanwhile, in order."""
        ran: list[str] = []

        def note(record: Any) -> None:
            name = record.query.split("*/")[0].removeprefix("/* ").strip() if record.query.startswith("/*") else "?"
            ran.append(name)

        pool = self.chat.database._pool
        # Opened first, all of them: none can be opened meanwhile and not be counted.
        for connection in [await pool.acquire() for _ in range(pool.get_max_size() - 1)]:
            await pool.release(connection)
        held = [holder._con for holder in pool._holders if holder._con is not None]
        for connection in held:
            connection.add_query_logger(note)
        try:
            yield ran
        finally:
            for connection in held:
                connection.remove_query_logger(note)


# What runs by the clock, whatever clients do.
BACKGROUND = frozenset(
    {
        "rooms.positions", "auth.still_live", "presence.renew_lease", "presence.sweep", "presence.strays", "presence.touched",
        "presence.now_offline", "presence.now_online", "presence.opened", "presence.closed", "presence.rooms_of",
        "members.connected", "notify.notify",
    }
)  # fmt: skip


def by_events(ran: Sequence[str]) -> list[str]:
    """Of statements that ran, those that events caused."""
    return [name for name in ran if name not in BACKGROUND and name != "?"]


@contextlib.asynccontextmanager
async def running(dsn: str, folder: Path, *, direct: str | None = None, **env: str) -> AsyncIterator[Running]:
    """Start a server on a free port; end it, and its clients, afterwards.

    Args:
        direct: the same database for the test's own connection, where `dsn` leads through a pooler.
    """
    settings = load(
        {
            "DATABASE_URL": dsn, "HUBBUB_DATA_DIR": str(folder), "JWT_SECRET": SECRET, "PORT": "0",
            "DB_POOL_SIZE": "4", **env,
        },
        dotenv=None,
    )  # fmt: skip
    listener = listen(settings)
    settings = replace(settings, port=listener.getsockname()[1])
    hubbub = await Hubbub.open(settings, lambda _: None)
    server = Server(http_config(hubbub), hubbub, lambda: None)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    db = await asyncpg.connect(direct or dsn)
    scheme = "http" if hubbub.certificate is None else "https"
    here = Running(hubbub, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", db)
    try:
        async with asyncio.timeout(5):
            while not server.started:
                await asyncio.sleep(0.005)
        yield here
    finally:
        await asyncio.gather(*(client.close() for client in here.clients))
        server.should_exit = True
        await task
        await hubbub.close()
        await db.close()
