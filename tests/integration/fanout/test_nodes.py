"""Two nodes on one database, without a parent: what `HUBBUB_BUS=postgres` and `nats://…` are for."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support.nats import nats_server
from tests.support.process import eventually, free_port
from tests.support.server import running

from hubbub.chat.members import add_member
from hubbub.config import ConfigError, load
from hubbub.keys import kept_secret


@pytest.mark.parametrize("kind", ["postgres", "nats"])
async def test_one_chat_on_two_nodes(database: str, tmp_path: Path, kind: str) -> None:
    async with AsyncExitStack() as stack:
        bus = (await stack.enter_async_context(nats_server(tmp_path))).url if kind == "nats" else kind
        here = await stack.enter_async_context(running(database, tmp_path, HUBBUB_BUS=bus))
        there = await stack.enter_async_context(running(database, tmp_path, HUBBUB_BUS=bus))
        people = await here.people("ann", "bob")
        await here.room("hall", *people)
        ann, bob = await here.connect(people[0]), await there.connect(people[1])
        for number in range(50):
            speaker = ann if number % 2 else bob
            await speaker.ok("send-message", {"room": "hall", "message": f"{number}"})
        for client in (ann, bob):
            await client.wait_for("receive-message", lambda message: message["message"] == "49")
            assert [message["message"] for message in client.got("receive-message")] == [str(n) for n in range(50)]
        assert here.hubbub.edge.feeds.stats.repairs == there.hubbub.edge.feeds.stats.repairs == 0
        assert here.hubbub.bus.stats.heard >= 25
        assert here.hubbub.bus.stats.refused == there.hubbub.bus.stats.refused == 0


async def test_who_is_let_into_a_room_hears_it_on_another_node(database: str, tmp_path: Path) -> None:
    async with (
        nats_server(tmp_path) as nats,
        running(database, tmp_path, HUBBUB_BUS=nats.url) as here,
        running(database, tmp_path, HUBBUB_BUS=nats.url) as there,
    ):
        people = await here.people("ann", "bob")
        ann, bob = await here.connect(people[0]), await there.connect(people[1])
        await here.room("hall", people[0], private=True, by=people[0])
        await add_member(here.chat, people[0].actor, "hall", people[1].user_id)
        await bob.wait_for("user-joined")
        await ann.ok("send-message", {"room": "hall", "message": "welcome"})
        assert (await bob.wait_for("receive-message"))["message"] == "welcome"


async def test_without_nats_a_node_serves_and_says_that_it_is_deaf(database: str, tmp_path: Path) -> None:
    async with (
        running(database, tmp_path, HUBBUB_BUS=f"nats://127.0.0.1:{(port := free_port())}") as here,
        running(database, tmp_path, HUBBUB_BUS=f"nats://127.0.0.1:{port}") as there,
    ):
        assert here.hubbub.not_ready() == {"bus": "other processes cannot be heard"}
        people = await here.people("ann", "bob")
        await here.room("hall", *people)
        ann, bob = await here.connect(people[0]), await there.connect(people[1])
        await ann.ok("send-message", {"room": "hall", "message": "by the look"})
        assert (await bob.wait_for("receive-message"))["message"] == "by the look"
        async with nats_server(tmp_path, port=port):
            await eventually(lambda: here.hubbub.bus.fault is None and there.hubbub.bus.fault is None, 20)
            assert here.hubbub.not_ready() == {}
            bob.clear()
            await ann.ok("send-message", {"room": "hall", "message": "by the bus"})
            assert (await bob.wait_for("receive-message"))["message"] == "by the bus"


@pytest.mark.parametrize("bus", ["postgres", "nats://127.0.0.1"])
def test_nodes_need_a_key_that_they_share(tmp_path: Path, bus: str) -> None:
    settings = load(
        {"DATABASE_URL": "postgresql://x@127.0.0.1/x", "HUBBUB_BUS": bus, "HUBBUB_DATA_DIR": str(tmp_path)},
        dotenv=None,
    )
    with pytest.raises(ConfigError, match="JWT_SECRET must be set"):
        kept_secret(settings)
