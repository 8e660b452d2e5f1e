"""For every event there is: what a client knew, with the event applied as the manual says, is what it reads afterwards.

The client is docs/examples/mirror.py. Each event has at least one act that causes it; an event without one fails. What is
lasting is also reached another way: by a client that was away meanwhile, and calls `sync`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import httpx
import pytest
from tests.support.mirror import World, lasting, mirror, passing
from tests.support.server import Running

from hubbub.domain import limits
from hubbub.domain.events import EVENTS

PATIENCE: Final = 8.0


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
    world.known.ready(await world.bob.wait_for("ready"))
    await world.load(world.known)
    await world.catch_up(world.known, world.bob)


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
    "room-online": [carl_connects],
    "room-updated": [closed, deleted_coffee, renamed],
    "user-typing": [typed],
    "user-status-update": [ann_goes],
    "error": [refused],
}


def test_every_event_has_an_act() -> None:
    assert set(ACTS) == set(EVENTS)


@pytest.mark.parametrize("event", ACTS)
async def test_what_is_known_and_what_is_read_are_the_same(
    world: World, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if event == "room-online":  # where more are here than may be named
        monkeypatch.setattr(limits, "NAMED_PEOPLE_MAX", 2)
    for act in ACTS[event]:
        await check(world, event, act)


async def check(world: World, event: str, act: Act) -> None:
    away = await world.read_afresh()
    await act(world)
    await world.bob.wait_for(event)
    receipts = event != "room-online"  # where people are not named, readers are not
    end = time.monotonic() + PATIENCE
    while True:  # what passes is told within a second or so
        now = await world.read_afresh()
        await world.take()
        mine, theirs = ((lasting(one, receipts=receipts), passing(one)) for one in (world.known, now))
        if mine == theirs or time.monotonic() > end:
            break
    assert mine == theirs, act

    # And without a single event: by `sync`, from what was known before.
    before = set(away.rooms)
    await world.catch_up(away, world.bob)
    assert set(away.rooms) == set(now.rooms) & before, act
    by_sync, by_rest = lasting(away, receipts=False), lasting(now, receipts=False)
    assert by_sync == {room_id: by_rest[room_id] for room_id in by_sync}, act
    await world.take()
    world.bob.clear()
    world.taken = 0
