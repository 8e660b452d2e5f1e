"""The views stay fast: on a room of a million messages each answer touches a bounded number of pages.

The plan is asserted, not the time: pages touched (hits and reads), and that nobody reads `messages` from end to end.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.support.database import Databases
from tests.support.sqlchat import Chat

from hubbub.domain import limits
from hubbub.store.statements import load

MESSAGES = 1_000_000
MEMBERS = 100

# Made as a restored backup would be: rows that bring their numbers, indexes afterwards.
FILL = f"""
    SET session_replication_role = replica;
    SET synchronous_commit = on; -- what was not, VACUUM does not mark as visible to all
    INSERT INTO users (username) SELECT 'user' || n FROM generate_series(1, {MEMBERS}) AS n;
    INSERT INTO rooms (room_name, last_seq, message_count, member_count, last_message_at)
        VALUES ('full', {MESSAGES}, {MESSAGES}, {MEMBERS}, '2024-01-01'::timestamptz + {MESSAGES} * interval '1 second');
    INSERT INTO room_members (room_id, user_id, read_seq, delivered_seq)
        SELECT room_id, user_id, {MESSAGES} - 20, {MESSAGES} - 10 FROM rooms, users WHERE room_name = 'full';
    ALTER TABLE messages DROP CONSTRAINT messages_room_id_seq_key;
    DROP INDEX idx_messages_room, idx_messages_user, idx_messages_change;
    INSERT INTO messages (message_id, user_id, room_id, message_text, created_at, seq, change_seq)
        SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, people[1 + n % {MEMBERS}], room_id, 'a text', '2024-01-01'::timestamptz + n * interval '1 second', n, n
        FROM rooms, (SELECT array_agg(user_id) AS people FROM users) AS u, generate_series(1, {MESSAGES}) AS n
        WHERE room_name = 'full';
    ALTER TABLE messages ADD CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq) INCLUDE (user_id, is_deleted);
    CREATE INDEX idx_messages_room ON messages (room_id, created_at DESC);
    CREATE INDEX idx_messages_user ON messages (user_id);
    CREATE INDEX idx_messages_change ON messages (room_id, change_seq);
    VACUUM ANALYZE;
