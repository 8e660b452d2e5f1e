"""Done once, for ever: each command that carries a client id, by socket and by REST, whoever repeats it and whenever.

A row of `COMMANDS` is a command and what somebody did afterwards that a second doing would undo or double.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.support.client import Client
from tests.support.people import Person, sign_in_again
from tests.support.server import Running

KEY = "the-same-for-ever"


@dataclass
class World:
    """Ann, who repeats herself; Bob, who is in her room; Eve, who is not; and a message of Ann's."""

    server: Running
    http: httpx.AsyncClient
    ann: Person
    bob: Person
    eve: Person
    socket: Client
    room: str
    message: str
    extra: dict[str, Any] = field(default_factory=dict)

    async def rest(self, method: str, path: str, body: Any = None, *, by: Person | None = None, key: str = KEY) -> Any:
        headers = {"Authorization": f"Bearer {(by or self.ann).token}"} | ({"Idempotency-Key": key} if key else {})
        answer = await self.http.request(method, f"/api{path}", json=body, headers=headers)
        return answer.json()

    async def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that a second doing would change."""
        return {
            query: [tuple(row) for row in await self.server.db.fetch(f"SELECT {query} ORDER BY 1, 2")]
            for query in (
                "room_name, last_seq, change_seq, description, deleted_at FROM rooms",
                "message_id, seq, change_seq, message_text, is_deleted FROM messages",
                "room_id, user_id, is_active, change_seq, from_seq FROM room_members",
                "message_id, edit_no, message_text FROM hubbub.message_edits",
            )
        }

    async def age(self) -> None:
        """Thirty-one days go by, and the tables are tidied up."""
        for column in "messages.created_at", "rooms.created_at", "hubbub.commands.done_at":
            table, _, name = column.rpartition(".")
            await self.server.db.execute(f"UPDATE {table} SET {name} = {name} - interval '31 days'")
        await self.server.db.execute("VACUUM messages, rooms, hubbub.commands")


Act = Callable[[World], Awaitable[Any]]


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        rest: method, address and body, with the names of the world in braces.
        event: the socket's name of it, or None where it has none.
        data: what the event carries, beside the client id.
        other: a body, or an address, that says something else.
        since: what happens before the repeats.
        changes: by how much the room's counter moves, however often it is sent.
    """

    rest: tuple[str, str, Any]
    event: str | None
    data: dict[str, Any]
    other: tuple[str, str, Any]
    since: Act | None
    changes: int = 1


async def edited_again(world: World) -> None:
    await world.rest("PATCH", f"/messages/{world.message}", {"message": "the last word"}, key="")


async def left_again(world: World) -> None:
    await world.rest("POST", "/rooms/general/leave", key="")


async def came_back(world: World) -> None:
    await world.rest("POST", "/rooms/general/join", key="")


async def renamed(world: World) -> None:
    await world.rest("PATCH", "/rooms/made", {"name": "renamed", "description": "since"}, key="")


async def renamed_again(world: World) -> None:
    answer = await world.rest("PATCH", f"/rooms/{world.room}", {"name": "kitchen", "description": "since"}, key="")
    assert answer["success"], answer


async def a_room_of_that_name(world: World) -> None:
    assert (await world.rest("POST", "/rooms", {"name": "tea"}, key=""))["success"]


async def eve_left(world: World) -> None:
    await world.rest("POST", f"/rooms/{world.room}/leave", by=world.eve, key="")


async def bob_came_back(world: World) -> None:
    body = {"userId": world.bob.id}
    await world.rest("POST", f"/rooms/{world.room}/members", body, key="")


