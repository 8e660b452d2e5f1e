"""For every event there is: what a client knew, with the event applied as the manual says, is what it reads afterwards.

The client is docs/examples/mirror.py. Each event has at least one act that causes it; an event without one fails. What is
lasting is also reached another way: by a client that was away meanwhile, and calls `sync`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.support.client import Client
from tests.support.people import Person
from tests.support.server import Running

from hubbub.domain.events import EVENTS

_spec = importlib.util.spec_from_file_location("mirror", Path(__file__).parents[3] / "docs/examples/mirror.py")
assert _spec is not None
assert _spec.loader is not None
mirror = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mirror)


PATIENCE: Final = 8.0


@dataclass
class World:
    """Ann has made two rooms, with Bob and Carl in them; all have said something; Bob is watched. Eve is outside."""

    server: Running
    http: httpx.AsyncClient
    people: dict[str, Person]
    ann: Client
    bob: Client
    known: Any
    taken: int = 0

    async def rest(self, method: str, path: str, body: Any = None, *, by: str = "bob") -> Any:
        headers = {"Authorization": f"Bearer {self.people[by].token}"}
        answer = (await self.http.request(method, f"/api{path}", json=body, headers=headers)).json()
        assert answer["success"], (method, path, answer)
        return answer

    async def pages(self, path: str) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            page = await self.rest("GET", path + (f"?cursor={cursor}" if cursor else ""))
            found += page["data"]
            cursor = page["nextCursor"]
            if cursor is None:
                return found

    async def load(self, known: Any) -> None:
        """Read by REST what the mirror asks for."""
        for room_id in list(known.to_load):
            path = f"/rooms/{room_id}"
            info = (await self.rest("GET", path))["data"]
            messages, members = await self.pages(f"{path}/messages"), await self.pages(f"{path}/members")
            known.loaded(info, messages, members, (await self.rest("GET", f"{path}/users"))["data"])

    async def catch_up(self, known: Any, client: Client, asked: dict[str, int]) -> None:
        while asked:
            asked = known.synced(asked, await client.ok("sync", {"epoch": known.epoch, "rooms": asked}))

    async def read_afresh(self) -> Any:
        """Bob's state, as a new device of his reads it."""
        device = await self.server.connect(self.people["bob"])
        known = mirror.Mirror(self.people["bob"].id)
        known.ready(await device.wait_for("ready"))
        await self.load(known)
        users = (await self.rest("GET", "/users"))["users"]
        known.online = {user["userId"]: user["status"] == "online" for user in users}
        await device.close()
        return known

    async def take(self) -> None:
        """Apply what has come to Bob since."""
        fresh, self.taken = self.bob.events[self.taken :], len(self.bob.events)
        for event, data in fresh:
            self.known.apply(event, data)
        await self.load(self.known)

    async def says(self, name: str = "ann", room: str = "tea") -> str:
        sent = await self.rest("POST", f"/rooms/{room}/messages", {"message": f"from {name}"}, by=name)
        return str(sent["message"]["id"])

    async def last_by(self, name: str) -> str:
        found = await self.server.db.fetchval(
            "SELECT message_id FROM messages JOIN rooms USING (room_id) WHERE user_id = $1 AND room_name = 'tea'"
            " ORDER BY seq DESC LIMIT 1",
            self.people[name].user_id,
        )
        return str(found)


@pytest.fixture
async def world(server: Running) -> AsyncIterator[World]:
    names = ("ann", "bob", "carl", "eve")
    people = dict(zip(names, await server.people(*names), strict=True))
    for room in "tea", "coffee":
        await server.room(room, people["ann"], people["bob"], people["carl"], by=people["ann"])
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        here = World(
            server, http, people, await server.connect(people["ann"]), await server.connect(people["bob"]), None
        )
        for name in ("ann", "bob", "carl") * 2:
            await here.says(name)
        await here.says(room="coffee")
        last = await server.last_seq("tea")
        await here.bob.wait_for("receive-message", lambda one: one["room"] == "coffee" or one["seq"] == last)
        here.taken = len(here.bob.events)
        here.known = await here.read_afresh()
        yield here


