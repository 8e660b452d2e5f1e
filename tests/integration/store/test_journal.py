"""Group commit against a real PostgreSQL: order, batches, duplicates, poison, and a database that goes away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.support import people
from tests.support.database import Databases
from tests.support.people import Person
from tests.support.process import eventually

from hubbub.errors import HubbubError
from hubbub.store.database import Database
from hubbub.store.journal import Journal, Stored


class World:
    """Two people in two rooms, a third person in none."""

    def __init__(self, dsn: str, db: asyncpg.Connection) -> None:
        self.dsn, self.db = dsn, db
        self.ann: Person
        self.bob: Person
        self.eve: Person
        self.rooms: list[UUID] = []

    async def texts(self, room: UUID) -> list[str]:
        rows = await self.db.fetch("SELECT message_text FROM messages WHERE room_id = $1 ORDER BY seq", room)
        return [row["message_text"] for row in rows]


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    db = await asyncpg.connect(database)
    here = World(database, db)
    here.ann, here.bob, here.eve = [await people.sign_up(db, name) for name in ("ann", "bob", "eve")]
    here.rooms = [await people.room(db, name, here.ann, here.bob) for name in ("one", "two")]
    yield here
    await db.close()


@pytest.fixture
async def store(world: World) -> AsyncIterator[Database]:
    made = await Database.open({"dsn": world.dsn}, size=3, timeout=5)
    yield made
    await made.close()


@pytest.fixture
async def journal(store: Database) -> AsyncIterator[Journal]:
    made = Journal(store, patience=5)
    made.start()
    yield made
    await made.close()


def counted(store: Database) -> list[str]:
    """The statements that run from now on, resets of the pool left out."""
    ran: list[str] = []
    for holder in store._pool._holders:
        if holder._con is not None:
            holder._con.add_query_logger(lambda record: ran.append(record.query) if "/*" in record.query else None)
    return ran


async def refusal(journal: Journal, *args: Any) -> HubbubError:
    with pytest.raises(HubbubError) as caught:
        await journal.append(*args)
    return caught.value


async def test_order_of_a_room_is_the_order_of_the_calls(world: World, journal: Journal) -> None:
    dice = random.Random(1)
    expected: dict[UUID, list[str]] = {room: [] for room in world.rooms}
    waiting = []
    for n in range(1_500):
        room, who = dice.choice(world.rooms), dice.choice([world.ann, world.bob])
        expected[room].append(f"{who.username} {n}")
        waiting.append(journal.append(who.user_id, room, f"{who.username} {n}", f"c{n}" if n % 3 else None))
        if n % 400 == 0:
            await asyncio.sleep(0.002)
    stored = await asyncio.gather(*waiting)
    for room in world.rooms:
        assert await world.texts(room) == expected[room]
        last = await world.db.fetchval("SELECT last_seq FROM rooms WHERE room_id = $1", room)
        assert last == len(expected[room]) + 2
    assert len({one.message_id for one in stored}) == 1_500
    assert [one.seq for one in stored] == [one.change_seq for one in stored]
    assert not any(one.duplicate for one in stored)
    times = [row["created_at"] for row in await world.db.fetch("SELECT * FROM messages ORDER BY room_id, seq")]
    assert times[: len(expected[min(world.rooms)])] == sorted(times[: len(expected[min(world.rooms)])])


async def test_all_that_wait_are_stored_by_one_statement(world: World, store: Database, journal: Journal) -> None:
    ran = counted(store)
    await asyncio.gather(*(journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(500)))
    assert len(ran) == 1
    assert (journal.stats.batches, journal.stats.rows, journal.stats.largest_batch) == (1, 500, 500)
    await asyncio.gather(*(journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(501)))
    assert len(ran) == 3
    assert journal.stats.stored == 1_001


async def test_the_same_client_id_is_the_same_message(world: World, journal: Journal) -> None:
    ann, one = world.ann.user_id, world.rooms[0]
    first = await journal.append(ann, one, "x", "c1")
    assert first.duplicate is False
    again = await asyncio.gather(*(journal.append(ann, one, "x", "c1") for _ in range(5)))
    assert again == [Stored(first.message_id, first.seq, first.change_seq, first.created_at, True)] * 5
    assert journal.stats.duplicates == 5
    assert (await refusal(journal, ann, one, "y", "c1")).code == "conflict"
    assert (await refusal(journal, ann, world.rooms[1], "x", "c1")).code == "conflict"
    other = await journal.append(world.bob.user_id, one, "x", "c1")
    assert (other.duplicate, other.seq) == (False, first.seq + 1)
    assert await world.texts(one) == ["x", "x"]


async def test_equal_client_ids_that_wait_together(world: World, journal: Journal) -> None:
    ann, one, two = world.ann.user_id, *world.rooms
    same, other_text, other_room = await asyncio.gather(
        asyncio.gather(*(journal.append(ann, one, "x", "c1") for _ in range(3))),
        asyncio.gather(journal.append(ann, one, "y", "c1"), return_exceptions=True),
        asyncio.gather(journal.append(ann, two, "x", "c1"), return_exceptions=True),
    )
    assert [stored.duplicate for stored in same] == [False, True, True]
    assert {stored.message_id for stored in same} == {same[0].message_id}
    for (error,) in (other_text, other_room):
        assert isinstance(error, HubbubError)
        assert error.code == "conflict"
    assert (await world.texts(one), await world.texts(two)) == (["x"], [])


async def test_two_processes_send_the_same_client_ids_at_once(world: World) -> None:
    """Each message is stored once, whoever is first; across rooms one of the two is told of the conflict."""
    stores = [await Database.open({"dsn": world.dsn}, size=2, timeout=5) for _ in range(2)]
    journals = [Journal(store) for store in stores]
    for journal in journals:
        journal.start()
    ann, (one, two) = world.ann.user_id, world.rooms
    both = await asyncio.gather(
        *(journal.append(ann, one, f"m{n}", f"c{n}") for n in range(300) for journal in journals)
    )
    for first, second in zip(both[::2], both[1::2], strict=True):
        assert (first.message_id, first.seq) == (second.message_id, second.seq)
        assert first.duplicate is not second.duplicate
    assert len(await world.texts(one)) == 300
    crossed = await asyncio.gather(
        *(
            journal.append(ann, room, f"m{n}", f"d{n}")
            for n in range(100)
            for journal, room in zip(journals, (one, two), strict=True)
        ),
        return_exceptions=True,
    )
    for outcomes in zip(crossed[::2], crossed[1::2], strict=True):
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["HubbubError", "Stored"]
        assert {outcome.code for outcome in outcomes if isinstance(outcome, HubbubError)} == {"conflict"}
    assert len(await world.texts(one)) + len(await world.texts(two)) == 400
    for journal, store in zip(journals, stores, strict=True):
        await journal.close()
        await store.close()


async def test_access_is_decided_by_the_statement(world: World, journal: Journal) -> None:
    one = world.rooms[0]
    assert (await refusal(journal, world.eve.user_id, one, "x")).code == "not_found"
    assert (await refusal(journal, world.ann.user_id, UUID(int=5), "x")).code == "not_found"
    assert (await refusal(journal, UUID(int=5), one, "x")).code == "not_found"
    for sql in (
        "UPDATE users SET disabled_at = now() WHERE user_id = $1",
        "UPDATE users SET disabled_at = NULL, deleted_at = now() WHERE user_id = $1",
        "UPDATE users SET deleted_at = NULL WHERE user_id = $1",
    ):
        await world.db.execute(sql, world.bob.user_id)
        if "deleted_at = NULL" in sql:
            await journal.append(world.bob.user_id, one, "back")
        else:
            assert (await refusal(journal, world.bob.user_id, one, "x")).code == "not_found"
    await world.db.execute("UPDATE room_members SET is_active = false WHERE user_id = $1", world.ann.user_id)
    assert (await refusal(journal, world.ann.user_id, one, "x")).code == "not_found"
    await world.db.execute("UPDATE rooms SET deleted_at = now() WHERE room_id = $1", one)
    assert (await refusal(journal, world.bob.user_id, one, "x")).code == "not_found"
    assert await world.texts(one) == ["back"]


async def test_replies(world: World, journal: Journal) -> None:
    ann, (one, two) = world.ann.user_id, world.rooms
    first = await journal.append(ann, one, "x")
    reply = await journal.append(ann, one, "re", None, first.message_id)
    row = await world.db.fetchrow("SELECT reply_to FROM messages WHERE message_id = $1", reply.message_id)
    assert row["reply_to"] == first.message_id
    for room, target in ((two, first.message_id), (one, UUID(int=9))):
        error = await refusal(journal, ann, room, "re", None, target)
        assert (error.code, list(error.fields or {})) == ("validation_failed", ["replyTo"])


@pytest.mark.parametrize("poison", ["a\0b", "\ud800"])
async def test_a_poison_row_does_not_fail_its_neighbours(world: World, journal: Journal, poison: str) -> None:
    """`check_text` refuses such texts earlier; should one get past it, it alone fails."""
    texts = [str(n) for n in range(20)]
    texts[7] = poison
    outcomes = await asyncio.gather(
        *(journal.append(world.ann.user_id, world.rooms[0], text) for text in texts), return_exceptions=True
    )
    bad = outcomes.pop(7)
    assert isinstance(bad, HubbubError)
    assert not bad.row.retryable or bad.code == "internal"
    assert all(isinstance(one, Stored) for one in outcomes)
    assert await world.texts(world.rooms[0]) == [text for text in texts if text != poison]
    assert journal.stats.redone == 1
    await journal.append(world.ann.user_id, world.rooms[0], "and on it goes")


async def test_a_full_queue_refuses_and_stores_nothing_of_it(world: World, store: Database) -> None:
    journal = Journal(store, queue_max=10)
    waiting = [journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(10)]
    with pytest.raises(HubbubError) as caught:
        journal.append(world.ann.user_id, world.rooms[0], "one too many")
    assert (caught.value.code, caught.value.retry_after, journal.stats.overloaded) == ("overloaded", 1, 1)
    assert journal.waiting == 10
    journal.start()
    await asyncio.gather(*waiting)
    assert journal.waiting == 0
    await journal.append(world.ann.user_id, world.rooms[0], "room again")
    assert await world.texts(world.rooms[0]) == [*map(str, range(10)), "room again"]
    await journal.close()


async def test_close_stores_what_waits_and_refuses_what_comes(world: World, store: Database) -> None:
    journal = Journal(store, batch_max=10)
    waiting = [journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(95)]
    journal.start()
    await journal.close()
    assert all(one.done() and one.exception() is None for one in waiting)
    assert await world.texts(world.rooms[0]) == [str(n) for n in range(95)]
    with pytest.raises(HubbubError) as caught:
        journal.append(world.ann.user_id, world.rooms[0], "late")
    assert caught.value.code == "overloaded"


async def test_a_caller_that_went_away_stops_nothing(world: World, journal: Journal) -> None:
    waiting = [journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(5)]
    waiting[2].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await world.texts(world.rooms[0]) == [str(n) for n in range(5)]


async def test_a_backend_that_is_ended_during_the_statement(world: World, journal: Journal) -> None:
    """Unknown, so it is sent again: stored once, answered once."""
    one = world.rooms[0]
    lock = world.db.transaction()
    await lock.start()
    await world.db.execute("SELECT FROM rooms WHERE room_id = $1 FOR UPDATE", one)
    waiting = [journal.append(world.ann.user_id, one, str(n), f"c{n}") for n in range(50)]
    killer = await asyncpg.connect(world.dsn)

    async def ended() -> bool:
        return bool(
            await killer.fetchval(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE query LIKE '%messages.append%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        )

    await eventually(ended)
    await lock.rollback()
    stored = await asyncio.gather(*waiting)
    assert await world.texts(one) == [str(n) for n in range(50)]
    assert [place.seq for place in stored] == list(range(stored[0].seq, stored[0].seq + 50))
    assert not any(place.duplicate for place in stored)
    await killer.close()


class Proxy:
    """TCP between Hubbub and PostgreSQL that can swallow what the server says, after it has said it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.swallow = False
        self.swallowed = asyncio.Event()
        self.refuse = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, there_writer}
        for source, sink, is_reply in ((reader, there_writer, False), (there_reader, writer, True)):
            self._tasks.add(asyncio.create_task(self._copy(source, sink, is_reply)))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_reply: bool) -> None:
        try:
            while data := await source.read(65_536):
                if is_reply and self.swallow:
                    self.swallowed.set()
                    continue
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort()


