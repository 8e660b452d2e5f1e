"""What PostgreSQL alone does, without any server before it: the upper limits for durable sends."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench import cpu
from bench.database import BenchDatabase, Room
from bench.load.histogram import Histogram
from hubbub.domain.ids import new_id
from hubbub.store.journal import SQL

_SCRIPT = """\\set room random(1, {rooms})
INSERT INTO messages (message_id, room, user_id, message_text)
VALUES (gen_random_uuid(), 'room-' || :room, '{user}', '{text}');
"""


async def one_insert_each(
    database: BenchDatabase, folder: Path, clients: int, seconds: float, size: int
) -> dict[str, Any]:
    """pgbench: one row and one commit at a time, the statement and the table of the Node chat.

    Raises:
        RuntimeError: pgbench failed.
    """
    script = folder / "insert.sql"
    script.write_text(_SCRIPT.format(rooms=clients, user=uuid4(), text="x" * size))
    whole = max(1, round(seconds))
    command = [str(database.pgbench), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(whole)]
    before = cpu.taken(database.pid)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, "-f", str(script), env=os.environ | database.peer_spec.libpq_env(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complaint = await process.communicate()
    elapsed = time.perf_counter() - began
    rate = re.search(rb"tps = ([0-9.]+)", said)
    latency = re.search(rb"latency average = ([0-9.]+) ms", said)
    if process.returncode != 0 or rate is None or latency is None:
        raise RuntimeError(f"pgbench failed: {complaint.decode(errors='replace')[-1000:]}")
    after = cpu.taken(database.pid)
    return {
        "seconds": elapsed,
        "rows_per_second": float(rate[1]),
        "latency_mean_ms": float(latency[1]),
        "cpu": {"postgres": cpu.since(before, after)},
    }


async def journal_alone(
    database: BenchDatabase, rooms: list[Room], rows: int, seconds: float, size: int
) -> dict[str, Any]:
    """The journal's statement, `rows` messages at a time, one batch after another on one connection."""
    senders = [(room.people[0].user_id, room.room_id) for room in rooms]
    chosen = [senders[index % len(senders)] for index in range(rows)]
    users, places = [user for user, _ in chosen], [room for _, room in chosen]
    texts: list[str] = ["x" * size] * rows
    conn = await database.connect()
    try:
        stored = batches = 0
        before = cpu.taken(database.pid)
        began = time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            ids = [new_id() for _ in range(rows)]
            answer = await conn.fetch(
                SQL["append"], ids, users, places, texts, [f"alone-{key}" for key in ids], [None] * rows
            )
            stored += sum(row["outcome"] == "stored" for row in answer)
            batches += 1
        after = cpu.taken(database.pid)
    finally:
        await conn.close()
    return {
        "seconds": elapsed,
        "rows_per_second": stored / elapsed,
        "latency_mean_ms": 1000 * elapsed / batches,
        "cpu": {"postgres": cpu.since(before, after)},
    }


async def journal_lone(database: BenchDatabase, room: Room, pace: float, seconds: float, size: int) -> dict[str, Any]:
    """The journal's statement, one message at a time, so many a second: what storing a lone message takes."""
    took = Histogram()
    conn = await database.connect()
    try:
        before = cpu.taken(database.pid)
        began = time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds:
            await asyncio.sleep(1 / pace)
            message_id, sent = new_id(), time.perf_counter()
            await conn.fetch(
                SQL["append"], [message_id], [room.people[0].user_id], [room.room_id], ["x" * size],
                [f"lone-{message_id}"], [None],
            )  # fmt: skip
            took.add(int((time.perf_counter() - sent) * 1e6))
        after = cpu.taken(database.pid)
    finally:
        await conn.close()
    return {
        "seconds": elapsed,
        "rows_per_second": took.count / elapsed,
        "delivery_ms": took.summary(),
        "cpu": {"postgres": cpu.since(before, after)},
    }
