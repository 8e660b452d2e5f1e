"""`make drill`: the worst day of an operator, on a chat of a million messages, with every step's time.

    python -m tests.drill [--messages 1e6] [--json]

Serve on the embedded database; fill it; back up while people send; lose the whole data directory; restore; verify; let
clients that remember more than there is now come back; then move the chat to an external PostgreSQL 15, verify that it is
equal, and go on there. What came over is held against what was, by SQL of the drill's own; what clients see, against
`SELECT … ORDER BY seq`. Ends with 0 where everything held, with 1 at the first thing that did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import socketio
from rich.console import Console
from tests.support.cluster import DEBIAN_15, Cluster
from tests.support.process import Process, python

HUBBUB: Final = python("-m", "hubbub.cli.main")
READY: Final = r"Hubbub is ready at (http://\S+)"
ROOM: Final = "drill"
PAGE: Final = 100
PAUSE: Final = 0.02  # seconds between two sends of the one who talks during the backup
GAP: Final = "nobody was served for"
COMMAND_SECONDS: Final = 3_600.0
# What was said in the made-up rooms, which nobody writes to after they are filled; by no code of Hubbub's.
FINGERPRINT: Final = """
    SELECT count(*), md5(string_agg(md5(concat_ws(',', m.message_id, m.user_id, m.room_id, m.seq, m.change_seq, m.is_deleted,
        extract(epoch FROM m.created_at), m.message_text)), '' ORDER BY m.message_id))
    FROM messages AS m JOIN rooms AS r USING (room_id) WHERE r.room_name LIKE 'seed-%'
"""
IN_ORDER: Final = f"SELECT m.message_text FROM messages AS m JOIN rooms AS r USING (room_id) WHERE r.room_name = '{ROOM}' ORDER BY m.seq"


class Failed(Exception):
    """Something did not hold."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


class Person:
    """Somebody with an account and one socket, who keeps a cursor as docs/howto/clients.md says."""

    def __init__(self, name: str, token: str) -> None:
        self.name, self.token = name, token
        self.acks: dict[str, int] = {}
        self.heard: dict[int, str] = {}  # by their places in the room, as they came
        self.is_talking = False
        self.epoch, self.cursor, self.room_id = "", 0, ""
        self.socket = socketio.AsyncClient(reconnection=False, handle_sigint=False)

    async def connect(self, url: str) -> dict[str, Any]:
        """Connect; what `ready` says of the room, with its epoch."""
        self.heard = {}
        self.socket = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.socket.on("ready", lambda data: ready.done() or ready.set_result(data))
        self.socket.on("receive-message", self._hear)
        await self.socket.connect(url, auth={"token": self.token}, transports=["websocket"])
        return await asyncio.wait_for(ready, 30)

    def _hear(self, data: dict[str, Any]) -> None:
        self.heard[data["seq"]] = data["message"]
        self.cursor = max(self.cursor, data["changeSeq"])

    async def send(self, text: str) -> dict[str, Any]:
        """Send under a client id that is the text; the answer."""
        answer = await self.socket.call("send-message", {"message": text, "room": ROOM, "clientId": text}, timeout=30)
        must(answer["success"], f"send-message: {answer}")
        self.acks[text] = answer["seq"]
        return dict(answer)

    async def talk(self) -> None:
        """Send until `is_talking` is taken back; to cancel it would be lost now and then in Python 3.11's `wait_for`."""
        number = 0
        self.is_talking = True
        while self.is_talking:
            number += 1
            await self.send(f"{self.name}-{number}")
            await asyncio.sleep(PAUSE)

    async def starts_afresh(self, url: str) -> None:
        """Come back with the cursor of before: the server says that it means nothing any more."""
        ready = await self.connect(url)
        must(ready["epoch"] != self.epoch, "the epoch is another one")
        answer = await self.socket.call("sync", {"epoch": self.epoch, "rooms": {self.room_id: self.cursor}}, timeout=30)
        must(answer.get("code") == "resync_required", f"a cursor of before is refused: {answer}")
        self._begin(ready)

    def _begin(self, ready: dict[str, Any]) -> None:
        (room,) = [room for room in ready["rooms"] if room["room"] == ROOM]
        self.epoch, self.cursor, self.room_id = ready["epoch"], room["seq"], room["roomId"]

    async def catches_up(self, url: str) -> list[str]:
        """Come back in the same epoch, with the cursor of before; what was missed, by `sync`."""
        ready = await self.connect(url)
        must(ready["epoch"] == self.epoch, "the epoch is the one of before")
        answer = await self.socket.call("sync", {"epoch": self.epoch, "rooms": {self.room_id: self.cursor}}, timeout=30)
        must(answer["success"], f"a cursor of this epoch is taken: {answer}")
        found = answer["rooms"][self.room_id]
        must(not found["more"], "all that was missed is told")
        self.cursor = found["upTo"]
        return [change["message"] for change in found["changes"] if change["type"] == "message"]

    async def enter(self, url: str) -> None:
        await self.connect(url)
        answer = await self.socket.call("join", {"room": ROOM}, timeout=30)
        must(answer["success"], f"join: {answer}")
        await self.socket.disconnect()
        self._begin(await self.connect(url))


