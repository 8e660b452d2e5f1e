"""Plain SQL is as good as a client: the database gives places, numbers, counters and watermarks by itself."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.support.sqlchat import Chat


@pytest.fixture
async def chat(database: str) -> AsyncIterator[Chat]:
    chat = await Chat.open(database)
    yield chat
    await chat.close()


async def test_defaults_and_the_rooms_of_a_new_database(chat: Chat) -> None:
    rooms = await chat.fetch("SELECT room_name, last_seq, is_private FROM rooms ORDER BY 1")
    assert rooms == [("general", 0, False), ("random", 0, False), ("tech", 0, False)]
    first, second = await chat.value("SELECT ARRAY[hubbub.new_id(), hubbub.new_id()]")
    assert first.version == second.version == 7
    assert first.variant == uuid.RFC_4122
    age = datetime.now(UTC) - datetime.fromtimestamp((first.int >> 80) / 1000, UTC)
    assert abs(age) < timedelta(seconds=5)


async def test_a_plain_insert_takes_the_next_place(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    for n in range(3):
        await chat.run(
            "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3)", ann, room, f"text {n}"
        )
    rows = await chat.fetch("SELECT message_text, seq, change_seq FROM messages ORDER BY created_at")
    assert rows == [("text 0", 1, 1), ("text 1", 2, 2), ("text 2", 3, 3)]
    assert await chat.counters("hall") == (3, 0, 3, 0)
    latest = await chat.value(
        "SELECT last_message_at = (SELECT max(created_at) FROM messages) FROM rooms WHERE room_name = 'hall'"
    )
    assert latest is True


async def test_after_a_rollback_nothing_is_taken(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    transaction = chat.connection.transaction()
    await transaction.start()
    await chat.message(ann, room)
    await transaction.rollback()
    assert await chat.counters("hall") == (0, 0, 0, 0)
    for bad in (
        ("INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, NULL)", ann, room),
        ("INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'x')", uuid.uuid4(), room),
        ("INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'x')", ann, uuid.uuid4()),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await chat.run(*bad)
    assert await chat.counters("hall") == (0, 0, 0, 0)
    await chat.message(ann, room)
    assert await chat.counters("hall") == (1, 0, 1, 0)


async def test_a_conflict_takes_no_number(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    message = await chat.message(ann, room)
    insert = "INSERT INTO messages (message_id, user_id, room_id, message_text, client_id) VALUES ($1, $2, $3, 'x', $4)"
    await chat.run(f"{insert} ON CONFLICT DO NOTHING", message, ann, room, None)
    await chat.run(insert, uuid.uuid4(), ann, room, "once")
    await chat.run(f"{insert} ON CONFLICT DO NOTHING", uuid.uuid4(), ann, room, "once")
    await chat.run(f"{insert} ON CONFLICT (message_id) DO UPDATE SET message_text = 'y'", message, ann, room, None)
    with pytest.raises(asyncpg.UniqueViolationError, match="messages_pkey"):
        await chat.run(insert, message, ann, room, None)
    with pytest.raises(asyncpg.UniqueViolationError, match="idx_messages_client"):
        await chat.run(insert, uuid.uuid4(), ann, room, "once")
    join = "INSERT INTO room_members (room_id, user_id) VALUES ($1, $2)"
    for _ in range(2):
        await chat.run(f"{join} ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = true", room, ann)
        await chat.run(f"{join} ON CONFLICT DO NOTHING", room, ann)
    await chat.check()
    assert await chat.counters("hall") == (4, 0, 2, 1)  # two messages, one edit, one member


async def test_an_edit_takes_a_number_and_keeps_the_old_text(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    first, second = await chat.message(ann, room, "one"), await chat.message(ann, room, "two")
    await chat.run("UPDATE messages SET message_text = 'one!' WHERE message_id = $1", first)
    async with chat.connection.transaction():
        await chat.run("SELECT set_config('hubbub.actor', $1, true)", str(ann))
        await chat.run("UPDATE messages SET message_text = 'one?' WHERE message_id = $1", first)
    await chat.run("UPDATE messages SET message_text = 'two' WHERE message_id = $1", second)  # no change, no number
    rows = await chat.fetch("SELECT message_text, seq, change_seq, edited_at IS NOT NULL FROM messages ORDER BY seq")
    assert rows == [("one?", 1, 4, True), ("two", 2, 2, False)]
    edits = await chat.fetch("SELECT edit_no, message_text, edited_by FROM hubbub.message_edits ORDER BY 1")
    assert edits == [(1, "one", None), (2, "one!", ann)]
    await chat.check()


async def test_a_deletion_leaves_a_tombstone(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    message = await chat.message(ann, room, "secret")
    await chat.run("UPDATE messages SET message_text = 'less secret' WHERE message_id = $1", message)
    await chat.run("UPDATE messages SET is_deleted = true WHERE message_id = $1", message)
    tombstone = await chat.fetch("SELECT message_text, is_deleted, seq, change_seq FROM messages")
    assert tombstone == [("", True, 1, 3)]
    assert await chat.value("SELECT count(*) FROM hubbub.message_edits") == 0
    assert await chat.counters("hall") == (3, 0, 0, 0)
    await chat.run("UPDATE messages SET message_text = 'back' WHERE message_id = $1", message)
    assert await chat.fetch("SELECT message_text, is_deleted, seq, change_seq FROM messages") == tombstone
    await chat.run("UPDATE messages SET is_deleted = false, message_text = 'anew' WHERE message_id = $1", message)
    assert await chat.fetch("SELECT message_text, change_seq FROM messages") == [("anew", 4)]
    assert await chat.counters("hall") == (4, 0, 1, 0)


async def test_rows_keep_their_room_and_place(chat: Chat) -> None:
    ann, room, other = await chat.user("ann"), await chat.room("hall"), await chat.room("other")
    message = await chat.message(ann, room)
    await chat.join(ann, room)
    for statement, value in (
        ("UPDATE messages SET room_id = $2 WHERE message_id = $1", other),
        ("UPDATE messages SET seq = $2 WHERE message_id = $1", 9),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="keeps its room and its place"):
            await chat.run(statement, message, value)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="keeps its room and its place"):
        await chat.run("UPDATE room_members SET room_id = $1", other)


async def test_comings_and_goings(chat: Chat) -> None:
    ann, bob, room = await chat.user("ann"), await chat.user("bob"), await chat.room("hall")
    await chat.message(ann, room)
    await chat.join(bob, room)
    member = "SELECT is_active, left_at IS NULL, from_seq, delivered_seq, read_seq, change_seq FROM room_members"
    assert await chat.fetch(member) == [(True, True, 2, 2, 2, 2)]  # nothing of before is unread
    await chat.run("UPDATE room_members SET is_active = false")
    assert await chat.fetch(member) == [(False, False, 2, 2, 2, 3)]
    await chat.message(ann, room)
    await chat.run("UPDATE room_members SET is_active = true")
    assert await chat.fetch(member) == [(True, True, 2, 2, 2, 5)]  # reading goes on where it stopped
    await chat.run("UPDATE room_members SET is_active = true")  # no change, no number
    assert await chat.counters("hall") == (5, 0, 2, 1)
    await chat.run("INSERT INTO room_members (room_id, user_id, is_active) VALUES ($1, $2, false)", room, ann)
    assert await chat.counters("hall") == (5, 0, 2, 1)
    await chat.run("UPDATE room_members SET is_active = true WHERE user_id = $1", ann)
    row = await chat.fetch(f"{member} WHERE user_id = $1", ann)
    assert row == [(True, True, 6, 6, 6, 6)]
    await chat.check()


async def test_a_room_that_changes_takes_a_number(chat: Chat) -> None:
    room = await chat.room("hall")
    await chat.run("UPDATE rooms SET description = 'big' WHERE room_id = $1", room)
    await chat.run("UPDATE rooms SET room_name = 'Hall' WHERE room_id = $1", room)
    await chat.run("UPDATE rooms SET is_private = is_private WHERE room_id = $1", room)
    await chat.run("UPDATE rooms SET deleted_at = now() WHERE room_id = $1", room)
    assert await chat.counters("Hall") == (3, 3, 0, 0)


async def test_rows_removed_for_good(chat: Chat) -> None:
    ann, bob, room = await chat.user("ann"), await chat.user("bob"), await chat.room("hall")
    await chat.join(ann, room)
    await chat.join(bob, room)
    messages = [await chat.message(ann, room, str(n)) for n in range(4)]
    await chat.run("UPDATE messages SET is_deleted = true WHERE message_id = $1", messages[3])
    await chat.run("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", messages[3], bob)
    await chat.run("DELETE FROM messages WHERE message_id = ANY ($1::uuid[])", messages[2:])
    assert await chat.counters("hall") == (8, 8, 2, 2)
    latest = await chat.value(
        "SELECT last_message_at = (SELECT created_at FROM messages WHERE seq = 4) FROM rooms WHERE room_name = 'hall'"
    )
    assert latest is True
    await chat.run("DELETE FROM room_members WHERE user_id = $1", bob)
    assert await chat.counters("hall") == (9, 9, 2, 1)
    await chat.run("DELETE FROM users WHERE user_id = $1", ann)
    assert await chat.counters("hall") == (10, 10, 2, 0)
    assert (
        await chat.fetch("SELECT username, display_name, user_id, avatar FROM messages_with_user_view")
        == [("deleted user", "Deleted user", None, None)] * 2
    )
    await chat.run("DELETE FROM rooms WHERE room_id = $1", room)
    assert await chat.value("SELECT count(*) FROM messages") == 0


async def test_receipts_raise_watermarks_and_fill_small_rooms(chat: Chat) -> None:
    ann, bob, eve, room = (
        await chat.user("ann"),
        await chat.user("bob"),
        await chat.user("eve"),
        await chat.room("hall"),
    )
    for user in (ann, bob):
        await chat.join(user, room)
    ids = [await chat.message(ann, room, str(n)) for n in range(4)] + [await chat.message(bob, room, "mine")]
    await chat.run("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", ids[1], bob)
    assert await chat.receipts("message_reads", bob) == [3, 4]
    assert await chat.receipts("message_deliveries", bob) == [3, 4]
    await chat.run("INSERT INTO message_deliveries (message_id, user_id) VALUES ($1, $2)", ids[4], bob)
    assert await chat.receipts("message_deliveries", bob) == [3, 4, 5, 6, 7]  # the last one was said by hand
    marks = "SELECT from_seq, delivered_seq, read_seq FROM room_members WHERE user_id = $1"
    assert await chat.fetch(marks, bob) == [(2, 7, 4)]
    await chat.run(
        "INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", ids[0], bob
    )
    assert await chat.fetch(marks, bob) == [(2, 7, 4)]  # never down
    await chat.run(
        "INSERT INTO message_reads (message_id, user_id) SELECT message_id, u FROM messages, unnest($1::uuid[]) AS u",
        [ann, eve],
    )
    assert await chat.fetch(marks, ann) == [(1, 7, 7)]
    assert await chat.value("SELECT count(*) FROM room_members") == 2  # eve is none, and her rows do not count
    counts = await chat.fetch("SELECT seq, read_count, delivery_count FROM messages_with_user_view ORDER BY seq")
    assert counts == [(3, 1, 1), (4, 1, 1), (5, 0, 1), (6, 0, 1), (7, 1, 1)]
    assert await chat.counters("hall") == (7, 0, 5, 2)  # receipts take no numbers


async def test_large_rooms_get_no_more_rows_than_were_asked_for(chat: Chat) -> None:
    ann, bob, room = await chat.user("ann"), await chat.user("bob"), await chat.room("hall")
    for user in (ann, bob):
        await chat.join(user, room)
    await chat.run("UPDATE hubbub.meta SET value = '1' WHERE key = 'receipt_rows_max_members'")
    ids = [await chat.message(ann, room, str(n)) for n in range(4)]
    await chat.run("INSERT INTO message_reads (message_id, user_id) VALUES ($1, $2)", ids[3], bob)
    assert await chat.receipts("message_reads", bob) == [6]
    assert await chat.receipts("message_deliveries", bob) == []
    assert await chat.fetch("SELECT read_count FROM messages_with_user_view") == [(1,)] * 4


async def test_the_order_of_times_is_the_order_of_places(chat: Chat) -> None:
    ann, room = await chat.user("ann"), await chat.room("hall")
    async with chat.connection.transaction():  # now() stands still here
        for n in range(5):
            await chat.message(ann, room, str(n))
    ahead = "UPDATE rooms SET last_message_at = now() + interval '30 seconds' WHERE room_id = $1"
    await chat.run(ahead, room)  # the clock was set back
    await chat.message(ann, room, "5")
    await chat.join(ann, room)
    await chat.send([(ann, room, "6", None, None), (ann, room, "7", None, None)])
    places = await chat.fetch("SELECT message_text FROM messages ORDER BY created_at, seq DESC")
    assert [text for (text,) in places] == [str(n) for n in range(8)]
    # A time that somebody invented does not become everybody's.
    await chat.run(
        "INSERT INTO messages (user_id, room_id, message_text, created_at) VALUES ($1, $2, 'x', '2999-01-01')",
        ann,
        room,
    )
    await chat.message(ann, room, "8")
    assert (
        await chat.value("SELECT created_at < now() + interval '1 minute' FROM messages WHERE message_text = '8'")
        is True
    )


async def test_leaving_all_rooms_and_erasing(chat: Chat) -> None:
    ann = await chat.user("ann")
    rooms: Sequence[uuid.UUID] = [await chat.room(name) for name in ("a", "b", "c")]
    for room in rooms:
        await chat.join(ann, room)
        await chat.message(ann, room)
    left = await chat.fetch("SELECT * FROM hubbub.leave_all_rooms($1)", ann)
    assert sorted(left) == sorted((room, 3) for room in rooms)
    assert await chat.fetch("SELECT * FROM hubbub.leave_all_rooms($1)", ann) == []
    assert len(await chat.fetch("SELECT * FROM hubbub.erase_messages($1, 2)", ann)) == 2
    assert len(await chat.fetch("SELECT * FROM hubbub.erase_messages($1, 2)", ann)) == 1
    assert await chat.fetch("SELECT DISTINCT user_id, message_text, is_deleted, change_seq FROM messages") == [
        (None, "", True, 4)
    ]
    await chat.check()
