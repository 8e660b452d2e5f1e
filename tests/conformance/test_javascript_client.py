"""The shipped JavaScript client around the official socket.io-client, against a server that is killed, reloads included."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from tests.conformance.conftest import CLIENTS
from tests.support import people
from tests.support.people import Person
from tests.support.process import eventually
from tests.support.workers import machine

PROGRAM = CLIENTS / "lasting.mjs"


class Page:
    """One such client: a Node process, and the file that survives it."""

    def __init__(self, node: str, url: str, person: Person, file: Path) -> None:
        self._argv = (node, str(PROGRAM), url, person.token, str(person.user_id), str(file))
        self.told: list[dict[str, Any]] = []
        self.lives = [0]
        """Where in `told` each began."""
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._argv, stdin=pipe, stdout=pipe)
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.told.append(json.loads(line))

    def order(self, **what: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def reload(self) -> None:
        """As a tab that is closed without warning, and opened again."""
        await self.close()
        self.lives.append(len(self.told))
        await self.open()

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def all(self, name: str) -> list[Any]:
        return [line[name] for line in self.told if name in line]

    def numbers(self) -> list[list[int]]:
        """Of the changes told in each life."""
        ends = [*self.lives[1:], len(self.told)]
        return [
            [line["change"]["changeSeq"] for line in self.told[begin:end] if "change" in line]
            for begin, end in zip(self.lives, ends, strict=True)
        ]


async def _reached(page: Page, db: asyncpg.Connection, room: UUID) -> None:
    last = await db.fetchval("SELECT last_seq FROM rooms WHERE room_id = $1", room)
    await eventually(lambda: page.numbers()[-1][-1:] >= [last], timeout=20)


@pytest.mark.timeout(100)
async def test_nothing_written_is_lost_and_nothing_told_is_doubled(
    node_clients: Path, database: str, tmp_path: Path
) -> None:
    """Two people write while workers are killed, lines break and both reload: each message is there once, in order."""
    node = shutil.which("node")
    assert node is not None
    async with machine(database, tmp_path) as here:
        ann, bob = await here.person("ann"), await here.person("bob")
        room = await people.room(here.db, "hall", ann, bob)
        pages = [Page(node, here.url, person, tmp_path / f"{person.username}.json") for person in (ann, bob)]
        try:
            for page in pages:
                await page.open()
                await eventually(lambda page=page: page.all("ready"), timeout=15)
            for turn in range(4):
                for page in pages:
                    page.order(send=[str(room), *(f"{turn} {number}" for number in range(25))])
                await eventually(lambda turn=turn: len(pages[0].all("stored")) >= 20 * (turn + 1), timeout=20)
                if turn == 0:
                    pages[0].order(cut=True)
                elif turn == 1:
                    await asyncio.gather(here.kill(1), here.kill(2))
                elif turn == 2:
                    await pages[0].reload()  # with messages on their way
                    await here.db.execute(
                        "UPDATE messages SET message_text = 'edited' WHERE room_id = $1 AND seq % 5 = 0", room
                    )
            count = "SELECT count(*) FROM messages WHERE room_id = $1"
            async with asyncio.timeout(40):
                while await here.db.fetchval(count, room) < 200:
                    await asyncio.sleep(0.05)
            for page in pages:
                await _reached(page, here.db, room)
            rows = await here.db.fetch(
                "SELECT message_id::text AS id, user_id, client_id, change_seq, message_text FROM messages "
                "WHERE room_id = $1 ORDER BY seq",
                room,
            )
            assert len(rows) == 200
            for page, person in zip(pages, (ann, bob), strict=True):
                sent = [line["clientId"] for line in page.all("sent")]
                assert [row["client_id"] for row in rows if row["user_id"] == person.user_id] == sent, (
                    "in the order written"
                )
                for numbers in page.numbers():
                    assert numbers == sorted(set(numbers)), "each change once, in order"
                shown = {
                    change["id"]: (change["changeSeq"], change["message"])
                    for change in page.all("change")
                    if change["id"]
                }
                assert shown == {row["id"]: (row["change_seq"], row["message_text"]) for row in rows}
                assert page.all("reset") == page.all("lost") == page.all("failed") == []
            assert len(pages[0].all("ready")) >= 3
        finally:
            for page in pages:
                await page.close()


@pytest.mark.timeout(60)
async def test_coming_and_going_and_another_epoch(node_clients: Path, database: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    async with machine(database, tmp_path, workers=1) as here:
        ann, bob = await here.person("ann"), await here.person("bob")
        hall = await people.room(here.db, "hall", ann, bob)
        page = Page(node, here.url, bob, tmp_path / "bob.json")
        try:
            await page.open()
            await eventually(lambda: page.all("ready"), timeout=15)
            den = await people.room(here.db, "den", ann, by=ann)
            other = await here.connect(ann)
            await other.ok("send-message", {"room": "hall", "message": "before"})
            await eventually(lambda: len(page.all("change")) == 1, timeout=10)
            async with httpx.AsyncClient(base_url=here.url, headers={"Authorization": f"Bearer {ann.token}"}) as rest:
                added = await rest.post("/api/rooms/den/members", json={"userId": bob.id})
            assert added.status_code == 200, added.text
            await eventually(lambda: str(den) in {room["roomId"] for room in page.all("room")}, timeout=10)
            await here.db.execute(
                "UPDATE room_members SET is_active = false WHERE room_id = $1 AND user_id = $2", den, bob.user_id
            )
            await eventually(lambda: page.all("lost") == [str(den)], timeout=10)
            await here.db.execute("UPDATE hubbub.meta SET value = 'restored' WHERE key = 'epoch'")
            page.order(cut=True)
            await eventually(lambda: page.all("reset") == [str(hall)], timeout=10)
            page.order(send=[str(hall), "", "said"])
            await eventually(lambda: [entry["text"] for entry in page.all("failed")] == [""], timeout=10)
            await eventually(lambda: [stored["text"] for stored in page.all("stored")] == ["said"], timeout=10)
        finally:
            await page.close()
