"""The directory, and one's own account, over REST."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from tests.support.rest import PASSWORD, Rest, rest_of

from hubbub.domain.changes import Renamed, Revoked


async def test_others_are_not_given_addresses(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    own = (await rest("GET", f"/api/users/{ann.id}", ann))["user"]
    seen = (await rest("GET", f"/api/users/{ann.id}", ben))["user"]
    assert {"email", "lastLogin"} <= own.keys()
    assert not {"email", "lastLogin", "password"} & seen.keys()
    for listed in (await rest("GET", "/api/users", ben))["users"]:
        assert not {"email", "lastLogin", "password"} & listed.keys()
    for found in (await rest("GET", f"/api/users/search/{ann.name}", ben))["results"]:
        assert not {"email", "lastLogin", "password"} & found.keys()


async def test_the_directory_is_walked_once(rest: Rest) -> None:
    people = [await rest.register() for _ in range(7)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = await rest("GET", "/api/users", people[0], params=query)
        assert page["total"] == 7
        seen += [user["userId"] for user in page["users"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert sorted(seen) == sorted(person.id for person in people)
    second = await rest("GET", "/api/users", people[0], params={"limit": 3, "offset": 3})
    assert [user["userId"] for user in second["users"]] == seen[3:6]


BAD_PAGES: list[Any] = [
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=ten", "limit"),
    ("offset=-1", "offset"),
    ("offset=10001", "offset"),
    ("offset=1000000000000000000000", "offset"),
    ("cursor=here", "cursor"),
    ("cursor=", "cursor"),
    ("cursor=" + "a" * 101, "cursor"),
]


async def test_a_page_that_cannot_be_is_refused(rest: Rest) -> None:
    ann = await rest.register()
    for query, field in BAD_PAGES:
        answer = await rest("GET", f"/api/users?{query}", ann, status=422)
        assert list(answer["fields"]) == [field]


WORDS: list[Any] = ["%", "_", "\\", "(a+)+$", "a & b:*", "' OR 1=1 --", "%00"]


async def test_a_search_is_literal(rest: Rest) -> None:
    ann = await rest.register("ann")
    for words in WORDS:
        if words == "%00":
            await rest("GET", "/api/users/search?q=%00", ann, status=422)
            continue
        for path, query in (("/api/users/search", {"q": words}), (f"/api/users/search/{_quoted(words)}", {})):
            found = await rest("GET", path, ann, params=query)
            assert found == {"success": True, "query": words, "results": [], "count": 0}


def _quoted(words: str) -> str:
    return quote(words, safe="")


async def test_search_finds_names_and_display_names(rest: Rest) -> None:
    ann = await rest.register("ann_lee")
    await rest.register("ben", displayName="Ben Annis 100%")
    await rest.register("carl")
    found = await rest("GET", "/api/users/search/ann", ann)
    assert [user["username"] for user in found["results"]] == ["ann_lee", "ben"]
    assert found["count"] == 2
    assert (await rest("GET", "/api/users/search", ann, params={"q": "100%"}))["count"] == 1
    assert (await rest("GET", "/api/users/search", ann, params={"q": "ann_"}))["count"] == 1
    assert (await rest("GET", "/api/users/search", ann, params={"q": "ann", "limit": 1}))["count"] == 1
    for query in ({}, {"q": ""}, {"q": " "}, {"q": "a" * 101}):
        answer = await rest("GET", "/api/users/search", ann, params=query, status=422)
        assert list(answer["fields"]) == ["q"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_names_are_changed_and_told(rest: Rest, method: str) -> None:
    ann = await rest.register()
    body: dict[str, Any] = {"displayName": "  Ann ", "bio": "Likes\ntea", "avatar": "/ann.png"}
    user = (await rest(method, f"/api/users/{ann.id}", ann, json=body))["user"]
    assert (user["displayName"], user["bio"], user["avatar"]) == ("Ann", "Likes\ntea", "/ann.png")
    assert isinstance(rest.chat.bus.published[-1], Renamed)  # type: ignore[attr-defined]
    user = (await rest(method, f"/api/users/{ann.id}", ann, json={"avatar": None, "role": "admin"}))["user"]
    assert (user["displayName"], user["bio"], user["avatar"], user["role"]) == ("Ann", "Likes\ntea", None, "user")
    for field, value in (
        ("displayName", None),
        ("displayName", ""),
        ("bio", "b" * 2001),
        ("avatar", "data:x"),
        ("bio", 1),
    ):
        answer = await rest(method, f"/api/users/{ann.id}", ann, json={field: value}, status=422)
        assert list(answer["fields"]) == [field]


async def test_another_account_is_not_ones_to_change(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    assert (await rest("PATCH", f"/api/users/{ben.id}", ann, json={"bio": "x"}, status=403))["code"] == "forbidden"
    assert (await rest("DELETE", f"/api/users/{ben.id}", ann, status=403))["code"] == "forbidden"
    assert (await rest("GET", f"/api/users/{ben.id}", ann))["user"]["bio"] is None


async def test_an_administrator_may(rest: Rest, database: str) -> None:
    ann, ben = await rest.register(), await rest.register()
    conn = await asyncpg.connect(database)
    try:
        await conn.execute("UPDATE users SET role = 'admin' WHERE user_id = $1::uuid", ann.id)
    finally:
        await conn.close()
    assert "email" in (await rest("GET", f"/api/users/{ben.id}", ann))["user"]
    await rest("PATCH", f"/api/users/{ben.id}", ann, json={"newPassword": "another password"})
    await rest("GET", "/api/auth/verify", ben, status=401)
    await rest("POST", "/api/auth/login", json={"username": ben.name, "password": "another password"})
    await rest("DELETE", f"/api/users/{ben.id}", ann)
    await rest("DELETE", f"/api/users/{ben.id}", ann, status=404)


async def test_a_new_password_ends_other_sessions(rest: Rest) -> None:
    ann = await rest.register("Ann")
    other = await rest("POST", "/api/auth/login", json={"username": "Ann", "password": PASSWORD})
    path = f"/api/users/{ann.id}"
    for current in ({}, {"currentPassword": "wrong"}):
        answer = await rest("PATCH", path, ann, json={"newPassword": "another password", **current}, status=422)
        assert list(answer["fields"]) == ["currentPassword"]
    await rest("PATCH", path, ann, json={"newPassword": "another password", "currentPassword": PASSWORD})
    await rest("GET", "/api/auth/verify", ann)
    await rest("GET", "/api/auth/verify", other["token"], status=401)
    await rest("POST", "/api/auth/refresh", json={"refreshToken": other["refreshToken"]}, status=401)
    (revoked,) = (hint for hint in rest.chat.bus.published if isinstance(hint, Revoked))  # type: ignore[attr-defined]
    assert len(revoked.session_ids) == 1
    await rest("POST", "/api/auth/login", json={"username": "Ann", "password": PASSWORD}, status=401)
    await rest("POST", "/api/auth/login", json={"username": "Ann", "password": "another password"})


async def test_guessing_the_present_password_is_slowed_down(rest: Rest) -> None:
    ann = await rest.register()
    body = {"newPassword": "another password", "currentPassword": "a guess"}
    for _ in range(10):
        await rest("PATCH", f"/api/users/{ann.id}", ann, json=body, status=422)
    await rest("PATCH", f"/api/users/{ann.id}", ann, json=body, status=429)


async def test_a_deleted_account_leaves_its_messages_as_a_deleted_users(rest: Rest) -> None:
    ann, ben = await rest.register("Ann"), await rest.register()
    room = await rest.room(ben, None, ann)
    sent = await rest.send(ann, room, "I was here")
    await rest("DELETE", f"/api/users/{ann.id}", ann)
    await rest("GET", "/api/auth/verify", ann, status=401)
    await rest("POST", "/api/auth/refresh", json={"refreshToken": ann.refresh_token}, status=401)
    await rest("POST", "/api/auth/login", json={"username": "Ann", "password": PASSWORD}, status=401)
    await rest("GET", f"/api/users/{ann.id}", ben, status=404)
    assert (await rest("GET", "/api/users/search/ann", ben))["count"] == 0
    assert (await rest("GET", f"/api/rooms/{room['roomId']}/members", ben))["total"] == 1
    (message,) = (await rest("GET", f"/api/rooms/{room['roomId']}/messages", ben))["data"]
    assert (message["username"], message["displayName"], message["avatar"]) == ("deleted user", "Deleted user", None)
    assert (message["message"], message["id"]) == ("I was here", sent["id"])
    await rest.register("Ann", email="ann@example.org")


async def test_erasure_takes_texts_and_author_away(rest: Rest, database: str) -> None:
    ann, ben = await rest.register("Ann"), await rest.register()
    room = await rest.room(ben, None, ann)
    first = await rest.send(ann, room, "a secret")
    await rest("PATCH", f"/api/messages/{first['id']}", ann, json={"message": "a lesser secret"})
    for number in range(3):
        await rest.send(ann, room, f"secret {number}")
    kept = await rest.send(ben, room, "no secret")
    await rest("DELETE", f"/api/users/{ann.id}?erase=true", ann)
    page = await rest("GET", f"/api/rooms/{room['roomId']}/messages", ben)
    assert [(m["deleted"], m["message"], m["userId"]) for m in page["data"]] == [(True, "", None)] * 4 + [
        (False, "no secret", ben.id)
    ]
    assert page["total"] == 1
    assert page["data"][-1]["seq"] == kept["seq"]
    conn = await asyncpg.connect(database)
    try:
        assert await conn.fetchval("SELECT count(*) FROM hubbub.message_edits") == 0
        assert await conn.fetchval("SELECT count(*) FROM users WHERE username ILIKE 'ann%' OR email ILIKE 'ann%'") == 0
    finally:
        await conn.close()


async def test_an_id_of_nobody(rest: Rest) -> None:
    ann = await rest.register()
    for path in (str(uuid4()), str((await rest.room(ann))["roomId"])):
        await rest("GET", f"/api/users/{path}", ann, status=404)
    for path in ("0", "-1", "1e9", "me", "' OR 1=1"):
        answer = await rest.http.get(f"/api/users/{path}", headers={"authorization": f"Bearer {ann.token}"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_lists_may_be_open(database: str) -> None:
    async with rest_of(database, public_directory=True) as rest:
        ann = await rest.register("Ann")
        await rest.room(ann, "open")
        await rest.room(ann, "closed", isPrivate=True)
        assert (await rest("GET", "/api/users"))["total"] == 1
        assert (await rest("GET", "/api/users/search/ann"))["count"] == 1
        rooms = await rest("GET", "/api/rooms")
        assert [room["name"] for room in rooms["data"]] == ["general", "open", "random", "tech"]
        assert all(room["member"] is False and room["unread"] is None for room in rooms["data"])
        await rest("GET", "/api/users", "no token", status=401)
        await rest("GET", f"/api/users/{ann.id}", status=401)
        await rest("GET", "/api/rooms/open", status=401)
        await rest("POST", "/api/rooms", json={"name": "x"}, status=401)