class Drill:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path, messages: int, console: Console) -> None:
        self.folder, self.messages, self.console = folder, messages, console
        self.data, self.backups = folder / "data", folder / "backups"
        self.times: dict[str, float] = {}
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HUBBUB_", "DATABASE_"))},
            "HUBBUB_DATA_DIR": str(self.data),
            "JWT_SECRET": os.urandom(24).hex(),
            "PORT": "0",
        }
        self.url = ""
        self.sown: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time the block; what is put into the list is said beside."""
        said: list[str] = []
        began = time.monotonic()
        yield said
        self.times[name] = round(time.monotonic() - began, 2)
        self.console.print(
            f"  {self.times[name]:8.1f} s  {name}{': ' if said else ''}{'; '.join(said)}",
            highlight=False,
            soft_wrap=True,
        )

    async def command(self, *arguments: str) -> str:
        """Run a command to its end, beside everything else; what it printed."""
        run = await asyncio.to_thread(
            subprocess.run, [*HUBBUB, *arguments], env=self.env, cwd=self.folder, capture_output=True, text=True,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        must(run.returncode == 0, f"hubbub {' '.join(arguments)}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
        return str(run.stdout)

    async def hubbub(self, *arguments: str) -> dict[str, Any]:
        """The same with `--json`."""
        return dict(json.loads(await self.command(*arguments, "--json")))

    async def sql(self, query: str) -> list[str]:
        """What psql prints, a line for each row."""
        return (await self.command("db", "psql", "--", "-Atc", query)).splitlines()

    async def holds_what_was_sown(self) -> None:
        must(await self.sql(FINGERPRINT) == self.sown, "the messages of before are here, each as it was")

    async def serve(self) -> Process:
        server = Process(
            [*HUBBUB, "serve"], ready=READY, start_timeout=120, stop_timeout=30, env=self.env, cwd=self.folder
        )
        self.url = (await server.start())[1]
        return server

    async def request(self, method: str, path: str, token: str | None = None, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            answer = await client.request(method, path, json=body, headers=headers)
        must(answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    async def register(self, name: str) -> Person:
        body = {"username": name, "email": f"{name}@example.org", "password": "correct horse battery"}
        return Person(name, (await self.request("POST", "/api/auth/register", body=body))["token"])

    async def read_all(self, person: Person) -> list[str]:
        """Every text of the room in order, as a client gets them: page by page, and then what it has heard since it came.

        What SQL says in order of `seq` has to be the same.
        """
        texts: dict[int, str] = {}
        before = f"&before={person.cursor + 1}"
        while True:
            page = (await self.request("GET", f"/api/rooms/{ROOM}/messages?limit={PAGE}{before}", person.token))["data"]
            texts = {message["seq"]: message["message"] for message in page} | texts
            if len(page) < PAGE:
                break
            before = f"&before={page[0]['seq']}"
        must(list(texts) == sorted(texts), "pages come in order")
        seen = [*texts.values(), *(text for seq, text in person.heard.items() if seq not in texts)]
        must(seen == await self.sql(IN_ORDER), "a client sees what SELECT … ORDER BY seq says")
        return seen

    async def run(self, external: Cluster) -> None:
        """All of it."""
        with self.step("serve, on a new embedded database"):
            server = await self.serve()
        try:
            with self.step("load") as said:
                sown = await self.hubbub("bench", "seed", "--messages", str(self.messages))
                said.append(f"{sown['messages']:,} messages in {sown['rooms']:,} rooms")
            self.sown = await self.sql(FINGERPRINT)
            must(self.sown[0].startswith(f"{self.messages}|"), "all of them are there")
            ann, bob = await self.register("ann"), await self.register("bob")
            await self.request("POST", "/api/rooms", ann.token, {"name": ROOM})
            await ann.enter(self.url)
            await bob.enter(self.url)
            before = await self.back_up(ann)
        finally:
            os.kill(server.pid, signal.SIGKILL)
            await server.stop()
        await self.lose()
        await self.restore()
        with self.step("serve what was restored"):
            server = await self.serve()
        try:
            await self.come_back(ann, bob, before)
        except BaseException:
            await server.stop()
            raise
        await self.move(server, external, ann, bob)

    async def back_up(self, ann: Person) -> set[str]:
        """Back up while Ann sends; what had been acknowledged to her before it began."""
        talking = asyncio.create_task(ann.talk())
        while len(ann.acks) < 50:
            must(not talking.done(), "sending goes on")
            await asyncio.sleep(PAUSE)
        before = set(ann.acks)
        with self.step("back up, while somebody sends") as said:
            made = await self.hubbub("backup", str(self.backups))
            during = len(ann.acks) - len(before)
            size = sum(file["bytes"] for file in made["files"].values())
            said.append(f"{size / 1e6:,.1f} MB; {during:,} messages were acknowledged meanwhile")
        must(during > 0, "the backup let people send")
        must(not talking.done(), "sending goes on")
        for _ in range(20):  # these are lost with the disk
            await asyncio.sleep(PAUSE)
        ann.is_talking = False
        await talking
        return before

    async def lose(self) -> None:
        """kill -9 of PostgreSQL as well, and the data directory is gone."""
        with self.step("lose the data directory"):
            pid = int((self.data / "postgres" / "18" / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.data)

    async def restore(self) -> None:
        (backup,) = self.backups.iterdir()
        with self.step("check the backup's checksums"):
            await self.hubbub("verify", "--backup", str(backup))
        with self.step("restore"):
            await self.hubbub("restore", str(backup))
        with self.step("verify every invariant"):
            await self.hubbub("verify")

    async def come_back(self, ann: Person, bob: Person, before: set[str]) -> None:
        """Clients that know more than there is now start afresh; what was sent before the backup is there, once."""
        with self.step("clients come back, and read the room") as said:
            await bob.starts_afresh(self.url)
            texts = await self.read_all(bob)
            sent = list(ann.acks)
            must(len(texts) >= len(before), "what was acknowledged before the backup is there")
            must(
                texts == sent[: len(texts)],
                "what is there is all that was sent up to one moment, in order, and nothing else",
            )
            must(len(texts) < len(sent), "what was sent after the backup is lost")
            said.append(
                f"{len(texts):,} of {len(sent):,} are there; {len(before):,} had been acknowledged before the backup began"
            )
            await ann.starts_afresh(self.url)
            again = await ann.send(texts[-1])
            must(again["duplicate"] is True, "what is there is not sent twice")
            for text in sent[len(texts) :]:
                await ann.send(text)
            await self.hears(bob, sent[-1])
            must(await self.read_all(bob) == sent, "after sending again everything is there, once, in order")
            await self.holds_what_was_sown()
            await ann.socket.disconnect()
            await bob.socket.disconnect()

    async def hears(self, person: Person, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in person.heard.values():
                await asyncio.sleep(PAUSE)

    async def move(self, server: Process, external: Cluster, ann: Person, bob: Person) -> None:
        """To an external PostgreSQL, and on from there."""
        stopped = time.monotonic()
        with self.step("stop"):
            await server.stop()
        external.psql("postgres", "CREATE DATABASE chatdb")
        url = external.tcp_dsn("chatdb")
        sent = list(ann.acks)
        with self.step("promote to PostgreSQL 15") as said:
            moved = await self.hubbub("promote", "--to", url)
            said.append(f"{sum(moved['rows'].values()):,} rows, counts and checksums equal")
        self.env["DATABASE_URL"] = url
        with self.step("serve there"):
            server = await self.serve()
        self.times[GAP] = round(time.monotonic() - stopped, 2)
        try:
            await bob.starts_afresh(self.url)
            await ann.starts_afresh(self.url)
            await ann.send("hello-from-the-other-side")
            await self.hears(bob, "hello-from-the-other-side")
            must(
                await self.read_all(bob) == [*sent, "hello-from-the-other-side"], "everything is there, once, in order"
            )
            await bob.socket.disconnect()
            await ann.send("while-bob-was-away")
            must(await bob.catches_up(self.url) == ["while-bob-was-away"], "from now on a cursor means what it meant")
            await self.holds_what_was_sown()
            await ann.socket.disconnect()
            await bob.socket.disconnect()
            with self.step("verify every invariant there, while serving"):
                await self.hubbub("verify")
        finally:
            await server.stop()
        self.console.print(f"  {GAP} {self.times[GAP]:.1f} s of the move", highlight=False)


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=float, default=1e6)
    parser.add_argument("--json", action="store_true", help="the times on standard output")
    given = parser.parse_args()
    console = Console(stderr=given.json, width=None if sys.stdout.isatty() else 160)
    if not (DEBIAN_15 / "postgres").exists():
        console.print(f"The drill moves the chat to a PostgreSQL 15 in {DEBIAN_15}: apt-get install postgresql-15")
        return 1
    console.print(f"Hubbub's drill, on {int(given.messages):,} messages", highlight=False)
    with tempfile.TemporaryDirectory(prefix="hubbub-drill-") as folder, Cluster(DEBIAN_15, durable=True) as external:
        drill = Drill(Path(folder), int(given.messages), console)
        try:
            asyncio.run(drill.run(external))
        except Failed as failed:
            console.print(f"\n  did not hold: {failed}", style="red", highlight=False, markup=False)
            return 1
        if given.json:
            print(json.dumps(drill.times))  # noqa: T201
    in_all = sum(seconds for step, seconds in drill.times.items() if step != GAP)
    console.print(f"Everything held, in {in_all:,.0f} s.", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
