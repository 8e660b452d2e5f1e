"""An older backend's database is adopted in place: nothing is lost, and it is then like any other Hubbub database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import bcrypt
import pytest
from tests.support.catalog import catalog
from tests.support.database import ADOPTION, Databases, connector
from typer.testing import CliRunner

from hubbub.cli.main import app
from hubbub.store import adoption, migrate

OLD = Path(__file__).with_name("old_backend.sql")
UUID_OSSP = {
    "pg15": 'CREATE EXTENSION "uuid-ossp";',
    # The wheel has no uuid-ossp; a function of that name serves.
    "pg18": "CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';",
}

# What must be the same before and after, whatever the columns' types. Deleted messages lose their text.
SUMS = """
    SELECT 'users', count(*), md5(string_agg(concat_ws('|', user_id, username, email, password, display_name, status,
        extract(epoch FROM created_at), updated_at), ',' ORDER BY user_id)) FROM users
    UNION ALL SELECT 'rooms', count(*), md5(string_agg(concat_ws('|', room_id, room_name, description, created_by,
        extract(epoch FROM created_at)), ',' ORDER BY room_id)) FROM rooms WHERE room_name NOT LIKE 'lost-and-found%'
    UNION ALL SELECT 'messages', count(*), md5(string_agg(concat_ws('|', message_id, user_id,
        extract(epoch FROM created_at), extract(epoch FROM edited_at), coalesce(is_deleted, false), updated_at,
        CASE WHEN is_deleted THEN '' ELSE message_text END), ',' ORDER BY message_id)) FROM messages
    UNION ALL SELECT 'messages of known rooms', count(*), md5(string_agg(concat_ws('|', message_id, room_id), ','
        ORDER BY message_id)) FROM messages WHERE message_text NOT LIKE 'lost%'
    UNION ALL SELECT 'push_tokens', count(*), md5(string_agg(t::text, ',')) FROM push_tokens AS t
"""
RECEIPTS = """
    SELECT 'read', read_id, message_id, user_id, extract(epoch FROM read_at) FROM message_reads WHERE message_id IS NOT NULL
    UNION ALL SELECT 'delivered', delivery_id, message_id, user_id, extract(epoch FROM delivered_at) FROM message_deliveries
