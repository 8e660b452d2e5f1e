"""Two and three workers behind one port, with real clients: one chat, whichever worker each of them is on."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from tests.conformance.conftest import node_clients  # noqa: F401 - a fixture
from tests.support import people
from tests.support.client import Client
from tests.support.database import Databases
from tests.support.people import Person
from tests.support.process import Process, eventually, python
from tests.support.workers import Machine, machine, worker_of

KINDS = (("polling",), ("websocket",), ("polling", "websocket"))


_numbers = itertools.count(1)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def two(database: str, tmp_path: Path) -> AsyncIterator[Machine]:
    """Of this test alone: it ends, stops or floods them."""
    async with machine(database, tmp_path) as here:
        yield here


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machines(
    request: pytest.FixtureRequest, pg18: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Machine]:
    """So many workers for several tests, each with people and a room of its own."""
    name = pg18.clone()
    async with machine(pg18.cluster.dsn(name), tmp_path_factory.mktemp("workers"), workers=request.param) as here:
        yield here
    pg18.drop(name)


@pytest_asyncio.fixture(loop_scope="module")
async def shared(machines: Machine) -> AsyncIterator[Machine]:
    yield machines
    for client in machines.clients:
        await client.close()
    machines.clients.clear()


on_two = pytest.mark.parametrize("machines", [2], indirect=True, ids=["2"])
on_two_and_three = pytest.mark.parametrize("machines", [2, 3], indirect=True, ids=["2", "3"])


async def crowd_of(here: Machine, size: int) -> tuple[str, list[Person]]:
    """New people, and a new room with all of them, made by the first."""
    number = next(_numbers)
    crowd = [await here.person(f"person{number}_{n}") for n in range(size)]
    room = f"hall {number}"
    await people.room(here.db, room, *crowd, by=crowd[0])
    return room, crowd


async def places(here: Machine, room: str) -> list[int]:
    """Of a room's messages, as they are stored."""
    sql = "SELECT seq FROM messages JOIN rooms USING (room_id) WHERE room_name = $1 ORDER BY seq"
    return [row["seq"] for row in await here.db.fetch(sql, room)]


def numbers(client: Client) -> list[int]:
    """The places of the messages a client was told, in the order in which it was."""
    return [message["seq"] for message in client.got("receive-message")]


@on_two_and_three
async def test_every_client_on_every_worker_hears_everything_once_in_order(shared: Machine) -> None:
    room, crowd = await crowd_of(shared, 18)
    clients = await asyncio.gather(*(shared.connect(person, *KINDS[n % 3]) for n, person in enumerate(crowd)))
    assert {worker_of(client) for client in clients} == set(shared.pids)
    for client in clients:
        client.clear()

    async def talk(client: Client) -> None:
        for number in range(25):
            await client.ok("send-message", {"room": room, "message": f"{number}"})

    await asyncio.gather(*(talk(client) for client in clients[:9]))
    want = await places(shared, room)
    assert len(want) == 225
    for client in clients:
        await eventually(lambda client=client: len(numbers(client)) >= 225, timeout=15)
        assert numbers(client) == want


@on_two_and_three
@pytest.mark.parametrize("mode", ["polling", "upgrade"])
async def test_the_official_client(shared: Machine, node_clients: Path, mode: str) -> None:  # noqa: F811
    room, crowd = await crowd_of(shared, 12)
    client = Process(
        ["node", node_clients / "many.mjs", shared.url, mode, "20", room], ready=r"^(\{.*\})$", start_timeout=60,
        env={"TOKENS": json.dumps([person.token for person in crowd])},
    )  # fmt: skip
    result = json.loads((await client.start())[1])
    await client.stop()
    want = await places(shared, room)
    assert len(want) == 240
    assert result["heard"] == [want] * 12
    assert set(result["transports"]) == {"polling" if mode == "polling" else "websocket"}
    assert result["errors"] == []
    metrics = await metrics_of(shared)
    assert metrics["hubbub_connections_not_given_total"] == 0


async def metrics_of(here: Machine) -> dict[str, float]:
    """What /metrics says, whichever worker is asked: names without labels."""
    async with httpx.AsyncClient(base_url=here.url) as http:
        text = (await http.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, value in lines}


