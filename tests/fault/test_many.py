"""Five thousand signed-in connections in one process: they fit, and what each of them costs is bounded."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil
import pytest
from tests.support.people import SECRET
from tests.support.process import ROOT, Process, eventually, python
from tests.support.raw_client import request

from hubbub import open_files
from hubbub.chat.tokens import Tokens

CONNECTIONS = 5_000
FIRST = 200  # not counted: what is made once, whoever is the first
BYTES_EACH = 12_000

ACCOUNTS = """
    WITH account AS (
        INSERT INTO users (user_id, username, email, password)
        SELECT gen_random_uuid(), 'person' || n, 'person' || n || '@example.org', '!' FROM generate_series(1, $1) AS n
        RETURNING user_id
    ), hall AS (
        INSERT INTO rooms (room_name) VALUES ('hall') RETURNING room_id
    ), membership AS (
        INSERT INTO room_members (room_id, user_id) SELECT room_id, user_id FROM hall, account
    )
    INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at)
    SELECT gen_random_uuid(), user_id, now() + interval '1 hour' FROM account
    RETURNING session_id, user_id
"""


async def accounts(database: str) -> list[tuple[UUID, UUID]]:
    conn = await asyncpg.connect(database)
    try:
        return [(row["user_id"], row["session_id"]) for row in await conn.fetch(ACCOUNTS, CONNECTIONS)]
    finally:
        await conn.close()


async def gauge(url: str, name: str) -> float:
    lines = (await request(f"{url}/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"hubbub_{name} ")).split()[1])


async def test_five_thousand_connections_in_one_process(database: str, tmp_path: Path) -> None:
    if open_files.within_reach(CONNECTIONS) < CONNECTIONS:
        pytest.skip(f"this process may not have the open files for {CONNECTIONS} connections")
    tokens = [Tokens(SECRET, 3_600).issue(*account) for account in await accounts(database)]
    env = {
        "DATABASE_URL": database, "HUBBUB_DATA_DIR": str(tmp_path), "JWT_SECRET": SECRET, "PORT": "0",
        "HUBBUB_LOG_LEVEL": "warning",
    }  # fmt: skip
    program = python("-c", "from hubbub.cli.main import app; app()", "serve")
    async with Process(program, ready=r"ready at (http://\S+)", env=env, start_timeout=60) as server:
        assert server.match is not None
        url = server.match[1]
        process = psutil.Process(server.pid)
        crowds: list[asyncio.subprocess.Process] = []
        before = 0

        async def bring(some: list[str]) -> None:
            crowd = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.crowd", url.rpartition(":")[2], cwd=ROOT,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            crowds.append(crowd)
            assert crowd.stdin is not None
            assert crowd.stdout is not None
            crowd.stdin.write((" ".join(some) + "\n").encode())
            async with asyncio.timeout(90):
                assert await crowd.stdout.readline() == f"here {len(some)}\n".encode()

        try:
            await bring(tokens[:FIRST])
            before = process.memory_full_info().uss
            await bring(tokens[FIRST:])
            assert await gauge(url, "connections") == CONNECTIONS
            assert await gauge(url, "people") == CONNECTIONS
            each = (process.memory_full_info().uss - before) / (CONNECTIONS - FIRST)
            assert 0 < each <= BYTES_EACH, each
            conn = await asyncpg.connect(database)
            try:

                async def all_rows() -> bool:
                    return bool(await conn.fetchval("SELECT count(*) FROM active_sessions") == CONNECTIONS)

                await eventually(all_rows, timeout=20)
            finally:
                await conn.close()
        finally:
            for crowd in crowds:
                assert crowd.stdin is not None
                crowd.stdin.close()
                await crowd.wait()

        async def empty() -> bool:
            return await gauge(url, "connections") == 0

        await eventually(empty, timeout=20)
    assert not [line for line in server.lines if "error" in line.lower()], server.output