COMMANDS = {
    "send": Command(
        ("POST", "/rooms/tea/messages", {"message": "hello"}), "send-message", {"room": "tea", "message": "hello"},
        ("POST", "/rooms/tea/messages", {"message": "another"}), None,
    ),
    "edit": Command(
        ("PATCH", "/messages/{message}", {"message": "mended"}), "edit-message", {"id": "{message}", "message": "mended"},
        ("PATCH", "/messages/{message}", {"message": "another"}), edited_again,
    ),
    "delete": Command(
        ("DELETE", "/messages/{message}", None), "delete-message", {"id": "{message}"},
        ("DELETE", "/messages/{second}", None), None,
    ),
    "join": Command(
        ("POST", "/rooms/general/join", None), "join", {"room": "general"},
        ("POST", "/rooms/random/join", None), left_again,
    ),
    "leave": Command(("POST", "/rooms/general/leave", None), None, {}, ("POST", "/rooms/random/leave", None), came_back),
    "make a room": Command(
        ("POST", "/rooms", {"name": "made", "description": "new"}), None, {},
        ("POST", "/rooms", {"name": "another"}), renamed,
    ),
    "change a room": Command(
        ("PATCH", "/rooms/tea", {"name": "tea room"}), None, {},
        ("PATCH", "/rooms/tea", {"name": "another"}), renamed_again,
    ),
    "delete a room": Command(("DELETE", "/rooms/tea", None), None, {}, ("DELETE", "/rooms/random", None), a_room_of_that_name),
    "let in": Command(
        ("POST", "/rooms/tea/members", {"userId": "{eve}"}), None, {},
        ("POST", "/rooms/tea/members", {"userId": "{bob}"}), eve_left,
    ),
    "put out": Command(
        ("DELETE", "/rooms/tea/members/{bob}", None), None, {},
        ("DELETE", "/rooms/tea/members/{eve}", None), bob_came_back,
    ),
}  # fmt: skip


@pytest.fixture
async def world(server: Running) -> AsyncIterator[World]:
    ann, bob, eve = await server.people("ann", "bob", "eve")
    room = await server.room("tea", ann, bob, private=True, by=ann)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        here = World(server, http, ann, bob, eve, await server.connect(ann), str(room), "")
        for name in "message", "second":
            sent = await here.rest("POST", f"/rooms/{room}/messages", {"message": "first words"}, key=name)
            here.extra[name] = sent["message"]["id"]
        here.message = here.extra["message"]
        yield here


def filled(world: World, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: filled(world, one) for key, one in value.items()}
    names = {"eve": world.eve.id, "bob": world.bob.id, **world.extra}
    return value.format(**names) if isinstance(value, str) else value


def essence(answer: Any) -> Any:
    """What every repeat has to say again, by whichever way it came: which thing it was, and that it is done."""
    assert answer["success"] is True, answer
    thing = answer.get("message") or answer.get("data") or answer
    return {key: thing[key] for key in ("id", "roomId") if key in thing and (key == "id" or "id" not in thing)}


@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name, row in COMMANDS.items() for way in ("rest", "socket") if way == "rest" or row.event],
)
async def test_a_command_is_done_once(world: World, name: str, way: str) -> None:
    row = COMMANDS[name]
    method, path, body = (filled(world, part) for part in row.rest)
    if name == "leave":
        await came_back(world)

    def by_rest(person: Person | None = None) -> Awaitable[Any]:
        return world.rest(method, path, body, by=person)

    async def by_socket(client: Client) -> Any:
        assert row.event is not None
        return await client.call(row.event, {**filled(world, row.data), "clientId": KEY})

    before = await world.server.db.fetchval("SELECT sum(last_seq) FROM rooms")
    doing = [by_rest() if way == "rest" else by_socket(world.socket) for _ in range(20)]
    answers = await asyncio.gather(*doing)
    (first,) = {str(essence(answer)): essence(answer) for answer in answers}.values()
    changed = await world.server.db.fetchval("SELECT sum(last_seq) FROM rooms") - before
    assert changed == row.changes, "what was asked twenty times at once was done once"

    if row.since is not None:
        await row.since(world)
    now = await world.state()
    phone = await sign_in_again(world.server.db, world.ann)
    repeats = {"the same device": await by_rest(), "another device": await by_rest(phone)}
    await world.server.db.execute(
        "UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE session_id = $1", world.ann.session_id
    )
    repeats["after signing in again"] = await by_rest(await sign_in_again(world.server.db, world.ann))
    client = await world.server.connect(phone)
    if row.event:
        repeats["the other way"] = await by_socket(client)
    assert await world.state() == now
    await world.age()
    now = await world.state()
    repeats["after 31 days"] = await by_rest(phone)
    if row.event:
        repeats["the other way after 31 days"] = await by_socket(client)
    assert {who: essence(answer) for who, answer in repeats.items()} == dict.fromkeys(repeats, first)
    assert await world.state() == now

    other = await world.rest(*(filled(world, part) for part in row.other), by=phone)
    assert (other["success"], other["code"]) == (False, "conflict"), "the same id says something else"
    assert await world.state() == now


