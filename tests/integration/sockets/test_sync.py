"""`sync`: what did I miss? And the law behind it: state read, then events applied, equals state read later."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from uuid import UUID

import pytest
from tests.support.client import Client
from tests.support.people import Person
from tests.support.server import Running, by_events

from hubbub.chat.members import add_member, leave_room, remove_member
from hubbub.chat.rooms import update_room
from hubbub.domain import limits
from hubbub.domain.changes import Hint
from hubbub.domain.commands import UpdateRoom


def epoch(server: Running) -> str:
    return server.chat.database.epoch.told


async def test_sync_gives_what_changed_in_order_of_change(server: Running) -> None:
    ann, bob = await server.pair()
    general, at = await server.room_id(), await server.last_seq()
    sent = [await ann.ok("send-message", {"message": str(n)}) for n in range(4)]
    await ann.ok("edit-message", {"id": sent[0]["id"], "message": "edited"})
    await ann.ok("delete-message", {"id": sent[1]["id"]})
    await (await server.connect(await server.person("eve"))).ok("join", "general")
    await server.db.execute("UPDATE rooms SET description = 'new' WHERE room_name = 'general'")
    answer = await bob.ok("sync", {"epoch": epoch(server), "rooms": {general: at}})
    assert (answer["epoch"], answer["more"]) == (epoch(server), False)
    page = answer["rooms"][general]
    assert (page["room"], page["upTo"], page["more"]) == ("general", await server.last_seq(), False)
    assert [(one["type"], one["changeSeq"] - at) for one in page["changes"]] == [
        ("message", 3), ("message", 4), ("message", 5), ("message", 6), ("member", 7), ("room", 8),
    ]  # fmt: skip
    assert [(one["message"], one["deleted"]) for one in page["changes"][:4]] == [
        ("2", False), ("3", False), ("edited", False), ("", True),
    ]  # fmt: skip
    assert (page["changes"][4]["username"], page["changes"][4]["active"]) == ("eve", True)
    assert page["changes"][5]["description"] == "new"
    as_text = json.dumps({"epoch": epoch(server), "rooms": {general: at}})
    assert await bob.ok("sync", as_text) == answer
    nothing = await bob.ok("sync", {"epoch": epoch(server), "rooms": {general: page["upTo"]}})
    assert (nothing["rooms"][general]["changes"], nothing["rooms"][general]["upTo"]) == ([], page["upTo"])


async def test_sync_is_paged(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _ = await server.pair()
    await ann.ok("join", "tech")
    ids = {name: await server.room_id(name) for name in ("general", "tech")}
    for n in range(25):
        for name in ids:
            await ann.ok("send-message", {"message": str(n), "room": name})
    monkeypatch.setattr(limits, "SYNC_PAGE", 7)
    monkeypatch.setattr(limits, "SYNC_CHANGES", 10)
    cursors = dict.fromkeys(ids.values(), 0)
    heard: dict[str, list[int]] = {room_id: [] for room_id in ids.values()}
    asked = 0
    more = True
    while more:
        asked += 1
        assert asked < 30
        answer = await ann.ok("sync", {"epoch": epoch(server), "rooms": cursors})
        assert sum(len(page["changes"]) for page in answer["rooms"].values()) <= 10
        for room_id, page in answer["rooms"].items():
            heard[room_id] += [one["changeSeq"] for one in page["changes"]]
            cursors[room_id] = page["upTo"]
        more = answer["more"]
        assert more == any(page["more"] for page in answer["rooms"].values())
    for name, room_id in ids.items():
        assert heard[room_id] == list(range(1, await server.last_seq(name) + 1))


async def test_another_epoch_or_a_number_not_reached_needs_a_fresh_start(server: Running) -> None:
    ann, _ = await server.pair()
    general, now = await server.room_id(), epoch(server)
    await ann.fails("sync", {"epoch": "another", "rooms": {general: 0}}, code="resync_required")
    ahead = await server.last_seq() + 1
    await ann.fails("sync", {"epoch": now, "rooms": {general: ahead}}, code="resync_required")
    too_many = {str(UUID(int=n)): 0 for n in range(limits.SYNC_ROOMS + 1)}
    await ann.fails("sync", {"epoch": now, "rooms": too_many}, code="too_large")


@pytest.mark.parametrize("number", [-1, 2**53, 1.5, "7", None, True, [1], 10**30])
async def test_a_number_that_is_none_is_refused(server: Running, number: object) -> None:
    ann, _ = await server.pair()
    refused = await ann.fails(
        "sync", {"epoch": epoch(server), "rooms": {await server.room_id(): number}}, code="validation_failed"
    )
    assert refused["fields"]
    await ann.fails("sync", json.dumps({"epoch": epoch(server), "rooms": {"no id": 0}}), code="validation_failed")
    await ann.fails("sync", "{", code="bad_request")


async def test_a_page_costs_the_same_whatever_its_size(server: Running) -> None:
    """Where the rooms stand, then for each room that changed its messages, its members' marks, its memberships."""
    ann, _ = await server.pair()
    general, at = await server.room_id(), await server.last_seq()
    asked = {"epoch": epoch(server), "rooms": {general: at}}
    for count in (1, 60):
        await asyncio.gather(*(ann.ok("send-message", {"message": str(n)}) for n in range(count)))
        async with server.statements() as ran:
            answer = await ann.ok("sync", asked)
        assert len(answer["rooms"][general]["changes"]) in (1, 61)
        assert by_events(ran) == ["sync.look", "messages.changed_after", "members.watermarks", "sync.changed_members"]


