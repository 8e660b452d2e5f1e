"""Twenty senders, five rooms, ten thousand messages; and the same through a `kill -9` of the server.

What is promised to users, in one sentence: an `ok` means committed under its final place; every member who keeps
resuming gets it exactly once, in order; no answer means unknown: send again with the same `clientId`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support import people
from tests.support.client import Client
from tests.support.people import SECRET, Person
from tests.support.process import Process, free_port, python
from tests.support.resuming import Resuming

ROOMS = [f"room {n}" for n in range(5)]
SENDERS = 20


@pytest.fixture
def serve(database: str, tmp_path: Path) -> Callable[[], Process]:
    """Makes the server's process, each time on the same port."""
    env = {
        "DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": SECRET, "HOST": "127.0.0.1",
        "PORT": str(free_port()), "HUBBUB_LOG_LEVEL": "warning",
    }  # fmt: skip

    def make() -> Process:
        program = python("-c", "from hubbub.cli.main import app; app()", "serve")
        return Process(program, ready=r"ready at (http://\S+)", env=env)

    return make


@pytest.fixture
async def db(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def populate(db: asyncpg.Connection) -> list[tuple[Person, str]]:
    """The senders, four in each room."""
    senders = [await people.sign_up(db, f"sender{n}") for n in range(SENDERS)]
    for index, room in enumerate(ROOMS):
        await people.room(db, room, *senders[index :: len(ROOMS)])
    return [(person, ROOMS[index % len(ROOMS)]) for index, person in enumerate(senders)]


async def check(db: asyncpg.Connection, acks: dict[str, dict[str, dict[str, Any]]], total: int) -> None:
    """Every ack's id is in the table once, under the place the ack says, and nothing else is."""
    rows = {str(row["message_id"]): row for row in await db.fetch("SELECT * FROM messages")}
    stored = await db.fetchval("SELECT count(*) FROM messages")
    assert (stored, len(rows)) == (total, total)
    named = [ack for of_sender in acks.values() for ack in of_sender.values()]
    assert len(named) == len({ack["id"] for ack in named}) == total
    for ack in named:
        assert rows[ack["id"]]["seq"] == ack["seq"]
    for of_sender in acks.values():
        for client_id, ack in of_sender.items():
            assert rows[ack["id"]]["client_id"] == client_id
    for row in await db.fetch(
        "SELECT room_name, last_seq, message_count, (SELECT array_agg(seq ORDER BY seq) FROM messages AS m"
        " WHERE m.room_id = r.room_id) AS seqs FROM rooms AS r WHERE room_name LIKE 'room %'"
    ):
        # The four memberships took the numbers 1 to 4.
        assert row["seqs"] == list(range(5, row["last_seq"] + 1))
        assert row["message_count"] == len(row["seqs"]) == total // len(ROOMS)


@pytest.mark.timeout(180)
async def test_every_message_once_in_order_for_everybody(serve: Callable[[], Process], db: asyncpg.Connection) -> None:
    each = 500
    senders = await populate(db)
    async with serve() as process:
        assert process.match is not None
        clients: list[Client] = []
        acks: dict[str, dict[str, dict[str, Any]]] = {person.username: {} for person, _ in senders}
        for person, _ in senders:
            client = Client(process.match[1])
            client.checks = False
            clients.append(client)
            await client.connect({"token": person.token})
            await client.wait_for("ready")

        async def send(client: Client, person: Person, room: str) -> None:
            window = asyncio.Semaphore(50)

            async def one(number: int) -> None:
                async with window:
                    data = {"message": f"{person.username} {number}", "room": room, "clientId": f"c{number}"}
                    acks[person.username][f"c{number}"] = await client.ok("send-message", data)

            await asyncio.gather(*(one(number) for number in range(each)))

        await asyncio.gather(*(send(client, *sender) for client, sender in zip(clients, senders, strict=True)))
        for client in clients:
            await client.settle()
        await check(db, acks, SENDERS * each)
        for client, (_, room) in zip(clients, senders, strict=True):
            heard = client.got("receive-message")
            assert {one["room"] for one in heard} == {room}
            assert [one["seq"] for one in heard] == list(range(5, 5 + each * SENDERS // len(ROOMS)))
            assert [one["changeSeq"] for one in heard] == [one["seq"] for one in heard]
        # Each sender's own are in the order it sent them.
        for client, (person, _) in zip(clients, senders, strict=True):
            own = [one["message"] for one in client.got("receive-message") if one["username"] == person.username]
            assert own == [f"{person.username} {number}" for number in range(each)]
        await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.timeout(120)
async def test_the_same_through_a_kill(serve: Callable[[], Process], db: asyncpg.Connection) -> None:
    each = 50
    senders = await populate(db)
    process = serve()
    match = await process.start()
    clients = [Resuming(match[1], person, room) for person, room in senders]
    acked = Counter[str]()
    enough = asyncio.Event()

    def progress() -> None:
        acked["all"] += 1
        if acked["all"] >= SENDERS * each // 3:
            enough.set()

    running = [asyncio.create_task(client.run(each, progress)) for client in clients]
    try:
        async with asyncio.timeout(30):
            await enough.wait()
        await process.kill()
        process = serve()
        await process.start()
        async with asyncio.timeout(60):
            await asyncio.gather(*running)
        last = {row["room_name"]: row["last_seq"] for row in await db.fetch("SELECT room_name, last_seq FROM rooms")}
        for client in clients:
            if client.reconnects == 0:  # it had sent everything before the kill, and comes back now
                assert client.client is not None
                client.take()
                await client.client.close()
                await client.connect()
            assert client.client is not None
            with contextlib.suppress(AssertionError):
                await client.client.wait_for(
                    "receive-message", lambda one, end=last[client.room]: one["changeSeq"] >= end, timeout=3
                )
            client.take()
            await client.client.close()
            assert client.reconnects >= 1
            assert client.heard == list(range(client.began + 1, last[client.room] + 1)), client.person.username
        await check(db, {client.person.username: client.acks for client in clients}, SENDERS * each)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await process.stop()