async def test_an_id_is_one_persons_own(world: World) -> None:
    """What Ann did under it does not keep Bob from using the same."""
    room = await world.server.room("coffee", world.ann, world.bob)
    for person in world.ann, world.bob:
        sent = await world.rest("POST", f"/rooms/{room}/messages", {"message": "x"}, by=person, key=f"{person.id}")
        edited = await world.rest("PATCH", f"/messages/{sent['message']['id']}", {"message": person.id}, by=person)
        assert (edited["success"], edited["duplicate"]) == (True, False)
        assert edited["message"]["message"] == person.id
    told = await world.rest("PATCH", f"/messages/{sent['message']['id']}", {"message": world.bob.id}, by=world.bob)
    assert (told["duplicate"], told["message"]) == (True, edited["message"])


async def test_a_refusal_takes_no_id(world: World) -> None:
    """What was not done may be done with the same id later."""
    path = "/rooms/tea/messages"
    assert (await world.rest("PATCH", f"/messages/{world.message}", {"message": "x"}, by=world.bob))[
        "code"
    ] == "forbidden"
    sent = await world.rest("POST", path, {"message": "mine"}, by=world.bob)
    assert (await world.rest("PATCH", f"/messages/{sent['message']['id']}", {"message": "x"}, by=world.bob))["success"]


async def test_a_join_that_is_repeated_after_leaving_hears_nothing(world: World) -> None:
    """By the socket too: it is answered as the first time, and lets nobody in."""
    await world.socket.ok("join", {"room": "general", "clientId": KEY})
    await world.socket.wait_for("room-users", lambda people: people[0]["room"] == "general")
    again = await world.server.connect(await sign_in_again(world.server.db, world.ann))
    await again.ok("join", {"room": "general", "clientId": KEY})
    await again.wait_for("message-history")
    await left_again(world)
    late = await world.server.connect(world.ann)
    answer = await late.ok("join", {"room": "general", "clientId": KEY})
    assert answer["room"] == "general"
    await late.settle()
    assert late.got("message-history") == late.got("room-users") == []
    await came_back(world)
    assert "general" in [
        room["room"] for room in (await (await world.server.connect(world.ann)).wait_for("ready"))["rooms"]
    ]


@pytest.mark.parametrize("ref", ["tea", "{room}"])
async def test_who_had_to_leave_is_told_that_it_was_sent(world: World, ref: str) -> None:
    """A send whose answer was lost was sent, also where one may not write, or even look, by the time one asks again."""
    ref = ref.format(room=world.room)
    bob = await world.server.connect(world.bob)
    sent = await bob.ok("send-message", {"room": "tea", "message": "hello", "clientId": KEY})
    await world.rest("DELETE", f"/rooms/tea/members/{world.bob.id}")
    await bob.wait_for("user-left")
    again = await bob.ok("send-message", {"room": ref, "message": "hello", "clientId": KEY})
    assert again == {**sent, "duplicate": True}
    told = await world.rest("POST", f"/rooms/{ref}/messages", {"message": "hello"}, by=world.bob)
    message = told["message"]
    assert (told["duplicate"], message["id"], message["seq"], message["message"]) == (
        True,
        sent["id"],
        sent["seq"],
        "hello",
    )
    await bob.fails("send-message", {"room": ref, "message": "hello", "clientId": "new"}, code="not_found")
    told = await world.rest("POST", f"/rooms/{ref}/messages", {"message": "hello"}, by=world.bob, key="new")
    assert told["code"] == "not_found"
    await bob.fails("send-message", {"room": ref, "message": "other", "clientId": KEY}, code="conflict")


async def test_a_deleted_account_leaves_no_ids_behind(world: World) -> None:
    await world.rest("PATCH", f"/messages/{world.message}", {"message": "x"})
    assert await world.server.db.fetchval("SELECT count(*) FROM hubbub.commands") == 1
    assert (await world.rest("DELETE", f"/users/{world.ann.id}", key=""))["success"]
    assert await world.server.db.fetchval("SELECT count(*) FROM hubbub.commands") == 0
