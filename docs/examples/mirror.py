"""What a client knows of its rooms, and how each thing that Hubbub sends changes it: docs/howto/clients.md as code.

No network, no library: you give it what came, it says what to ask for. `Mirror.ready` answers which rooms to `sync` and from
where; `to_load` names the rooms to read afresh by REST. It is held against the server for every event there is in
tests/integration/sockets/test_mirror.py.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_UNKNOWN: Json = {
    "userId": None, "changeSeq": 0, "delivered": False, "read": False, "deliveredCount": 0, "readCount": 0,
    "deliveredTo": [], "readBy": [],
}  # fmt: skip


class Room:
    """One room.

    Attributes:
        at: the cursor: everything up to this number is in here.
        ahead: the latest number that came live while a `sync` is still under way; the cursor once that is done.
        face, messages, members: each with the number of its latest change as `changeSeq`.
        here, typing: ids of people; these pass, and have no numbers.
        online: how many are here, where they are too many to name; else None.
    """

    def __init__(self, at: int) -> None:
        self.at = self.ahead = at
        self.is_syncing = False
        self.face: Json = {"changeSeq": 0}
        self.messages: dict[str, Json] = {}
        self.members: dict[str, Json] = {}
        self.here: set[str] = set()
        self.typing: set[str] = set()
        self.online: int | None = None
        self.read_seq = 0

    def unread(self, me: str) -> int:
        return sum(
            one["seq"] > self.read_seq and one["userId"] != me and not one["deleted"] for one in self.messages.values()
        )

    def take_message(self, new: Json) -> None:
        """A message in its present state: whichever has the higher number is the newer. Receipts only grow."""
        old = self.messages.get(new["id"])
        if old is None:
            self.messages[new["id"]] = dict(new)
            return
        newer = new if new["changeSeq"] >= old["changeSeq"] else old
        self.messages[new["id"]] = newer | {
            "delivered": old["delivered"] or new["delivered"],
            "read": old["read"] or new["read"],
            "deliveredCount": max(old["deliveredCount"], new["deliveredCount"]),
            "readCount": max(old["readCount"], new["readCount"]),
            "deliveredTo": [*dict.fromkeys([*old.get("deliveredTo", []), *new.get("deliveredTo", [])])],
            "readBy": [*dict.fromkeys([*old.get("readBy", []), *new.get("readBy", [])])],
        }

    def take_member(self, user_id: str, active: bool, number: int) -> None:
        """A coming or a going; 0 is the number of a list of members."""
        if number >= self.members.get(user_id, {"changeSeq": 0})["changeSeq"]:
            self.members[user_id] = {"active": active, "changeSeq": number}

    def take_face(self, face: Json, number: int) -> None:
        if number >= self.face["changeSeq"]:
            self.face = {**face, "changeSeq": number}

    def reached(self, seq: int, people: list[str], flag: str, count: str, names: str) -> None:
        """These people have been given, or have read, everything up to `seq`; one's own messages do not count."""
        for one in self.messages.values():
            for person in people:
                if one["seq"] <= seq and one["userId"] != person and person not in one[names]:
                    one |= {flag: True, count: one[count] + 1, names: [*one[names], person]}


