"""`make checklist`: the verification checklist of the document that Hubbub began from, done for real, from nothing.

    python -m tests.checklist

A data directory is made, the server is started as `hubbub serve`, two people talk over REST and sockets, server and
PostgreSQL are killed with SIGKILL, everything is looked at with the document's own SQL, backed up and restored.
Ends with 0 when every line holds, with 1 at the first that does not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import socketio
from tests.support.process import Process

from hubbub.config import load
from hubbub.postgres import server_for

HUBBUB = [sys.executable, "-m", "hubbub.cli.main"]
READY = r"Hubbub is ready at (http://\S+)"
STATEMENTS = Path(__file__).with_name("seed.sql")


class Failed(Exception):
    """A line of the list does not hold."""


def done(line: str) -> None:
    print(f"  [x] {line}", flush=True)  # noqa: T201


def heading(line: str) -> None:
    print(f"\n{line}", flush=True)  # noqa: T201


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


class Checklist:
    """One run, in a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HUBBUB_", "DATABASE_"))},
            "HUBBUB_DATA_DIR": str(folder / "data"),
            "PORT": "0",
        }
        self.url = ""

    def hubbub(self, *args: str, text: str | None = None) -> str:
        """Run a command of the command line; what it printed."""
        run = subprocess.run(
            [*HUBBUB, *args],
            check=False,
            env=self.env,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
        )
        must(run.returncode == 0, f"hubbub {' '.join(args)}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
        return run.stdout

    def sql(self, statement: str) -> str:
        """Run one statement in psql, on whichever database is in use; its unaligned output."""
        return self.hubbub("db", "psql", "--", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def server(self, **env: str) -> Process:
        return Process([*HUBBUB, "serve"], ready=READY, start_timeout=90, env={**self.env, **env}, cwd=self.folder)

    async def run(self) -> None:
        """The whole list."""
        heading("Set up")
        self.hubbub("db", "init")
        again = self.hubbub("db", "init")
        done("hubbub db init completes, and a second time: " + again.strip().splitlines()[-1].strip())

        server = self.server()
        started = time.monotonic()
        self.url = (await server.start())[1]
        done(f"server starts without errors ({time.monotonic() - started:.1f} s)")
        try:
            await self.talk()
            await self.kill(server)
        finally:
            await server.stop()
        server = self.server()
        started = time.monotonic()
        self.url = (await server.start())[1]
        try:
            done(f"server starts again after both were killed ({time.monotonic() - started:.1f} s)")
            await self.after_restart()
            self.seed_statements()
            await self.backup()
        finally:
            await server.stop()

    async def post(self, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.url) as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await client.post(path, json=body, headers=headers)
        must(answer.is_success, f"POST {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    async def get(self, path: str, token: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
        must(answer.is_success, f"GET {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    async def talk(self) -> None:
        """Two people, over the network."""
        heading("Talk")
        people = {}
        for name in ("john", "mary"):
            people[name] = await self.post(
                "/api/auth/register",
                {"username": name, "email": f"{name}@example.org", "password": "correct horse battery"},
            )
        done("can register a new user")
        self.john = people["john"]["user"]["userId"]
        self.token = people["john"]["token"]

        john, mary = socketio.AsyncClient(), socketio.AsyncClient()
        heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for event in ("user-status-update", "message-read-update", "message-status-update"):
            john.on(event, lambda data, event=event: heard.put_nowait((event, data)))
        received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        mary.on("receive-message", received.put_nowait)
        await john.connect(self.url, auth={"token": people["john"]["token"]})
        self.room = (await john.call("join", {"room": "general"}))["roomId"]
        await mary.connect(self.url, auth={"token": people["mary"]["token"]})
        await mary.call("join", {"room": "general"})
        texts = [f"Message {number} of John" for number in range(1, 21)]
        for text in texts:
            answer = await john.call("send-message", {"message": text})
            must(answer["success"], f"send-message: {answer}")
        got = [(await asyncio.wait_for(received.get(), 5))["message"] for _ in texts]
        must(got == texts, "the messages arrive in order, once")
        done("can send messages: 20 sent, acknowledged and received in order")

        marked = await mary.call("message-read", {"messageId": answer["id"]})
        must(marked["success"], f"message-read: {marked}")
        await self.until(heard, "message-read-update", lambda data: data["messageId"] == answer["id"])
        must(self.sql("SELECT count(*) FROM message_reads").strip() == "20", "20 rows in message_reads")
        must(self.sql("SELECT count(*) FROM message_deliveries").strip() == "20", "20 rows in message_deliveries")
        view = "SELECT DISTINCT read_count, delivery_count FROM messages_with_user_view"
        must(self.sql(view).strip() == "1|1", "the view counts one reader of each message")
        done("read receipts work: seen by the other client, in message_reads, message_deliveries and the view")

        must(
            self.sql("SELECT count(*) FROM users WHERE status = 'online'").strip() == "2",
            "two people are on-line in users",
        )
        must(self.sql("SELECT count(*) FROM active_sessions").strip() == "2", "two rows in active_sessions")
        await mary.call("update-online-status", {"online": False})
        mary_id = people["mary"]["user"]["userId"]
        await self.until(heard, "user-status-update", lambda data: data["userId"] == mary_id and not data["online"])
        must(
            self.sql("SELECT status FROM users WHERE username = 'mary'").strip() == "offline",
            "Mary is off-line in users",
        )
        await mary.call("update-online-status", {"online": True})
        await mary.disconnect()
        await self.until(heard, "user-status-update", lambda data: data["userId"] == mary_id and not data["online"])
        must(
            self.sql("SELECT status FROM users WHERE username = 'mary'").strip() == "offline",
            "Mary went, and is off-line",
        )
        done("online status updates: seen by the other client and in users; active_sessions follows the connections")
        await john.disconnect()

    @staticmethod
    async def until(heard: asyncio.Queue[tuple[str, Any]], event: str, holds: Any) -> None:
        try:
            async with asyncio.timeout(30):
                while True:
                    name, data = await heard.get()
                    if name == event and holds(data):
                        return
        except TimeoutError:
            raise Failed(f"{event} did not come") from None

    async def kill(self, server: Process) -> None:
        """The worst case: no process may say goodbye."""
        heading("Kill")
        children = psutil.Process(server.pid).children(recursive=True)
        postmaster = int(
            (self.folder / "data" / "postgres" / "18" / "data" / "postmaster.pid").read_text().splitlines()[0]
        )
        os.kill(server.pid, signal.SIGKILL)
        os.kill(postmaster, signal.SIGKILL)
        await server.stop()
        done(f"server {server.pid} and PostgreSQL {postmaster} killed (kill -9; {len(children)} processes below them)")

    async def after_restart(self) -> None:
        page = await self.get("/api/rooms/general/messages", self.token)
        texts = [message["message"] for message in page["data"]]
        must(texts == [f"Message {number} of John" for number in range(1, 21)], f"the messages are there: {texts}")
        must(all(message["readCount"] == 1 for message in page["data"]), "and who has read them")
        done("messages persist after server restart: all 20, with their receipts; the old token still works")

    def seed_statements(self) -> None:
        """Each statement the document prints."""
        heading("Look and mend with plain SQL")
        count = 0
        for line in STATEMENTS.read_text().splitlines():
            statement = line.strip().format(room=self.room, user=self.john) if not line.startswith("--") else ""
            if statement:
                must(self.sql(statement) is not None, statement)
                count += 1
        done(f"all {count} statements of the document run")
        must(
            self.sql("SELECT total_messages FROM room_stats_view WHERE room_name = 'general'").strip() == "20",
            "the view",
        )
        must(self.sql("SELECT username FROM users WHERE username ILIKE '%john%'").strip() == "john", "ILIKE finds John")
        done("and answer what is so")

    async def backup(self) -> None:
        """pg_dump, psql into a new database, and a Hubbub that serves that."""
        heading("Back up and restore")
        settings = replace(load(self.env, None), port=0)
        postgres = server_for(settings)
        spec = await postgres.attach()
        must(spec is not None, "the embedded server can be reached through its socket")
        assert spec is not None
        env = {**self.env, **spec.libpq_env()}
        tools = postgres.bin_dir()
        dump = subprocess.run(
            [tools / "pg_dump", "chatdb"], env=env, capture_output=True, check=True, timeout=60
        ).stdout
        done(f"pg_dump chatdb > backup.sql ({len(dump):,} bytes)")
        self.sql("CREATE DATABASE restored")
        restore = [tools / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "restored"]
        subprocess.run(restore, env=env, input=dump, capture_output=True, check=True, timeout=60)
        done("psql restored < backup.sql")
        kwargs = {**spec.asyncpg_kwargs(), "database": "restored"}
        conn = await asyncpg.connect(**kwargs)
        try:
            counts = await conn.fetchrow("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM users)")
        finally:
            await conn.close()
        must(tuple(counts) == (20, 2), f"20 messages and 2 users: {tuple(counts)}")
        host, port = spec.hosts[0]
        url = f"postgresql://{spec.user}@/restored?host={host}&port={port}"
        other = self.server(DATABASE_URL=url, HUBBUB_DATA_DIR=str(self.folder / "other"))
        self.url = (await other.start())[1]
        try:
            entered = await self.post("/api/auth/login", {"username": "john", "password": "correct horse battery"})
            page = await self.get("/api/rooms/general/messages", entered["token"])
            must(len(page["data"]) == 20, "the restored database holds the messages")
            sent = await self.post("/api/rooms/general/messages", {"message": "After the restore"}, entered["token"])
            must(sent["message"]["seq"] > page["data"][-1]["seq"], "and goes on where it stopped")
        finally:
            await other.stop()
        done("Hubbub serves the restored database: John signs in, reads his 20 messages, and sends the next")


def main() -> int:
    print("Hubbub's checklist")  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="hubbub-checklist-") as folder:
        try:
            asyncio.run(Checklist(Path(folder)).run())
        except Failed as failed:
            print(f"\n  [ ] {failed}", file=sys.stderr)  # noqa: T201
            return 1
    heading("Every line holds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
