"""Workers are killed, and the line between them is cut, while people talk: nothing acknowledged is lost, doubled or out
of order, and nobody has to do anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.support import people
from tests.support.client import Client
from tests.support.process import eventually
from tests.support.resuming import Resuming
from tests.support.workers import Machine, machine, worker_of

SENDERS = 12
EACH = 60


async def check(db: asyncpg.Connection, acks: list[dict[str, object]], total: int) -> list[int]:
    """Every ack's message is in the table once, under the place the ack says, and no other is; all places in order."""
    rows = {str(row["message_id"]): row["seq"] for row in await db.fetch("SELECT message_id, seq FROM messages")}
    assert len(rows) == len(acks) == len({ack["id"] for ack in acks}) == total
    assert all(rows[str(ack["id"])] == ack["seq"] for ack in acks)
    return sorted(rows.values())


@pytest.mark.timeout(180)
async def test_workers_are_killed_one_after_the_other(database: str, tmp_path: Path) -> None:
    async with machine(database, tmp_path) as here:
        crowd = [await here.person(f"person{n}") for n in range(SENDERS)]
        await people.room(here.db, "hall", *crowd)
        clients = [Resuming(here.url, person, "hall") for person in crowd]
        acked = 0

        def progress() -> None:
            nonlocal acked
            acked += 1

        running = [asyncio.create_task(client.run(EACH, progress)) for client in clients]
        try:
            for number, share in ((1, 0.15), (2, 0.4), (1, 0.65)):
                await eventually(lambda share=share: acked >= share * SENDERS * EACH, timeout=40)
                await eventually(lambda number=number: number in here.pids, timeout=20)
                await here.kill(number)
            async with asyncio.timeout(90):
                await asyncio.gather(*running)
            seqs = await check(here.db, [ack for client in clients for ack in client.acks.values()], SENDERS * EACH)
            for client in clients:
                assert client.client is not None
                if client.client.ended.is_set() or not client.client.sio.connected:
                    client.take()
                    await client.client.close()
                    await client.connect()
                now = client.client
                await eventually(lambda now=now, client=client: _reached(client, now) >= seqs[-1], timeout=10)
                client.take()
                # From where the room stood when it first came.
                assert client.heard == [seq for seq in seqs if seq > client.began], client.person.username
            assert sum(client.reconnects for client in clients) >= 3
            await eventually(lambda: sorted(here.pids) == [1, 2], timeout=20)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for client in clients:
                if client.client is not None:
                    await client.client.close()


def _reached(client: Resuming, now: Client) -> int:
    """The last number a client knows, live events included."""
    return max([client.cursor or 0, *(data["changeSeq"] for data in now.got("receive-message"))])


@pytest.mark.timeout(120)
async def test_the_line_between_workers_is_cut_again_and_again(database: str, tmp_path: Path) -> None:
    async with machine(database, tmp_path) as here:
        crowd = [await here.person(f"person{n}") for n in range(SENDERS)]
        await people.room(here.db, "hall", *crowd)
        clients = [await here.connect(person, on=1 + n % 2) for n, person in enumerate(crowd)]
        for client in clients:
            client.checks = False
        acks: list[dict[str, object]] = []

        async def talk(client: Client) -> None:
            for number in range(EACH):
                ack = await client.ok("send-message", {"room": "hall", "message": f"{number}"})
                acks.append(ack)

        talking = asyncio.gather(*(talk(client) for client in clients))
        cuts = 0
        for share in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85):
            await eventually(lambda share=share: len(acks) >= share * SENDERS * EACH, timeout=40)
            cuts += len(await _cut(here))
        await talking
        assert cuts >= 6
        seqs = await check(here.db, acks, SENDERS * EACH)
        for client in clients:
            # A look at the rooms in use comes once a second, whatever the bus does.
            await eventually(lambda client=client: len(client.got("receive-message")) >= len(seqs), timeout=10)
            assert [data["seq"] for data in client.got("receive-message")] == seqs
        assert {worker_of(client) for client in clients} == {1, 2}
        await eventually(lambda: _reasons(here, []), timeout=10)


async def _cut(here: Machine) -> list[asyncpg.Record]:
    """End the backends of every worker's bus."""
    found = await here.db.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'hubbub bus' AND datname = current_database()"
    )
    return list(found)


@pytest.mark.timeout(60)
async def test_deaf_workers_say_so_hear_by_looking_and_heal(database: str, tmp_path: Path) -> None:
    async with machine(database, tmp_path) as here:
        ann, bob = await here.person("ann"), await here.person("bob")
        await people.room(here.db, "hall", ann, bob)
        speaker, listener = await here.connect(ann, on=1), await here.connect(bob, on=2)
        await speaker.ok("send-message", {"room": "hall", "message": "before"})
        await listener.wait_for("receive-message")
        name = await here.db.fetchval("SELECT current_database()")
        aside = await asyncpg.connect(database.replace(f"/{name}?", "/postgres?"))
        try:
            # No new connection comes in from here on; those of the pools stay.
            await aside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            assert len(await _cut(here)) == 2
            await eventually(lambda: _reasons(here, ["other processes cannot be heard"]))
            await speaker.ok("send-message", {"room": "hall", "message": "meanwhile"})
            await listener.wait_for("receive-message", lambda message: message["message"] == "meanwhile")
        finally:
            await aside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await aside.close()
        await eventually(lambda: _reasons(here, []), timeout=15)
        assert [message["message"] for message in listener.got("receive-message")] == ["before", "meanwhile"]


async def _reasons(here: Machine, wanted: list[str]) -> bool:
    """Whether each of some answers of /readyz, from either worker, gives these reasons."""
    answers = []
    for _ in range(6):
        async with httpx.AsyncClient(base_url=here.url) as http:
            answers.append((await http.get("/readyz")).json().get("reasons", []))
    return all(reasons == wanted for reasons in answers)
