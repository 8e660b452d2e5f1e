"""Messages over REST: send, page, edit, delete, receipts; each once, each in its place."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import msgspec
from tests.support.rest import Person, Rest, rest_of

from hubbub.chat.sign_in import authenticate


async def mark(rest: Rest, person: Person, message: dict[str, Any], *, is_read: bool) -> None:
    """Receipts come over the socket; here they are marked by the use case behind it."""
    actor = await authenticate(rest.chat, person.token)
    await rest.chat.receipts.mark(actor, UUID(message["id"]), is_read=is_read)


async def test_a_message_is_sent_and_read(rest: Rest) -> None:
    ann, ben = await rest.register("ann", displayName="Ann"), await rest.register()
    room = await rest.room(ann, "tea", ben)
    sent = await rest.send(ann, room, "Hello, Ben \U0001f44b", clientId="c-1", seq=99, userId=ben.id, readCount=5)
    assert sent["message"] == "Hello, Ben \U0001f44b"
    assert (sent["room"], sent["roomId"], sent["seq"], sent["changeSeq"]) == ("tea", room["roomId"], 3, 3)
    assert (sent["userId"], sent["username"], sent["displayName"]) == (ann.id, "ann", "Ann")
    assert (sent["clientId"], sent["replyTo"], sent["deleted"], sent["editedAt"]) == ("c-1", None, False, None)
    assert (sent["delivered"], sent["read"], sent["deliveredTo"], sent["readBy"]) == (False, False, [], [])
    page = await rest("GET", "/api/rooms/tea/messages", ben)
    assert page == {"success": True, "data": [sent], "total": 1, "nextCursor": None}
    reply = await rest.send(ben, room, "Hello, Ann", replyTo=sent["id"])
    assert reply["replyTo"] == sent["id"]


BAD_FIELDS: list[Any] = [
    ({}, 422, "message"),
    ({"message": ""}, 422, "message"),
    ({"message": " \n"}, 422, "message"),
    ({"message": "a\0b"}, 422, "message"),
    ({"message": 5}, 422, "message"),
    ({"message": None}, 422, "message"),
    ({"message": {"text": "x"}}, 422, "message"),
    ({"message": "é" * 8193}, 413, None),
    ({"message": "x", "clientId": ""}, 422, "clientId"),
    ({"message": "x", "clientId": "c" * 65}, 422, "clientId"),
    ({"message": "x", "clientId": "a b"}, 422, "clientId"),
    ({"message": "x", "clientId": "é"}, 422, "clientId"),
    ({"message": "x", "replyTo": "first"}, 422, "replyTo"),
    ({"message": "x", "replyTo": "00000000-0000-4000-8000-000000000000"}, 422, "replyTo"),
    ([], 422, "body"),
    ("x", 422, "body"),
    (None, 422, "body"),
]


async def test_a_bad_field_is_named(rest: Rest) -> None:
    ann = await rest.register()
    await rest.room(ann, "tea")
    for body, status, field in BAD_FIELDS:
        answer = await rest(
            "POST", "/api/rooms/tea/messages", ann, content=msgspec.json.encode(body), headers=JSON, status=status
        )
        assert list(answer.get("fields", {})) == ([field] if field else []), body
    assert (await rest("GET", "/api/rooms/tea/messages", ann))["total"] == 0


JSON = {"content-type": "application/json"}


async def test_the_longest_message_is_taken(rest: Rest) -> None:
    ann = await rest.register()
    room = await rest.room(ann)
    text = "é" * 8192
    assert (await rest.send(ann, room, text))["message"] == text


async def test_the_same_key_is_stored_once(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room, other = await rest.room(ann, "tea", ben), await rest.room(ann, "coffee")
    path = "/api/rooms/tea/messages"
    first = await rest("POST", path, ann, json={"message": "one", "clientId": "k"}, status=201)
    assert first["duplicate"] is False
    again = await rest("POST", path, ann, json={"message": "one"}, headers={"Idempotency-Key": "k"})
    assert again == {**first, "duplicate": True}
    same = {"message": "one", "clientId": "k"}
    assert await rest("POST", path, ann, json=same, headers={"Idempotency-Key": "k"}) == again
    differ = await rest("POST", path, ann, json=same, headers={"Idempotency-Key": "other"}, status=422)
    assert list(differ["fields"]) == ["clientId"]
    for place, text in (("tea", "two"), ("coffee", "one")):
        body = {"message": text, "clientId": "k"}
        answer = await rest("POST", f"/api/rooms/{place}/messages", ann, json=body, status=409)
        assert answer["code"] == "conflict"
    await rest("POST", path, ben, json={"message": "two", "clientId": "k"}, status=201)
    await rest("PATCH", f"/api/messages/{first['message']['id']}", ann, json={"message": "one, mended"})
    late = await rest("POST", path, ann, json=same)
    assert (late["duplicate"], late["message"]["message"]) == (True, "one, mended")
    await rest("DELETE", f"/api/messages/{first['message']['id']}", ann)
    later = await rest("POST", path, ann, json=same)
    assert (later["duplicate"], later["message"]["message"], later["message"]["deleted"]) == (True, "", True)
    assert (await rest("GET", f"/api/rooms/{other['roomId']}/messages", ann))["total"] == 0
    assert room["roomId"] == first["message"]["roomId"]


async def test_one_key_at_once_is_stored_once(rest: Rest) -> None:
    ann = await rest.register()
    await rest.room(ann, "tea")
    headers = {"Authorization": f"Bearer {ann.token}", "Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(rest.http.post("/api/rooms/tea/messages", json={"message": "one"}, headers=headers) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["message"]["id"] for answer in answers}) == 1


async def test_a_reply_is_to_a_message_of_the_same_room(rest: Rest) -> None:
    ann = await rest.register()
    elsewhere = await rest.send(ann, await rest.room(ann, isPrivate=True), "hidden")
    await rest.room(ann, "tea")
    body = {"message": "x", "replyTo": elsewhere["id"]}
    answer = await rest("POST", "/api/rooms/tea/messages", ann, json=body, status=422)
    assert list(answer["fields"]) == ["replyTo"]


async def walk(rest: Rest, person: Person, query: dict[str, Any]) -> list[list[int]]:
    """All pages of a room from a first query on, each as the places it holds."""
    pages = []
    while True:
        page = await rest("GET", "/api/rooms/tea/messages", person, params=query)
        assert page["total"] == 9
        pages.append([message["seq"] for message in page["data"]])
        if page["nextCursor"] is None:
            return pages
        query = {**query, "cursor": page["nextCursor"]}


async def test_pages_hold_every_message_once_in_order(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea")
    places = [(await rest.send(ann, room, f"m{number}"))["seq"] for number in range(5)]
    await rest("POST", "/api/rooms/tea/join", ben)
    places += [(await rest.send(ann, room, f"m{number}"))["seq"] for number in range(5, 9)]
    assert places == [2, 3, 4, 5, 6, 8, 9, 10, 11]

    backwards = await walk(rest, ben, {"limit": 4})
    assert [page for page in backwards if page] == [[8, 9, 10, 11][-4:], [3, 4, 5, 6], [2]]
    forwards = await walk(rest, ben, {"limit": 4, "after": 0})
    assert [page for page in forwards if page] == [[2, 3, 4, 5], [6, 8, 9, 10], [11]]
    from_the_middle = await walk(rest, ben, {"limit": 2, "before": 6})
    assert [page for page in from_the_middle if page] == [[4, 5], [2, 3]]
    older = await rest("GET", "/api/rooms/tea/messages", ben, params={"limit": 4, "offset": 4})
    assert [message["seq"] for message in older["data"]] == [3, 4, 5, 6]
    last = await rest("GET", "/api/rooms/tea/messages", ben, params={"after": 11})
    assert (last["data"], last["nextCursor"]) == ([], None)


BAD_PAGES: list[tuple[str, str]] = [
    ("before=1&after=2", "after"),
    ("before=-1", "before"),
    ("after=x", "after"),
    ("after=9007199254740992", "after"),
    ("before=1e400", "before"),
    ("cursor=x", "cursor"),
    ("cursor=-1", "cursor"),
    ("cursor=%D9%A1", "cursor"),
    ("cursor=99999999999999999999", "cursor"),
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("offset=10001", "offset"),
    ("offset=1000000000000", "offset"),
]


async def test_a_page_that_cannot_be_is_refused(rest: Rest) -> None:
    ann = await rest.register()
    await rest.room(ann, "tea")
    for query, field in BAD_PAGES:
        answer = await rest("GET", f"/api/rooms/tea/messages?{query}", ann, status=422)
        assert list(answer["fields"]) == [field], query


async def test_an_edit_keeps_the_text_before_it(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", ben)
    sent = await rest.send(ann, room, "first")
    path = f"/api/messages/{sent['id']}"
    assert (await rest("GET", f"{path}/history", ben))["data"] == []
    second = (await rest("PATCH", path, ann, json={"message": "second"}))["message"]
    assert (second["message"], second["seq"], second["changeSeq"]) == ("second", sent["seq"], sent["seq"] + 1)
    assert second["editedAt"] is not None
    assert (await rest("PATCH", path, ann, json={"message": "second"}))["message"] == second
    third = (await rest("PATCH", path, ann, json={"message": "third"}))["message"]
    assert third["changeSeq"] == second["changeSeq"] + 1
    edits = (await rest("GET", f"{path}/history", ben))["data"]
    assert [(edit["message"], edit["editedBy"]) for edit in edits] == [("first", ann.id), ("second", ann.id)]
    assert (await rest("GET", "/api/rooms/tea/messages", ben))["data"] == [third]
    for person, body, status in (
        (ben, {"message": "x"}, 403),
        (ann, {"message": ""}, 422),
        (ann, {"message": " "}, 422),
        (ann, {"message": "x" * 16_385}, 413),
        (ann, {}, 422),
    ):
        await rest("PATCH", path, person, json=body, status=status)
    await rest("POST", "/api/rooms/tea/leave", ben)
    mine = await rest.send(ann, room, "mine")
    await rest("POST", "/api/rooms/tea/leave", ann)
    await rest("PATCH", f"/api/messages/{mine['id']}", ann, json={"message": "x"}, status=403)


async def test_a_deleted_message_keeps_its_place_and_loses_its_text(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, "tea", ben)
    sent = await rest.send(ben, room, "a mistake")
    other = await rest.send(ann, room, "no mistake")
    path = f"/api/messages/{sent['id']}"
    await rest("PATCH", path, ben, json={"message": "a bad mistake"})
    await rest("DELETE", f"/api/messages/{other['id']}", ben, status=403)
    deleted = await rest("DELETE", path, ben)
    assert deleted == {"success": True, "id": sent["id"], "changeSeq": other["seq"] + 2}
    assert await rest("DELETE", path, ben) == deleted
    page = await rest("GET", "/api/rooms/tea/messages", ann)
    assert [(m["seq"], m["deleted"], m["message"]) for m in page["data"]] == [
        (sent["seq"], True, ""),
        (other["seq"], False, "no mistake"),
    ]
    assert page["total"] == 1
    await rest("PATCH", path, ben, json={"message": "x"}, status=410)
    await rest("GET", f"{path}/history", ann, status=410)
    by_owner = await rest.send(ben, room, "rude")
    await rest("DELETE", f"/api/messages/{by_owner['id']}", ann)


async def test_receipts(rest: Rest) -> None:
    ann, ben, carl = [await rest.register() for _ in range(3)]
    room = await rest.room(ann, "tea", ben, carl)
    first, second = await rest.send(ann, room, "one"), await rest.send(ann, room, "two")
    await mark(rest, ben, second, is_read=True)
    await mark(rest, carl, first, is_read=False)
    one, two = (await rest("GET", "/api/rooms/tea/messages", ann))["data"]
    assert (one["delivered"], one["read"], one["deliveredCount"], one["readCount"]) == (True, True, 2, 1)
    assert (sorted(one["deliveredTo"]), one["readBy"]) == (sorted([ben.id, carl.id]), [ben.id])
    assert (two["deliveredTo"], two["readBy"]) == ([ben.id], [ben.id])
    reads = await rest("GET", f"/api/messages/{first['id']}/reads", carl)
    assert ([who["userId"] for who in reads["data"]], reads["total"], reads["nextCursor"]) == ([ben.id], 1, None)
    assert reads["data"][0]["at"] is not None
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = await rest("GET", f"/api/messages/{first['id']}/deliveries", carl, params=query)
        assert page["total"] == 2
        seen += [who["userId"] for who in page["data"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert sorted(seen) == sorted([ben.id, carl.id])
    await rest("GET", f"/api/messages/{first['id']}/reads?cursor=x", carl, status=422)
    await rest("DELETE", f"/api/users/{ben.id}", ben)
    reads = await rest("GET", f"/api/messages/{first['id']}/reads", carl)
    assert [who["username"] for who in reads["data"]] == ["deleted user"]


async def test_in_a_large_room_receipts_are_counted(database: str) -> None:
    async with rest_of(database, receipt_rows_max_members=1) as rest:
        ann, ben = await rest.register(), await rest.register()
        room = await rest.room(ann, "tea", ben)
        sent = await rest.send(ann, room, "one")
        await mark(rest, ben, sent, is_read=True)
        reads = await rest("GET", f"/api/messages/{sent['id']}/reads", ann)
        assert [(who["userId"], who["at"]) for who in reads["data"]] == [(ben.id, None)]


async def test_an_id_of_no_message(rest: Rest) -> None:
    ann = await rest.register()
    room = await rest.room(ann)
    for number in (str(uuid4()), room["roomId"], ann.id):
        await rest("PATCH", f"/api/messages/{number}", ann, json={"message": "x"}, status=404)
        await rest("DELETE", f"/api/messages/{number}", ann, status=404)
        await rest("GET", f"/api/messages/{number}/reads", ann, status=404)
