"""Too many at once: refused so that clients come back by themselves, and let in when there is room."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.support.client import Client
from tests.support.process import eventually
from tests.support.raw_client import ClosedError, RawWebSocket, request
from tests.support.server import Running, by_events

PATH = "/socket.io/?EIO=4&transport="


@pytest.mark.parametrize("env", [{"HUBBUB_MAX_CONNECTIONS": "2"}], indirect=True)
async def test_above_the_most_connections_a_new_one_is_answered_503(server: Running) -> None:
    websocket, polling = server.url + PATH + "websocket", server.url + PATH + "polling"
    first = await RawWebSocket.connect(websocket)
    sid = json.loads((await request(polling)).text[1:])["sid"]
    with pytest.raises(ConnectionRefusedError) as refused:
        await RawWebSocket.connect(websocket)
    for answer in (refused.value.args[0], await request(polling)):
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["message"] == "Too many connections"
    assert server.hubbub.realtime.stats.refused == 2
    assert "hubbub_connections_refused_total 2.0" in (await request(server.url + "/metrics")).text

    # Those that are in go on, upgrades included.
    upgraded = await RawWebSocket.connect(f"{websocket}&sid={sid}")
    upgraded.send("2probe")
    assert await upgraded.receive() == "3probe"
    await first.close()
    await eventually(lambda: server.hubbub.realtime.connections == 1)
    await (await RawWebSocket.connect(websocket)).close()
    await upgraded.close()


@pytest.mark.parametrize("env", [{"HUBBUB_MAX_CONNECTIONS": "1"}], indirect=True)
async def test_a_client_that_was_refused_comes_back_by_itself(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    first = await server.connect(ann)
    second = Client(server.url, reconnection=True)
    server.clients.append(second)
    coming = asyncio.create_task(second.sio.connect(server.url, {}, {"token": bob.token}, ["websocket"], retry=True))
    await eventually(lambda: server.hubbub.realtime.stats.refused > 0)
    assert not second.events
    await first.close()
    await second.wait_for("ready", timeout=10)
    await coming


async def test_who_cannot_wait_to_be_signed_in_loses_the_transport(server: Running) -> None:
    """A closed transport, not CONNECT_ERROR: after that official clients do not come back by themselves."""
    ann = await server.person("ann")
    arrivals = server.chat.arrivals
    arrivals._waiting_max, most = 0, arrivals._waiting_max
    ws = await RawWebSocket.connect(server.url + PATH + "websocket")
    await ws.receive()
    ws.send("40" + json.dumps({"token": ann.token}))
    with pytest.raises(ClosedError):
        await ws.receive()
    assert arrivals.overloaded == 1
    assert server.hubbub.edge.seats.by_session == {}
    arrivals._waiting_max = most
    await server.connect(ann)


async def test_those_who_connect_together_are_read_together(server: Running) -> None:
    people = await server.people(*(f"person{n}" for n in range(40)))
    await server.room("hall", *people)
    await server.connect(people[0])

    async def come(number: int) -> RawWebSocket:
        ws = await RawWebSocket.connect(server.url + PATH + "websocket")
        await ws.receive()
        ws.send("40" + json.dumps({"token": people[number].token}))
        while not str(await ws.receive()).startswith('42["ready"'):
            pass
        return ws

    async with server.statements() as ran:
        sockets = await asyncio.gather(*(come(number) for number in range(1, 40)))
    assert set(by_events(ran)) == {"arrivals.arrive"}
    assert len(by_events(ran)) < 39
    for ws in sockets:
        await ws.close()


async def test_only_the_path_itself_is_the_sockets(server: Running) -> None:
    for path, status in (("/socket.io/", 200), ("/socket.io", 200), ("/socket.iox/", 404), ("/socket.io/x", 404)):
        answer = await request(f"{server.url}{path}?EIO=4&transport=polling")
        assert answer.status == status, path