async def test_more_rooms_than_ready_names(server: Running) -> None:
    """The 500 latest used are named and heard; the others are listed by REST, and `sync` takes 500 at a time."""
    (ann,) = await server.people("ann")
    await server.db.execute(
        "WITH made AS (INSERT INTO rooms (room_name) SELECT 'r' || n FROM generate_series(1, 510) AS n RETURNING room_id)"
        " INSERT INTO room_members (user_id, room_id) SELECT $1, room_id FROM made",
        ann.user_id,
    )
    client = await server.connect(ann)
    (ready,) = client.got("ready")
    named = {room["roomId"]: room["seq"] for room in ready["rooms"]}
    assert len(named) == limits.READY_ROOMS
    rows = await server.db.fetch("SELECT room_id FROM room_members WHERE user_id = $1", ann.user_id)
    mine = [str(row["room_id"]) for row in rows]
    found: dict[str, int] = {}
    for start in range(0, len(mine), limits.SYNC_ROOMS):
        some = dict.fromkeys(mine[start : start + limits.SYNC_ROOMS], 0)
        while some:
            answer = await client.ok("sync", {"epoch": ready["epoch"], "rooms": some})
            found |= {room_id: page["upTo"] for room_id, page in answer["rooms"].items()}
            some = {room_id: page["upTo"] for room_id, page in answer["rooms"].items() if page["more"]}
    assert len(found) == 510
    assert found == dict.fromkeys(mine, 1)


