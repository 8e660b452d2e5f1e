"""`hubbub verify`: silent on a chat that keeps every law, and each planted corruption is found by name, and alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from tests.support.database import Databases
from tests.support.sqlchat import Chat
from typer.testing import CliRunner

from hubbub.cli.main import app
from hubbub.store import verify
from hubbub.store.seeding import Size, sow

# What is planted, by the rule that has to find it. Triggers do not run where it is planted.
_ROOM = "(SELECT room_id FROM rooms WHERE room_name = 'seed-1-1')"
_MESSAGE = f"(SELECT message_id FROM messages WHERE room_id = {_ROOM} AND change_seq = seq ORDER BY seq DESC LIMIT 1)"
_NOBODY = "gen_random_uuid()"
# Rows that an index does not see: a crash of a disk, as far as PostgreSQL can tell.
_BLIND = "UPDATE pg_index SET indisready = {ready} WHERE indexrelid = ANY ('{{{indexes}}}'::regclass[])"
_USERNAMES = "users_username_key,idx_users_username,idx_users_username_lower"
PLANTED: dict[str, list[str]] = {
    "constraints": ["ALTER TABLE message_reads DROP CONSTRAINT message_reads_user_id_fkey"],
    "triggers": ["ALTER TABLE messages DISABLE TRIGGER hubbub_change"],
    "numbers_within": [f"UPDATE messages SET change_seq = 9999999 WHERE message_id = {_MESSAGE}"],
    "numbers_once": [
        f"UPDATE room_members SET change_seq = (SELECT seq FROM messages WHERE message_id = {_MESSAGE}) WHERE member_id = "
        f"(SELECT member_id FROM room_members WHERE room_id = {_ROOM} AND is_active ORDER BY change_seq LIMIT 1)"
    ],
    "no_gap": [f"UPDATE rooms SET last_seq = last_seq + 1 WHERE room_id = {_ROOM}"],
    "counters": [f"UPDATE rooms SET message_count = message_count + 1 WHERE room_id = {_ROOM}"],
    "watermarks": [
        "ALTER TABLE room_members DROP CONSTRAINT room_members_watermarks_check",
        "UPDATE room_members SET read_seq = delivered_seq + 1 WHERE member_id = "
        f"(SELECT member_id FROM room_members WHERE room_id = {_ROOM} LIMIT 1)",
    ],
    "receipts": [
        f"INSERT INTO message_reads (message_id, user_id) SELECT {_MESSAGE}, user_id FROM room_members "
        f"WHERE room_id = {_ROOM} AND read_seq < (SELECT seq FROM messages WHERE message_id = {_MESSAGE}) LIMIT 1"
    ],
    "receipts_lead_somewhere": [
        f"INSERT INTO message_deliveries (message_id, user_id) SELECT {_NOBODY}, user_id FROM users LIMIT 1"
    ],
    "messages_lead_somewhere": [
        f"INSERT INTO hubbub.message_edits (message_id, edit_no, message_text) VALUES ({_NOBODY}, 1, 'words')"
    ],
    "the_rest_leads_somewhere": [
        f"INSERT INTO hubbub.commands (user_id, client_id, hash) VALUES ({_NOBODY}, 'one', '')"
    ],
    "replies": [
        "UPDATE messages SET reply_to = (SELECT message_id FROM messages WHERE room_id <> "
        f"{_ROOM} LIMIT 1) WHERE message_id = {_MESSAGE}"
    ],
    "tombstones": [
        "UPDATE messages SET message_text = 'words' WHERE message_id = (SELECT message_id FROM messages WHERE is_deleted LIMIT 1)"
    ],
    "texts": [f"UPDATE messages SET message_text = 'other words' WHERE message_id = {_MESSAGE}"],
    "people_once": [
        _BLIND.format(ready="false", indexes=_USERNAMES),
        "INSERT INTO users (username) SELECT username FROM users LIMIT 1",
        _BLIND.format(ready="true", indexes=_USERNAMES),
    ],
    "rooms_once": [
        _BLIND.format(ready="false", indexes="rooms_room_name_key,idx_rooms_name,idx_rooms_public"),
        "INSERT INTO rooms (room_name) VALUES ('general')",
        _BLIND.format(ready="true", indexes="rooms_room_name_key,idx_rooms_name,idx_rooms_public"),
    ],
    "messages_once": [
        _BLIND.format(ready="false", indexes="message_reads_message_id_user_id_key"),
        "INSERT INTO message_reads (message_id, user_id) SELECT message_id, user_id FROM message_reads LIMIT 1",
        _BLIND.format(ready="true", indexes="message_reads_message_id_user_id_key"),
    ],
    "messages_view": [
        "DO $$ BEGIN EXECUTE replace(replace('CREATE OR REPLACE VIEW messages_with_user_view AS ' || "
        "pg_get_viewdef('messages_with_user_view'::regclass), 'read_seq >=', 'read_seq >'), 'Deleted', 'Gone'); END $$"
    ],
    "other_views": [
        "DO $$ BEGIN EXECUTE regexp_replace('CREATE OR REPLACE VIEW active_users_view AS ' || "
        r"pg_get_viewdef('active_users_view'::regclass), '(u\.)?status,', '''away''::varchar(20) AS status,'); END $$"
    ],
    "indexes": [
        _BLIND.format(ready="false", indexes="idx_users_email"),
        "INSERT INTO users (username, email) VALUES ('unseen', 'unseen@example.org')",
        _BLIND.format(ready="true", indexes="idx_users_email"),
    ],
}


@pytest.fixture(scope="module")
def sown(pg18: Databases) -> Iterator[str]:
    """The name of a database with a chat in it, to be cloned."""

    async def fill(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await sow(connection, Size(messages=3_000, rooms=20, users=60), lambda _: None)
        await connection.close()

    name = pg18.clone()
    with ThreadPoolExecutor(1) as aside:  # a fixture for the module has no event loop
        aside.submit(lambda: asyncio.run(fill(pg18.cluster.dsn(name)))).result()
    yield name
    pg18.drop(name)


async def found(dsn: str) -> dict[str, Any]:
    """What `verify` finds broken, and what it could not look at: name -> finding."""
    connection = await asyncpg.connect(dsn)
    try:
        report = await verify.verify(connection, lambda _: None)
    finally:
        await connection.close()
    assert report.is_whole is not any(finding.broken for finding in report.findings)
    return {finding.rule.name: finding for finding in report.findings if finding.broken != 0}


def test_every_rule_has_a_planted_corruption() -> None:
    assert set(PLANTED) == {rule.name for rule in (*verify.RULES, verify.INDEXES)}


@pytest.mark.parametrize("rule", sorted(PLANTED))
async def test_a_planted_corruption_is_found_by_name(pg18: Databases, sown: str, rule: str) -> None:
    name = pg18.clone(sown)
    connection = await asyncpg.connect(pg18.cluster.dsn(name))
    if rule == "indexes":
        await connection.execute("CREATE EXTENSION amcheck")
    await connection.execute("SET session_replication_role = replica")
    for statement in PLANTED[rule]:
        await connection.execute(statement)
    await connection.close()
    broken = {kind: finding for kind, finding in (await found(pg18.cluster.dsn(name))).items() if finding.broken}
    expected = {rule, "constraints"} if "DROP CONSTRAINT" in PLANTED[rule][0] else {rule}
    assert set(broken) == expected
    assert broken[rule].examples
    assert "words" not in str(broken), "texts are nobody's business"
    pg18.drop(name)


@pytest.mark.parametrize("version", ["pg18", "pg15"])
async def test_a_chat_that_keeps_the_laws_is_whole(request: pytest.FixtureRequest, version: str) -> None:
    """After everything that plain SQL can do to a room: all of it is the triggers' work, and none of it breaks a rule."""
    databases: Databases = request.getfixturevalue(version)
    name = databases.clone()
    dsn = databases.cluster.dsn(name)
    chat = await Chat.open(dsn)
    await chat.run("CREATE EXTENSION amcheck")
    await sow(chat.connection, Size(messages=1_000, rooms=10, users=30), lambda _: None)
    people = [await chat.user(word) for word in ("ann", "bob", "cyd")]
    general = await chat.value("SELECT room_id FROM rooms WHERE room_name = 'general'")
    for person in people:
        await chat.run("INSERT INTO room_members (room_id, user_id) VALUES ($1, $2)", general, person)
    for number in range(30):
        await chat.run(
            "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3)",
            people[number % 3],
            general,
            "hi",
        )
    mine = "(SELECT message_id FROM messages WHERE room_id = (SELECT room_id FROM rooms WHERE room_name = 'general') ORDER BY seq LIMIT 1 OFFSET {})"
    for sql in (
        f"UPDATE messages SET message_text = 'hello' WHERE message_id = {mine.format(3)}",
        f"UPDATE messages SET message_text = 'hello!' WHERE message_id = {mine.format(3)}",
        f"UPDATE messages SET is_deleted = true WHERE message_id = {mine.format(3)}",
        f"UPDATE messages SET is_deleted = true WHERE message_id = {mine.format(29)}",
        f"DELETE FROM messages WHERE message_id = {mine.format(7)}",
        f"INSERT INTO message_reads (message_id, user_id) SELECT {mine.format(20)}, user_id FROM users WHERE username = 'bob'",
        "UPDATE room_members SET is_active = false WHERE user_id = (SELECT user_id FROM users WHERE username = 'bob')",
        f"INSERT INTO message_reads (message_id, user_id) SELECT {mine.format(25)}, user_id FROM users WHERE username = 'bob'",
        "UPDATE room_members SET is_active = true WHERE user_id = (SELECT user_id FROM users WHERE username = 'bob')",
        "UPDATE rooms SET description = 'other' WHERE room_name = 'general'",
        "DELETE FROM users WHERE username = 'cyd'",
        "SELECT hubbub.post_message('general', 'ann', 'the last one', 'once')",
        "UPDATE users SET deleted_at = now() WHERE username = 'bob'",
    ):
        await chat.run(sql)
    await chat.close()
    assert await found(dsn) == {}
    databases.drop(name)


