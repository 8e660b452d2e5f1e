"""What `hubbub bench seed` sows: the same for the same seed, a chat that keeps every law, and nobody's words mixed in."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess

import asyncpg
import pytest
from tests.support.database import Databases
from tests.support.process import python
from tests.support.sqlchat import Chat

from hubbub.store import seeding
from hubbub.store.seeding import Size, sow

SMALL = Size(messages=20_000, rooms=130, users=300, seed=7)
TABLES = (
    "public.users", "public.rooms", "public.room_members", "public.messages", "public.message_reads",
    "public.message_deliveries", "hubbub.message_edits",
)  # fmt: skip

# Every number from 1 to the counter is somebody's coming, a message's place or its latest change; none is left out.
GAPS = """
    SELECT r.room_name FROM rooms AS r WHERE r.last_seq <> (
        SELECT count(DISTINCT n.number) FROM (
            SELECT seq AS number FROM messages AS m WHERE m.room_id = r.room_id
            UNION ALL SELECT change_seq FROM messages AS m WHERE m.room_id = r.room_id
            UNION ALL SELECT change_seq FROM room_members AS x WHERE x.room_id = r.room_id
        ) AS n WHERE n.number BETWEEN 1 AND r.last_seq)
"""
WATERMARKS = """
    SELECT * FROM room_members AS x JOIN rooms AS r USING (room_id)
    WHERE NOT (x.from_seq <= x.read_seq AND x.read_seq <= x.delivered_seq AND x.delivered_seq <= r.last_seq)
"""
# In rooms of up to 100 members the rows are those that the watermarks say, in larger ones there are none.
RECEIPTS = """
    SELECT count(*) FROM (
        SELECT m.message_id, x.user_id FROM room_members AS x JOIN rooms AS r USING (room_id)
        JOIN messages AS m ON m.room_id = x.room_id AND m.seq > x.from_seq AND m.seq <= x.{mark}
        WHERE r.member_count <= 100 AND m.user_id <> x.user_id
    ) AS due FULL JOIN {table} AS t USING (message_id, user_id) WHERE due.message_id IS NULL OR t.message_id IS NULL
"""
REPLIES = """
    SELECT * FROM messages AS m JOIN messages AS b ON b.message_id = m.reply_to
    WHERE b.room_id <> m.room_id OR b.seq >= m.seq
"""
EDITS = """
    SELECT * FROM messages AS m FULL JOIN hubbub.message_edits AS e USING (message_id)
    WHERE (m.edited_at IS NULL) <> (e.edit_no IS NULL) OR m.is_deleted AND m.message_text <> ''
        OR (m.change_seq > m.seq) <> (m.is_deleted OR m.edited_at IS NOT NULL)
