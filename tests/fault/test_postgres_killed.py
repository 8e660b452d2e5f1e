"""The embedded PostgreSQL is killed while people talk: nothing is lost, doubled or out of order, and no send fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import socketio
from tests.support.process import Process, eventually

SENDERS = 8
EACH = 400
KILLS = 3


async def test_sends_wait_while_postgres_is_killed_and_started_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = Process(
        [sys.executable, "-m", "hubbub.cli.main", "serve"],
        ready=r"Hubbub is ready at (http://\S+)",
        start_timeout=60,
        env={"HUBBUB_DATA_DIR": str(data), "PORT": "0", "DATABASE_URL": None},
    )
    async with server:
        assert server.match is not None
        url = server.match[1]
        async with httpx.AsyncClient(base_url=url) as client:
            body = {"username": "ann", "email": "ann@example.org", "password": "correct horse"}
            token = (await client.post("/api/auth/register", json=body)).json()["token"]
        told: list[int] = []
        talker = socketio.AsyncClient(handle_sigint=False)
        talker.on("receive-message", lambda message: told.append(message["seq"]))
        await talker.connect(url, auth={"token": token}, transports=["websocket"])
        await talker.call("join", {"room": "general"})
        acks: dict[str, dict[str, object]] = {}
        alive = asyncio.Event()

        async def send(who: int) -> None:
            for number in range(EACH):
                name = f"{who}-{number}"
                acks[name] = await talker.call("send-message", {"message": name, "clientId": name}, timeout=30)
                alive.set()

        async def kill() -> None:
            for done in range(1, KILLS + 1):
                pid = int((data / "postgres" / "18" / "data" / "postmaster.pid").read_text().splitlines()[0])
                os.kill(pid, signal.SIGKILL)
                await eventually(lambda done=done: len(said(server, "PostgreSQL is back")) == done, timeout=30)
                alive.clear()
                await asyncio.wait_for(alive.wait(), 30)  # sends go on

        await asyncio.gather(kill(), *(send(who) for who in range(SENDERS)))
        total = SENDERS * EACH
        assert len(acks) == total
        assert not [ack for ack in acks.values() if not ack["success"]], said(server, "error")
        await eventually(lambda: len(told) >= total, timeout=10)
        assert told == sorted(ack["seq"] for ack in acks.values())  # each once, in order
        assert told == list(range(told[0], told[0] + total))  # without a gap
        await talker.disconnect()
    assert len(said(server, "is gone; starting it again")) == KILLS


def said(server: Process, words: str) -> list[str]:
    """The lines of the server's log that hold these words."""
    return [line for line in server.lines if words in line]