@on_two
async def test_what_passes_crosses_over_too(shared: Machine) -> None:
    room, (ann, bob) = await crowd_of(shared, 2)
    here = await shared.connect(ann, on=1)
    there = await shared.connect(bob, on=2)
    await here.wait_for("user-status-update", lambda update: update["userId"] == bob.id and update["online"])
    await here.ok("typing", {"room": room, "isTyping": True})
    assert (await there.wait_for("user-typing"))["userId"] == ann.id
    sent = await here.ok("send-message", {"room": room, "message": "hello"})
    got = await there.wait_for("receive-message")
    assert (got["id"], got["message"]) == (sent["id"], "hello")
    await there.ok("message-read", {"room": room, "messageId": sent["id"]})
    assert (await here.wait_for("message-read-update"))["readByUser"] == bob.id
    await here.ok("edit-message", {"id": sent["id"], "message": "hello!"})
    assert (await there.wait_for("message-updated"))["message"] == "hello!"
    both = {ann.id, bob.id}
    await here.wait_for("room-users", lambda users: {user["userId"] for user in users} == both)
    await there.ok("update-online-status", {"online": False})
    await here.wait_for("user-status-update", lambda update: update["userId"] == bob.id and not update["online"])


@on_two
async def test_a_message_too_large_for_the_bus_crosses_over(shared: Machine) -> None:
    room, (ann, bob) = await crowd_of(shared, 2)
    here, there = await shared.connect(ann, on=1), await shared.connect(bob, on=2)
    texts = ["short", "x" * 16_000, "\u2713" * 5_000, "short again"]
    for text in texts:
        await here.ok("send-message", {"room": room, "message": text})
    await eventually(lambda: len(numbers(there)) == 4)
    assert [message["message"] for message in there.got("receive-message")] == texts


@on_two
async def test_signing_out_closes_the_sockets_on_every_worker(shared: Machine) -> None:
    _, (ann, bob) = await crowd_of(shared, 2)
    sockets = [await shared.connect(ann, on=1), await shared.connect(ann, on=2)]
    other = [await shared.connect(bob, on=1), await shared.connect(bob, on=2)]
    async with httpx.AsyncClient(base_url=shared.url) as http:
        done = await http.post("/api/auth/logout", headers={"Authorization": f"Bearer {ann.token}"})
        assert done.status_code == 200
    for client in sockets:
        await client.gone(timeout=15)
    for client in other:
        await client.settle()


@on_two
async def test_a_removed_member_hears_nothing_more_on_another_worker(shared: Machine) -> None:
    room, (ann, bob) = await crowd_of(shared, 2)
    here, there = await shared.connect(ann, on=1), await shared.connect(bob, on=2)
    async with httpx.AsyncClient(base_url=shared.url, headers={"Authorization": f"Bearer {bob.token}"}) as http:
        assert (await http.post(f"/api/rooms/{quote(room)}/leave")).status_code == 200
    await there.wait_for("user-left")
    sent = await here.ok("send-message", {"room": room, "message": "gone?"})
    await here.wait_for("receive-message", lambda message: message["id"] == sent["id"])
    await there.settle()
    assert not there.got("receive-message")


async def test_a_guesser_has_one_allowance_on_all_workers(two: Machine) -> None:
    await two.person("ann")

    async def guess() -> int:
        async with httpx.AsyncClient(base_url=two.url) as http:  # a connection of its own: any worker
            body = {"username": "ann", "password": "not this one"}
            return (await http.post("/api/auth/login", json=body)).status_code

    assert {await guess() for _ in range(10)} == {401}
    # The tenth may still be on its way to the other worker.
    await eventually(lambda: _is(guess(), 429))
    assert {await guess() for _ in range(12)} == {429}


async def _is(work: Any, wanted: Any) -> bool:
    return bool(await work == wanted)