"""
MEMBERS = "SELECT member_id, room_id, user_id, extract(epoch FROM joined_at), coalesce(is_active, left_at IS NULL) FROM room_members"


@pytest.fixture(params=["pg15", "pg18"])
def old(request: pytest.FixtureRequest) -> Iterator[tuple[Databases, str]]:
    """A database as the older backend left it."""
    databases: Databases = request.getfixturevalue(request.param)
    name = databases.empty()
    build(databases, name, request.param)
    yield databases, name
    databases.drop(name)


def build(databases: Databases, name: str, version: str, messages: int = 3000) -> None:
    settings = f"\\set users 150\n\\set messages {messages}\n"
    databases.cluster.psql(name, UUID_OSSP[version] + settings + OLD.read_text())


async def test_nothing_is_lost(old: tuple[Databases, str]) -> None:
    databases, name = old
    dsn = databases.cluster.dsn(name)
    connection = await asyncpg.connect(dsn, server_settings={"timezone": "Asia/Tokyo"})  # times are UTC, not local
    sums = await connection.fetch(SUMS)
    receipts = set(await connection.fetch(RECEIPTS))
    members = set(await connection.fetch(MEMBERS))
    await connection.close()

    assert (await migrate.status(connector(dsn))).adoptable
    assert await migrate.upgrade(connector(dsn)) == ADOPTION
    assert await migrate.upgrade(connector(dsn)) == []

    connection = await asyncpg.connect(dsn, server_settings={"timezone": "Asia/Tokyo"})
    assert await connection.fetch(SUMS) == sums
    assert receipts <= set(await connection.fetch(RECEIPTS))
    assert members <= set(await connection.fetch(MEMBERS))
    orphans = await connection.fetch("SELECT table_name, row_data ->> 'read_at' AS at FROM hubbub.adopted_orphans")
    assert [tuple(row) for row in orphans] == [("message_reads", "2024-01-04T00:00:00+00:00")]
    password = await connection.fetchval("SELECT password FROM users WHERE username = 'user7'")
    assert bcrypt.checkpw(b"correct horse", password.encode())
    assert await connection.fetchval("SELECT count(*) FROM rooms WHERE room_name = 'tech'") == 0, "no room is added"
    lost = await connection.fetchrow(
        "SELECT is_private, member_count, message_count FROM rooms WHERE room_name LIKE 'lost-and-found%'"
    )
    assert tuple(lost) == (True, 0, 2)
    await connection.close()


async def test_places_memberships_watermarks_and_counters(old: tuple[Databases, str]) -> None:
    databases, name = old
    dsn = databases.cluster.dsn(name)
    await migrate.upgrade(connector(dsn))
    connection = await asyncpg.connect(dsn)

    async def none(query: str) -> None:
        assert await connection.fetch(query) == []

    # Places are 1 to n by (created_at, message_id); the numbers of messages and memberships together have no gap.
    await none("""SELECT * FROM (SELECT seq, row_number() OVER (PARTITION BY room_id ORDER BY created_at, message_id) AS place
        FROM messages) AS m WHERE seq <> place""")
    await none("""SELECT * FROM rooms AS r WHERE last_seq <> (SELECT count(DISTINCT n.number) FROM (
            SELECT change_seq AS number FROM messages AS m WHERE m.room_id = r.room_id
            UNION ALL SELECT change_seq FROM room_members AS m WHERE m.room_id = r.room_id) AS n
        WHERE n.number BETWEEN 1 AND r.last_seq)""")
    await none("""SELECT * FROM rooms AS r WHERE message_count <> (SELECT count(*) FROM messages AS m WHERE m.room_id = r.room_id
            AND NOT is_deleted) OR member_count <> (SELECT count(*) FROM room_members AS m WHERE m.room_id = r.room_id AND is_active)
            OR last_message_at <> (SELECT max(created_at) FROM messages AS m WHERE m.room_id = r.room_id)""")
    # Authors are members.
    await none("""SELECT m.room_id, m.user_id FROM messages AS m JOIN rooms AS r USING (room_id)
        WHERE m.user_id IS NOT NULL AND NOT r.is_private
        EXCEPT SELECT room_id, user_id FROM room_members WHERE is_active""")
    assert await connection.fetchval("SELECT member_count FROM rooms WHERE room_name = 'general'") == 45
    reader = await connection.fetchrow("""SELECT is_active, read_seq FROM room_members JOIN rooms USING (room_id)
        JOIN users USING (user_id) WHERE room_name = 'random' AND username = 'user50'""")
    assert tuple(reader) == (False, 7), "who has read without being a member was one once"
    # Rows and watermarks agree in small rooms; and the views count the same.
    for table, column in (("message_reads", "read"), ("message_deliveries", "delivered")):
        await none(f"""SELECT m.message_id, x.user_id FROM rooms AS r JOIN room_members AS x USING (room_id)
            JOIN messages AS m ON m.room_id = r.room_id AND m.seq > x.from_seq AND m.seq <= x.{column}_seq
            WHERE r.member_count <= 100 AND m.user_id IS DISTINCT FROM x.user_id
            EXCEPT SELECT message_id, user_id FROM {table}""")
        await none(f"""SELECT d.message_id, d.user_id FROM {table} AS d JOIN messages AS m USING (message_id)
            WHERE NOT EXISTS (SELECT FROM room_members AS x WHERE x.room_id = m.room_id AND x.user_id = d.user_id
                AND x.from_seq < m.seq AND x.{column}_seq >= m.seq)""")
    await none("""SELECT * FROM messages_with_user_view AS v JOIN rooms AS r USING (room_id) WHERE r.member_count <= 100
        AND v.read_count <> (SELECT count(*) FROM message_reads AS d WHERE d.message_id = v.message_id
            AND d.user_id IS DISTINCT FROM v.user_id)""")
    # Who never had a receipt begins where they joined.
    joined = await connection.fetchval("""SELECT read_seq FROM room_members JOIN rooms USING (room_id)
        JOIN users USING (user_id) WHERE room_name = 'random' AND username = 'user3'""")
    assert joined == 50
    # The older views are the new ones; triggers that were on are on, and those that were off are off.
    assert await connection.fetchval("SELECT total_messages FROM room_stats_view WHERE room_name = 'random'") == 100
    assert await connection.fetchval("SELECT active_sessions FROM active_users_view WHERE username = 'user1'") == 1
    before = await connection.fetchval("SELECT updated_at FROM users WHERE username = 'user2'")
    await connection.execute("UPDATE users SET bio = 'hello' WHERE username = 'user2'")
    assert await connection.fetchval("SELECT updated_at FROM users WHERE username = 'user2'") > before
    # And it is alive.
    await connection.execute("""INSERT INTO messages (user_id, room_id, message_text)
        SELECT user_id, room_id, 'hello' FROM users, rooms WHERE username = 'user1' AND room_name = 'general'""")
    row = await connection.fetchrow(
        "SELECT seq, last_seq, r.message_count FROM messages JOIN rooms AS r USING (room_id) WHERE message_text = 'hello'"
    )
    assert tuple(row) == (1046, 1046, 911)
    await connection.close()


async def test_it_is_then_like_a_fresh_one(old: tuple[Databases, str]) -> None:
    databases, name = old
    await migrate.upgrade(connector(databases.cluster.dsn(name)))
    adopted = await catalog(databases.cluster.dsn(name))
    fresh = await catalog(databases.cluster.dsn(databases.clone()))
    extra = {}
    for kind, things in fresh.items():
        for thing, definition in things.items():
            assert adopted[kind].get(thing) == definition, f"{kind}: {thing}"
        extra[kind] = sorted(set(adopted[kind]) - set(things))
    # The whole of the difference: what was there and is not Hubbub's, and the rows set aside.
    assert extra == {
        "columns": [
            "hubbub.adopted_orphans.row_data",
            "hubbub.adopted_orphans.table_name",
            "public.messages.updated_at",
            "public.push_tokens.token",
            "public.push_tokens.user_id",
            "public.push_tokens.username",
            "public.rooms.updated_at",
            "public.users.updated_at",
        ],
        "tables": ["hubbub.adopted_orphans", "public.push_tokens"],
        "constraints": [
            "public.active_sessions.active_sessions_socket_id_key",
            "public.push_tokens.push_tokens_pkey",
            "public.push_tokens.push_tokens_user_id_fkey",
            "public.push_tokens.push_tokens_username_fkey",
        ],
        "indexes": [
            "public.active_sessions_socket_id_key",
            "public.idx_messages_created_at",
            "public.idx_username_search",
            "public.push_tokens_pkey",
        ],
        "functions": ["public.update_updated_at_column()"]
        + (["public.uuid_generate_v4()"] if "public.uuid_generate_v4()" in adopted["functions"] else []),
        "triggers": [
            "public.messages.update_messages_updated_at",
            "public.rooms.update_rooms_updated_at",
            "public.users.update_users_updated_at",
        ],
        "views": [],
    }


async def test_what_stands_in_the_way_is_told_in_one_list(pg15: Databases) -> None:
    name = pg15.empty()
    dsn = pg15.cluster.dsn(name)
    build(pg15, name, "pg15", messages=100)
    pg15.cluster.psql(
        name,
        """
        ALTER TABLE push_tokens DROP CONSTRAINT push_tokens_username_fkey;
        ALTER TABLE users DROP CONSTRAINT unique_username;
        UPDATE users SET username = 'twin' WHERE username IN ('user3', 'user4');
        INSERT INTO message_deliveries (message_id, user_id) SELECT message_id, user_id FROM message_deliveries LIMIT 7;
        ALTER TABLE rooms ADD COLUMN tenant integer NOT NULL DEFAULT 1;
        ALTER TABLE rooms ALTER COLUMN tenant DROP DEFAULT;
        CREATE VIEW report AS SELECT created_at FROM messages;
        """,
    )
    before = await catalog(dsn)
    with pytest.raises(migrate.AdoptionRefused, match="nothing was changed") as refusal:
        await migrate.upgrade(connector(dsn))
    problems = sorted(refusal.value.problems)
    assert problems[0].startswith("1 value(s) of users (username) are there more than once: (twin) 2 times")
    assert problems[1].startswith("7 value(s) of message_deliveries (message_id, user_id) are there more than once: (")
    assert problems[1].endswith("; …")
    assert problems[2:] == [
        "column rooms.tenant is NOT NULL without a default, and Hubbub does not know what to put there",
        "report depends on messages: drop it, and create it again afterwards",
    ]
    assert await catalog(dsn) == before
    pg15.cluster.psql(
        name,
        "DROP VIEW report; DROP VIEW room_stats_view; ALTER TABLE rooms ALTER room_name TYPE text; UPDATE rooms SET room_name = repeat('x', 101) WHERE room_name = 'quiet'; ALTER TABLE message_reads ALTER read_id DROP DEFAULT, ALTER read_id TYPE text",
    )
    with pytest.raises(migrate.AdoptionRefused) as refusal:
        await migrate.upgrade(connector(dsn))
    assert refusal.value.problems == (
        "1 value(s) of rooms.room_name are longer than varchar(100) allows",
        "column message_reads.read_id is of type text; it has to be uuid",
    )


async def test_an_early_database_without_receipts_and_members(pg15: Databases) -> None:
    name = pg15.empty()
    dsn = pg15.cluster.dsn(name)
    pg15.cluster.psql(
        name,
        """
        CREATE TABLE users (user_id uuid PRIMARY KEY, username text, password text);
        CREATE TABLE rooms (room_id uuid, room_name text);
        CREATE TABLE messages (message_id uuid PRIMARY KEY, user_id uuid, room_id uuid, message_text varchar(500), created_at timestamptz);
        INSERT INTO users VALUES (gen_random_uuid(), 'ann', 'x');
        INSERT INTO rooms VALUES (gen_random_uuid(), 'hall');
        INSERT INTO messages SELECT gen_random_uuid(), user_id, room_id, n::text, now() FROM users, rooms, generate_series(1, 3) AS n;
        """,
    )
    await migrate.upgrade(connector(dsn))
    adopted = await catalog(dsn)
    fresh = await catalog(pg15.cluster.dsn(pg15.clone()))
    assert adopted == fresh
    assert (
        pg15.cluster.psql(name, "SELECT room_name, last_seq, message_count, member_count FROM rooms") == "hall|4|3|1\n"
    )


async def test_a_role_that_is_no_superuser_suffices(pg15: Databases) -> None:
    name = pg15.empty()
    role = f"owner_of_{name}"
    pg15.cluster.psql("postgres", f"CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}")
    settings = "\\set users 150\n\\set messages 100\n"
    pg15.cluster.psql(name, UUID_OSSP["pg15"] + f"SET ROLE {role};" + settings + OLD.read_text())
    dsn = pg15.cluster.dsn(name).replace("//postgres@", f"//{role}@")
    assert await migrate.upgrade(connector(dsn)) == ADOPTION


async def test_what_would_be_is_told_and_nothing_done(
    old: tuple[Databases, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    databases, name = old
    dsn = databases.cluster.dsn(name)
    before = await catalog(dsn)
    connection = await asyncpg.connect(dsn)
    sums = await connection.fetch(SUMS)
    told = await adoption.rehearse(connector(dsn))
    assert told is not None
    assert await connection.fetch(SUMS) == sums
    assert await catalog(dsn) == before
    assert "push_tokens" in told.kept_tables
    assert told.set_aside == {"message_reads": 1}
    assert {"rooms.last_seq", "messages.seq", "users.role"} <= set(told.columns)
    assert not set(told.columns) & {"users.username", "messages.message_text"}
    assert told.kept_triggers

    monkeypatch.setenv("DATABASE_URL", databases.cluster.tcp_dsn(name))
    run = CliRunner().invoke
    dry = await asyncio.to_thread(run, app, ["db", "adopt"])
    assert (dry.exit_code, "Nothing was changed" in dry.output, "push_tokens" in dry.output) == (0, True, True), (
        dry.output
    )
    assert await catalog(dsn) == before
    done = await asyncio.to_thread(run, app, ["db", "adopt", "--apply", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    for table, (_, after) in told.rows.items():
        assert facts["rows"][table][1] == after == await connection.fetchval(f"SELECT count(*) FROM {table}")
    assert await adoption.rehearse(connector(dsn)) is None
    again = await asyncio.to_thread(run, app, ["db", "adopt"])
    assert (again.exit_code, "nothing to adopt" in again.output) == (0, True)
    await connection.close()