async def test_a_commit_whose_answer_is_lost_is_stored_once(world: World, pg18: Databases) -> None:
    async with Proxy(pg18.cluster.port) as proxy:
        name = world.dsn.split("/")[3].split("?")[0]
        connect = {"host": "127.0.0.1", "port": proxy.port, "user": "postgres", "database": name, "ssl": False}
        store = await Database.open(connect, size=2, timeout=5)
        journal = Journal(store, patience=10)
        journal.start()
        first = await journal.append(world.ann.user_id, world.rooms[0], "first", "c0")
        proxy.swallow = True
        waiting = [
            journal.append(world.ann.user_id, world.rooms[0], str(n), f"d{n}" if n % 2 else None) for n in range(9)
        ]

        async def committed() -> bool:
            return len(await world.texts(world.rooms[0])) == 10

        await eventually(committed)
        assert not any(one.done() for one in waiting)
        async with asyncio.timeout(20):
            await proxy.swallowed.wait()
        proxy.swallow = False
        proxy.cut()
        stored = await asyncio.gather(*waiting)
        assert [place.seq for place in stored] == list(range(first.seq + 1, first.seq + 10))
        assert not any(place.duplicate for place in stored)
        assert await world.texts(world.rooms[0]) == ["first", *map(str, range(9))]
        again = await journal.append(world.ann.user_id, world.rooms[0], "1", "d1")
        assert (again.duplicate, again.message_id) == (True, stored[1].message_id)
        await journal.close()
        await store.close()