async def test_the_view_is_asked_for_the_newest_messages_alone(pg18: Databases, sown: str) -> None:
    """Whatever the planner takes for cheap: read whole, it counts the members of a room for each of its messages."""
    connection = await asyncpg.connect(pg18.cluster.dsn(sown))
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(verify.SQL["plainly"])
            await connection.execute(verify.SQL["by_index"])
            await connection.execute("SET LOCAL enable_nestloop = off")
            explain = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + verify.SQL["messages_view"]
            (plan,) = json.loads(await connection.fetchval(explain))
            rooms = await connection.fetchval("SELECT count(*) FROM rooms")
    finally:
        await connection.close()

    def counts(node: dict[str, Any]) -> list[int]:
        own = [node["Actual Loops"]] if node.get("Parent Relationship") == "SubPlan" else []
        return own + [loops for part in node.get("Plans", ()) for loops in counts(part)]

    found = counts(plan["Plan"])
    assert len(found) == 2, "reads and deliveries"
    assert max(found) <= 10 * rooms


async def test_the_command_says_it_to_people_and_machines(pg18: Databases, sown: str) -> None:
    name = pg18.clone(sown)
    dsn = pg18.cluster.dsn(name)

    async def run(dsn: str, *arguments: str) -> Any:
        environment = {"DATABASE_URL": dsn, "COLUMNS": "200"}
        return await asyncio.to_thread(CliRunner().invoke, app, ["verify", *arguments], env=environment)

    whole = await run(dsn, "--json")
    assert whole.exit_code == 0, whole.stderr
    told = json.loads(whole.stdout)
    assert (told["ok"], told["whole"], told["counts"]["messages"]) == (True, True, 3_000)
    assert [check["name"] for check in told["checks"] if check["broken"] is None] == ["indexes"]
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET session_replication_role = replica; " + PLANTED["counters"][0])
    await connection.close()
    broken = await run(dsn)
    assert broken.exit_code == 4, broken.stderr
    assert "the counters of each room say what its rows say: broken 1 times" in broken.stdout
    assert "CREATE EXTENSION amcheck" in broken.stdout
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE hubbub.alembic_version SET version_num = '0001'")
    await connection.close()
    older = await run(dsn)
    assert (older.exit_code, "hubbub db upgrade" in older.stderr) == (1, True)
    pg18.drop(name)
