"""A whole chat moves between two servers: equal on both sides, whatever the version, and wherever it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from tests.support.catalog import catalog
from tests.support.database import HEAD, Databases, connector

from hubbub.store import digest, migrate, moving, seeding

SIZE = seeding.Size(messages=1_500, rooms=20, users=60)


@pytest.fixture(scope="module")
def full(pg18: Databases) -> Iterator[str]:
    """A database with a chat in it that nobody writes to."""
    name = pg18.clone()

    async def sow() -> None:
        conn = await asyncpg.connect(pg18.cluster.dsn(name))
        try:
            await seeding.sow(conn, SIZE, lambda _: None)
            await conn.execute(
                "INSERT INTO hubbub.commands (user_id, client_id, hash, answer) SELECT user_id, 'c' || n, '\\xff', 'é'"
                " FROM users, generate_series(1, 20) AS n; CREATE TABLE public.theirs (x int);"
                "INSERT INTO hubbub.nodes (node_id, lease_until) VALUES (gen_random_uuid(), now())"
            )
        finally:
            await conn.close()

    asyncio.run(sow())
    yield pg18.cluster.dsn(name)
    pg18.drop(name)


@pytest.fixture(params=["pg15", "pg18"])
def empty(request: pytest.FixtureRequest) -> Iterator[str]:
    databases: Databases = request.getfixturevalue(request.param)
    name = databases.empty()
    yield databases.cluster.dsn(name)
    databases.drop(name)


@asynccontextmanager
async def both(source: str, target: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    here, there = await asyncpg.connect(source), await asyncpg.connect(target)
    try:
        yield here, there
    finally:
        await here.close()
        await there.close()


async def move(source: str, target: str, tell: moving.Tell = lambda *_: None) -> moving.Moved:
    async with both(source, target) as (here, there):
        return await moving.move(here, there, connector(target), tell)


async def digests(dsn: str) -> dict[str, digest.Digest]:
    conn = await asyncpg.connect(dsn, server_settings={"timezone": "Asia/Tokyo", "bytea_output": "escape"})
    try:
        async with conn.transaction(isolation="repeatable_read"):
            there = [table for table in await digest.tables(conn) if table.full_name not in digest.OF_THE_MOMENT]
            return await digest.of(conn, there)
    finally:
        await conn.close()


async def test_everything_comes_over(full: str, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "CHUNK", 400)
    told: list[tuple[str, int, int]] = []
    moved = await move(full, empty, lambda *what: told.append(what))
    want = await digests(full)
    assert moved.left == ("public.theirs",)
    assert not moved.resumed
    assert await digests(empty) == {name: one for name, one in want.items() if name != "public.theirs"}
    assert moved.rows["public.messages"] == SIZE.messages
    assert moved.rows["hubbub.commands"] == 20 * SIZE.users
    assert [done for name, done, _ in told if name == "public.messages"] == [0, 400, 800, 1_200, 1_500]
    made, theirs = await catalog(full), await catalog(empty)
    for kind, things in made.items():
        if kind == "views":
            continue  # each version prints them in its own way
        assert {name: what for name, what in things.items() if not name.startswith("public.theirs")} == theirs[kind]
    async with both(full, empty) as (here, there):
        assert await there.fetchval("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == 0
        assert await there.fetchval("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
        assert (await migrate.status(connector(empty))).pending == ()
        # A chat lives there now.
        with pytest.raises(moving.MoveRefused, match="A chat lives there already"):
            await moving.move(here, there, connector(empty), lambda *_: None)


@pytest.mark.parametrize("at", ["public.messages", "hubbub.commands", "indexes and constraints", "checksums there"])
async def test_a_move_that_was_cut_off_goes_on(
    full: str, empty_database: str, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(moving, "CHUNK", 400)

    def cut(name: str, done: int, total: int) -> None:
        if name == at and done >= min(total // 2, 800):
            raise ConnectionResetError("cut here")

    with pytest.raises(ConnectionResetError):
        await move(full, empty_database, cut)
    with pytest.raises(migrate.MoveUnfinished, match="not come over whole"):
        await migrate.upgrade(connector(empty_database))
    told: list[tuple[str, int, int]] = []
    moved = await move(full, empty_database, lambda *what: told.append(what))
    assert moved.resumed
    sent = [done for name, done, _ in told if name == "public.messages"]
    assert sent[0] == {"public.messages": 800, "hubbub.commands": 0}.get(at, SIZE.messages)
    want = await digests(full)
    assert await digests(empty_database) == {name: one for name, one in want.items() if name != "public.theirs"}
    conn = await asyncpg.connect(empty_database)
    assert await conn.fetchval("SELECT version_num FROM hubbub.alembic_version") == HEAD
    await conn.close()


async def test_an_older_backends_chat_is_neither_adopted_nor_overwritten(full: str, empty_database: str) -> None:
    older = await asyncpg.connect(empty_database)
    await older.execute(
        "CREATE TABLE users (user_id uuid PRIMARY KEY, username text, password text);"
        "CREATE TABLE rooms (room_id uuid PRIMARY KEY, room_name text);"
        "CREATE TABLE messages (message_id uuid PRIMARY KEY, user_id uuid, room_id uuid, message_text text, created_at timestamp);"
    )
    before = await catalog(empty_database)
    with pytest.raises(moving.MoveRefused, match="A chat lives there already"):
        await move(full, empty_database)
    assert await catalog(empty_database) == before
    await older.close()


async def test_bounds_meant_for_ordinary_sessions_cut_nothing_short(full: str, empty_database: str) -> None:
    target = await asyncpg.connect(empty_database)
    await target.execute("SET statement_timeout = '5ms'; SET idle_in_transaction_session_timeout = '5ms'")
    source = await asyncpg.connect(full)
    try:
        moved = await moving.move(source, target, connector(empty_database), lambda *_: None)
    finally:
        await source.close()
        await target.close()
    assert moved.rows["public.messages"] == SIZE.messages


async def test_what_another_move_began_is_left_alone(full: str, empty_database: str) -> None:
    await migrate.upgrade(connector(empty_database))
    async with both(full, empty_database) as (here, there):
        await there.execute("UPDATE hubbub.alembic_version SET version_num = 'moving:1'")
        with pytest.raises(moving.MoveRefused, match="Another chat is being moved there"):
            await moving.move(here, there, connector(empty_database), lambda *_: None)


async def test_what_somebody_slips_in_is_seen(full: str, empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    summed = digest.of

    async def slowly(*given: Any) -> dict[str, digest.Digest]:
        found = await summed(*given)
        other = await asyncpg.connect(empty_database)
        await other.execute("UPDATE users SET bio = 'x' WHERE username LIKE '%7'")
        await other.close()
        return found

    monkeypatch.setattr(digest, "of", slowly)
    with pytest.raises(moving.MoveRefused, match=r"not what is here: public\.users"):
        await move(full, empty_database)
    with pytest.raises(migrate.MoveUnfinished):
        await migrate.status(connector(empty_database))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET message_text = message_text || ' ' WHERE seq = (SELECT min(seq) FROM messages)",
        "UPDATE users SET bio = '' WHERE bio IS NULL",
        "DELETE FROM message_reads WHERE read_id = (SELECT read_id FROM message_reads LIMIT 1)",
        "UPDATE rooms SET created_at = created_at + interval '1 microsecond'",
    ],
)
async def test_a_digest_sees_the_smallest_change(full: str, change: str) -> None:
    conn = await asyncpg.connect(full)
    try:
        transaction = conn.transaction(isolation="repeatable_read")
        await transaction.start()
        tables = await digest.tables(conn)
        before = await digest.of(conn, tables)
        await conn.execute("SET LOCAL session_replication_role = replica;" + change)
        after = await digest.of(conn, tables)
        await transaction.rollback()
    finally:
        await conn.close()
    assert [name for name in before if before[name] != after[name]]
