"""Who may do what: every route and every event, by everybody, on things that are there and on things that are not.

The columns: nobody (no token), gone (a session that has ended), off (an account that is disabled), a stranger, somebody who
was a member, a member who wrote the message, the member who made the room. The rows come from the OpenAPI document and
the table of events: a route or an event without a row fails. Each cell has a room of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from socketio.exceptions import ConnectionError
from tests.support.people import Person
from tests.support.server import Running, running

from hubbub.sockets.events import EVENTS
from hubbub.store import members

OUTSIDE: Final = ("stranger", "former")
INSIDE: Final = ("author", "owner")

# What four kinds of people who are signed in are answered: stranger, former member, author, owner of a private room.
NOT_THERE: Final = "404 404"
ROUTES: Final = {
    "listRooms": "200 200 200 200", "createRoom": "201 201 201 201",
    "readRoom": f"{NOT_THERE} 200 200", "updateRoom": f"{NOT_THERE} 403 200", "deleteRoom": f"{NOT_THERE} 403 200",
    "joinRoom": f"{NOT_THERE} 200 200", "leaveRoom": f"{NOT_THERE} 200 200", "listMembers": f"{NOT_THERE} 200 200",
    "addMember": f"{NOT_THERE} 403 200", "removeMember": f"{NOT_THERE} 403 200", "listRoomUsers": f"{NOT_THERE} 200 200",
    "readStats": f"{NOT_THERE} 200 200", "listMessages": f"{NOT_THERE} 200 200", "postMessage": f"{NOT_THERE} 201 201",
    "editMessage": f"{NOT_THERE} 200 403", "deleteMessage": f"{NOT_THERE} 200 200", "listEdits": f"{NOT_THERE} 200 200",
    "listReads": f"{NOT_THERE} 200 200", "listDeliveries": f"{NOT_THERE} 200 200",
    "listUsers": "200 200 200 200", "searchUsers": "200 200 200 200", "searchUsersByPath": "200 200 200 200",
    "readUser": "200 200 200 200", "updateUser": "403 403 403 403", "putUser": "403 403 403 403", "deleteUser": "403 403 403 403",
    "verify": "200 200 200 200",
    "logout": "200 200 200 200",
}  # fmt: skip
BODIES: Final[dict[str, Any]] = {
    "createRoom": {"name": "new *"}, "updateRoom": {"description": "x"}, "addMember": {"userId": "{other}"},
    "postMessage": {"message": "x"}, "editMessage": {"message": "y"}, "updateUser": {"bio": "x"}, "putUser": {"bio": "x"},
}  # fmt: skip
EVENT_ROWS: Final[dict[str, tuple[Any, str]]] = {
    "join": ({"room": "{room}"}, "not_found not_found ok ok"),
    "leave-room": ({"room": "{room}"}, "not_found not_found ok ok"),
    "send-message": ({"room": "{room}", "message": "x"}, "not_found not_found ok ok"),
    "edit-message": ({"id": "{message}", "message": "y"}, "not_found not_found ok forbidden"),
    "delete-message": ({"id": "{message}"}, "not_found not_found ok ok"),
    "message-delivered": ({"messageId": "{message}"}, "not_found not_found ok ok"),
    "message-read": ({"messageId": "{message}"}, "not_found not_found ok ok"),
    "mark-all-read": ({"room": "{room}"}, "not_found not_found ok ok"),
    "typing": ({"room": "{room}", "isTyping": True}, "not_found not_found ok ok"),
    "update-online-status": ({"online": True}, "ok ok ok ok"),
    "authenticate": ({"token": "{token}"}, "ok ok ok ok"),
    "sync": ({"epoch": "{epoch}", "rooms": {"{room}": 0}}, "ok ok ok ok"),
}  # fmt: skip
_numbers: Final = count(1)


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path, HUBBUB_SEND_RATE="0") as here:
        yield here


class World:
    """The people of the columns, and a new room with a message for each cell."""

    def __init__(self, server: Running, people: dict[str, Person], http: httpx.AsyncClient) -> None:
        self.server = server
        self.people = people
        self.http = http

    async def names(self, who: str, *, there: bool) -> dict[str, str]:
        """What stands for the names in braces; ids of nothing where `there` is False."""
        somebody = self.people["other"].id
        if not there:
            return {"room": str(uuid4()), "message": str(uuid4()), "user": str(uuid4()), "other": somebody}
        owner, author, former = (self.people[name] for name in ("owner", "author", "former"))
        room_id = await self.server.room(f"room {next(_numbers)}", owner, author, former, private=True, by=owner)
        message_id = await self.server.db.fetchval(
            "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'x') RETURNING message_id",
            author.user_id, room_id,
        )  # fmt: skip
        await members.leave(self.server.db, former.user_id, room_id)
        member = owner if who == "author" else author
        return {
            "room": str(room_id), "message": str(message_id), "user": somebody, "other": somebody, "member": member.id,
        }  # fmt: skip

    async def ask(self, method: str, path: str, who: str, operation: str, names: dict[str, str]) -> httpx.Response:
        address = path.replace("{room}", names["room"]).replace("{messageId}", names["message"])
        user = names.get("member", names["user"]) if operation == "removeMember" else names["user"]
        address = address.replace("{userId}", user).replace("{q}", "a") + ("?q=a" if operation == "searchUsers" else "")
        token = self.people[who].token if who in self.people else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = filled(BODIES.get(operation), names)
        return await self.http.request(method, address, headers=headers, json=body)


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {filled(name, names): filled(item, names) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    for name, meant in names.items():
        value = value.replace(f"{{{name}}}", meant)
    return value.replace("*", str(next(_numbers)))


@pytest.fixture
async def world(server: Running) -> AsyncIterator[World]:
    names = ("gone", "off", "stranger", "former", "author", "owner", "other")
    people = dict(zip(names, await server.people(*names), strict=True))
    await server.db.execute(
        "UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE session_id = $1", people["gone"].session_id
    )
    await server.db.execute("UPDATE users SET disabled_at = now() WHERE user_id = $1", people["off"].user_id)
    async with httpx.AsyncClient(base_url=server.url) as http:
        yield World(server, people, http)


async def test_every_route(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    rows = [
        (operation["operationId"], method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    closed = {name for name, _, _, operation in rows if {} not in operation.get("security", [])}
    open_to_all = {name for name, _, _, operation in rows if operation.get("security") == [{}]}
    assert {name for name, *_ in rows} - open_to_all == set(ROUTES), "each route needs a row"
    wrong = []
    for name, method, path, _ in sorted(rows, key=lambda row: row[0] == "logout"):
        if name in open_to_all:
            continue
        for names in (await world.names("nobody", there=True), await world.names("nobody", there=False)):
            for who in ("nobody", "gone", "off"):
                answer = await world.ask(method, path, who, name, names)
                if answer.status_code != 401:
                    wrong.append((name, who, answer.status_code))
        for who, wanted in zip((*OUTSIDE, *INSIDE), ROUTES[name].split(), strict=True):
            names = await world.names(who, there=True)
            answer = await world.ask(method, path, who, name, names)
            if answer.status_code != int(wanted):
                wrong.append((name, who, "there", answer.status_code, answer.text[:200]))
            if name == "listRooms" and (names["room"] in answer.text) is not (who in INSIDE):
                wrong.append((name, who, "the private room", answer.status_code))
            if "{" in path and "{q}" not in path:
                nothing = await world.ask(method, path, who, name, await world.names(who, there=False))
                if nothing.status_code != 404 and not (path == "/api/users/{userId}" and nothing.status_code == 403):
                    wrong.append((name, who, "not there", nothing.status_code))
                if who in OUTSIDE and answer.status_code == 404:
                    said, unsaid = [{**one.json(), "instance": ""} for one in (answer, nothing)]
                    if said != unsaid:
                        wrong.append((name, who, "told apart", said, unsaid))
    assert not wrong, "\n".join(map(str, wrong))
    assert closed, "tokens are asked for"


async def test_every_event(world: World) -> None:
    assert set(EVENT_ROWS) == set(EVENTS), "each event needs a row"
    server = world.server
    wrong = []
    clients = {}
    for who in (*OUTSIDE, *INSIDE):
        clients[who] = await server.connect(world.people[who])
        clients[who].checks = False  # acks of failures are compared here
    unsigned = await server.connect()
    unsigned.checks = False
    epoch = (await clients["owner"].wait_for("ready"))["epoch"]
    for name, (data, row) in EVENT_ROWS.items():
        ask = filled(
            data, {**await world.names("owner", there=True), "epoch": epoch, "token": world.people["off"].token}
        )
        if (answer := await unsigned.call(name, ask))["success"] or answer["code"] != "unauthorized":
            wrong.append((name, "nobody", answer))
        for who, wanted in zip((*OUTSIDE, *INSIDE), row.split(), strict=True):
            more = {"epoch": epoch, "token": world.people[who].token}
            names = await world.names(who, there=True)
            if name == "typing" and who in INSIDE:
                await clients[who].ok("join", {"room": names["room"]})  # one types where one listens
            answer = await clients[who].call(name, filled(data, names | more))
            if (answer["code"] if not answer["success"] else "ok") != wanted:
                wrong.append((name, who, "there", answer))
            if name == "sync" and bool(answer["rooms"]) is not (who in INSIDE):
                wrong.append((name, who, "the private room", answer))
            nothing = await clients[who].call(name, filled(data, await world.names(who, there=False) | more))
            if who in OUTSIDE and answer != nothing and not answer["success"]:
                wrong.append((name, who, "told apart", answer, nothing))
            if wanted != "ok" and nothing["success"]:
                wrong.append((name, who, "not there", nothing))
    assert not wrong, "\n".join(map(str, wrong))


async def test_whoever_has_no_session_may_not_even_connect(world: World) -> None:
    for who in ("gone", "off"):
        client = world.server.client()
        with pytest.raises(ConnectionError):
            await client.connect({"token": world.people[who].token})
        assert client.refused["data"]["code"] == "unauthorized"
