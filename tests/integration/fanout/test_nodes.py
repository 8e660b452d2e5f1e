"""Two nodes on one database, without a parent: what `HUBBUB_BUS=postgres` is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.server import running

from hubbub.config import ConfigError, load
from hubbub.kept_secret import kept_secret


async def test_one_chat_on_two_nodes(database: str, tmp_path: Path) -> None:
    async with (
        running(database, tmp_path, HUBBUB_BUS="postgres") as here,
        running(database, tmp_path, HUBBUB_BUS="postgres") as there,
    ):
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


def test_nodes_need_a_key_that_they_share(tmp_path: Path) -> None:
    settings = load(
        {"DATABASE_URL": "postgresql://x@127.0.0.1/x", "HUBBUB_BUS": "postgres", "HUBBUB_DATA_DIR": str(tmp_path)},
        dotenv=None,
    )
    with pytest.raises(ConfigError, match="JWT_SECRET must be set"):
        kept_secret(settings)
