"""What a request may ask of the database: each statement by name, whatever the size of the answer."""

from __future__ import annotations

from typing import Any

from tests.support.chat import WatchedDatabase
from tests.support.rest import Person, Rest


async def cost(rest: Rest, method: str, path: str, person: Person, status: int = 200, **more: Any) -> list[str]:
    """The statements of one request, after the one that authenticates it."""
    assert isinstance(rest.chat.database, WatchedDatabase)
    with rest.chat.database.watch() as names:
        await rest(method, path, person, status=status, **more)
    names = [name for name in names if not name.startswith("presence.")]
    assert names[0] == "auth.live"
    return names[1:]


async def test_the_statements_of_each_request(rest: Rest) -> None:
    ann, *others = [await rest.register() for _ in range(6)]
    room = await rest.room(ann, "tea", *others)
    for number in range(20):
        await rest.send(ann, room, f"m{number}")
    sent = await rest.send(others[0], room, "last")
    tea, one = f"/api/rooms/{room['roomId']}", f"/api/messages/{sent['id']}"

    assert await cost(rest, "GET", "/api/users", ann) == ["users.page", "users.count"]
    assert await cost(rest, "GET", "/api/users/search/person", ann) == ["users.search"]
    assert await cost(rest, "GET", f"/api/users/{ann.id}", ann) == ["users.by_id"]
    assert await cost(rest, "GET", "/api/rooms", ann) == ["rooms.page", "rooms.count"]
    assert await cost(rest, "GET", tea, ann) == ["rooms.by_id", "rooms.active_users", "rooms.unread"]
    assert await cost(rest, "GET", f"{tea}/stats", ann) == ["rooms.by_id", "rooms.active_users", "rooms.unread"]
    assert await cost(rest, "GET", f"{tea}/members", ann) == ["rooms.by_id", "members.page"]
    assert await cost(rest, "GET", f"{tea}/users", ann) == [
        "rooms.by_id",
        "members.connected",
        "members.count_connected",
    ]
    for limit in (1, 20):
        page = await cost(rest, "GET", f"{tea}/messages?limit={limit}", ann)
        assert page == ["rooms.by_id", "messages.before", "members.watermarks"]
    page = await cost(rest, "GET", f"{tea}/messages?after=0", ann)
    assert page == ["rooms.by_id", "messages.after", "members.watermarks"]
    seen = ["messages.by_id", "rooms.by_id"]
    assert await cost(rest, "GET", f"{one}/history", ann) == [*seen, "messages.edits"]
    assert await cost(rest, "GET", f"{one}/reads", ann) == [*seen, "receipts.readers", "members.watermarks"]
    posted = await cost(rest, "POST", f"{tea}/messages", ann, 201, json={"message": "x"})
    assert posted == ["rooms.by_id", "messages.append", *seen, "members.watermarks"]
    edited = await cost(rest, "PATCH", one, others[0], json={"message": "x"})
    assert edited == [*seen, "messages.edit", "members.watermarks"]
    deleted = await cost(rest, "DELETE", one, others[0])
    assert deleted == [*seen, "messages.delete", "messages.by_id"]
    left = await cost(rest, "POST", f"{tea}/leave", others[0])
    assert left == ["rooms.by_id", "members.leave_room"]
    joined = await cost(rest, "POST", f"{tea}/join", others[0])
    figures = ["rooms.by_id", "rooms.active_users", "rooms.unread"]
    assert joined == ["rooms.by_id", "members.count_rooms", "members.join_room", "rooms.by_id", *figures]
