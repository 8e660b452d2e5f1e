"""Three nodes behind Debian's nginx, as docs/howto/nginx.conf has it: a request goes to any of them, one chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.conformance.conftest import node_clients  # noqa: F401 - a fixture
from tests.support.client import Client
from tests.support.database import Databases
from tests.support.fleet import Fleet, fleet
from tests.support.process import Process, eventually

KINDS = (("polling",), ("websocket",), ("polling", "websocket"))


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(pg18: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    name = pg18.clone()
    async with fleet(pg18.cluster.dsn(name), tmp_path_factory.mktemp("fleet")) as here:
        yield here
    pg18.drop(name)


def heard(client: Client) -> list[int]:
    return [message["seq"] for message in client.got("receive-message")]


async def test_metrics_are_for_who_reaches_a_node(three: Fleet) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{three.url}/metrics")).status_code == 404
        assert (await http.get(f"{three.url}/livez")).status_code == 200
        assert (await http.get(f"{three.nodes[0].url}/metrics")).status_code == 200


async def test_every_client_hears_everything_once_in_order(three: Fleet) -> None:
    crowd = await three.people(9, "all")
    clients = await asyncio.gather(*(three.connect(person, *KINDS[n % 3]) for n, person in enumerate(crowd)))
    assert {client.sio.eio.sid.split(".")[0] for client in clients} == {node.key for node in three.nodes}
    assert [client.sio.transport() for client in clients[:3]] == ["polling", "websocket", "websocket"]
    for client in clients:
        client.clear()

    async def talk(client: Client) -> None:
        for number in range(10):
            await client.ok("send-message", {"room": "all", "message": f"{number}"})

    await asyncio.gather(*(talk(client) for client in clients))
    want = await three.numbers("all")
    assert len(want) == 90
    for client in clients:
        await eventually(lambda client=client: len(heard(client)) >= 90, timeout=15)
        assert heard(client) == want
    assert await three.forwards() > 9
    assert sum([await node.metric("forwards_failed_total") for node in three.nodes]) == 0


@pytest.mark.parametrize("mode", ["polling", "upgrade", "websocket"])
async def test_the_official_client(three: Fleet, node_clients: Path, mode: str) -> None:  # noqa: F811
    crowd = await three.people(9, mode)
    before = await three.forwards()
    client = Process(
        ["node", node_clients / "many.mjs", three.url, mode, "10", mode], ready=r"^(\{.*\})$", start_timeout=60,
        env={"TOKENS": json.dumps([person.token for person in crowd])},
    )  # fmt: skip
    result = json.loads((await client.start())[1])
    await client.stop()
    want = await three.numbers(mode)
    assert len(want) == 90
    assert result["errors"] == []
    assert result["heard"] == [want] * 9
    assert set(result["transports"]) == {"polling" if mode == "polling" else "websocket"}
    if mode != "websocket":
        assert await three.forwards() > before


async def test_nodes_with_workers(database: str, tmp_path: Path) -> None:
    async with fleet(database, tmp_path, nodes=2, workers=2, DB_POOL_SIZE="6") as here:
        crowd = await here.people(6, "hall")
        clients = await asyncio.gather(*(here.connect(person, *KINDS[n % 3]) for n, person in enumerate(crowd)))
        for client in clients:
            client.clear()
        for client in clients:
            await client.ok("send-message", {"room": "hall", "message": "hello"})
        want = await here.numbers("hall")
        for client in clients:
            await eventually(lambda client=client: len(heard(client)) >= 6, timeout=15)
            assert heard(client) == want
        assert await here.forwards() > 0


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_clients_of_a_node_that_ends_are_elsewhere_within_seconds(three: Fleet, end: str) -> None:
    crowd = await three.people(9, end)
    clients = await asyncio.gather(*(three.connect(person) for person in crowd))
    node = three.nodes[["stop", "kill"].index(end)]
    gone = [n for n, client in enumerate(clients) if client.sio.eio.sid.startswith(node.key)]
    assert len(gone) >= 2
    ending = asyncio.create_task(getattr(node.process, end)())

    async def again(n: int) -> None:
        await clients[n].gone(timeout=10)
        clients[n] = await three.connect(crowd[n])

    async with asyncio.timeout(20):
        await asyncio.gather(*(again(n) for n in gone))
    await ending
    # So are those whose poll it was forwarding; the others stay. Nobody waits for a node that is gone.
    for n, client in enumerate(clients):
        if client.ended.is_set():
            clients[n] = await three.connect(crowd[n])
        assert not clients[n].sio.eio.sid.startswith(node.key)
    said = await clients[0].ok("send-message", {"room": end, "message": "hello"})
    for client in clients:
        await client.wait_for("receive-message", lambda message: message["seq"] == said["seq"])
    await node.process.start()
    back = await three.connect(crowd[0])
    assert said["seq"] == (await back.wait_for("ready"))["rooms"][0]["seq"]
