"""The one PostgreSQL that everybody in the bench uses, with the settings Hubbub gives it, and what is put into it.

Accounts and memberships are made by SQL: hashing five hundred passwords would take minutes and measure nothing. The
tokens are real ones, issued with the key the server is started with. Before: nothing. After: `targets.py`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg

from hubbub.chat.tokens import Tokens
from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.postgres.spec import ConnectionSpec
from hubbub.store import migrate

PEER_DATABASE: Final = "peer"
TOKEN_SECONDS: Final = 24 * 3600
_CONNECTIONS: Final = 80  # pgbench's fifty, and whoever else is there
_RELOAD_SECONDS: Final = 10.0
_SETTINGS: Final = (
    "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers", "max_wal_size", "commit_delay",
)  # fmt: skip

# What a chat of a few hundred lines makes of it: no counter, no unique client id, no foreign key.
_PEER_TABLE: Final = """
CREATE TABLE messages (
    message_id uuid PRIMARY KEY,
    room varchar(100) NOT NULL,
    user_id uuid NOT NULL,
    message_text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_room ON messages (room, created_at DESC);
"""


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the bench, with a token that is good for a day."""

    user_id: UUID
    session_id: UUID
    username: str
    token: str


@dataclass(frozen=True, slots=True)
class Room:
    """A room and its members."""

    room_id: UUID
    name: str
    people: tuple[Person, ...]


class BenchDatabase:
    """The running server: `spec` reaches Hubbub's database, `peer_spec` that of the peers."""

    def __init__(self, server: EmbeddedPostgres, spec: ConnectionSpec) -> None:
        self._server = server
        self.spec = spec
        self.peer_spec = spec.with_database(PEER_DATABASE)
        self.secret = secrets.token_urlsafe(48)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        assert self._server.pid is not None
        return self._server.pid

    @property
    def url(self) -> str:
        """DATABASE_URL of Hubbub's database."""
        (folder, port), *_ = self.spec.hosts
        return f"postgresql://{self.spec.user}@/{self.spec.database}?host={quote(folder, safe='')}&port={port}"

    @property
    def pgbench(self) -> Path:
        """The program that came with this server."""
        return self._server.bin_dir() / "pgbench"

    async def connect(self) -> asyncpg.Connection:
        """A connection to Hubbub's database."""
        return await asyncpg.connect(**{**self.spec.asyncpg_kwargs(), "statement_cache_size": 100})  # as the pool does

    async def facts(self) -> dict[str, str]:
        """The version, and the settings on which the figures rest."""
        conn = await self.connect()
        try:
            found = {name: str(await conn.fetchval(f"SHOW {name}")) for name in ("server_version", *_SETTINGS)}
        finally:
            await conn.close()
        found["server_version"] = re.sub(r" .*", "", found["server_version"])
        return found

    async def calm(self) -> None:
        """Write out what earlier measurements left, so that no later one pays for it."""
        conn = await self.connect()
        try:
            await conn.execute("CHECKPOINT")
        finally:
            await conn.close()

    async def sessions(self, conn: asyncpg.Connection) -> int:
        """Connections of Hubbub's pool now; those for the watch, plain SQL and the bus have names of their own."""
        found: int = await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hubbub'"
            " AND pid <> pg_backend_pid()"
        )
        return found

    async def lone_commit_ms(self) -> float:
        """What a commit takes that nobody shares: whether an fsync here is one."""
        conn = await self.connect()
        try:
            return await _commit_ms(conn)
        finally:
            await conn.close()

    @asynccontextmanager
    async def slow_commits(self, milliseconds: int) -> AsyncIterator[float]:
        """For the block's time every commit waits so long before it is flushed, as on an ordinary disk.

        Yields the median of what a lone commit then takes, in milliseconds: the proof.
        """
        conn = await self.connect()
        try:
            await self._set_commit_delay(conn, 1000 * milliseconds)
            try:
                yield await _commit_ms(conn)
            finally:
                await self._set_commit_delay(conn, 0)
        finally:
            await conn.close()

    async def _set_commit_delay(self, conn: asyncpg.Connection, microseconds: int) -> None:
        """Set it for all sessions, those that are open included; 0: as it was.

        Raises:
            TimeoutError: the server did not take it up.
        """
        for name, value in (("commit_delay", microseconds), ("commit_siblings", 0)):
            how = f"SET {name} = {value}" if microseconds else f"RESET {name}"
            await conn.execute(f"ALTER SYSTEM {how}")
        await conn.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(_RELOAD_SECONDS):
            while (
                await conn.fetchval("SELECT setting::int FROM pg_settings WHERE name = 'commit_delay'") != microseconds
            ):
                await asyncio.sleep(0.01)

    async def furnish(self, name: str, rooms: int, members: int, messages: int = 0) -> list[Room]:
        """Make rooms with members of their own, who are members of nothing else, and messages of the first of them."""
        tokens = Tokens(self.secret, TOKEN_SECONDS)
        made: list[Room] = []
        conn = await self.connect()
        try:
            async with conn.transaction():
                for number in range(rooms):
                    people = tuple(_person(tokens, f"{name}_{number}_{index}") for index in range(members))
                    made.append(Room(uuid4(), f"{name}-{number}", people))
                    await _insert(conn, made[-1], messages)
        finally:
            await conn.close()
        return made


