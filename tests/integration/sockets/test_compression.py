"""A room whose readers are compressed, plain and polling: the same messages for all, compressed once."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from tests.support.client import Client
from tests.support.server import Running

COMPRESSED = pytest.mark.parametrize("env", [{"HUBBUB_COMPRESSION": "on"}], indirect=True)
WAYS = {
    "compressed": {"compression": True},
    "compressed too": {"compression": True},
    "plain": {},
    "polling": {"transports": ("polling",)},
}


async def room(server: Running) -> dict[str, Client]:
    """A reader for each way, in `general`; what came so far is forgotten."""
    readers = {}
    for (way, options), person in zip(WAYS.items(), await server.people("ann", "bob", "cid", "dan"), strict=True):
        readers[way] = client = Client(server.url, **options)  # type: ignore[arg-type]
        server.clients.append(client)
        await client.connect({"token": person.token})
        await client.wait_for("ready")
        await client.ok("join", {"room": "general"})
    for client in readers.values():
        await client.settle()
        client.clear()
    return readers


@COMPRESSED
async def test_a_broadcast_is_compressed_once_and_the_same_for_all(server: Running) -> None:
    readers = await room(server)
    assert server.hubbub.realtime.stats.compressed == 2
    deflater = server.hubbub.realtime.deflater
    before = deflater.messages
    texts = [f"{number}: " + "words of a chat, € and 😀, " * 30 for number in range(20)]
    for text in texts[:5]:
        await readers["plain"].ok("send-message", {"message": text})
    # What is committed together is told together, and compressed all the same.
    await asyncio.gather(*(readers["plain"].ok("send-message", {"message": text}) for text in texts[5:]))
    for client in readers.values():
        await client.wait_for("receive-message", lambda data: data["message"] == texts[-1])
    heard = {way: client.got("receive-message") for way, client in readers.items()}
    assert [data["message"] for data in heard["plain"]] == texts
    assert all(messages == heard["plain"] for messages in heard.values())
    others = len(readers["plain"].got("room-users"))  # long enough to be compressed too, and told by the clock
    assert len(texts) <= deflater.messages - before <= len(texts) + others
    assert deflater.compressed_bytes < deflater.plain_bytes / 2


@COMPRESSED
async def test_short_events_and_acks_are_not_compressed(server: Running) -> None:
    readers = await room(server)
    before = server.hubbub.realtime.deflater.messages
    await readers["compressed"].ok("typing", True)
    await readers["compressed too"].wait_for("user-typing")
    assert server.hubbub.realtime.deflater.messages == before


async def test_without_the_setting_nothing_is_compressed(server: Running) -> None:
    readers = await room(server)
    await readers["compressed"].ok("send-message", {"message": "x" * 1_000})
    for client in readers.values():
        await client.wait_for("receive-message")
    assert server.hubbub.realtime.stats.compressed == server.hubbub.realtime.deflater.messages == 0


@COMPRESSED
async def test_the_metrics_tell(server: Running) -> None:
    readers = await room(server)
    await readers["compressed"].ok("send-message", {"message": "x" * 1_000})
    await readers["plain"].wait_for("receive-message")
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{server.url}/metrics")).text
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("hubbub_compressed"))
    assert float(found["hubbub_compressed_connections_total"]) == 2
    assert float(found["hubbub_compressed_messages_total"]) == server.hubbub.realtime.deflater.messages > 0
    plain = float(found['hubbub_compressed_messages_bytes_total{form="plain"}'])
    assert plain > float(found['hubbub_compressed_messages_bytes_total{form="compressed"}']) > 0