def lasting(known: Any, *, receipts: bool = True) -> Any:
    """What has numbers, and receipts, in a form to compare."""
    gone = ("room", "username", "displayName", "avatar", "type")  # told by other means than the message's own changes
    marks = ("delivered", "read", "deliveredCount", "readCount", "deliveredTo", "readBy")
    return {
        room_id: {
            "at": room.at,
            "face": {key: value for key, value in room.face.items() if key != "changeSeq"},
            "members": sorted(user_id for user_id, one in room.members.items() if one["active"]),
            "messages": {
                message_id: {
                    key: sorted(value) if isinstance(value, list) else value
                    for key, value in one.items()
                    if key not in gone and (receipts or key not in marks)
                }
                for message_id, one in room.messages.items()
            },
            **({"readSeq": room.read_seq, "unread": room.unread(known.me)} if receipts else {}),
        }
        for room_id, room in known.rooms.items()
    }


def passing(known: Any) -> Any:
    here = {room_id: (sorted(room.here), sorted(room.typing)) for room_id, room in known.rooms.items()}
    return here, {user_id: is_on for user_id, is_on in known.online.items() if is_on}


Act = Callable[[World], Awaitable[Any]]


async def edit(world: World) -> None:
    await world.ann.ok("edit-message", {"id": await world.last_by("ann"), "message": "edited"})


async def edit_twice(world: World) -> None:
    for text in "edited", "edited again":
        await world.ann.ok("edit-message", {"id": await world.last_by("ann"), "message": text})


async def edit_what_was_read(world: World) -> None:
    await world.ann.ok("message-read", {"messageId": await world.last_by("carl")})
    await world.rest("PATCH", f"/messages/{await world.last_by('bob')}", {"message": "edited"})


async def delete(world: World) -> None:
    await world.ann.ok("delete-message", {"id": await world.last_by("ann")})


async def delete_of_carl(world: World) -> None:
    await world.ann.ok("delete-message", {"id": await world.last_by("carl")})


async def reply(world: World) -> None:
    await world.ann.ok("send-message", {"room": "tea", "message": "yes", "replyTo": await world.last_by("bob")})


async def by_hand(world: World) -> None:
    await world.server.db.execute(
        "INSERT INTO messages (user_id, room_id, message_text) SELECT $1, room_id, 'by hand' FROM rooms"
        " WHERE room_name = 'tea'",
        world.people["carl"].user_id,
    )


async def delivered(world: World) -> None:
    await world.ann.ok("message-delivered", {"messageId": await world.last_by("carl")})


async def delivered_to_two(world: World) -> None:
    carl = await world.server.connect(world.people["carl"])
    last = await world.says("bob")
    await asyncio.gather(*(client.ok("message-delivered", {"messageId": last}) for client in (world.ann, carl)))


async def read(world: World) -> None:
    await world.ann.ok("message-read", {"messageId": await world.last_by("carl")})


async def read_ones_own(world: World) -> None:
    await world.ann.ok("message-read", {"messageId": await world.last_by("ann")})


async def read_on_another_device(world: World) -> None:
    device = await world.server.connect(world.people["bob"])
    await device.ok("message-read", {"messageId": await world.last_by("ann")})


async def read_all(world: World) -> None:
    await world.ann.ok("mark-all-read", {"room": "tea"})


async def read_all_on_another_device(world: World) -> None:
    await (await world.server.connect(world.people["bob"])).ok("mark-all-read", {"room": "tea"})


async def eve_comes(world: World) -> None:
    await world.rest("POST", "/rooms/tea/join", by="eve")


async def carl_comes_back(world: World) -> None:
    await world.rest("POST", "/rooms/tea/leave", by="carl")
    await world.rest("POST", "/rooms/tea/join", by="carl")


async def bob_is_let_in(world: World) -> None:
    await world.server.room("cellar", world.people["ann"], private=True, by=world.people["ann"])
    await world.says("ann", "cellar")
    await world.rest("POST", "/rooms/cellar/members", {"userId": world.people["bob"].id}, by="ann")


async def ann_is_here(world: World) -> None:
    await world.ann.ok("join", "tea")


async def carl_leaves(world: World) -> None:
    await world.rest("POST", "/rooms/tea/leave", by="carl")


async def bob_is_put_out(world: World) -> None:
    await world.rest("DELETE", f"/rooms/tea/members/{world.people['bob'].id}", by="ann")


async def ann_listens_no_longer(world: World) -> None:
    await world.ann.ok("leave-room", "tea")


async def carl_is_deleted(world: World) -> None:
    await world.rest("DELETE", f"/users/{world.people['carl'].id}", by="carl")


async def carl_connects(world: World) -> None:
    await world.server.connect(world.people["carl"])


