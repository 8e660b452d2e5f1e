"""hubbub.append_messages: what becomes of each send of a batch."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.support.sqlchat import Chat, Send


@pytest.fixture
async def chat(database: str) -> AsyncIterator[Chat]:
    chat = await Chat.open(database)
    yield chat
    await chat.close()


def outcomes(answers: list[asyncpg.Record]) -> list[tuple[Any, ...]]:
    return [(row["outcome"], row["seq"]) for row in answers]


async def test_a_batch_over_several_rooms(chat: Chat) -> None:
    ann, bob = await chat.user("ann"), await chat.user("bob")
    hall, den = await chat.room("hall"), await chat.room("den")
    for user, room in ((ann, hall), (bob, hall), (ann, den)):
        await chat.join(user, room)
    ids = [uuid.uuid4() for _ in range(6)]
    answers = await chat.send(
        [
            (ann, hall, "1", None, None),
            (bob, den, "not a member", None, None),
            (ann, den, "2", "c2", None),
            (bob, hall, "3", None, None),
            (ann, uuid.uuid4(), "no room", None, None),
            (uuid.uuid4(), hall, "nobody", None, None),
        ],
        ids,
    )
    assert [row["ord"] for row in answers] == [1, 2, 3, 4, 5, 6]
    assert outcomes(answers) == [
        ("stored", 3), ("not_found", None), ("stored", 2), ("stored", 4), ("not_found", None), ("not_found", None),
    ]  # fmt: skip
    stored = [row for row in answers if row["outcome"] == "stored"]
    assert [row["message_id"] for row in stored] == [ids[0], ids[2], ids[3]]
    rows = await chat.connection.fetch("SELECT message_id, seq, change_seq, created_at FROM messages")
    assert {tuple(row) for row in rows} == {
        (row["message_id"], row["seq"], row["change_seq"], row["created_at"]) for row in stored
    }
    assert await chat.counters("hall") == (4, 0, 2, 2)
    assert await chat.counters("den") == (2, 0, 1, 1)
    await chat.check()


async def test_the_same_client_id_never_makes_a_second_message(chat: Chat) -> None:
    ann, bob = await chat.user("ann"), await chat.user("bob")
    hall, den = await chat.room("hall"), await chat.room("den")
    for user in (ann, bob):
        await chat.join(user, hall)
        await chat.join(user, den)
    (first,) = await chat.send([(ann, hall, "hello", "c1", None)])
    again = await chat.send(
        [
            (ann, hall, "hello", "c1", None),
            (ann, hall, "other text", "c1", None),
            (ann, den, "hello", "c1", None),
            (bob, hall, "hello", "c1", None),  # another person's: another message
        ]
    )
    assert [row["outcome"] for row in again] == ["duplicate", "conflict", "conflict", "stored"]
    for row in again[:3]:
        assert tuple(row)[2:] == tuple(first)[2:]
    # After an edit and after a deletion, too; a text that is gone is compared with nothing.
    await chat.run("UPDATE messages SET message_text = 'edited' WHERE message_id = $1", first["message_id"])
    assert outcomes(await chat.send([(ann, hall, "hello", "c1", None)])) == [("duplicate", first["seq"])]
    await chat.run("UPDATE messages SET is_deleted = true WHERE message_id = $1", first["message_id"])
    assert outcomes(await chat.send([(ann, hall, "whatever", "c1", None)])) == [("duplicate", first["seq"])]
    # And for who has left: it is their own message.
    await chat.run("UPDATE room_members SET is_active = false WHERE user_id = $1", ann)
    assert outcomes(await chat.send([(ann, hall, "hello", "c1", None), (ann, hall, "hello", "c2", None)])) == [
        ("duplicate", first["seq"]), ("not_found", None),
    ]  # fmt: skip
    await chat.check()


async def test_the_same_client_id_twice_in_a_batch(chat: Chat) -> None:
    ann, hall, den = await chat.user("ann"), await chat.room("hall"), await chat.room("den")
    await chat.join(ann, hall)
    answers = await chat.send(
        [
            (ann, den, "hello", "c1", None),  # refused, so that it does not stand in the way
            (ann, hall, "hello", "c1", None),
            (ann, hall, "hello", "c1", None),
            (ann, hall, "hallo", "c1", None),
            (ann, hall, "", None, None),
            (ann, hall, "", None, None),
        ]
    )
    assert outcomes(answers) == [
        ("not_found", None), ("stored", 2), ("duplicate", 2), ("conflict", 2), ("stored", 3), ("stored", 4),
    ]  # fmt: skip
    assert await chat.counters("hall") == (4, 0, 3, 1)
    await chat.check()


async def test_an_odd_neighbour_changes_nothing_for_the_others(chat: Chat) -> None:
    """A batch in which nothing stands out takes the short way, any other the long one: what is stored is the same."""
    ann, bob, stranger = await chat.user("ann"), await chat.user("bob"), await chat.user("stranger")
    kept = []
    for way in ("short", "long"):
        hall, den = await chat.room(f"hall {way}"), await chat.room(f"den {way}")
        for user, room in ((ann, hall), (bob, hall), (ann, den)):
            await chat.join(user, room)
        root = await chat.message(bob, hall, "root")
        batch: list[Send] = [
            (ann, hall, "1", f"{way} 1", None),
            (ann, den, "2", None, None),
            (bob, hall, "3", f"{way} 1", root),
            (ann, hall, "4", None, root),
            (ann, den, "5", f"{way} 5", None),
        ]
        if way == "long":
            batch.insert(2, (stranger, hall, "not a member", None, None))
        answers = await chat.send(batch)
        assert [row["outcome"] for row in answers if row["outcome"] != "stored"] == ["not_found"] * (way == "long")
        told = [(row["seq"], row["change_seq"]) for row in answers if row["outcome"] == "stored"]
        assert {(row["message_id"], row["created_at"]) for row in answers if row["outcome"] == "stored"} == set(
            await chat.fetch("SELECT message_id, created_at FROM messages WHERE room_id IN ($1, $2) AND message_id <> $3", hall, den, root)
        )  # fmt: skip
        columns = "user_id, message_text, seq, change_seq, client_hash, reply_to IS NOT NULL"
        rows = await chat.fetch(
            f"SELECT {columns} FROM messages WHERE room_id IN ($1, $2) ORDER BY message_text", hall, den
        )
        kept.append((told, rows, await chat.counters(f"hall {way}"), await chat.counters(f"den {way}")))
    assert kept[0] == kept[1]
    assert kept[0][0] == [(4, 4), (2, 2), (5, 5), (6, 6), (3, 3)]
    await chat.check()


async def test_the_same_id_again_is_the_same_message(chat: Chat) -> None:
    """A batch whose fate was unknown is sent again as it was, client ids or none."""
    ann, bob, hall = await chat.user("ann"), await chat.user("bob"), await chat.room("hall")
    await chat.join(ann, hall)
    await chat.join(bob, hall)
    ids = [uuid.uuid4(), uuid.uuid4()]
    batch = [(ann, hall, "one", None, None), (bob, hall, "two", "c", None)]
    first = await chat.send(batch, ids)
    again = await chat.send(batch, ids)
    assert [row["outcome"] for row in again] == ["duplicate", "duplicate"]
    assert [tuple(row)[2:] for row in again] == [tuple(row)[2:] for row in first]
    assert outcomes(await chat.send([(bob, hall, "one", None, None)], ids[:1])) == [("conflict", 3)]
    twice = uuid.uuid4()
    assert outcomes(await chat.send([(ann, hall, "x", None, None)] * 2, [twice, twice])) == [
        ("stored", 5),
        ("duplicate", 5),
    ]
    await chat.check()


async def test_replies_stay_in_their_room(chat: Chat) -> None:
    ann, hall, den = await chat.user("ann"), await chat.room("hall"), await chat.room("den")
    await chat.join(ann, hall)
    here, there = await chat.message(ann, hall), await chat.message(ann, den)
    answers = await chat.send(
        [(ann, hall, "yes", None, here), (ann, hall, "no", None, there), (ann, hall, "no", None, uuid.uuid4())]
    )
    assert outcomes(answers) == [("stored", 3), ("bad_reply", None), ("bad_reply", None)]
    insert = "INSERT INTO messages (user_id, room_id, message_text, reply_to) VALUES ($1, $2, 'plain', $3)"
    await chat.run(insert, ann, hall, here)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="same room"):
        await chat.run(insert, ann, hall, there)
    await chat.run("DELETE FROM messages WHERE message_id = $1", here)
    assert (
        await chat.value("SELECT count(*) FROM messages WHERE reply_to IS NULL AND message_text IN ('yes', 'plain')")
        == 2
    )
    await chat.check()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE users SET disabled_at = now()",
        "UPDATE users SET deleted_at = now()",
        "UPDATE rooms SET deleted_at = now()",
        "UPDATE room_members SET is_active = false",
    ],
)
async def test_who_may_not_may_not(chat: Chat, spoil: str) -> None:
    ann, hall = await chat.user("ann"), await chat.room("hall")
    await chat.join(ann, hall)
    await chat.run(spoil)
    assert (
        outcomes(await chat.send([(ann, hall, "hello", None, None), (None, hall, "hello", None, None)]))
        == [("not_found", None)] * 2
    )


async def test_an_empty_batch_and_a_full_one(chat: Chat) -> None:
    assert await chat.send([], []) == []
    ann, hall = await chat.user("ann"), await chat.room("hall")
    await chat.join(ann, hall)
    answers = await chat.send([(ann, hall, str(n), f"c{n}", None) for n in range(1000)])
    assert outcomes(answers) == [("stored", n) for n in range(2, 1002)]
    assert await chat.counters("hall") == (1001, 0, 1000, 1)
    await chat.check()


async def test_a_batch_costs_no_trigger(chat: Chat) -> None:
    ann, hall = await chat.user("ann"), await chat.room("hall")
    await chat.join(ann, hall)
    await chat.run("SET track_functions = 'all'")
    calls = "SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE schemaname = 'hubbub' ORDER BY 1"
    async with chat.connection.transaction():
        await chat.send([(ann, hall, str(n), None, None) for n in range(100)])
        called = dict(await chat.fetch(calls))
    assert called == {"append_messages": 1}