class Mirror:
    """All that one person's client knows.

    Attributes:
        rooms: by id.
        to_load: rooms that one has come into: read them by REST, then `loaded`.
        online: by the id of a person.
    """

    def __init__(self, me: str) -> None:
        self.me = me
        self.epoch = ""
        self.rooms: dict[str, Room] = {}
        self.to_load: set[str] = set()
        self.online: dict[str, bool] = {}

    def ready(self, data: Json) -> dict[str, int]:
        """Connected, again or for the first time. What to `sync`: room id and number. (`ready` names 500 rooms at most.)"""
        if data["epoch"] != self.epoch:
            self.rooms.clear()
        for room in self.rooms.values():
            room.ahead = room.at  # what came live while a `sync` was cut off does not count
        self.epoch = data["epoch"]
        mine = {room["roomId"]: room for room in data["rooms"]}
        if len(mine) < 500:
            self.rooms = {room_id: room for room_id, room in self.rooms.items() if room_id in mine}
        for room_id, room in mine.items():
            if room_id not in self.rooms:
                self.to_load.add(room_id)
            else:
                self.rooms[room_id].read_seq = room["readSeq"]
                self.rooms[room_id].typing.clear()
        return self.behind()

    def behind(self) -> dict[str, int]:
        """All rooms and their cursors: `sync` them after every `ready`, and whenever a room has been loaded."""
        for room in self.rooms.values():
            room.is_syncing = True
        return {room_id: room.at for room_id, room in self.rooms.items()}

    def synced(self, asked: dict[str, int], answer: Json) -> dict[str, int]:
        """An answer to `sync`. What to ask next; nothing where that was all. On `resync_required` make a new Mirror."""
        again = {}
        for room_id in asked:
            page = answer["rooms"].get(room_id)
            if page is None:  # no longer mine to see
                self.rooms.pop(room_id, None)
                continue
            room = self.rooms.get(room_id)
            if room is None:  # left since, as a live event said
                continue
            for change in page["changes"]:
                if change["type"] == "message":
                    room.take_message(change)
                elif change["type"] == "member":
                    room.take_member(change["userId"], change["active"], change["changeSeq"])
                else:
                    room.take_face(_face(change["room"], change), change["changeSeq"])
            room.at = page["upTo"]
            if page["more"]:
                again[room_id] = room.at
            else:
                room.is_syncing, room.at = False, max(room.at, room.ahead)
                if not room.members.get(self.me, {"active": True})["active"]:
                    del self.rooms[room_id]  # anybody may read a public room, but it is no room of mine any more
        return again

    def loaded(self, info: Json, messages: list[Json], members: list[Json], here: list[Json], online: int) -> None:
        """A room as REST gave it; then `sync` what is `behind`. `info`, read first, says its cursor."""
        self.to_load.discard(info["roomId"])
        if not info["member"]:  # left since
            return
        room = self.rooms.setdefault(info["roomId"], Room(info["seq"]))
        room.online = online if online > len(here) else None
        room.read_seq, room.is_syncing = info["readSeq"] or 0, True
        room.take_face(_face(info["name"], info), 0)
        for message in messages:
            room.take_message(message)
        for member in members:
            room.take_member(member["userId"], True, 0)
        room.here = {person["userId"] for person in here}

    def apply(self, event: str, data: Any) -> None:
        """One event, in the order in which they come."""
        if event in ("message-history", "room-users"):
            if data and data[0]["roomId"] in self.rooms:
                room = self.rooms[data[0]["roomId"]]
                if event == "room-users":
                    room.here, room.online = {person["userId"] for person in data}, None
                else:
                    for message in data:
                        room.take_message(message)
            return
        if event == "user-status-update":
            self.online[data["userId"]] = data["online"]
            for room in self.rooms.values():
                if not data["online"]:
                    room.here.discard(data["userId"])
            return
        if event in ("ready", "error"):  # `ready` has a method of its own; an `error` changes nothing
            return
        known = self.rooms.get(data["roomId"])
        if known is None:
            if event == "user-joined" and data["userId"] == self.me:
                self.to_load.add(data["roomId"])
            return
        number = data.get("changeSeq")
        if number is not None and number <= known.at:
            return  # a `sync`, or the load, was faster
        self._apply(known, event, data)
        if number is not None:
            known.ahead = max(known.ahead, number)
            if not known.is_syncing:
                known.at = known.ahead

    def _apply(self, room: Room, event: str, data: Json) -> None:
        number = data.get("changeSeq")
        if event in ("receive-message", "message-updated"):
            room.take_message(data)
            room.typing.discard(data["userId"])
        elif event == "message-deleted":
            # Of a message that was never seen no more is left to know than its place.
            known = room.messages.setdefault(data["id"], {**_UNKNOWN, "id": data["id"], "seq": data["seq"]})
            if number >= known["changeSeq"]:
                known |= {"message": "", "deleted": True, "changeSeq": number}
        elif event == "message-status-update":
            people = [*data.get("deliveredTo", []), data["deliveredBy"]]
            room.reached(data["seq"], people, "delivered", "deliveredCount", "deliveredTo")
        elif event in ("message-read-update", "messages-marked-read"):
            reader = data["readByUser"] if event == "message-read-update" else data["readBy"]
            people = [reader, *(data.get("readBy", []) if event == "message-read-update" else [])]
            room.reached(data["seq"], people, "read", "readCount", "readBy")
            if self.me in people:
                room.read_seq = max(room.read_seq, data["seq"])
        elif event == "user-joined":
            if number is not None:
                room.take_member(data["userId"], True, number)
            else:
                room.here.add(data["userId"])
        elif event == "user-left" and number is not None:
            room.take_member(data["userId"], False, number)
            room.here.discard(data["userId"])
            room.typing.discard(data["userId"])
            if data["userId"] == self.me:
                del self.rooms[data["roomId"]]
        elif event == "room-updated":
            room.take_face(_face(data["name"], data), data["changeSeq"])
            if data["deleted"]:
                del self.rooms[data["roomId"]]
        elif event == "room-online":
            room.online = data["online"]
        elif event == "user-typing":
            (room.typing.add if data["isTyping"] else room.typing.discard)(data["userId"])


def _face(name: str, data: Json) -> Json:
    return {"name": name, "description": data["description"], "isPrivate": data["isPrivate"]}