def _person(tokens: Tokens, username: str) -> Person:
    user_id, session_id = uuid4(), uuid4()
    return Person(user_id, session_id, username, tokens.issue(user_id, session_id))


async def _commit_ms(conn: asyncpg.Connection) -> float:
    """The median of twenty lone commits of a few bytes, which no table keeps."""
    took: list[float] = []
    for _ in range(20):
        began = time.perf_counter()
        await conn.execute("SELECT pg_logical_emit_message(true, 'bench', 'probe')")
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


async def _insert(conn: asyncpg.Connection, room: Room, messages: int) -> None:
    ids = [person.user_id for person in room.people]
    await conn.execute("INSERT INTO public.rooms (room_id, room_name) VALUES ($1, $2)", room.room_id, room.name)
    await conn.execute(
        "INSERT INTO public.users (user_id, username, email, password, display_name) "
        "SELECT u.id, u.name, u.name || '@bench.invalid', '!', u.name FROM unnest($1::uuid[], $2::text[]) AS u (id, name)",
        ids,
        [person.username for person in room.people],
    )
    await conn.execute(
        "INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at) "
        "SELECT s.id, s.user_id, now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS s (id, user_id)",
        [person.session_id for person in room.people],
        ids,
    )
    await conn.execute(
        "INSERT INTO public.room_members (room_id, user_id) SELECT $1, u.id FROM unnest($2::uuid[]) AS u (id)",
        room.room_id,
        ids,
    )
    await conn.execute(
        "INSERT INTO public.messages (user_id, room_id, message_text) "
        "SELECT $1, $2, 'message ' || n FROM generate_series(1, $3::int) AS n",
        ids[0],
        room.room_id,
        messages,
    )


@asynccontextmanager
async def bench_database(folder: Path) -> AsyncIterator[BenchDatabase]:
    """A fresh server in `folder`, as `hubbub serve` makes it, with both databases; ended with the block."""
    server = EmbeddedPostgres(folder, chosen_bin=None, pool_size=_CONNECTIONS)
    database = BenchDatabase(server, await server.start(lambda sentence: None))
    try:
        await migrate.upgrade(database.connect)
        conn = await database.connect()
        try:
            await conn.execute(f"CREATE DATABASE {PEER_DATABASE}")
        finally:
            await conn.close()
        peer = await asyncpg.connect(**database.peer_spec.asyncpg_kwargs())
        try:
            await peer.execute(_PEER_TABLE)
        finally:
            await peer.close()
        yield database
    finally:
        await server.stop()
