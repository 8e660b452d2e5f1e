"""`sync` while everything moves: any page size, any number of rooms, rooms left and entered again, connections cut in the middle.

At the end the client's state, made of the answers of `sync` and of live events alone, is what REST says; on the way no
number came twice on one connection, and none was passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from tests.support.client import Client
from tests.support.mirror import World, lasting, mirror
from tests.support.server import Running

from hubbub.chat.access import find_room
from hubbub.chat.change_message import delete_message, edit_message
from hubbub.chat.members import add_member, leave_room, remove_member
from hubbub.chat.rooms import update_room
from hubbub.chat.send_message import send_message
from hubbub.domain import limits
from hubbub.domain.commands import PostMessage, UpdateRoom
from hubbub.errors import HubbubError

PATIENCE: Final = 10.0
ROOMS: Final = ("tea", "coffee", "milk")


@pytest.fixture
async def world(server: Running) -> AsyncIterator[World]:
    names = ("ann", "bob", "carl", "eve")
    people = dict(zip(names, await server.people(*names), strict=True))
    for room in ROOMS:
        await server.room(room, *people.values(), by=people["ann"], private=room == "milk")
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        known = mirror.Mirror(people["bob"].id)
        yield World(
            server, http, people, await server.connect(people["ann"]), await server.connect(people["bob"]), known
        )


class Writers:
    """People who change rooms in every way there is, at once: as many changes as they are allowed."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.done = 0
        self.sent: list[tuple[str, Any]] = []
        self.lock = asyncio.Lock()  # the one connection for plain SQL
        self.tasks: list[asyncio.Task[None]] = []

    def allow(self, most: int) -> None:
        """Begin up to so many changes."""
        shares = [self.dice.randrange(most // 3 + 1) for _ in range(3)]
        self.tasks += [
            asyncio.create_task(self.run(name, share))
            for name, share in zip(("ann", "carl", "eve"), shares, strict=True)
        ]

    async def wait(self) -> None:
        """Until all of them are made."""
        await asyncio.gather(*self.tasks)
        self.tasks.clear()

    async def run(self, name: str, share: int) -> None:
        for _ in range(share):
            with contextlib.suppress(HubbubError):  # refused, as it may be: of somebody who is out, of what is gone
                await self.act(name, self.dice.choice(ROOMS))
            self.done += 1

    async def act(self, name: str, room: str) -> None:
        chat, people = self.world.server.chat, self.world.people
        ann, actor, eve = people["ann"].actor, people[name].actor, people["eve"]
        mine = [message for author, message in self.sent if author == name]
        match self.dice.choice(["say"] * 6 + ["edit", "edit", "delete", "out", "in", "away", "face", "bob", "sql"]):
            case "say":
                found = await find_room(chat, actor, room)
                sent = await send_message(chat, actor, found.room_id, room, PostMessage(message=f"m{self.done}"))
                self.sent.append((name, sent.id))
            case "edit" if mine:
                await edit_message(chat, actor, self.dice.choice(mine), f"e{self.done}", f"id-{self.dice.random()}")
            case "delete" if mine:
                await delete_message(chat, actor, self.dice.choice(mine), None)
            case "out":
                await remove_member(chat, ann, room, eve.user_id)
            case "in":
                await add_member(chat, ann, room, eve.user_id)
            case "away":
                await leave_room(chat, eve.actor, room)
            case "face":
                await update_room(chat, ann, room, UpdateRoom(description=f"d{self.done}"))
            case "bob":  # the one who is watched is put out, and let in again
                await remove_member(chat, ann, room, people["bob"].user_id)
                await asyncio.sleep(self.dice.random() * 0.05)
                await add_member(chat, ann, room, people["bob"].user_id)
            case "sql":
                db = self.world.server.db
                async with self.lock:
                    if self.sent:
                        await db.execute(
                            "UPDATE messages SET message_text = message_text || '!' WHERE message_id = $1 AND NOT is_deleted",
                            self.dice.choice(self.sent)[1],
                        )


def in_order(client: Client) -> None:
    """On one connection each number of a room is told once, in order; one that a later change took over may be left out."""
    last: dict[str, int] = {}
    for event, data in client.events:
        if event == "ready":
            last = {room["roomId"]: room["seq"] for room in data["rooms"]}
        elif isinstance(data, dict) and data.get("changeSeq") is not None:
            room_id, number = data["roomId"], data["changeSeq"]
            if event == "user-joined" and room_id not in last:
                last[room_id] = number
                continue
            assert room_id in last, f"{event} {number} of a room one is not in"
            assert number > last[room_id] or (event, number) == ("user-joined", last[room_id]), (last[room_id], number)
            last[room_id] = number
            if event == "user-left" and data["userId"] == client_of(client):
                del last[room_id]


def client_of(client: Client) -> str:
    (ready,) = client.got("ready")
    return str(ready["user"]["userId"])


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(2)], ids=lambda seed: f"seed={seed}")
async def test_catching_up_while_everything_moves(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    bob, known = world.people["bob"], world.known
    await world.bob.close()
    writers = Writers(world, dice)

    async def come(cuts: bool) -> None:
        """Bob connects, loads what is new to him, catches up; with `cuts` he may be gone before that is done."""
        world.bob, world.taken = await world.server.connect(bob), 0
        known.ready(await world.bob.wait_for("ready"))
        await world.load(known)
        asked = known.behind()
        while asked and not (cuts and dice.random() < 0.1):
            answer = await world.bob.ok("sync", {"epoch": known.epoch, "rooms": asked})
            for room_id, page in answer["rooms"].items():
                numbers = [asked[room_id], *(change["changeSeq"] for change in page["changes"]), page["upTo"] + 1]
                assert all(one < other for one, other in itertools.pairwise(numbers)), numbers
                assert page["more"] or page["upTo"] >= asked[room_id]
            asked = known.synced(asked, answer)
            if dice.random() < 0.5:
                await world.take()

    for _ in range(8):
        monkeypatch.setattr(limits, "SYNC_PAGE", dice.choice([1, 2, 3, 7, 200]))
        monkeypatch.setattr(limits, "SYNC_CHANGES", dice.choice([2, 5, 1_000]))
        writers.allow(30)
        await come(cuts=True)
        await writers.wait()
        await world.take()
        in_order(world.bob)
        await world.bob.close()
        writers.allow(40)
        await writers.wait()
    writers.allow(30)
    await come(cuts=False)
    await writers.wait()
    ends = {
        str(row["room_id"]): row["last_seq"]
        for row in await world.server.db.fetch(
            "SELECT room_id, last_seq FROM rooms JOIN room_members USING (room_id) WHERE user_id = $1 AND is_active",
            bob.user_id,
        )
    }
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and ends != {room_id: room.at for room_id, room in known.rooms.items()}:
        await asyncio.sleep(0.02)
        await world.take()
    assert {room_id: room.at for room_id, room in known.rooms.items()} == ends
    in_order(world.bob)
    mine, theirs = state(known), state(await world.read_afresh())
    for room_id, room in theirs.items():
        for part, those in room.items():
            assert mine[room_id][part] == those, (room_id, part)


def state(known: Any) -> Any:
    """What is lasting. Of a tombstone only its place: whoever did not see the message before is not told whose it was."""
    rooms = lasting(known, receipts=False)
    for room in rooms.values():
        room["messages"] = {
            message_id: {"seq": one["seq"], "deleted": True} if one["deleted"] else one
            for message_id, one in room["messages"].items()
        }
    return rooms
