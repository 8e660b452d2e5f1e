"""Many sessions at once: no number is left out or given twice, and nobody waits in a circle.

The random choices come from a seed that the test prints; HUBBUB_TEST_SEED repeats a run's.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from tests.support.sqlchat import Chat

WRITERS = 8
ROUNDS = 200


HOLDERS = """
    CREATE TABLE held (room_id uuid, number bigint, what text);
    INSERT INTO held SELECT room_id, change_seq, 'room_members' FROM room_members;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO held VALUES (new.room_id, new.change_seq, tg_table_name);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note_change AFTER UPDATE ON messages
        FOR EACH ROW WHEN (old.change_seq <> new.change_seq) EXECUTE FUNCTION note();
    CREATE TRIGGER note AFTER INSERT ON room_members FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER note_change AFTER UPDATE ON room_members
        FOR EACH ROW WHEN (old.change_seq <> new.change_seq) EXECUTE FUNCTION note();
    CREATE TRIGGER note_change AFTER UPDATE ON rooms
        FOR EACH ROW WHEN (old.change_seq <> new.change_seq) EXECUTE FUNCTION note();
"""
GAPS = """
    SELECT r.room_name, r.last_seq, count(h.number), count(DISTINCT h.number), max(h.number)
    FROM rooms AS r LEFT JOIN held AS h ON h.room_id = r.room_id GROUP BY r.room_id
    HAVING count(h.number) <> r.last_seq OR count(DISTINCT h.number) <> r.last_seq OR max(h.number) > r.last_seq
