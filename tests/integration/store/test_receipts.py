"""Watermarks, the rows beside them, and every count of them, against brute force."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from msgspec import UNSET
from tests.support import people
from tests.support.people import Person

from hubbub.domain import limits
from hubbub.store import arrivals, receipts, rooms
from hubbub.store.database import Held
from hubbub.store.receipts import Marks


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database, connection_class=Held)
    yield connection
    await connection.close()


async def say(conn: asyncpg.Connection, room: UUID, person: Person, count: int = 1) -> list[UUID]:
    rows = await conn.fetch(
        "INSERT INTO messages (user_id, room_id, message_text) SELECT $1, $2, n::text FROM generate_series(1, $3) AS n"
        " RETURNING message_id",
        person.user_id,
        room,
        count,
    )
    return [row["message_id"] for row in rows]


async def mark(
    conn: asyncpg.Connection, *wishes: tuple[Person, UUID, bool], rows_max: int = 100
) -> list[receipts.Moved]:
    """As `chat.receipts` does."""
    async with conn.transaction():
        moved = await receipts.mark(conn, [(person.user_id, message, is_read) for person, message, is_read in wishes])
        await receipts.write_rows(conn, [one for one in moved if one.member_count <= rows_max])
    return moved


async def assert_consistent(conn: asyncpg.Connection, room: UUID, rows: bool) -> None:
    """Rows agree with watermarks, or there are none; watermarks with each other."""
    for name, column in (("reads", "read_seq"), ("deliveries", "delivered_seq")):
        found = {
            (row["user_id"], row["message_id"])
            for row in await conn.fetch(
                f"SELECT x.user_id, x.message_id FROM message_{name} AS x JOIN messages AS m USING (message_id)"
                " WHERE m.room_id = $1",
                room,
            )
        }
        expected = {
            (row["user_id"], row["message_id"])
            for row in await conn.fetch(
                "SELECT x.user_id, m.message_id FROM room_members AS x JOIN messages AS m USING (room_id)"
                f" WHERE x.room_id = $1 AND x.from_seq < m.seq AND m.seq <= x.{column}"
                " AND m.user_id IS DISTINCT FROM x.user_id",
                room,
            )
        }
        assert found == (expected if rows else set()), name
    assert not await conn.fetchval(
        "SELECT count(*) FROM room_members AS x JOIN rooms AS r USING (room_id)"
        " WHERE NOT (from_seq <= read_seq AND read_seq <= delivered_seq AND delivered_seq <= r.last_seq)"
    )


async def test_marks_go_up_and_never_down(conn: asyncpg.Connection) -> None:
    ann, bob = [await people.sign_up(conn, name) for name in ("ann", "bob")]
    room = await people.room(conn, "engineering", ann, bob)
    sent = await say(conn, room, ann, 10)
    at = 2  # the memberships took the first numbers
    (moved,) = await mark(conn, (bob, sent[5], True))
    assert (moved.old_read, moved.read_seq, moved.old_delivered, moved.delivered_seq) == (2, at + 6, 2, at + 6)
    (moved,) = await mark(conn, (bob, sent[2], True))
    assert (moved.read_seq, moved.delivered_seq) == (at + 6, at + 6)
    (moved,) = await mark(conn, (bob, sent[8], False), (bob, sent[6], True), (bob, sent[1], True))
    assert (moved.read_seq, moved.delivered_seq) == (at + 7, at + 9)
    await assert_consistent(conn, room, rows=True)


async def test_only_members_mark_and_only_for_themselves(conn: asyncpg.Connection) -> None:
    ann, bob, eve = [await people.sign_up(conn, name) for name in ("ann", "bob", "eve")]
    room = await people.room(conn, "engineering", ann, bob)
    (sent,) = await say(conn, room, ann)
    assert await mark(conn, (eve, sent, True), (bob, UUID(int=4), True)) == []
    await conn.execute("UPDATE room_members SET is_active = false WHERE user_id = $1", bob.user_id)
    assert await mark(conn, (bob, sent, True)) == []
    assert await conn.fetchval("SELECT count(*) FROM message_reads") == 0


async def test_one_batch_for_many_rooms_and_people(conn: asyncpg.Connection) -> None:
    folk = [await people.sign_up(conn, f"person{n}") for n in range(6)]
    places = [await people.room(conn, f"room {n}", *folk) for n in range(3)]
    sent = {room: await say(conn, room, folk[0], 5) for room in places}
    wishes = [(person, sent[room][n], n % 2 == 0) for n in range(5) for room in places for person in folk]
    random.Random(3).shuffle(wishes)
    moved = await mark(conn, *wishes)
    assert {(one.room_id, one.user_id) for one in moved} == {
        (room, person.user_id) for room in places for person in folk
    }
    for room in places:
        await assert_consistent(conn, room, rows=True)


async def test_large_rooms_have_no_rows(conn: asyncpg.Connection) -> None:
    folk = [await people.sign_up(conn, f"person{n}") for n in range(4)]
    room = await people.room(conn, "engineering", *folk)
    sent = await say(conn, room, folk[0], 20)
    for person in folk:
        await mark(conn, (person, sent[9], True), rows_max=3)
    await assert_consistent(conn, room, rows=False)


async def test_more_rows_than_one_statement_writes(conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECEIPT_ROWS_PER_STATEMENT", 7)
    ann, bob = [await people.sign_up(conn, name) for name in ("ann", "bob")]
    room = await people.room(conn, "engineering", ann, bob)
    for person in (ann, bob, ann):
        sent = await say(conn, room, person, 28)
    await mark(conn, (bob, sent[-1], False), (bob, sent[3], True))
    await assert_consistent(conn, room, rows=True)


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(3)], ids=lambda seed: f"seed={seed}")
async def test_every_count_equals_brute_force(
    conn: asyncpg.Connection, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    folk = [await people.sign_up(conn, f"person{n}") for n in range(9)]
    room = await people.room(conn, "engineering", *folk[:4])
    sent: list[UUID] = []
    for _ in range(80):
        step, person = dice.random(), dice.choice(folk)
        if step < 0.45:
            sent += await say(conn, room, person, dice.choice([1, 1, 3]))
        elif step < 0.75 and sent:
            wishes = [(dice.choice(folk), dice.choice(sent), dice.random() < 0.5) for _ in range(dice.randint(1, 4))]
            await mark(conn, *wishes)
        elif step < 0.85:
            await conn.execute(
                "INSERT INTO room_members (room_id, user_id) VALUES ($1, $2)"
                " ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = NOT room_members.is_active",
                room,
                person.user_id,
            )
        elif step < 0.9 and sent:
            await conn.execute("UPDATE messages SET is_deleted = true WHERE message_id = $1", dice.choice(sent))
        elif step < 0.95 and sent:
            # Plain SQL: somebody has read something.
            await conn.execute(
                "INSERT INTO message_reads (message_id, user_id)"
                " SELECT $1, x.user_id FROM room_members AS x JOIN messages AS m USING (room_id)"
                " WHERE m.message_id = $1 AND x.user_id = $2 AND m.user_id <> $2 AND m.seq > x.from_seq"
                " ON CONFLICT DO NOTHING",
                dice.choice(sent),
                person.user_id,
            )
    await assert_consistent(conn, room, rows=True)
    members = await conn.fetch("SELECT * FROM room_members WHERE room_id = $1", room)
    messages = await conn.fetch("SELECT * FROM messages WHERE room_id = $1 ORDER BY seq", room)

    def brute(message: asyncpg.Record, column: str) -> set[UUID]:
        return {
            row["user_id"]
            for row in members
            if row["from_seq"] < message["seq"] <= row[column] and row["user_id"] != message["user_id"]
        }

    asked = [receipts.Place(room, len(members), row["seq"], row["user_id"]) for row in messages]
    dice.shuffle(asked)
    by_seq = {row["seq"]: row for row in messages}
    named = await receipts.marks(conn, asked)
    monkeypatch.setattr(limits, "NAMED_PEOPLE_MAX", 0)
    counted = await receipts.marks(conn, asked)
    for place, by_name, by_count in zip(asked, named, counted, strict=True):
        delivered, read = (brute(by_seq[place.seq], column) for column in ("delivered_seq", "read_seq"))
        assert set(by_name.delivered_to or ()) == delivered
        assert set(by_name.read_by or ()) == read
        assert (by_name.delivered_count, by_name.read_count) == (len(delivered), len(read))
        assert by_count == Marks(len(delivered), len(read), UNSET, UNSET)
    view = await conn.fetch("SELECT * FROM messages_with_user_view WHERE room_id = $1", room)
    for row in view:
        assert row["read_count"] == len(brute(row, "read_seq"))
        assert row["delivery_count"] == len(brute(row, "delivered_seq"))
    for message in dice.sample(list(messages), min(5, len(messages))):
        for which, column in (("readers", "read_seq"), ("recipients", "delivered_seq")):
            found = await receipts.people(
                conn, which, message["message_id"], room, message["seq"], message["user_id"], UUID(int=0), 100
            )
            assert {one.user_id for one in found} == brute(message, column)
            assert all(one.at is not None for one in found)
    for person in folk:
        row = await rooms.by_id(conn, person.user_id, room)
        assert row is not None
        if not row["is_active"]:
            continue
        unread = sum(
            one["seq"] > row["read_seq"] and not one["is_deleted"] and one["user_id"] != person.user_id
            for one in messages
        )
        assert await rooms.unread(conn, person.user_id, rooms.room_of(row)) == unread
        (here,) = await arrivals.arrive(conn, [(person.session_id, person.user_id)])
        assert here is not None
        assert [one.unread for one in here.rooms] == [unread]
        assert [one.unread for one in await rooms.page(conn, person.user_id, "", 50, 0) if one.member] == [unread]


async def test_unread_is_counted_up_to_a_bound(conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNREAD_MAX", 10)
    ann, bob = [await people.sign_up(conn, name) for name in ("ann", "bob")]
    room = await people.room(conn, "engineering", ann, bob)
    await say(conn, room, ann, 25)
    row = await rooms.by_id(conn, bob.user_id, room)
    assert row is not None
    assert await rooms.unread(conn, bob.user_id, rooms.room_of(row)) == 10


async def test_marks_of_messages_of_several_rooms_at_once(
    conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small rooms by name, large ones by count, in the order asked."""
    monkeypatch.setattr(limits, "NAMED_PEOPLE_MAX", 2)
    folk = [await people.sign_up(conn, f"person{n}") for n in range(4)]
    places: list[tuple[receipts.Place, bool]] = []
    for n in range(4):
        members = folk if n % 2 else folk[:2]
        room = await people.room(conn, f"room {n}", *members)
        sent = await say(conn, room, folk[0], 3)
        await mark(conn, *[(person, sent[1], True) for person in members])
        rows = await conn.fetch("SELECT seq, user_id FROM messages WHERE room_id = $1 ORDER BY seq", room)
        places += [
            (receipts.Place(room, len(members), row["seq"], row["user_id"]), index < 2)
            for index, row in enumerate(rows)
        ]
    random.Random(5).shuffle(places)
    found = await receipts.marks(conn, [place for place, _ in places])
    for (place, is_read), one in zip(places, found, strict=True):
        count = place.member_count - 1 if is_read else 0
        assert (one.read_count, one.delivered_count) == (count, count)
        assert (one.read_by is UNSET) == (place.member_count > 2)


async def test_no_marks_for_no_messages(conn: asyncpg.Connection) -> None:
    assert await receipts.marks(conn, []) == []