async def test_rooms_that_are_not_ones_own_are_left_out(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    secret = await server.room("secret", ann, bob, private=True, by=bob)
    client = await server.connect(ann)
    asked = {str(secret): 0, str(UUID(int=7)): 0, await server.room_id(): 0}
    assert set((await client.ok("sync", {"epoch": epoch(server), "rooms": asked}))["rooms"]) == {
        str(secret), await server.room_id(),
    }  # fmt: skip
    await remove_member(server.chat, bob.actor, "secret", ann.user_id)
    answer = await client.ok("sync", {"epoch": epoch(server), "rooms": asked})
    assert set(answer["rooms"]) == {await server.room_id()}


class State:
    """A room as a client knows it: its messages, its members, its face; changed by events and `sync` alone."""

    def __init__(
        self, messages: list[dict[str, Any]], members: dict[str, bool], face: tuple[Any, ...], at: int
    ) -> None:
        self.messages = {one["id"]: _essence(one) for one in messages}
        self.members = members
        self.face = face
        self.at = at
        self.seen: list[int] = []

    def apply(self, event: str, data: dict[str, Any]) -> None:
        number = data.get("changeSeq")
        if number is None or number <= self.at:
            return
        self.seen.append(number)
        self.at = number
        if event in ("receive-message", "message-updated"):
            self.messages[data["id"]] = _essence(data)
        elif event == "message-deleted":
            known = self.messages.get(data["id"])
            self.messages[data["id"]] = (data["seq"], "", True, known[3] if known else None)
        elif event == "user-joined":
            self.members[data["userId"]] = True
        elif event == "user-left":
            self.members.pop(data["userId"], None)
        elif event == "room-updated":
            self.face = (data["name"], data["description"], data["isPrivate"])

    def apply_sync(self, page: dict[str, Any]) -> None:
        for one in page["changes"]:
            if one["changeSeq"] <= self.at:
                continue
            if one["type"] == "message":
                self.messages[one["id"]] = _essence(one)
            elif one["type"] == "member":
                self.members.pop(one["userId"], None)
                if one["active"]:
                    self.members[one["userId"]] = True
            else:
                self.face = (one["room"], one["description"], one["isPrivate"])
        self.at = max(self.at, page["upTo"])


def _essence(one: dict[str, Any]) -> tuple[Any, ...]:
    return (one["seq"], one["message"], one["deleted"], one["userId"])


async def read_state(server: Running, room_id: UUID) -> State:
    rows = await server.db.fetch("SELECT * FROM messages WHERE room_id = $1", room_id)
    messages = [
        {
            "id": str(row["message_id"]), "seq": row["seq"], "message": row["message_text"],
            "deleted": row["is_deleted"], "userId": str(row["user_id"]),
        }
        for row in rows
    ]  # fmt: skip
    members = await server.db.fetch("SELECT user_id FROM room_members WHERE room_id = $1 AND is_active", room_id)
    room = await server.db.fetchrow("SELECT * FROM rooms WHERE room_id = $1", room_id)
    face = (room["room_name"], room["description"], room["is_private"])
    return State(messages, {str(row["user_id"]): True for row in members}, face, room["last_seq"])


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(2)], ids=lambda seed: f"seed={seed}")
@pytest.mark.parametrize("lossy", [False, True], ids=["bus", "lossy bus"])
async def test_state_read_then_events_applied_equals_state_read_later(
    server: Running, seed: int, lossy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every lasting change, by clients and by plain SQL, to a listener and to one who comes back and syncs.

    A lossy bus loses, repeats, delays and reorders hints: then what is missing is read from the database.
    """
    dice = random.Random(seed)
    if lossy:
        publish, loop = server.chat.bus.publish, asyncio.get_running_loop()

        def unreliable(hint: Hint) -> None:
            for _ in range(dice.choice([0, 1, 1, 2])):
                loop.call_later(dice.choice([0, 0.01, 0.1, 0.3]), publish, hint)

        monkeypatch.setattr(server.chat.bus, "publish", unreliable)
    owner, ann, bob, eve = await server.people("owner", "ann", "bob", "eve")
    room_id = await server.room("engineering", owner, ann, bob, by=owner)
    listener = await server.connect(owner)
    live = await read_state(server, room_id)
    away = await read_state(server, room_id)
    clients = {person.username: await server.connect(person) for person in (ann, bob)}
    sent: list[tuple[str, str]] = []

    async def say() -> None:
        name = dice.choice(list(clients))
        ack = await clients[name].call("send-message", {"message": f"m{dice.random()}", "room": str(room_id)})
        if ack["success"]:
            sent.append((name, ack["id"]))

    async def change() -> None:
        if sent:
            name, message = dice.choice(sent)
            await clients[name].call("edit-message", {"id": message, "message": f"e{dice.random()}"})

    async def drop() -> None:
        if sent:
            name, message = dice.choice(sent)
            await clients[name].call("delete-message", {"id": message})

    async def by_hand() -> None:
        await server.db.execute(
            "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'by hand')", eve.user_id, room_id
        )

    async def hand_edit() -> None:
        await server.db.execute(
            "UPDATE messages SET message_text = message_text || '!' WHERE message_id = ("
            "SELECT message_id FROM messages WHERE room_id = $1 AND NOT is_deleted ORDER BY random() LIMIT 1)",
            room_id,
        )

    async def come() -> None:
        await add_member(server.chat, owner.actor, str(room_id), dice.choice([bob, eve]).user_id)

    async def leave() -> None:
        person: Person = dice.choice([bob, eve])
        if await server.db.fetchval(
            "SELECT is_active FROM room_members WHERE room_id = $1 AND user_id = $2", room_id, person.user_id
        ):
            await leave_room(server.chat, person.actor, str(room_id))

    async def face() -> None:
        name = f"engineering {dice.randrange(9)}"
        await update_room(server.chat, owner.actor, str(room_id), UpdateRoom(name=name, description=dice.choice("abc")))

    steps = [say] * 6 + [change] * 3 + [drop, by_hand, hand_edit, come, leave, face]
    for _ in range(120):
        await dice.choice(steps)()
    later = await read_state(server, room_id)
    await asyncio.sleep(0)

    def arrived(_: Any) -> bool:
        return any(
            isinstance(data, dict) and data.get("changeSeq", 0) is not None and data.get("changeSeq", 0) >= later.at
            for _, data in listener.events
        )

    async with asyncio.timeout(20):
        while not arrived(None):
            await asyncio.sleep(0.01)
    for event, data in listener.events:
        if isinstance(data, dict):
            live.apply(event, data)
    for one in live.messages, later.messages:
        # An event that tells of a deletion does not name the author of a message one never saw.
        for key, (seq, text, deleted, user) in list(one.items()):
            one[key] = (seq, text, deleted, None if deleted else user)
    assert (live.messages, live.members, live.face) == (later.messages, later.members, later.face)
    assert live.seen == sorted(set(live.seen))
    more = True
    while more:
        answer = await listener.ok("sync", {"epoch": epoch(server), "rooms": {str(room_id): away.at}})
        page = answer["rooms"][str(room_id)]
        away.apply_sync(page)
        more = page["more"]
    now = await read_state(server, room_id)
    assert (away.messages, away.members, away.face, away.at) == (now.messages, now.members, now.face, now.at)


async def test_ready_then_events_with_no_seam(server: Running) -> None:
    """Clients connect while a room is busy: what `ready` covers and what comes after it is the whole, once."""
    ann, bob = await server.people("ann", "bob")
    room_id = str(await server.room("engineering", ann, bob))
    sender = await server.connect(ann)
    done = asyncio.Event()

    async def talk() -> None:
        while not done.is_set():
            await asyncio.gather(*(sender.ok("send-message", {"message": "x", "room": room_id}) for _ in range(5)))

    talking = asyncio.create_task(talk())
    clients: list[tuple[Client, int]] = []
    for _ in range(8):
        client = await server.connect(bob)
        ready = await client.wait_for("ready")
        assert client.events[0][0] == "ready"
        clients.append((client, ready["rooms"][0]["seq"]))
        await client.ok("join", room_id)  # pauses the feed, reads the history, goes on
    done.set()
    await talking
    last = await server.last_seq("engineering")
    for client, at in clients:
        await client.wait_for("receive-message", lambda one: one["changeSeq"] >= last)
        assert [one["changeSeq"] for one in client.got("receive-message")] == list(range(at + 1, last + 1))
