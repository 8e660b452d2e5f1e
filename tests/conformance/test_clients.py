"""Real clients: the official one under Node, and python-socketio's, over each choice of transports."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import socketio
from tests.conformance.conftest import EchoServer, start
from tests.support.process import Process, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODES = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


@pytest.mark.parametrize("mode", MODES)
async def test_socketio_client_for_node(echo: EchoServer, node_clients: Path, mode: str) -> None:
    client = Process(["node", node_clients / "scenario.mjs", echo.origin, mode], ready=r"^(\{.*\})$", start_timeout=90)
    result = json.loads((await client.start())[1])
    assert await client.stop() in (0, -15)
    assert result["done"] == ["order", "acks", "binary", "namespaces", "heartbeat", "reconnect"]
    assert result["transport"] == ("polling" if mode == "polling" else "websocket")
    assert result["extensions"] == ""


@pytest.mark.parametrize("mode", MODES)
async def test_python_socketio_client(echo: EchoServer, mode: str) -> None:
    client = socketio.AsyncClient(reconnection=False)
    got: dict[str, list[Any]] = {"auth": [], "custom": [], "back": [], "lost": []}
    client.on("auth", got["auth"].append)
    client.on("auth", got["custom"].append, namespace="/custom")
    client.on("message-back", lambda *args: got["back"].append(args))
    client.on("disconnect", lambda *reason: got["lost"].append(reason))
    try:
        await client.connect(echo.origin, auth={"token": "x"}, transports=MODES[mode], namespaces=["/", "/custom"])
        await eventually(lambda: got["auth"] == [{"token": "x"}] and got["custom"] == [{"token": "x"}])
        for number in range(200):
            await client.emit("message", (number, bytes([number])))
        await eventually(lambda: len(got["back"]) == 200)
        assert got["back"] == [(number, bytes([number])) for number in range(200)]
        assert await client.call("message-with-ack", ("a", b"b", {"c": [b"d"]})) == ("a", b"b", {"c": [b"d"]})
        assert await client.call("message-with-ack", "ü", namespace="/custom") == "ü"
        before = client.eio.sid
        await asyncio.sleep(1.0)  # three heartbeats pass: time itself is what is tested
        assert client.connected
        assert client.eio.sid == before
        assert not got["lost"]
        assert client.transport() == ("polling" if mode == "polling" else "websocket")
    finally:
        await client.disconnect()


async def test_python_socketio_client_refused(echo: EchoServer) -> None:
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(echo.origin, transports=["websocket"], namespaces=["/random"])
    await client.disconnect()


async def test_socketio_client_for_node_that_is_slow_is_told_so_and_comes_back(node_clients: Path) -> None:
    server = await start("--ping-interval", "20000", "--outbox-bytes", "262144")
    try:
        client = Process(["node", node_clients / "slow.mjs", server.origin], ready=r"^(\{.*\})$", start_timeout=90)
        result = json.loads((await client.start())[1])
        assert await client.stop() in (0, -15)
        assert result == {"reason": "transport close", "code": 1013, "why": "slow", "back": True}
    finally:
        await server.stop()
