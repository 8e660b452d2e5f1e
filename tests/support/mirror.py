"""A client as docs/examples/mirror.py keeps one, in front of a server: what it knows, and what REST says is so."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.client import Client
from tests.support.people import Person
from tests.support.server import Running

_spec = importlib.util.spec_from_file_location("mirror", Path(__file__).parents[2] / "docs/examples/mirror.py")
assert _spec is not None
assert _spec.loader is not None
mirror = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mirror)


class NotThereError(Exception):
    """REST says that there is no such thing, or that it is not one's own to see."""


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
        if answer.get("code") == "not_found":
            raise NotThereError
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
        """Read by REST what the mirror asks for; a room that one is put out of meanwhile is not to be seen any more."""
        for room_id in list(known.to_load):
            path = f"/rooms/{room_id}"
            try:
                info = (await self.rest("GET", path))["data"]
                messages, members = await self.pages(f"{path}/messages"), await self.pages(f"{path}/members")
                here = await self.rest("GET", f"{path}/users")
                known.loaded(info, messages, members, here["data"], here["total"])
            except NotThereError:
                known.to_load.discard(room_id)

    async def catch_up(self, known: Any, client: Client) -> None:
        """`sync` until nothing is missing."""
        asked = known.behind()
        while asked:
            asked = known.synced(asked, await client.ok("sync", {"epoch": known.epoch, "rooms": asked}))

    async def read_afresh(self) -> Any:
        """Bob's state, as a new device of his reads it."""
        device = await self.server.connect(self.people["bob"])
        known = mirror.Mirror(self.people["bob"].id)
        known.ready(await device.wait_for("ready"))
        await self.load(known)
        await self.catch_up(known, device)
        users = (await self.rest("GET", "/users"))["users"]
        known.online = {user["userId"]: user["status"] == "online" for user in users}
        await device.close()
        return known

    async def take(self) -> None:
        """Apply what has come to Bob since."""
        fresh, self.taken = self.bob.events[self.taken :], len(self.bob.events)
        for event, data in fresh:
            self.known.apply(event, data)
        if self.known.to_load:
            await self.load(self.known)
            await self.catch_up(self.known, self.bob)

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
    here = {room_id: sorted(room.here) if room.online is None else room.online for room_id, room in known.rooms.items()}
    typing = {room_id: sorted(room.typing) for room_id, room in known.rooms.items()}
    return here, typing, {user_id: is_on for user_id, is_on in known.online.items() if is_on}
