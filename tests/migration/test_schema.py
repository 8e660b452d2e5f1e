"""Migrations reach what schema.sql shows, once, whoever else is trying; and refuse what they must not touch."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.support.catalog import catalog
from tests.support.database import HEAD, MIGRATIONS, SCHEMA, Databases, connector

from hubbub.store import migrate


@pytest.fixture(params=["pg18", "pg15"])
def databases(request: pytest.FixtureRequest) -> Databases:
    found: Databases = request.getfixturevalue(request.param)
    return found


async def test_migrations_make_what_the_schema_shows(databases: Databases) -> None:
    cluster = databases.cluster
    shown, made = databases.empty(), databases.empty()
    cluster.psql(shown, SCHEMA.read_text())
    assert await migrate.upgrade(connector(cluster.dsn(made))) == MIGRATIONS
    left, right = await catalog(cluster.dsn(shown)), await catalog(cluster.dsn(made))
    for kind, things in left.items():
        assert things == right[kind], kind
    assert len(left["views"]) == 3
    rows = "SELECT room_name, description FROM public.rooms ORDER BY 1; SELECT key, value FROM hubbub.meta WHERE key <> 'epoch' ORDER BY 1"
    assert cluster.psql(shown, rows) == cluster.psql(made, rows)


async def test_the_catalog_is_the_same_on_every_version(pg15: Databases, pg18: Databases) -> None:
    found = []
    for databases in (pg15, pg18):
        name = databases.empty()
        await migrate.upgrade(connector(databases.cluster.dsn(name)))
        found.append(await catalog(databases.cluster.dsn(name)))
    for kind in ("columns", "tables", "constraints", "indexes", "functions"):
        assert found[0][kind] == found[1][kind], kind


async def test_upgrading_again_does_nothing(databases: Databases) -> None:
    dsn = databases.cluster.dsn(databases.empty())
    before = await migrate.status(connector(dsn))
    assert (before.current, before.head, before.adoptable) == (None, HEAD, False)
    assert before.pending == tuple(MIGRATIONS)
    await migrate.upgrade(connector(dsn))
    connection = await asyncpg.connect(dsn)
    epoch = await connection.fetchval("SELECT value FROM hubbub.meta WHERE key = 'epoch'")
    await connection.execute("DELETE FROM rooms WHERE room_name = 'tech'")
    with pytest.MonkeyPatch.context() as patch:  # to load Alembic is a third of a start
        patch.setattr(migrate, "_steps", lambda: pytest.fail("there is nothing to migrate"))
        assert await migrate.upgrade(connector(dsn)) == []
        assert await migrate.status(connector(dsn)) == migrate.Status(HEAD, HEAD, (), False)
    names = await connection.fetch("SELECT room_name FROM rooms ORDER BY 1")
    assert [row["room_name"] for row in names] == ["general", "random"], "a deleted default room does not come back"
    assert await connection.fetchval("SELECT value FROM hubbub.meta WHERE key = 'epoch'") == epoch
    await connection.close()


async def test_of_several_that_start_at_once_one_migrates(databases: Databases) -> None:
    dsn = databases.cluster.dsn(databases.empty())
    results = await asyncio.gather(*(migrate.upgrade(connector(dsn)) for _ in range(6)))
    assert sorted(results, key=len) == [[]] * 5 + [MIGRATIONS]


async def test_a_failure_leaves_nothing(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE VIEW public.active_users_view AS SELECT 1 AS one")  # in the way of the last step
    with pytest.raises(asyncpg.PostgresError):
        await migrate.upgrade(connector(empty_database))
    assert await connection.fetchval("SELECT to_regnamespace('hubbub')") is None
    assert await connection.fetchval("SELECT to_regclass('public.users')") is None
    await connection.close()


async def test_a_newer_database_is_refused(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE hubbub.alembic_version SET version_num = '9999'")
    await connection.execute("UPDATE hubbub.meta SET value = '9998' WHERE key = 'compat'")
    for attempt in (migrate.upgrade, migrate.status):
        with pytest.raises(
            migrate.DatabaseNewer, match=r"(?s)revision 9999.*newer Hubbub has upgraded it.*from revision 9998 on"
        ):
            await attempt(connector(database))
    await connection.execute("DELETE FROM hubbub.meta WHERE key = 'compat'")
    with pytest.raises(migrate.DatabaseNewer):
        await migrate.status(connector(database))
    for unknown in ("0000", "0001a", "9e8f"):
        await connection.execute("UPDATE hubbub.alembic_version SET version_num = $1", unknown)
        with pytest.raises(migrate.UnknownRevision, match=f"revision {unknown}, which is none of Hubbub's"):
            await migrate.upgrade(connector(database))
    await connection.close()


async def test_tables_of_another_application_are_refused(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE TABLE public.users (id serial PRIMARY KEY, name text)")
    with pytest.raises(migrate.NotOurs, match="users, but not as the older chat backend"):
        await migrate.upgrade(connector(empty_database))
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'hubbub')") == 1
    await connection.close()


@pytest.mark.parametrize("versions", [("pg18", "pg18"), ("pg15", "pg15"), ("pg15", "pg18")])
async def test_a_plain_backup_brings_everything_back(versions: tuple[str, str], request: pytest.FixtureRequest) -> None:
    source: Databases = request.getfixturevalue(versions[0])
    target: Databases = request.getfixturevalue(versions[1])
    name, copy = source.clone(), target.empty()
    source.cluster.psql(name, FILL)
    target.cluster.psql(copy, source.cluster.dump(name))
    assert target.cluster.psql(copy, ALL_ROWS) == source.cluster.psql(name, ALL_ROWS)
    assert await migrate.upgrade(connector(target.cluster.dsn(copy))) == []
    if versions[0] == versions[1]:
        assert await catalog(target.cluster.dsn(copy)) == await catalog(source.cluster.dsn(name))
    # The copy goes on where the original stood.
    target.cluster.psql(
        copy,
        "INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, 'on' FROM room_members WHERE is_active",
    )
    assert (
        target.cluster.psql(
            copy,
            "SELECT count(*) FROM rooms AS r WHERE last_seq <> (SELECT max(change_seq) FROM messages AS m WHERE m.room_id = r.room_id)",
        )
        == "0\n"
    )


async def test_data_alone_restore_into_a_database_of_today(pg18: Databases) -> None:
    """`pg_dump --data-only` meets the triggers: rows that bring their numbers keep them."""
    name, copy = pg18.clone(), pg18.clone()
    pg18.cluster.psql(name, FILL)
    pg18.cluster.psql(copy, "TRUNCATE users, rooms CASCADE; TRUNCATE hubbub.meta, hubbub.alembic_version")
    data = pg18.cluster.dump(name, "--data-only")
    pg18.cluster.psql(copy, data)
    assert pg18.cluster.psql(copy, ALL_ROWS) == pg18.cluster.psql(name, ALL_ROWS)


FILL = """
INSERT INTO users (username, email) SELECT 'u' || n, 'u' || n || '@example.org' FROM generate_series(1, 3) AS n;
INSERT INTO room_members (room_id, user_id) SELECT room_id, user_id FROM rooms, users;
INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, n::text FROM room_members, generate_series(1, 5) AS n;
UPDATE messages SET message_text = 'edited' WHERE message_text = '2';
UPDATE messages SET is_deleted = true WHERE message_text = '3';
INSERT INTO message_reads (message_id, user_id) SELECT message_id, u.user_id FROM messages, users AS u WHERE message_text = '4';
UPDATE room_members SET is_active = false WHERE user_id = (SELECT user_id FROM users WHERE username = 'u3');
DELETE FROM messages WHERE message_text = '5';
"""
ALL_ROWS = "".join(
    f"SELECT '{table}', t::text FROM {table} AS t ORDER BY t::text;"
    for table in (
        "users", "rooms", "messages", "message_reads", "message_deliveries", "room_members", "active_sessions",
        "hubbub.meta", "hubbub.message_edits", "hubbub.auth_sessions", "hubbub.refresh_tokens", "hubbub.alembic_version",
        "messages_with_user_view", "room_stats_view", "active_users_view",
    )
)  # fmt: skip


async def test_a_role_that_is_no_superuser_suffices(databases: Databases) -> None:
    """As with a hosted PostgreSQL: the role owns its database, and nothing else."""
    name = databases.empty()
    role = f"owner_of_{name}"
    databases.cluster.psql("postgres", f"CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}")
    dsn = databases.cluster.dsn(name).replace("//postgres@", f"//{role}@")
    await migrate.upgrade(connector(dsn))
    connection = await asyncpg.connect(dsn)
    await connection.execute(FILL)
    assert (
        await connection.fetchval("SELECT read_count FROM messages_with_user_view WHERE message_text = '4' LIMIT 1")
        == 2
    )
    await connection.close()