"""


@pytest.fixture(scope="module")
def full(pg18: Databases) -> Iterator[str]:
    """A database with one room of a million messages and a hundred members."""
    name = pg18.clone()
    pg18.cluster.psql(name, FILL)
    yield pg18.cluster.dsn(name)
    pg18.drop(name)


async def explain(dsn: str, query: str) -> tuple[int, int, list[dict[str, Any]]]:
    """Rows answered, pages touched, and every node of the plan."""
    connection = await asyncpg.connect(dsn)
    plan = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"))[0]["Plan"]
    await connection.close()
    nodes, todo = [], [plan]
    while todo:
        node = todo.pop()
        nodes.append(node)
        todo.extend(node.get("Plans", []))
    for node in nodes:
        assert (node["Node Type"], node.get("Relation Name")) != ("Seq Scan", "messages"), query
    return plan["Actual Rows"], plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], nodes


ROOM = "(SELECT room_id FROM rooms WHERE room_name = 'full')"


@pytest.mark.parametrize(
    ("query", "rows", "pages"),
    [
        ("SELECT * FROM room_stats_view WHERE room_name = 'full'", 1, 20),
        (f"SELECT * FROM room_stats_view WHERE room_id = {ROOM}", 1, 20),
        (f"SELECT * FROM messages_with_user_view WHERE room_id = {ROOM} ORDER BY created_at DESC LIMIT 50", 50, 1500),
        (f"SELECT * FROM messages_with_user_view WHERE room_id = {ROOM} ORDER BY created_at DESC LIMIT 50 OFFSET 100", 50, 4500),
        (f"SELECT username, message_text FROM messages_with_user_view WHERE room_id = {ROOM} ORDER BY created_at DESC LIMIT 50", 50, 250),
        ("SELECT * FROM active_users_view WHERE username = 'user7'", 1, 20),
    ],
)  # fmt: skip
async def test_a_view_touches_few_pages(full: str, query: str, rows: int, pages: int) -> None:
    got, touched, nodes = await explain(full, query)
    assert got == rows
    assert touched <= pages, f"{touched} pages"
    if "messages_with_user_view" in query:
        assert any(node.get("Index Name") == "idx_messages_room" for node in nodes)
        assert not any(node["Node Type"] == "Sort" for node in nodes), "the order comes from the index"


async def test_the_counts_are_right_there_too(full: str) -> None:
    connection = await asyncpg.connect(full)
    rows = await connection.fetch(
        f"SELECT read_count, delivery_count FROM messages_with_user_view WHERE room_id = {ROOM} ORDER BY created_at DESC LIMIT 50"
    )
    assert [tuple(row) for row in rows] == [(0, 0)] * 10 + [(0, 99)] * 10 + [(99, 99)] * 30
    await connection.close()


async def test_a_million_unread_are_counted_in_few_pages(full: str) -> None:
    """Up to the bound, from the index alone."""
    count = load("rooms")["unread"]
    for number, value in enumerate((f"'{UUID(int=0)}'::uuid", ROOM, 0, limits.UNREAD_MAX, limits.UNREAD_LOOK), 1):
        count = count.replace(f"${number}", str(value))
    got, touched, nodes = await explain(full, count)
    assert got == 1
    assert touched <= 30, f"{touched} pages"
    (counted,) = [node for node in nodes if node["Node Type"] == "Index Only Scan"]
    assert (counted["Index Name"], counted["Actual Rows"]) == ("messages_room_id_seq_key", limits.UNREAD_MAX)


@pytest.mark.parametrize("after", [0, MESSAGES // 2, MESSAGES - 100])
async def test_a_page_of_sync_touches_few_pages(full: str, after: int) -> None:
    """From any age: by the index of changes, in its order."""
    for query, index in (
        (load("messages")["changed_after"], "idx_messages_change"),
        (load("sync")["changed_members"], "idx_room_members_change"),
    ):
        for number, value in enumerate((ROOM, after, limits.SYNC_PAGE + 1), 1):
            query = query.replace(f"${number}", str(value))
        _, touched, nodes = await explain(full, query)
        assert touched <= 1_500, f"{touched} pages"
        if index == "idx_messages_change":
            assert any(node.get("Index Name") == index for node in nodes)
            few = after > MESSAGES - limits.SYNC_PAGE  # no more than a page is left, which may as well be sorted
            assert few or not any(node["Node Type"] == "Sort" for node in nodes), "the order comes from the index"


async def test_a_batch_touches_pages_by_its_own_size(full: str) -> None:
    """A send into a room of a million costs what one into an empty room does."""
    connection = await asyncpg.connect(full)
    people = [row["user_id"] for row in await connection.fetch("SELECT user_id FROM users LIMIT 50")]
    room = await connection.fetchval(f"SELECT {ROOM}")
    batch = (people, [room] * 50, ["hello"] * 50, [f"c{n}" for n in range(50)])
    quoted = ", ".join(
        "ARRAY[" + ",".join(f"'{value}'" for value in column) + f"]::{kind}[]"
        for column, kind in zip(batch, ("uuid", "uuid", "text", "text"), strict=True)
    )
    call = f"SELECT * FROM hubbub.append_messages(array_fill(NULL::uuid, ARRAY[50]), {quoted}, array_fill(NULL::uuid, ARRAY[50]))"
    got, touched, _ = await explain(full, call)
    assert got == 50
    assert touched <= 50 * 100, f"{touched} pages"
    await connection.close()


@pytest.mark.parametrize("odd", [False, True], ids=["nothing stands out", "one row is refused"])
async def test_a_plan_made_while_the_tables_were_empty_outlives_it(database: str, odd: bool) -> None:
    """A connection plans the statement once. No table is counted until autovacuum comes by; a person may have written
    thousands of messages by then, and a room have thousands of members: a batch is to touch pages by its own size."""
    chat = await Chat.open(database)
    ann, hall = await chat.user("ann"), await chat.room("hall")
    await chat.join(ann, hall)
    rows = 20

    async def touched() -> int:
        senders = [str(ann)] * (rows - odd) + [str(uuid.uuid4())] * odd
        keys = [f"'{uuid.uuid4()}'" for _ in range(rows)]
        call = (
            f"SELECT * FROM hubbub.append_messages(array_fill(NULL::uuid, ARRAY[{rows}]), '{{{','.join(senders)}}}'::uuid[], "
            f"array_fill('{hall}'::uuid, ARRAY[{rows}]), array_fill('hello'::text, ARRAY[{rows}]), "
            f"ARRAY[{','.join(keys)}], array_fill(NULL::uuid, ARRAY[{rows}]))"
        )
        plan = json.loads(await chat.value(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {call}"))[0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    await touched()
    young = await touched()
    for number in range(5):
        await chat.send([(ann, hall, "hello", f"{number}-{n}", None) for n in range(1000)])
    await chat.run("INSERT INTO users (username) SELECT 'member' || n FROM generate_series(1, 2000) AS n")
    await chat.run(
        "INSERT INTO room_members (user_id, room_id) SELECT user_id, $1 FROM users WHERE username LIKE 'member%'", hall
    )
    await touched()  # the first after such a heap cleans up behind it
    grown = await touched()
    assert grown <= 2 * young, f"{young} pages, then {grown}"
    await chat.close()
