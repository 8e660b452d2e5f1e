"""The embedded database goes back to a moment before a deletion, as docs/howto/backup.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
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
    await server.start(lambda _: None)
    await server.stop()
    data, archive, base = server.layout().data, server.layout().home / "wal", folder / "base"
    archive.mkdir()
    own_like(archive, data)
    append(
        data / "postgresql.conf",
        f"archive_mode = on\narchive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'\narchive_timeout = 60\n",
    )
    server = embedded()
    spec = await server.start(lambda _: None)

    async def connect() -> asyncpg.Connection:
        return await hosts.connect(**spec.asyncpg_kwargs())

    await migrate.upgrade(connect)
    connection = await connect()
    subprocess.run(
        [server.bin_dir() / "pg_basebackup", "-h", spec.hosts[0][0], "-U", "hubbub", "-D", base, "--checkpoint=fast"],
        check=True,
        capture_output=True,
        timeout=200,
    )
    before = await epoch.read(connection, 60)
    send = "INSERT INTO messages (room_id, message_text) SELECT room_id, 'kept' FROM rooms WHERE room_name = 'general'"
    await connection.execute(send)
    moment = await connection.fetchval("SELECT clock_timestamp()::text")
    await connection.execute("DELETE FROM rooms WHERE room_name = 'general'")
    last = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    await eventually((archive / last).exists, timeout=200)
    await connection.close()
    await server.stop()

    shutil.move(data, data.with_name("data.broken"))
    shutil.copytree(base, data)
    data.chmod(0o700)
    (data / "recovery.signal").touch()
    append(
        data / "postgresql.conf",
        f"restore_command = 'cp {archive}/%f %p'\nrecovery_target_time = '{moment}'\n"
        "recovery_target_action = promote\nhot_standby = off\n",
    )
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
