"""`hubbub sessions …`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Shell
from tests.support.database import Databases
from tests.support.server import running


@pytest.fixture(scope="module")
def databases(pg18: Databases) -> Databases:
    """PostgreSQL 18 alone: these ask no catalogs, in which versions differ."""
    return pg18


async def test_open_connections_are_listed_and_never_pruned(database: str, tmp_path: Path) -> None:
    shell = Shell(database, tmp_path)
    async with running(database, tmp_path) as server:
        ann, _ = await server.pair()
        await ann.settle()
        found = await asyncio.to_thread(shell.json, "sessions", "list", "--limit", "1")
        assert len(found["sessions"]) == 1
        rest = await asyncio.to_thread(shell.json, "sessions", "list", "--after", found["nextAfter"])
        assert {one["username"] for one in found["sessions"] + rest["sessions"]} == {"ann", "bob"}
        assert all(one["isHeld"] for one in rest["sessions"])
        (mine,) = (await asyncio.to_thread(shell.json, "sessions", "list", "--user", "ann"))["sessions"]
        await server.db.execute("UPDATE active_sessions SET last_activity = now() - interval '2 hours'")
        pruned = await asyncio.to_thread(shell.run, "sessions", "prune")
        assert "A Hubbub serves this database, and clears away by itself." in pruned.stdout
        assert (
            await server.db.fetchval(
                "SELECT count(*) FROM active_sessions WHERE session_id = $1::uuid", mine["sessionId"]
            )
            == 1
        )
        # The sweeper makes it unnecessary: what a process that is gone has left goes by itself.
        await server.db.execute(
            "INSERT INTO active_sessions (user_id) SELECT user_id FROM users WHERE username = 'ann'"
        )
        await server.chat.presence._sweep()
        assert await server.db.fetchval("SELECT count(*) FROM active_sessions") == 2
        # What the DELETE of older guides does to who is connected: whose row is gone is off-line until they come back.
        await server.db.execute("UPDATE users SET last_seen = now() - interval '2 hours'")
        await server.db.execute("DELETE FROM active_sessions")
        await server.chat.presence._sweep()
        assert await server.db.fetchval("SELECT status FROM users WHERE username = 'ann'") == "offline"


def test_what_processes_left_behind_is_pruned(shell: Shell) -> None:
    assert "Nobody is connected." in shell.run("sessions", "list").stdout
    shell.sql("INSERT INTO users (username) VALUES ('ann')")
    shell.sql("INSERT INTO active_sessions (user_id) SELECT user_id FROM users WHERE username = 'ann'")
    shell.sql(
        "INSERT INTO hubbub.auth_sessions (user_id, expires_at) "
        "SELECT user_id, now() - n * interval '1 day' + interval '1 hour' FROM users, generate_series(1, 10) AS n WHERE username = 'ann'"
    )
    (stale,) = shell.json("sessions", "list")["sessions"]
    assert stale["isHeld"] is False
    assert "Cleared away: 1 connections" in shell.run("sessions", "prune").stdout
    assert shell.sql("SELECT count(*) FROM hubbub.auth_sessions") == 7
    assert shell.run("sessions", "prune").stdout == "Nothing to prune.\n"
