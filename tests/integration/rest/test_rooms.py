"""Rooms and membership over REST."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.support.rest import Rest

from hubbub.domain.changes import Change


def told(rest: Rest) -> list[tuple[str, int]]:
    """What rooms have been told: event and number."""
    published = rest.chat.bus.published  # type: ignore[attr-defined]
    return [(hint.event, hint.number) for hint in published if isinstance(hint, Change)]


async def test_a_room_is_made(rest: Rest) -> None:
    ann = await rest.register()
    body = {"name": "  Tea & Co ", "description": "About tea", "isPrivate": True, "createdBy": str(uuid4()), "seq": 99}
    room = (await rest("POST", "/api/rooms", ann, json=body, status=201))["data"]
    assert room["name"] == room["room"] == "Tea & Co"
    assert (room["description"], room["isPrivate"], room["createdBy"]) == ("About tea", True, ann.id)
    assert (room["member"], room["memberCount"], room["seq"], room["unread"]) == (True, 1, 1, 0)
    for path in (room["roomId"], quote("Tea & Co", safe="")):
        assert (await rest("GET", f"/api/rooms/{path}", ann))["data"] == room


ROOM_NAMES = [
    "Überraschung",
    "日本語",
    "100%",
    "%41",
    "a?b#c",
    "a+b",
    "a b",
    "\U0001f469\u200d\U0001f680",
    "a\\b",
    "__proto__",
]


async def test_a_room_is_found_by_its_name_whatever_that_holds(rest: Rest) -> None:
    ann = await rest.register()
    for name in ROOM_NAMES:
        await rest.room(ann, name)
        found = (await rest("GET", f"/api/rooms/{quote(name, safe='')}", ann))["data"]
        assert found["name"] == unicodedata.normalize("NFC", name)
        await rest("GET", f"/api/rooms/{quote(name, safe='')}/messages", ann)


BAD_FIELDS: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "   "),
    ("name", "n" * 101),
    ("name", "a\nb"),
    ("name", "a\0b"),
    ("name", "a\u202eb"),
    ("name", "a\u200bb"),
    ("name", "00000000-0000-4000-8000-000000000000"),
    ("name", None),
    ("name", 5),
    ("description", "d" * 2001),
    ("description", "\0"),
    ("description", []),
    ("isPrivate", "true"),
    ("isPrivate", 1),
    ("isPrivate", None),
]


async def test_a_bad_field_is_named(rest: Rest) -> None:
    ann = await rest.register()
    for field, value in BAD_FIELDS:
        answer = await rest("POST", "/api/rooms", ann, json={"name": "x", field: value}, status=422)
        assert list(answer["fields"]) == [field], value


async def test_a_name_is_given_once(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    await rest.room(ann, "tea", isPrivate=True)
    answer = await rest("POST", "/api/rooms", ben, json={"name": "tea"}, status=409)
    assert answer["fields"] == {"name": "This name is taken"}
    other = await rest.room(ben, "coffee")
    await rest("PATCH", f"/api/rooms/{other['roomId']}", ben, json={"name": "tea"}, status=409)


async def test_the_same_key_makes_one_room(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    key = {"Idempotency-Key": "room-1"}
    first = await rest("POST", "/api/rooms", ann, json={"name": "tea"}, headers=key, status=201)
    again = await rest("POST", "/api/rooms", ann, json={"name": "tea"}, headers=key, status=201)
    assert again == first
    await rest("POST", "/api/rooms", ann, json={"name": "coffee"}, headers=key, status=409)
    await rest("POST", "/api/rooms", ben, json={"name": "coffee"}, headers=key, status=201)
    for bad in ("", "k" * 65, "a b", "é"):
        headers = {b"idempotency-key": bad.encode("latin-1")}
        answer = await rest("POST", "/api/rooms", ann, json={"name": "x"}, headers=headers, status=422)
        assert list(answer["fields"]) == ["Idempotency-Key"]


async def test_rooms_are_listed_by_name_each_once(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    for number in range(5):
        await rest.room(ann, f"r{number}", isPrivate=number % 2 == 1)
    for person, names in ((ann, ["r0", "r1", "r2", "r3", "r4"]), (ben, ["r0", "r2", "r4"])):
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = await rest("GET", "/api/rooms", person, params=query)
            assert page["total"] == 3 + len(names)
            seen += [room["name"] for room in page["data"]]
            if page["nextCursor"] is None:
                break
            query["cursor"] = page["nextCursor"]
        assert seen == sorted(["general", "random", "tech", *names])
        second = await rest("GET", "/api/rooms", person, params={"limit": 2, "offset": 2})
        assert [room["name"] for room in second["data"]] == seen[2:4]
    await rest("GET", "/api/rooms?cursor=%00", ann, status=422)


async def test_a_room_is_changed_by_whoever_made_it(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", ben)
    path = f"/api/rooms/{room['roomId']}"
    before = told(rest)
    await rest("PATCH", path, ben, json={"name": "coffee"}, status=403)
    changed = (await rest("PATCH", path, ann, json={"name": "mate", "description": "New", "isPrivate": True}))["data"]
    assert (changed["name"], changed["description"], changed["isPrivate"]) == ("mate", "New", True)
    assert changed["seq"] == room["seq"] + 2
    assert (await rest("PATCH", path, ann, json={}))["data"] == changed
    assert (await rest("PATCH", path, ann, json={"description": None}))["data"]["description"] is None
    assert told(rest)[len(before) :] == [("room-updated", changed["seq"]), ("room-updated", changed["seq"] + 1)]
    await rest("GET", "/api/rooms/tea", ann, status=404)
    await rest("PATCH", path, ann, json={"name": None}, status=422)


async def test_a_deleted_room_is_gone(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", ben)
    sent = await rest.send(ben, room, "Hello")
    path = f"/api/rooms/{room['roomId']}"
    await rest("DELETE", path, ben, status=403)
    await rest("DELETE", path, ann)
    await rest("DELETE", path, ann, status=404)
    for person in (ann, ben):
        await rest("GET", path, person, status=404)
        await rest("GET", f"{path}/messages", person, status=404)
        await rest("POST", f"{path}/messages", person, json={"message": "x"}, status=404)
        await rest("POST", f"{path}/join", person, status=404)
        await rest("GET", f"/api/messages/{sent['id']}/reads", person, status=404)
        await rest("PATCH", f"/api/messages/{sent['id']}", person, json={"message": "x"}, status=404)
    await rest.room(ben, "tea")


async def test_joining_and_leaving(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea")
    await rest.send(ann, room, "before")
    before = len(told(rest))
    joined = await rest("POST", "/api/rooms/tea/join", ben)
    assert joined == {"success": True, "room": "tea", "roomId": room["roomId"], "seq": 3, "unread": 0}
    assert await rest("POST", "/api/rooms/tea/join", ben) == joined
    await rest.send(ann, room, "after")
    assert (await rest("POST", "/api/rooms/tea/join", ben))["unread"] == 1
    left = await rest("POST", "/api/rooms/tea/leave", ben)
    assert left == {"success": True, "room": "tea", "roomId": room["roomId"]}
    assert await rest("POST", "/api/rooms/tea/leave", ben) == left
    events = [event for event, _ in told(rest)[before:]]
    assert events == ["user-joined", "receive-message", "user-left"]
    assert [number for _, number in told(rest)[before:]] == [3, 4, 5]
    await rest("POST", "/api/rooms/tea/messages", ben, json={"message": "x"}, status=403)
    await rest("GET", "/api/rooms/tea/messages", ben)


async def test_members_are_walked_once(rest: Rest) -> None:
    people = [await rest.register() for _ in range(5)]
    room = await rest.room(people[0], "tea", *people[1:])
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = await rest("GET", "/api/rooms/tea/members", people[1], params=query)
        assert page["total"] == 5
        assert {member["roomId"] for member in page["data"]} == {room["roomId"]}
        seen += [member["userId"] for member in page["data"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert sorted(seen) == sorted(person.id for person in people)
    await rest("GET", "/api/rooms/tea/members?cursor=x", people[1], status=422)


async def test_letting_in_and_putting_out(rest: Rest) -> None:
    ann, ben, carl = await rest.register(), await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", isPrivate=True)
    path = f"/api/rooms/{room['roomId']}/members"
    await rest("POST", f"/api/rooms/{room['roomId']}/join", ben, status=404)
    await rest("POST", path, ann, json={"userId": ben.id})
    await rest("POST", path, ann, json={"userId": ben.id})
    await rest("POST", path, ben, json={"userId": carl.id}, status=403)
    await rest("DELETE", f"{path}/{ann.id}", ben, status=403)
    await rest("POST", path, ann, json={"userId": str(uuid4())}, status=404)
    answer = await rest("POST", path, ann, json={"userId": "ben"}, status=422)
    assert list(answer["fields"]) == ["userId"]
    await rest.send(ben, room, "Hello")
    await rest("DELETE", f"{path}/{ben.id}", ann)
    await rest("DELETE", f"{path}/{ben.id}", ann, status=404)
    await rest("GET", path, ben, status=404)
    await rest("POST", f"/api/rooms/{room['roomId']}/messages", ben, json={"message": "x"}, status=404)
    events = [event for event, _ in told(rest)]
    assert events == ["user-joined", "receive-message", "user-left"]


async def test_who_is_connected_and_the_figures(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", ben)
    await rest.send(ann, room, "one")
    last = await rest.send(ann, room, "two")
    assert await rest("GET", "/api/rooms/tea/users", ben) == {"success": True, "data": [], "total": 0}
    assert (await rest("GET", "/api/rooms/tea/stats", ben))["data"] == {
        "totalMessages": 2,
        "totalMembers": 2,
        "activeUsers": 0,
        "unreadCount": 2,
        "lastMessageAt": last["timestamp"],
    }
    assert (await rest("GET", "/api/rooms/tea/stats", ann))["data"]["unreadCount"] == 0


async def test_a_private_room_is_not_there_for_a_stranger(rest: Rest) -> None:
    ann, stranger = await rest.register(), await rest.register()
    room = await rest.room(ann, "hidden", isPrivate=True)
    sent = await rest.send(ann, room, "a secret")
    requests: list[tuple[str, str, Any]] = [
        ("GET", "/api/rooms/{room}", None),
        ("PATCH", "/api/rooms/{room}", {"name": "x"}),
        ("DELETE", "/api/rooms/{room}", None),
        ("POST", "/api/rooms/{room}/join", None),
        ("POST", "/api/rooms/{room}/leave", None),
        ("GET", "/api/rooms/{room}/members", None),
        ("POST", "/api/rooms/{room}/members", {"userId": stranger.id}),
        ("DELETE", f"/api/rooms/{{room}}/members/{ann.id}", None),
        ("GET", "/api/rooms/{room}/users", None),
        ("GET", "/api/rooms/{room}/messages", None),
        ("POST", "/api/rooms/{room}/messages", {"message": "x"}),
        ("GET", "/api/rooms/{room}/stats", None),
        ("PATCH", "/api/messages/{message}", {"message": "x"}),
        ("DELETE", "/api/messages/{message}", None),
        ("GET", "/api/messages/{message}/history", None),
        ("GET", "/api/messages/{message}/reads", None),
        ("GET", "/api/messages/{message}/deliveries", None),
    ]
    for method, path, body in requests:
        answers = []
        for room_ref, message_id in (
            (room["roomId"], sent["id"]),
            ("hidden", sent["id"]),
            (str(uuid4()), str(uuid4())),
            ("no such room", room["roomId"]),
            ("%00", stranger.id),
        ):
            address = path.format(room=room_ref, message=message_id)
            answer = await rest(method, address, stranger, json=body, status=404)
            assert answer.pop("instance")
            answers.append(answer)
        assert all(answer == answers[0] for answer in answers), path
    assert (await rest("GET", "/api/rooms/hidden", ann))["data"]["memberCount"] == 1
    assert [room["name"] for room in (await rest("GET", "/api/rooms", stranger))["data"]] == [
        "general",
        "random",
        "tech",
    ]
