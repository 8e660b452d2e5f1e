"""permessage-deflate: real clients that offer it, and bytes that no library would send."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.conformance.conftest import EchoServer, start
from tests.support.process import Process
from tests.support.raw_client import TEXT, RawWebSocket, request
from websockets.asyncio.client import ClientConnection, connect

from hubbub.wire.websocket_deflate import deflate

pytestmark = pytest.mark.asyncio(loop_scope="module")

RSV1 = 4
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
LONG = "words of a chat, " * 100


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def packed() -> AsyncIterator[EchoServer]:
    """Socket.IO with compression, and patience for ten megabytes."""
    server = await start("--compression", "--ping-interval", "5000", "--ping-timeout", "5000")
    try:
        yield server
        await server.nothing_left()
    finally:
        await server.stop()
    assert len(server.process.lines) == 1, server.process.output


async def joined(server: EchoServer, **options: Any) -> ClientConnection:
    """A connection of Python's `websockets` that has joined `/`."""
    ws = await connect(server.websocket.replace("http:", "ws:"), **options)
    assert str(await ws.recv()).startswith("0{")
    await ws.send("40")
    await ws.recv()
    await ws.recv()
    return ws


async def test_the_official_client_compresses(packed: EchoServer, node_clients: Path) -> None:
    before = (await packed.counts())["compressed_messages"]
    arguments = ["node", node_clients / "scenario.mjs", packed.origin, "websocket"]
    client = Process(arguments, ready=r"^(\{.*\})$", start_timeout=60)
    result = json.loads((await client.start())[1])
    assert await client.stop() in (0, -15)
    assert result["done"] == ["order", "acks", "binary", "namespaces", "heartbeat", "reconnect"]
    assert result["extensions"] == "permessage-deflate"
    assert (await packed.counts())["compressed_messages"] > before


async def test_the_client_of_websockets_compresses(packed: EchoServer) -> None:
    before = await packed.counts()
    async with await joined(packed) as ws:
        assert "permessage-deflate" in ws.response.headers["Sec-WebSocket-Extensions"]  # type: ignore[union-attr]
        for number in range(50):
            await ws.send(f'42["message",{number},"{LONG}"]')
        for number in range(50):
            assert await ws.recv() == f'42["message-back",{number},"{LONG}"]'
        await ws.send('42["message","short"]')
        assert await ws.recv() == '42["message-back","short"]'
    after = await packed.counts()
    assert after["compressed"] - before["compressed"] == 1
    assert after["compressed_messages"] - before["compressed_messages"] == 50


async def test_who_offers_nothing_gets_nothing_compressed(packed: EchoServer) -> None:
    before = await packed.counts()
    async with await joined(packed, compression=None) as ws:
        assert "Sec-WebSocket-Extensions" not in ws.response.headers  # type: ignore[union-attr]
        await ws.send(f'42["message","{LONG}"]')
        assert await ws.recv() == f'42["message-back","{LONG}"]'
    after = await packed.counts()
    assert (after["compressed"], after["compressed_messages"]) == (before["compressed"], before["compressed_messages"])


async def test_a_server_without_compression_declines(echo: EchoServer) -> None:
    async with await joined(echo) as ws:
        assert "Sec-WebSocket-Extensions" not in ws.response.headers  # type: ignore[union-attr]
        await ws.send(f'42["message","{LONG}"]')
        assert await ws.recv() == f'42["message-back","{LONG}"]'
    assert (await echo.counts())["compressed"] == 0


async def test_a_refused_handshake_agrees_to_nothing(packed: EchoServer) -> None:
    with pytest.raises(ConnectionRefusedError) as caught:
        await RawWebSocket.connect(packed.websocket.replace("EIO=4", "EIO=3"), OFFER)
    assert "sec-websocket-extensions" not in caught.value.args[0].headers


async def test_polling_may_move_to_a_compressed_websocket(packed: EchoServer) -> None:
    sid = await packed.sid()
    ws = await RawWebSocket.connect(f"{packed.websocket}&sid={sid}", OFFER)
    ws.frame(TEXT, deflate(b"2probe"), rsv=RSV1)
    assert await ws.receive() == "3probe"
    ws.frame(TEXT, deflate(b"5"), rsv=RSV1)
    ws.frame(TEXT, deflate(b"40"), rsv=RSV1)
    assert str(await ws.receive()).startswith('40{"sid":')
    await ws.close()


async def raw(server: EchoServer) -> RawWebSocket:
    ws = await RawWebSocket.connect(server.websocket, OFFER)
    assert str(await ws.receive()).startswith("0{")
    return ws


async def test_a_bomb_closes_with_1009(packed: EchoServer) -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(compressor.compress(b"4" * 1_000_000) for _ in range(100))
    bomb += compressor.flush(zlib.Z_SYNC_FLUSH)[:-4]
    ws = await raw(packed)
    ws.frame(TEXT, bomb, rsv=RSV1)
    code, _ = await ws.closed()
    assert code == 1009


async def test_a_bomb_in_fragments_closes_with_1009(packed: EchoServer) -> None:
    bomb = deflate(b"4" * 1_000_001)
    ws = await raw(packed)
    ws.frame(TEXT, bomb[:100], rsv=RSV1, fin=False)
    ws.frame(0, bomb[100:])
    code, _ = await ws.closed()
    assert code == 1009


@pytest.mark.parametrize(
    ("data", "rsv", "code"), [(b"\xff\xff", 4, 1002), (deflate(b"4x"), 6, 1002), (deflate(b"\xff"), 4, 1007)]
)
async def test_what_is_no_compressed_text_closes(packed: EchoServer, data: bytes, rsv: int, code: int) -> None:
    ws = await raw(packed)
    ws.frame(TEXT, data, rsv=rsv)
    got, _ = await ws.closed()
    assert got == code


async def test_the_bit_without_agreement_closes(packed: EchoServer) -> None:
    ws = await packed.open()
    ws.frame(TEXT, deflate(b"40"), rsv=RSV1)
    code, _ = await ws.closed()
    assert code == 1002
    assert (await request(packed.polling)).status == 200
