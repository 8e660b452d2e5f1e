"""Code and schema of neighbouring versions: what may serve serves, what may not says so, and nobody is upgraded away from under.

The next version is pretended: this code's migrations and further ones, known to whoever upgrades and not to who serves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.support.database import HEAD, connector
from tests.support.people import SECRET
from tests.support.server import running

from hubbub.app import Hubbub
from hubbub.config import load
from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError
from hubbub.store import migrate, presence

EXPANDS, CONTRACTS = int(HEAD) + 1, int(HEAD) + 2
# What a version may do while the one before serves; columns come to tables that prepared statements read.
EXPAND = """
    ALTER TABLE public.messages ADD COLUMN mood text NOT NULL DEFAULT 'calm';
    ALTER TABLE public.users ADD COLUMN pronouns text;
    ALTER TABLE hubbub.nodes ADD COLUMN zone text;
    CREATE TABLE hubbub.moods (mood text PRIMARY KEY);
"""
CONTRACT = "ALTER TABLE hubbub.commands RENAME COLUMN answer TO said;"


@contextmanager
def next_version(folder: Path, *, contracts: bool = False) -> Iterator[None]:
    """Inside, `migrate` is that of the next version, or of the one after it."""
    copy = folder / f"migrations-{contracts}"
    shutil.copytree(migrate.MIGRATIONS, copy)
    steps = [(EXPANDS, EXPAND, 0), *([(CONTRACTS, CONTRACT, CONTRACTS)] if contracts else [])]
    for number, sql, compat in steps:
        module = copy / "versions" / f"{number:04}_next.py"
        module.write_text(f'revision = "{number:04}"\ndown_revision = "{number - 1:04}"\ncompat = {compat}\n')
        module.with_suffix(".sql").write_text(sql)
    patch = pytest.MonkeyPatch()
    try:
        patch.setattr(migrate, "MIGRATIONS", copy)
        _forget()
        yield
    finally:
        patch.undo()
        _forget()


def _forget() -> None:
    migrate._steps.cache_clear()
    migrate.code_revision.cache_clear()


async def test_this_version_serves_the_schema_of_the_next(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as server:
        ann, bob = await server.pair()
        await ann.ok("send-message", {"message": "before"})
        await bob.wait_for("receive-message")
        with next_version(tmp_path):
            assert await migrate.upgrade(connector(database)) == [f"{EXPANDS:04}_next"]
        for number in range(3):
            sent = await ann.ok("send-message", {"message": f"after {number}"})
            await ann.ok("edit-message", {"id": sent["id"], "message": "edited"})
            await bob.ok("message-read", {"messageId": sent["id"]})
        await bob.wait_for("receive-message", lambda message: message["message"] == "after 2")
        await server.connect(await server.person("carol"))
    # Started anew, it says what it found, and serves.
    state = await migrate.status(connector(database))
    assert (state.current, state.head, state.pending, state.is_newer) == (f"{EXPANDS:04}", HEAD, (), True)
    async with running(database, tmp_path) as server:
        dave = await server.connect(await server.person("dave"))
        await dave.ok("join", {"room": "general"})
        assert (await dave.ok("send-message", {"message": "on"}))["seq"] > 0
        assert await server.db.fetchval("SELECT revision FROM hubbub.nodes") == int(HEAD)
        # The version after that drops what this one needs: not while it serves.
        with (
            next_version(tmp_path, contracts=True),
            pytest.raises(migrate.StillServed, match=r"1 process.*could not go on"),
        ):
            await migrate.upgrade(connector(database))
        assert await migrate.status(connector(database)) == state
        await dave.ok("send-message", {"message": "and on", "clientId": "once"})
    shutil.rmtree(tmp_path / "migrations-True")
    with next_version(tmp_path, contracts=True):
        assert await migrate.upgrade(connector(database)) == [f"{CONTRACTS:04}_next"]
    env = {"DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": SECRET}
    with pytest.raises(migrate.DatabaseNewer, match=f"revision {CONTRACTS:04}, and this Hubbub is too old for it"):
        await Hubbub.open(load(env, dotenv=None), lambda _: None)
    # A process that slept through the upgrade is not let in again.
    connection = await asyncpg.connect(database)
    with pytest.raises(HubbubError, match="newer Hubbub has upgraded the database"):
        await presence.take_lease(connection, new_id(), "sleeper", None, 15)
    await connection.close()


async def test_nodes_that_do_not_tell_their_age_are_the_oldest(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = empty_database
    steps = migrate._steps()
    monkeypatch.setattr(migrate, "_steps", lambda: steps[:8])
    await migrate.upgrade(connector(database))
    monkeypatch.undo()
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO hubbub.nodes (node_id, host, lease_until) VALUES (gen_random_uuid(), 'chat-1', now() + interval '1 hour')"
    )
    with pytest.raises(
        migrate.StillServed, match=r"(?s)1 process.*They run on chat-1, the oldest at revision before 9"
    ):
        await migrate.upgrade(connector(database))
    await connection.execute("UPDATE hubbub.nodes SET lease_until = now() - interval '1 second'")
    assert (await migrate.upgrade(connector(database)))[0] == "0009_compat"
    assert int(await connection.fetchval("SELECT value FROM hubbub.meta WHERE key = 'compat'")) >= 9
    await connection.close()
