"""A process ends: what was sent is answered, everybody is sent away at a moment of their own, and nothing can hold it up."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.support import people
from tests.support.client import Client
from tests.support.people import SECRET
from tests.support.process import Process, eventually, python
from tests.support.server import Running

from hubbub.ending import END_SECONDS, Ending


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_send_under_way_is_answered_before_its_client_is_sent_away(server: Running, transport: str) -> None:
    ann = await server.person("ann")
    await server.room("hall", ann)
    client = Client(server.url, transports=(transport,))
    server.clients.append(client)
    await client.connect({"token": ann.token})
    await client.wait_for("ready")
    async with server.db.transaction():
        await server.db.execute("SELECT FROM rooms WHERE room_name = 'hall' FOR UPDATE")
        sending = asyncio.create_task(client.ok("send-message", {"room": "hall", "message": "the last"}))
        await eventually(lambda: server.chat.journal.waiting == 1)
        draining = asyncio.create_task(server.hubbub.drain())
        await eventually(lambda: server.hubbub.realtime._registry.leaving)
        assert not client.ended.is_set()
    assert (await sending)["duplicate"] is False
    await client.gone()
    await draining
    assert await server.db.fetchval("SELECT count(*) FROM messages") == 1


async def test_what_comes_once_a_clients_moment_has_come_is_not_taken(server: Running) -> None:
    """It is neither stored nor answered, so its client sends it again elsewhere; never stored and unanswered."""
    ann = await server.person("ann")
    await server.room("hall", ann)
    client = await server.connect(ann)
    acks: list[str] = []

    async def talk() -> None:
        for number in range(10_000):
            ack = await client.ok("send-message", {"room": "hall", "message": f"{number}"})
            acks.append(ack["id"])

    talking = asyncio.create_task(talk())
    await eventually(lambda: len(acks) > 20)
    await server.hubbub.drain()
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    stored = [str(row["message_id"]) for row in await server.db.fetch("SELECT message_id FROM messages ORDER BY seq")]
    assert stored == acks


async def test_clients_are_sent_away_one_after_another(server: Running) -> None:
    crowd = [await server.connect(person) for person in await server.people(*(f"person{n}" for n in range(40)))]
    draining = asyncio.create_task(server.hubbub.drain())
    await eventually(lambda: any(client.ended.is_set() for client in crowd))
    assert server.hubbub.realtime.connections > 0
    async with httpx.AsyncClient() as http:
        refused = await http.get(f"{server.url}/socket.io/?EIO=4&transport=polling")
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    for client in crowd:
        await client.gone()
    await draining
    assert server.hubbub.realtime.connections == 0


@pytest.mark.parametrize("env", [{"HUBBUB_DRAIN_DELAY": "2"}], indirect=True)
async def test_a_balancer_is_given_time_to_see_it(server: Running) -> None:
    ann = await server.person("ann")
    await server.room("hall", ann)
    draining = asyncio.create_task(server.hubbub.drain())
    async with httpx.AsyncClient() as http:
        await eventually(lambda: server.hubbub.closing)
        answer = await http.get(f"{server.url}/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["shutting down"])
    client = await server.connect(ann)
    await client.ok("send-message", {"room": "hall", "message": "still served"})
    assert not client.ended.is_set()
    await draining
    await client.gone()


async def test_no_step_of_the_end_holds_up_the_others() -> None:
    ending = Ending()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await ending.step("hangs", asyncio.Event().wait(), 0.1)
    await ending.step("fails", _fail(), 0.1)
    ending.hurry()
    await ending.step("hangs, and somebody is in a hurry", asyncio.Event().wait(), 60)
    assert loop.time() - began < 30


async def _fail() -> None:
    raise OSError


@pytest.mark.timeout(90)
async def test_a_second_signal_ends_it_at_once_whatever_hangs(database: str, tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": SECRET, "HOST": "127.0.0.1",
        "PORT": "0",
    }  # fmt: skip
    program = python("-c", "from hubbub.cli.main import app; app()", "serve")
    db = await asyncpg.connect(database)
    client = None
    try:
        ann = await people.sign_up(db, "ann")
        await people.room(db, "hall", ann)
        async with Process(program, ready=r"ready at (http://\S+)", env=settings, start_timeout=90) as process:
            assert process.match is not None
            client = Client(process.match[1])
            await client.connect({"token": ann.token}, timeout=15)
            await client.wait_for("ready")
            async with db.transaction():
                await db.execute("SELECT FROM rooms WHERE room_name = 'hall' FOR UPDATE")
                await client.sio.emit("send-message", {"room": "hall", "message": "x"})

                async def waits() -> bool:
                    return bool(await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

                await eventually(waits)
                process.send_signal(signal.SIGTERM)
                await process.wait_for_line("Shutting down|shutting down|asked to end", 10)
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                await eventually(lambda: process.returncode is not None, timeout=END_SECONDS)
                assert time.monotonic() - began < END_SECONDS / 2
    finally:
        if client is not None:
            await client.close()
        await db.close()