"""


class World:
    """Five people in four rooms, and what writers may do to them."""

    def __init__(self, dice: random.Random, users: list[uuid.UUID], rooms: list[uuid.UUID]) -> None:
        self.dice, self.users, self.rooms = dice, users, rooms

    async def append(self, chat: Chat) -> None:
        sends = [
            (self.dice.choice(self.users), self.dice.choice(self.rooms), "batch", f"c{self.dice.randrange(60)}", None)
            for _ in range(self.dice.randrange(1, 20))
        ]
        replied = await chat.value("SELECT message_id FROM messages ORDER BY random() LIMIT 1")
        await chat.send([*sends, (self.users[0], self.rooms[0], "reply", None, replied)])

    async def plain(self, chat: Chat) -> None:
        await chat.message(self.dice.choice(self.users), self.dice.choice(self.rooms), "plain")

    async def edit(self, chat: Chat) -> None:
        await chat.run(
            "UPDATE messages SET message_text = $2 WHERE message_id = (SELECT message_id FROM messages WHERE room_id = $1 "
            "ORDER BY random() LIMIT 1) AND NOT is_deleted",
            self.dice.choice(self.rooms),
            uuid.uuid4().hex,
        )

    async def delete(self, chat: Chat) -> None:
        await chat.run(
            "UPDATE messages SET is_deleted = NOT is_deleted WHERE message_id = (SELECT message_id FROM messages "
            "WHERE room_id = $1 ORDER BY random() LIMIT 1)",
            self.dice.choice(self.rooms),
        )

    async def remove(self, chat: Chat) -> None:
        await chat.run(
            "DELETE FROM messages WHERE message_id = (SELECT message_id FROM messages AS m WHERE room_id = $1 "
            "AND NOT EXISTS (SELECT FROM messages AS r WHERE r.reply_to = m.message_id) ORDER BY random() LIMIT 1)",
            self.dice.choice(self.rooms),
        )

    async def come(self, chat: Chat) -> None:
        await chat.run(
            "INSERT INTO room_members AS m (room_id, user_id) VALUES ($1, $2) "
            "ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = true WHERE NOT m.is_active",
            self.dice.choice(self.rooms),
            self.dice.choice(self.users),
        )

    async def go(self, chat: Chat) -> None:
        await chat.run(
            "UPDATE room_members SET is_active = false WHERE room_id = $1 AND user_id = $2 AND is_active",
            self.dice.choice(self.rooms),
            self.dice.choice(self.users),
        )

    async def go_everywhere(self, chat: Chat) -> None:
        await chat.run("SELECT hubbub.leave_all_rooms($1)", self.dice.choice(self.users))

    async def erase(self, chat: Chat) -> None:
        await chat.run("SELECT hubbub.erase_messages($1, 10)", self.dice.choice(self.users))

    async def rename(self, chat: Chat) -> None:
        await chat.run(
            "UPDATE rooms SET room_name = $2 WHERE room_id = $1", self.dice.choice(self.rooms), uuid.uuid4().hex
        )

    async def read(self, chat: Chat) -> None:
        await chat.run(
            "INSERT INTO message_reads (message_id, user_id) SELECT message_id, $2 FROM messages WHERE room_id = $1 "
            "ORDER BY random() LIMIT 1 ON CONFLICT DO NOTHING",
            self.dice.choice(self.rooms),
            self.dice.choice(self.users),
        )

    async def vanish(self, chat: Chat) -> None:
        """An account is made, talks, and is removed for good."""
        user, room = await chat.user(uuid.uuid4().hex), self.dice.choice(self.rooms)
        await chat.join(user, room)
        await chat.send([(user, room, "soon gone", None, None)])
        await chat.run("DELETE FROM users WHERE user_id = $1", user)

    async def undone(self, chat: Chat) -> None:
        transaction = chat.connection.transaction()
        await transaction.start()
        await self.plain(chat)
        await transaction.rollback()


async def test_writers_of_every_kind_at_once(database: str) -> None:
    seed = int(os.environ.get("HUBBUB_TEST_SEED", random.randrange(2**32)))
    sys.stdout.write(f"HUBBUB_TEST_SEED={seed}\n")
    async with AsyncExitStack() as stack:
        chats = []
        for _ in range(WRITERS):
            chat = await Chat.open(database)
            stack.push_async_callback(chat.close)
            await chat.run("SET statement_timeout = '30s'")
            chats.append(chat)
        users = [await chats[0].user(f"user{n}") for n in range(5)]
        rooms = [await chats[0].room(f"room{n}") for n in range(4)]
        for user in users:
            for room in rooms:
                await chats[0].join(user, room)
        done: Counter[str] = Counter()
        # Who took which number, written down with the change itself: at every moment that anybody can see, the numbers
        # of a room that somebody has held are exactly those up to its counter.
        await chats[0].run(HOLDERS)
        running = True

        async def watcher() -> int:
            looks = 0
            watching = await Chat.open(database)
            stack.push_async_callback(watching.close)
            while running:
                assert await watching.fetch(GAPS) == []
                looks += 1
            return looks

        watch = asyncio.create_task(watcher())

        async def writer(number: int) -> None:
            dice = random.Random(seed + number)
            world = World(dice, users, rooms)
            deeds: list[Callable[[Chat], Awaitable[None]]] = [
                world.append, world.append, world.append, world.plain, world.edit, world.edit, world.delete, world.remove,
                world.come, world.come, world.go, world.go_everywhere, world.erase, world.rename, world.read, world.read,
                world.vanish, world.undone,
            ]  # fmt: skip
            for _ in range(ROUNDS):
                deed = dice.choice(deeds)
                try:
                    await deed(chats[number])
                except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
                    # The same client id in two rooms at once, or a receipt of a message removed meanwhile.
                    if error.constraint_name not in {"idx_messages_client", "message_reads_message_id_fkey"}:
                        raise
                    done["refused"] += 1
                done[deed.__name__] += 1

        await asyncio.gather(*(writer(number) for number in range(WRITERS)))
        assert done.total() - done["refused"] == WRITERS * ROUNDS
        chat = chats[0]
        await chat.check()
        running = False
        assert await watch > 0
        assert await chat.fetch(GAPS) == []
        # Where a room is small, rows and watermarks agree. (One's own message has no row, and after an erasure no author.)
        lacking = await chat.fetch("""
            SELECT m.message_id, x.user_id FROM room_members AS x JOIN messages AS m ON m.room_id = x.room_id
                AND m.seq > x.from_seq AND m.seq <= x.read_seq AND m.user_id <> x.user_id
            EXCEPT SELECT message_id, user_id FROM message_reads""")
        assert lacking == []


async def test_a_send_waits_for_who_is_writing_and_comes_after(database: str) -> None:
    first, second = await Chat.open(database), await Chat.open(database)
    ann, room = await first.user("ann"), await first.room("hall")
    await first.join(ann, room)
    transaction = first.connection.transaction()
    await transaction.start()
    await first.message(ann, room, "first")
    waiting = asyncio.create_task(second.send([(ann, room, "second", None, None)]))
    await until_waiting(first, second)
    await first.run("UPDATE room_members SET is_active = true")
    await transaction.commit()
    (answer,) = await waiting
    assert answer["outcome"] == "stored"
    assert answer["seq"] == 3
    await first.check()
    # And a going that commits meanwhile is seen: the database decides at the moment of writing.
    transaction = first.connection.transaction()
    await transaction.start()
    await first.run("UPDATE room_members SET is_active = false")
    waiting = asyncio.create_task(second.send([(ann, room, "third", None, None)]))
    await until_waiting(first, second)
    await transaction.commit()
    assert [row["outcome"] for row in await waiting] == ["not_found"]
    await first.close()
    await second.close()


async def test_the_same_client_id_at_once_in_one_room(database: str) -> None:
    chats = [await Chat.open(database) for _ in range(6)]
    ann, room = await chats[0].user("ann"), await chats[0].room("hall")
    await chats[0].join(ann, room)
    answers = await asyncio.gather(*(chat.send([(ann, room, "hello", "c1", None)]) for chat in chats))
    assert Counter(row["outcome"] for (row,) in answers) == {"stored": 1, "duplicate": 5}
    assert {row["seq"] for (row,) in answers} == {2}
    await chats[0].check()
    for chat in chats:
        await chat.close()


async def test_a_join_and_a_leave_of_one_member_do_not_wait_in_a_circle(database: str) -> None:
    first, second = await Chat.open(database), await Chat.open(database)
    ann, room = await first.user("ann"), await first.room("hall")
    await first.join(ann, room)
    for _ in range(50):
        await asyncio.gather(
            first.run("UPDATE room_members SET is_active = NOT is_active WHERE user_id = $1", ann),
            second.run("INSERT INTO room_members AS m (room_id, user_id) VALUES ($1, $2) "
                       "ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = true WHERE NOT m.is_active", room, ann),
        )  # fmt: skip
    await first.check()
    await first.close()
    await second.close()


async def test_repeatable_read_fails_rather_than_break_the_law(database: str) -> None:
    first, second = await Chat.open(database), await Chat.open(database)
    ann, room = await first.user("ann"), await first.room("hall")
    transaction = first.connection.transaction(isolation="repeatable_read")
    await transaction.start()
    await first.value("SELECT count(*) FROM messages")
    await second.message(ann, room)
    with pytest.raises(asyncpg.SerializationError):
        await first.message(ann, room)
    await transaction.rollback()
    await second.check()
    await first.close()
    await second.close()


async def until_waiting(watcher: Chat, waiter: Chat) -> None:
    """Until the waiter's session waits for a lock."""
    pid = waiter.connection.get_server_pid()
    for _ in range(2000):
        if await watcher.value("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pid):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the other session does not wait")