async def renamed(world: World) -> None:
    await world.rest("PATCH", "/rooms/tea", {"name": "green tea", "description": "hot"}, by="ann")


async def closed(world: World) -> None:
    await world.rest("PATCH", "/rooms/tea", {"isPrivate": True}, by="ann")


async def typed(world: World) -> None:
    for is_typing in True, False:
        await world.ann.ok("typing", {"room": "tea", "isTyping": is_typing})
        await world.bob.wait_for("user-typing", lambda one, wanted=is_typing: one["isTyping"] is wanted)


async def ann_goes(world: World) -> None:
    await world.ann.ok("update-online-status", {"online": False})


async def come_again(world: World) -> None:
    """Bob's connection is lost; meanwhile things happen; then he comes back with what he knew."""
    await world.take()
    await world.bob.close()
    await edit(world)
    await world.says("ann")
    await carl_leaves(world)
    await bob_is_let_in(world)
    await deleted_coffee(world)
    world.bob, world.taken = await world.server.connect(world.people["bob"]), 0
    asked = world.known.ready(await world.bob.wait_for("ready"))
    await world.load(world.known)
    await world.catch_up(world.known, world.bob, asked)


async def deleted_coffee(world: World) -> None:
    await world.rest("DELETE", "/rooms/coffee", by="ann")


async def come_with_nothing(world: World) -> None:
    """A device that knows nothing yet."""
    world.known = mirror.Mirror(world.people["bob"].id)
    world.bob, world.taken = await world.server.connect(world.people["bob"]), 0
    world.known.ready(await world.bob.wait_for("ready"))
    users = (await world.rest("GET", "/users"))["users"]
    world.known.online = {user["userId"]: user["status"] == "online" for user in users}


async def history(world: World) -> None:
    """What Bob knew of the messages is lost; joining gives it back."""
    (room,) = [room for room in world.known.rooms.values() if room.face["name"] == "tea"]
    room.messages.clear()
    await world.bob.ok("join", "tea")


async def refused(world: World) -> None:
    """An older client, with a token that is none."""
    stranger = await world.server.connect()
    await stranger.fails("join", {"room": "tea", "token": "none"}, code="unauthorized")
    error = await stranger.wait_for("error")
    world.known.apply("error", error)
    world.bob.events.append(("error", error))


ACTS: Final[dict[str, list[Act]]] = {
    "ready": [come_again, come_with_nothing],
    "message-history": [history],
    "receive-message": [World.says, reply, by_hand],
    "message-updated": [edit, edit_twice, edit_what_was_read],
    "message-deleted": [delete, delete_of_carl],
    "message-status-update": [delivered, delivered_to_two],
    "message-read-update": [read_ones_own, read, read_on_another_device],
    "messages-marked-read": [read_all, read_all_on_another_device],
    "user-joined": [eve_comes, carl_comes_back, bob_is_let_in, ann_is_here],
    "user-left": [carl_leaves, ann_listens_no_longer, carl_is_deleted, bob_is_put_out],
    "room-users": [carl_connects],
    "room-updated": [closed, deleted_coffee, renamed],
    "user-typing": [typed],
    "user-status-update": [ann_goes],
    "error": [refused],
}


def test_every_event_has_an_act() -> None:
    assert set(ACTS) == set(EVENTS)


@pytest.mark.parametrize("event", ACTS)
async def test_what_is_known_and_what_is_read_are_the_same(world: World, event: str) -> None:
    for act in ACTS[event]:
        await check(world, event, act)


async def check(world: World, event: str, act: Act) -> None:
    away = await world.read_afresh()
    asked = away.behind()
    await act(world)
    await world.bob.wait_for(event)
    end = time.monotonic() + PATIENCE
    while True:  # what passes is told within a second or so
        now = await world.read_afresh()
        await world.take()
        if (lasting(world.known), passing(world.known)) == (lasting(now), passing(now)) or time.monotonic() > end:
            break
    assert lasting(world.known) == lasting(now), act
    assert passing(world.known) == passing(now), act

    # And without a single event: by `sync`, from what was known before.
    await world.catch_up(away, world.bob, asked)
    assert set(away.rooms) == set(now.rooms) & set(asked), act
    by_sync, by_rest = lasting(away, receipts=False), lasting(now, receipts=False)
    assert by_sync == {room_id: by_rest[room_id] for room_id in by_sync}, act
    await world.take()
    world.bob.clear()
    world.taken = 0