async def test_a_database_that_is_away_for_longer_than_patience(world: World, pg18: Databases) -> None:
    async with Proxy(pg18.cluster.port) as proxy:
        name = world.dsn.split("/")[3].split("?")[0]
        connect = {"host": "127.0.0.1", "port": proxy.port, "user": "postgres", "database": name, "ssl": False}
        store = await Database.open(connect, size=2, timeout=1)
        journal = Journal(store, patience=0.5)
        journal.start()
        proxy.refuse = True
        proxy.cut()
        began = time.monotonic()
        outcomes = await asyncio.gather(
            *(journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(5)), return_exceptions=True
        )
        assert 0.4 < time.monotonic() - began < 4
        for error in outcomes:
            assert isinstance(error, HubbubError)
            assert (error.code, error.row.retryable) == ("unavailable", True)
        proxy.refuse = False
        await journal.append(world.ann.user_id, world.rooms[0], "back")
        assert await world.texts(world.rooms[0]) == ["back"]
        await journal.close()
        await store.close()


async def test_a_short_absence_is_not_noticed(world: World, pg18: Databases) -> None:
    async with Proxy(pg18.cluster.port) as proxy:
        name = world.dsn.split("/")[3].split("?")[0]
        connect = {"host": "127.0.0.1", "port": proxy.port, "user": "postgres", "database": name, "ssl": False}
        store = await Database.open(connect, size=2, timeout=2)
        journal = Journal(store, patience=5)
        journal.start()
        proxy.refuse = True
        proxy.cut()
        waiting = [journal.append(world.ann.user_id, world.rooms[0], str(n)) for n in range(20)]
        await asyncio.sleep(0.3)  # the absence itself
        proxy.refuse = False
        await asyncio.gather(*waiting)
        assert await world.texts(world.rooms[0]) == [str(n) for n in range(20)]
        await journal.close()
        await store.close()