async def test_the_metrics_of_all_are_added_up_and_who_is_silent_is_missed(two: Machine) -> None:
    ann = await two.person("ann")
    for worker in (1, 1, 2):
        await two.connect(ann, on=worker)
    open_now = 3
    for _ in range(8):  # whichever worker answers
        metrics = await metrics_of(two)
        assert metrics["hubbub_connections"] == open_now
        assert (metrics["hubbub_workers"], metrics["hubbub_workers_answering"]) == (2, 2)
    os.kill(two.pids[2], signal.SIGSTOP)
    try:
        # The kernel still gives the stopped worker connections: those are not answered until it goes on.
        async with httpx.AsyncClient(base_url=two.url, timeout=0.5) as http:
            text = ""
            for _ in range(60):
                try:
                    text = (await http.get("/metrics", timeout=3)).text
                    break
                except httpx.ReadTimeout:
                    continue
        assert "hubbub_workers 2.0" in text
        assert "hubbub_workers_answering 1.0" in text
        assert "hubbub_connections 2.0" in text
    finally:
        os.kill(two.pids[2], signal.SIGCONT)


async def test_an_end_by_signal_sends_everybody_away_and_leaves_nothing(two: Machine) -> None:
    ann = await two.person("ann")
    clients = [await two.connect(ann, on=1), await two.connect(ann, on=2)]
    pids = two.pids
    two.process.send_signal(signal.SIGTERM)
    for client in clients:
        await client.gone()
    assert await two.process.stop() == 0
    assert not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()]
    assert await two.db.fetchval("SELECT count(*) FROM active_sessions") == 0
    assert await two.db.fetchval("SELECT count(*) FROM hubbub.nodes") == 0


async def test_workers_end_when_their_parent_is_killed(two: Machine) -> None:
    pids = two.pids
    assert sorted(pids) == [1, 2]
    await two.process.kill()
    await eventually(lambda: not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()], timeout=15)


async def test_a_worker_that_cannot_start_ends_the_whole_with_its_reason(database: str, tmp_path: Path) -> None:
    (tmp_path / "jwt_secret").write_text("too short")
    process = Process(
        python("-c", "from hubbub.cli.main import app; app()", "serve"), ready="ready at",
        env={
            "DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": None, "PORT": "0",
            "HUBBUB_WORKERS": "2",
        },
        start_timeout=100,
    )  # fmt: skip
    with pytest.raises(AssertionError) as failed:
        await process.start()
    said = " ".join(str(failed.value).replace("\n", " ").split())
    assert "ended 3 times in a row as soon as it had started" in said
    assert "Traceback" not in said
    assert "no usable key; remove it" in said
    assert process.returncode == 1


async def test_a_bus_for_one_process_is_refused(database: str, tmp_path: Path) -> None:
    process = Process(
        python("-c", "from hubbub.cli.main import app; app()", "serve", "--workers", "2"), ready="ready at",
        env={"DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "PORT": "0", "HUBBUB_BUS": "local"},
    )  # fmt: skip
    with pytest.raises(AssertionError, match="HUBBUB_BUS=local is for one process"):
        await process.start()
    assert process.returncode == 1


async def test_a_port_that_is_taken_is_told_even_by_workers(two: Machine, tmp_path: Path, database: str) -> None:
    port = two.url.rsplit(":", 1)[1]
    other = Process(
        python("-c", "from hubbub.cli.main import app; app()", "serve", "--workers", "2"), ready="ready at",
        env={"DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "PORT": port},
    )  # fmt: skip
    with pytest.raises(AssertionError, match=f"Cannot listen on 127.0.0.1 port {port}"):
        await other.start()
    assert other.returncode == 1


async def test_where_the_kernel_does_not_balance_one_socket_is_shared(database: str, tmp_path: Path) -> None:
    program = "from hubbub import listener; listener.KERNEL_BALANCES = False; from hubbub.cli.main import app; app()"
    async with machine(database, tmp_path, program=program) as here:
        crowd: list[Person] = [await here.person(f"person{n}") for n in range(6)]
        await people.room(here.db, "hall", *crowd)
        clients = [await here.connect(person, *KINDS[n % 3]) for n, person in enumerate(crowd)]
        await clients[0].ok("send-message", {"room": "hall", "message": "hello"})
        for client in clients:
            await client.wait_for("receive-message")
        await here.kill(1)
        await eventually(lambda: 1 in here.pids)
        await (await here.connect(crowd[0])).ok("send-message", {"room": "hall", "message": "still here"})