"""


async def sown(dsn: str, size: Size) -> seeding.Seeded:
    connection = await asyncpg.connect(dsn)
    try:
        return await sow(connection, size, lambda done: None)
    finally:
        await connection.close()


async def checksums(dsn: str) -> dict[str, str]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET TimeZone = 'UTC'")
        return {
            table: await connection.fetchval(
                f"SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {table} AS t"
                + (" WHERE room_name LIKE 'seed-%'" if table == "public.rooms" else "")
            )
            for table in TABLES
        }
    finally:
        await connection.close()


async def test_the_same_seed_makes_the_same_rows_on_every_version(pg15: Databases, pg18: Databases) -> None:
    dsns = [databases.cluster.dsn(databases.clone()) for databases in (pg18, pg18, pg15)]
    for dsn in dsns:
        assert (await sown(dsn, SMALL)).messages == SMALL.messages
    first, again, older = [await checksums(dsn) for dsn in dsns]
    assert first == again
    assert first == older
    other = pg18.cluster.dsn(pg18.clone())
    await sown(other, Size(SMALL.messages, SMALL.rooms, SMALL.users, seed=8))
    different = await checksums(other)
    assert not [table for table in TABLES if different[table] == first[table]]


async def test_it_keeps_every_law(database: str) -> None:
    made = await sown(database, SMALL)
    chat = await Chat.open(database)
    await chat.check()
    for law in (GAPS, WATERMARKS, REPLIES, EDITS):
        assert await chat.fetch(law) == [], law
    for table, mark, rows in (
        ("message_reads", "read_seq", made.reads),
        ("message_deliveries", "delivered_seq", made.deliveries),
    ):
        assert await chat.value(f"SELECT count(*) FROM {table}") == rows > 1_000
        assert await chat.value(RECEIPTS.format(table=table, mark=mark)) == 0
    # The shape: power-law sizes, and some of everything.
    sizes = [row for (row,) in await chat.fetch("SELECT message_count FROM rooms ORDER BY 1 DESC LIMIT 10")]
    assert 8 < sizes[0] / sizes[9] < 12
    assert await chat.value("SELECT count(*) FROM room_members") == made.members
    assert await chat.value("SELECT max(member_count) FROM rooms") == SMALL.users
    for some in ("is_deleted", "edited_at IS NOT NULL", "reply_to IS NOT NULL"):
        share = await chat.value(f"SELECT count(*) FILTER (WHERE {some}) / count(*)::float FROM messages")
        assert 0.005 < share < 0.2, some
    unread = "SELECT count(*) FILTER (WHERE read_seq = last_seq), count(*) FILTER (WHERE read_seq < last_seq - 1000) FROM room_members JOIN rooms USING (room_id)"
    assert all(count > 10 for count in (await chat.fetch(unread))[0])
    await chat.close()


async def test_the_chat_goes_on_where_it_ends(database: str) -> None:
    """Sends, comings and receipts of afterwards take the next numbers."""
    await sown(database, SMALL)
    chat = await Chat.open(database)
    room, user, last_seq = (
        await chat.fetch(
            "SELECT room_id, user_id, last_seq FROM rooms JOIN room_members USING (room_id) "
            "WHERE room_name = 'seed-7-3' ORDER BY user_id LIMIT 1"
        )
    )[0]
    (stored,) = await chat.send([(user, room, "and on", "mine", None)])
    assert (stored["outcome"], stored["seq"]) == ("stored", last_seq + 1)
    newcomer = await chat.user("newcomer")
    await chat.join(newcomer, room)
    await chat.run("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", stored["message_id"], newcomer)
    await chat.check()
    await chat.close()


async def test_what_is_refused_leaves_nothing(database: str) -> None:
    chat = await Chat.open(database)
    await chat.run("ALTER TABLE messages ADD CONSTRAINT in_the_way CHECK (seq < 100)")
    with pytest.raises(asyncpg.CheckViolationError):
        await sow(chat.connection, SMALL, lambda done: None)
    assert await chat.value("SELECT count(*) FROM users") == 0
    await chat.run("ALTER TABLE messages DROP CONSTRAINT in_the_way")
    await sow(chat.connection, SMALL, lambda done: None)
    with pytest.raises(seeding.SeedRefused, match="before"):
        await sow(chat.connection, SMALL, lambda done: None)
    await chat.close()


@pytest.mark.parametrize("wrong", [{"messages": 0}, {"users": 1}, {"rooms": 0}, {"seed": 4_096}, {"seed": -1}])
def test_sizes_have_bounds(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Size(**{"messages": 10, **wrong})


def command(dsn: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        python("-m", "hubbub.cli.main", "bench", "seed", *options),
        env={**os.environ, "DATABASE_URL": dsn}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def test_the_command(empty_database: str) -> None:
    """Makes the tables where they are missing, says what it did, and leaves people's words alone."""
    few = ("--messages", "1e3", "--rooms", "20", "--users", "30", "--json")
    done = await asyncio.to_thread(command, empty_database, *few)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["ok"], said["messages"], said["rooms"], said["users"], said["seed"]) == (True, 1_000, 20, 30, 1)

    chat = await Chat.open(empty_database)
    assert await chat.value("SELECT count(*) FROM messages") == 1_000
    await chat.message(
        await chat.user("ann"), await chat.value("SELECT room_id FROM rooms WHERE room_name = 'general'")
    )
    refused = await asyncio.to_thread(command, empty_database, *few, "--seed", "2")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["trouble"]["kind"] == "seed"
    forced = await asyncio.to_thread(command, empty_database, *few[:-1], "--seed", "2", "--force")
    assert forced.returncode == 0, forced.stderr
    assert "1,000 messages in 20 rooms by 30 people" in forced.stdout
    assert await chat.value("SELECT count(*) FROM messages") == 2_001
    await chat.check()
    assert await chat.fetch(GAPS) == []
    await chat.close()
    wrong = await asyncio.to_thread(command, empty_database, "--messages", "many")
    assert wrong.returncode == 2
