"""The embedded database goes back to a moment before a deletion, by the lines of docs/howto/backup.md itself."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from tests.docs.markdown import blocks
from tests.support.process import eventually

from hubbub.postgres import hosts
from hubbub.postgres.embedded import EmbeddedPostgres
from hubbub.store import epoch, migrate

pytestmark = pytest.mark.timeout(300)


def own_like(path: Path, model: Path) -> None:
    """Give a folder and all in it to the account that PostgreSQL runs as."""
    facts = model.stat()
    for each in (path, *path.rglob("*")):
        os.chown(each, facts.st_uid, facts.st_gid)


def append(path: Path, lines: str) -> None:
    with path.open("a", encoding="utf-8") as config:
        config.write(lines)


async def test_back_to_the_moment_before(folder: Path, embedded: Callable[..., EmbeddedPostgres]) -> None:
    server = embedded()
    spec = await server.start(lambda _: None)
    await server.stop()
    data, archive, base = server.layout().data, server.layout().home / "wal", folder / "base"
    archive.mkdir()
    own_like(archive, data)

    def here(words: str) -> str:
        places = {"/mnt/wal": archive, "/mnt/base": base, "/the/socket/folder": spec.hosts[0][0], "$PG": data.parent}
        for place, path in places.items():
            words = words.replace(place, str(path))
        return words

    def run(words: str) -> None:
        path = f"{server.bin_dir()}:{os.environ['PATH']}"
        subprocess.run(["sh", "-ec", here(words)], check=True, capture_output=True, timeout=200, env={"PATH": path})

    archiving, base_backup, put_back, recovery = [
        block.text
        for block in blocks("docs/howto/backup.md")
        if block.run_by == "tests/integration/postgres/test_recovery.py"
    ]
    append(data / "postgresql.conf", here(archiving))
    server = embedded()
    spec = await server.start(lambda _: None)

    async def connect() -> asyncpg.Connection:
        return await hosts.connect(**spec.asyncpg_kwargs())

    await migrate.upgrade(connect)
    connection = await connect()
    run(base_backup)
    before = await epoch.read(connection, 60)
    send = "INSERT INTO messages (room_id, message_text) SELECT room_id, 'kept' FROM rooms WHERE room_name = 'general'"
    await connection.execute(send)
    moment = await connection.fetchval("SELECT clock_timestamp()::text")
    await connection.execute("DELETE FROM rooms WHERE room_name = 'general'")
    last = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    await eventually((archive / last).exists, timeout=200)
    await connection.close()
    await server.stop()

    run(put_back)
    stated = re.search(r"recovery_target_time = '(.+)'", recovery)
    assert stated is not None
    append(data / "postgresql.conf", here(recovery).replace(stated[1], moment))
    own_like(data, data.with_name("data.broken"))
    server = embedded()
    spec = await server.start(lambda _: None)
    connection = await connect()
    texts = await connection.fetch(
        "SELECT message_text FROM messages JOIN rooms USING (room_id) WHERE room_name = 'general'"
    )
    assert [row["message_text"] for row in texts] == ["kept"]
    await connection.execute(send)
    after = await epoch.read(connection, 60)
    assert (before.timeline, after.timeline) == (1, 2)
    assert before.told != after.told, "clients start afresh"
    await connection.close()
