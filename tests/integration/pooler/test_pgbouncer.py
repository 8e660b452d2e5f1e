"""Through PgBouncer in transaction mode: other programs' SQL, and the server itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.support.database import Databases
from tests.support.people import SECRET
from tests.support.pooler import pgbouncer
from tests.support.process import eventually
from tests.support.server import running

from hubbub.app import Hubbub
from hubbub.config import ConfigError, load
from hubbub.fanout import feeds
from hubbub.postgres.doctor import examine
from hubbub.store import migrate
from hubbub.store.database import Database

INSERT = """
    INSERT INTO messages (user_id, room_id, message_text)
    SELECT u.user_id, r.room_id, $3 FROM users AS u, rooms AS r WHERE u.username = $1 AND r.room_name = $2
"""


@pytest.fixture(scope="module")
def port(pg18: Databases) -> Iterator[int]:
    with pgbouncer(pg18.cluster) as port:
        yield port


@pytest.fixture
def pooled(database: str, port: int) -> str:
    """The address of `database` by way of the pooler."""
    name = database.split("@/")[1].split("?")[0]
    return f"postgresql://postgres@127.0.0.1:{port}/{name}"


async def test_other_programs_write_through_it(
    database: str, pooled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 3_600.0)
    async with running(database, tmp_path) as server:
        await eventually(lambda: server.hubbub.ear.hears)
        _, bob = await server.pair()
        writers = [await asyncpg.connect(pooled, statement_cache_size=0) for _ in range(8)]

        async def write(writer: asyncpg.Connection, number: int) -> None:
            async with writer.transaction():
                await writer.execute(INSERT, "ann", "general", f"kept {number}")
            transaction = writer.transaction()
            await transaction.start()
            await writer.execute(INSERT, "ann", "general", f"never said {number}")
            await transaction.rollback()

        # In plain words, many programs on few connections of the server: what one leaves set, the next one has.
        await writers[0].execute("SELECT hubbub.by_server()")
        await asyncio.gather(*(write(writer, number) for number, writer in enumerate(writers)))
        await eventually(lambda: len(bob.got("receive-message")) == len(writers))
        assert {message["message"] for message in bob.got("receive-message")} == {f"kept {n}" for n in range(8)}
        for writer in writers:
            await writer.close()


async def test_the_server_works_through_it(database: str, pooled: str, tmp_path: Path) -> None:
    """With a direct address for LISTEN, everything is as without a pooler."""
    settings = {"HUBBUB_LISTEN_URL": database, "DB_POOL_SIZE": "10", "HUBBUB_BUS": "postgres"}
    async with running(pooled, tmp_path, direct=database, **settings) as server:
        assert server.chat.database.is_pooled
        await eventually(lambda: server.hubbub.ear.hears)
        assert server.hubbub.not_ready() == {}
        people = await server.people(*(f"person{n}" for n in range(8)))
        await server.room("hall", *people)
        clients = [await server.connect(person) for person in people]

        async def talk(number: int) -> None:
            client = clients[number]
            await client.ok("join", "general")
            for n in range(10):
                sent = await client.ok("send-message", {"room": "hall", "message": f"{number} {n}"})
                await client.ok("edit-message", {"id": sent["id"], "message": "edited"})
                await client.ok("message-read", {"messageId": sent["id"]})
            await client.ok("delete-message", {"id": sent["id"]})

        await asyncio.gather(*(talk(number) for number in range(8)))
        await server.db.execute(INSERT, "person0", "hall", "last of all")
        for client in clients:
            await client.wait_for("receive-message", lambda message: message["message"] == "last of all")
        assert await server.db.fetchval("SELECT count(*) FROM messages WHERE NOT is_deleted") == 8 * 9 + 1


async def test_without_a_direct_address_the_look_finds_it(database: str, pooled: str, tmp_path: Path) -> None:
    async with running(pooled, tmp_path, direct=database) as server:
        _, bob = await server.pair()
        await server.db.execute(INSERT, "ann", "general", "found")
        await bob.wait_for("receive-message")
        assert server.hubbub.ear.hears is False
        assert "hubbub_sql_heard_at_once 0" in (await server.hubbub.metrics_text()).decode()
        assert server.hubbub.not_ready() == {}


async def test_several_processes_need_a_direct_address(pooled: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": pooled, "HUBBUB_BUS": "postgres", "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": SECRET}
    with pytest.raises(ConfigError, match="HUBBUB_LISTEN_URL"):
        await Hubbub.open(load(env, dotenv=None), lambda _: None)


async def test_migrations_and_doctor_work_through_it(pg18: Databases, port: int, tmp_path: Path) -> None:
    name = pg18.empty()
    url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
    env = {"DATABASE_URL": url, "HUBBUB_DATA_DIR": str(tmp_path)}

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, statement_cache_size=0)

    assert await migrate.upgrade(connect) != []
    found = {
        check.name: check async for check in examine(lambda: load(env, dotenv=None), migrate.status, lambda _: None)
    }
    assert found["pooler"].status == "warn"
    assert found["migrations"].status == "ok"
    with_listen = {**env, "HUBBUB_LISTEN_URL": pg18.cluster.dsn(name)}
    async for check in examine(lambda: load(with_listen, dotenv=None), migrate.status, lambda _: None):
        assert check.name != "pooler" or check.status == "ok"


async def test_statements_of_many_at_once_each_meet_one_server(pooled: str) -> None:
    """The driver prepares and runs a statement in two steps, which a pooler may send to two servers."""
    pool = await Database.open({"dsn": pooled, "statement_cache_size": 0}, size=20, timeout=30)
    async with asyncio.timeout(60):

        async def ask(number: int) -> None:
            for n in range(20):
                async with pool.connection() as conn:
                    assert await conn.fetchval("SELECT $1::int + $2::int", number, n) == number + n

        await asyncio.gather(*(ask(number) for number in range(20)))
    await pool.close()
