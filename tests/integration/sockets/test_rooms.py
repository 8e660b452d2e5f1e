"""join, leave-room, who is here; private rooms; removal, renaming and deletion of rooms."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import UNSET
from tests.support.process import eventually
from tests.support.server import Running

from hubbub.chat.members import add_member, leave_room, remove_member
from hubbub.chat.rooms import delete_room, update_room
from hubbub.domain.changes import Change, Hint
from hubbub.domain.commands import UpdateRoom
from hubbub.sockets.connect import let_in


async def test_join_gives_history_who_is_here_and_the_counter(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    general = await server.room_id()
    await server.db.execute("INSERT INTO room_members (room_id, user_id) VALUES ($1, $2)", general, bob.user_id)
    await server.db.execute(
        "INSERT INTO messages (user_id, room_id, message_text) SELECT $1, $2, 'm' || n FROM generate_series(1, 120) AS n",
        bob.user_id,
        general,
    )
    client = await server.connect(ann)
    ack = await client.ok("join", {"room": "general"})
    assert (ack["room"], ack["roomId"], ack["seq"], ack["unread"]) == ("general", general, 122, 0)
    history = await client.wait_for("message-history")
    assert [message["message"] for message in history] == [f"m{n}" for n in range(21, 121)]
    assert [message["seq"] for message in history] == list(range(22, 122))
    (here,) = await client.wait_for("room-users")
    assert (here["userId"], here["username"], here["room"], here["roomId"]) == (ann.id, "ann", "general", general)
    assert here["status"]["online"] is True
    assert not client.got("user-joined")


async def test_the_others_are_told_of_a_new_member(server: Running) -> None:
    ann = await server.connect(await server.person("ann"))
    await ann.ok("join", "general")
    bob = await server.person("bob")
    client = await server.connect(bob)
    ack = await client.ok("join", "general")
    joined = await ann.wait_for("user-joined")
    assert (joined["userId"], joined["username"], joined["displayName"]) == (bob.id, "bob", "Bob")
    assert (joined["room"], joined["changeSeq"]) == ("general", ack["seq"])
    assert joined["message"]
    assert joined["timestamp"].endswith("Z")
    await ann.wait_for("room-users", lambda people: {one["username"] for one in people} == {"ann", "bob"})


async def test_join_again_repeats_the_history_and_tells_nobody(server: Running) -> None:
    ann, bob = await server.pair()
    before = await server.last_seq()
    first = await ann.ok("join", "general")
    assert first["seq"] == before == await server.last_seq()
    assert ann.got("message-history") == [[]]
    await bob.settle()
    assert bob.got("user-joined") == []
    await bob.ok("send-message", {"message": "once"})
    await ann.wait_for("receive-message")
    await ann.settle()
    assert len(ann.got("receive-message")) == 1


async def test_who_was_a_member_is_told_as_here(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob)
    first, second = await server.connect(ann), await server.connect(bob)
    await second.ok("join", "engineering")
    here = await first.wait_for("user-joined")
    assert (here["userId"], here["changeSeq"]) == (bob.id, None)


async def test_rooms_are_named_by_id_or_name_alike(server: Running) -> None:
    ann, bob = await server.pair()
    general = await server.room_id()
    assert (await ann.ok("join", {"room": general}))["room"] == "general"
    for ref in ("general", general):
        ack = await ann.ok("send-message", {"message": "x", "room": ref})
        assert (ack["room"], ack["roomId"]) == ("general", general)
    assert (await bob.wait_for("receive-message"))["roomId"] == general


async def test_a_room_that_is_not_there_and_one_that_is_not_ones_own_look_alike(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    secret = await server.room("secret", bob, private=True)
    member, outsider = await server.connect(bob), await server.connect(ann)
    message = (await member.ok("send-message", {"message": "psst", "room": "secret"}))["id"]
    nowhere = "00000000-0000-7000-8000-000000000000"
    pairs = [
        ("join", {"room": "secret"}, {"room": "no-such-room"}),
        ("join", str(secret), nowhere),
        ("leave-room", {"room": "secret"}, {"room": "no-such-room"}),
        ("send-message", {"message": "x", "room": "secret"}, {"message": "x", "room": "no-such-room"}),
        ("typing", {"isTyping": True, "room": "secret"}, {"isTyping": True, "room": "no-such-room"}),
        ("mark-all-read", {"room": "secret"}, {"room": "no-such-room"}),
        ("message-read", {"messageId": message}, {"messageId": nowhere}),
        ("message-delivered", {"messageId": message}, {"messageId": nowhere}),
        ("edit-message", {"id": message, "message": "x"}, {"id": nowhere, "message": "x"}),
        ("delete-message", {"id": message}, {"id": nowhere}),
    ]
    for event, hidden, absent in pairs:
        assert await outsider.fails(event, hidden, code="not_found") == await outsider.fails(
            event, absent, code="not_found"
        )
    await outsider.ok("join", "general")
    reply = {"message": "x", "room": "general"}
    assert await outsider.fails("send-message", {**reply, "replyTo": message}, code="validation_failed") == (
        await outsider.fails("send-message", {**reply, "replyTo": nowhere}, code="validation_failed")
    )
    await outsider.settle()
    assert not [data for _, data in outsider.events if isinstance(data, dict) and data.get("room") == "secret"]
    assert await server.db.fetchval("SELECT count(*) FROM room_members WHERE room_id = $1", secret) == 1


async def test_members_of_a_private_room_use_it_as_any_other(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("secret", bob, private=True, by=bob)
    first, second = await server.connect(ann), await server.connect(bob)
    await second.ok("join", "secret")
    await add_member(server.chat, bob.actor, "secret", ann.user_id)
    assert (await second.wait_for("user-joined"))["userId"] == ann.id
    await first.ok("join", "secret")
    await first.ok("send-message", {"message": "hello"})
    await second.wait_for("receive-message")


async def test_who_is_let_in_hears_the_room_at_once_on_every_open_socket(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("secret", bob, private=True, by=bob)
    sockets = [await server.connect(ann), await server.connect(ann)]
    maker = await server.connect(bob)
    await add_member(server.chat, bob.actor, "secret", ann.user_id)
    for socket in sockets:
        told = await socket.wait_for("user-joined")
        assert (told["userId"], told["room"]) == (ann.id, "secret")
    sent = await maker.ok("send-message", {"message": "welcome", "room": "secret"})
    for socket in sockets:
        assert (await socket.wait_for("receive-message"))["id"] == sent["id"]


async def test_who_comes_back_hears_the_room_though_their_going_is_told_after(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes, or two connections of one, may publish in another order than they committed."""
    ann, bob = await server.people("ann", "bob")
    await server.room("secret", bob, ann, private=True, by=bob)
    socket, maker = await server.connect(ann), await server.connect(bob)
    publish = server.chat.bus.publish

    goings: list[Hint] = []

    def later(hint: Hint) -> None:
        if isinstance(hint, Change) and hint.event == "user-left":
            goings.append(hint)
            return
        publish(hint)
        if isinstance(hint, Change) and hint.event == "user-joined":
            asyncio.get_running_loop().call_later(0.01, publish, goings.pop())

    monkeypatch.setattr(server.chat.bus, "publish", later)
    await remove_member(server.chat, bob.actor, "secret", ann.user_id)
    await add_member(server.chat, bob.actor, "secret", ann.user_id)
    await socket.wait_for("user-left")
    await socket.wait_for("user-joined")
    sent = await maker.ok("send-message", {"message": "welcome", "room": "secret"})
    assert (await socket.wait_for("receive-message"))["id"] == sent["id"]


async def test_who_is_let_in_hears_the_room_though_the_hint_was_lost(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("secret", bob, private=True, by=bob)
    socket, maker = await server.connect(ann), await server.connect(bob)
    publish = server.chat.bus.publish
    monkeypatch.setattr(server.chat.bus, "publish", lambda hint: None if isinstance(hint, Change) else publish(hint))
    await add_member(server.chat, bob.actor, "secret", ann.user_id)
    await socket.wait_for("user-joined")  # found by the look once a second, because Bob listens here
    monkeypatch.undo()
    sent = await maker.ok("send-message", {"message": "welcome", "room": "secret"})
    assert (await socket.wait_for("receive-message"))["id"] == sent["id"]


async def test_a_coming_told_late_lets_nobody_in(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    secret = await server.room("secret", bob, private=True, by=bob)
    socket, maker = await server.connect(ann), await server.connect(bob)
    await add_member(server.chat, bob.actor, "secret", ann.user_id)
    await socket.wait_for("user-joined")
    late = [change for change in server.hubbub.edge.feeds.by_id[secret].ring if change.event == "user-joined"][-1]
    await remove_member(server.chat, bob.actor, "secret", ann.user_id)
    await socket.wait_for("user-left")
    await let_in(server.hubbub.edge, late, server.hubbub.edge.seats.by_user[ann.user_id])
    await maker.ok("send-message", {"message": "alone again", "room": "secret"})
    await socket.settle()
    assert not socket.got("receive-message")


async def test_leave_room_ends_listening_but_not_the_membership(server: Running) -> None:
    ann, bob = await server.pair()
    general = await server.room_id()
    assert await ann.ok("leave-room", {"room": "general"}) == {"success": True, "room": "general", "roomId": general}
    left = await bob.wait_for("user-left")
    assert (left["username"], left["changeSeq"], left["room"]) == ("ann", None, "general")
    await bob.ok("send-message", {"message": "x"})
    await ann.settle()
    assert ann.got("receive-message") == []
    assert await server.db.fetchval("SELECT count(*) FROM room_members WHERE room_id = $1 AND is_active", general) == 2
    await ann.fails("send-message", {"message": "where to?"}, code="validation_failed")
    await ann.fails("leave-room", code="validation_failed")
    await ann.ok("leave-room", "general")
    ack = await ann.ok("join", "general")
    assert ack["unread"] == 1


async def test_leave_room_without_a_name_means_the_one_joined_last(server: Running) -> None:
    ann, _ = await server.pair()
    await ann.ok("join", "tech")
    assert (await ann.ok("leave-room"))["room"] == "tech"
    await ann.fails("leave-room", {}, code="validation_failed")
    assert (await ann.ok("leave-room", "general"))["room"] == "general"


async def test_the_room_joined_last_is_where_messages_go(server: Running) -> None:
    ann, bob = await server.pair()
    await ann.ok("join", "tech")
    assert (await ann.ok("send-message", {"message": "x"}))["room"] == "tech"
    assert (await ann.ok("send-message", {"message": "x", "room": "general"}))["room"] == "general"
    await bob.wait_for("receive-message")


async def test_a_removed_member_hears_nothing_more(server: Running) -> None:
    ann, bob, eve = await server.people("ann", "bob", "eve")
    await server.room("secret", ann, bob, eve, private=True, by=ann)
    clients = [await server.connect(person) for person in (ann, bob, eve)]
    for client in clients:
        await client.ok("join", "secret")
    before = [await clients[0].ok("send-message", {"message": f"before {n}"}) for n in range(3)]
    await remove_member(server.chat, ann.actor, "secret", eve.user_id)
    for n in range(3):
        await clients[0].ok("send-message", {"message": f"after {n}"})
    await clients[0].ok("typing", True)
    left = await clients[2].wait_for("user-left", lambda one: one["changeSeq"] is not None)
    assert left["userId"] == eve.id
    await clients[1].wait_for("receive-message", lambda one: one["message"] == "after 2")
    assert (await clients[1].wait_for("user-left"))["changeSeq"] == left["changeSeq"]
    await clients[2].settle()
    assert [one["id"] for one in clients[2].got("receive-message")] == [one["id"] for one in before]
    assert clients[2].got("user-typing") == []
    for event, data in (
        ("send-message", {"message": "x"}),
        ("typing", True),
        ("join", "secret"),
        ("message-read", {"messageId": before[0]["id"]}),
        ("edit-message", {"id": before[0]["id"], "message": "x"}),
    ):
        await clients[2].fails(event, data, code="not_found")


async def test_leaving_for_good_stops_delivery_on_every_socket(server: Running) -> None:
    ann, bob = await server.pair()
    person = (await server.connect(auth={"token": None})).events  # an idle stranger does not disturb
    again = await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    second = await server.connect(await _again(server, again))
    await leave_room(server.chat, (await _again(server, again)).actor, "general")
    for client in (ann, second):
        await client.wait_for("user-left")
    await bob.ok("send-message", {"message": "x"})
    for client in (ann, second):
        await client.settle()
        assert client.got("receive-message") == []
    assert person == []


async def _again(server: Running, user_id: object):  # type: ignore[no-untyped-def]
    from tests.support.people import Person, sign_in_again

    return await sign_in_again(server.db, Person(user_id, user_id, "ann", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["UPDATE room_members SET is_active = false", "DELETE FROM room_members"])
async def test_removal_by_plain_sql_stops_delivery_within_the_look(server: Running, how: str) -> None:
    ann, bob = await server.pair()
    await server.db.execute(f"{how} WHERE user_id = (SELECT user_id FROM users WHERE username = 'ann')")
    general = server.hubbub.edge.feeds.find("general")
    assert general is not None
    await eventually(lambda: len(list(general.everyone())) == 1, timeout=15)
    await bob.ok("send-message", {"message": "x"})
    await bob.wait_for("receive-message")
    await ann.settle()
    assert ann.got("receive-message") == []


async def test_who_is_removed_while_joining_does_not_stay(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is paused while its history is read; a removal at that moment must not be lost on it."""
    from hubbub.sockets import connect

    ann, bob = await server.people("ann", "bob")
    await server.room("secret", ann, bob, private=True, by=ann)
    first, second = await server.connect(ann), await server.connect(bob)
    await second.ok("join", "secret")
    real = connect.messages.before

    async def remove_then_read(*args: object) -> object:
        found = await real(*args)  # type: ignore[arg-type]
        if second.got("message-history") != [[]] or not reading.is_set():
            reading.set()
            await remove_member(server.chat, ann.actor, "secret", bob.user_id)
            await first.ok("send-message", {"message": "not for bob", "room": "secret"})
        return found

    reading = asyncio.Event()
    second.clear()
    monkeypatch.setattr(connect.messages, "before", remove_then_read)
    await second.call("join", "secret")
    monkeypatch.undo()
    await first.ok("send-message", {"message": "nor this", "room": "secret"})
    await second.settle()
    assert second.got("receive-message") == []
    await second.fails("typing", {"isTyping": True, "room": "secret"}, code="not_found")


async def test_a_room_gets_another_name(server: Running) -> None:
    ann = await server.person("ann")
    room_id = await server.room("engineering", ann, by=ann)
    client = await server.connect(ann)
    await update_room(server.chat, ann.actor, "engineering", UpdateRoom(name="design", description="new"))
    told = await client.wait_for("room-updated")
    assert (told["name"], told["room"], told["roomId"], told["description"]) == (
        "design",
        "design",
        str(room_id),
        "new",
    )
    assert told["changeSeq"] == await server.last_seq("design")
    await client.fails("send-message", {"message": "x", "room": "engineering"}, code="not_found")
    assert (await client.ok("send-message", {"message": "x", "room": "design"}))["room"] == "design"
    assert (await client.wait_for("receive-message"))["room"] == "design"
    await update_room(server.chat, ann.actor, "design", UpdateRoom(is_private=True, name=UNSET))
    await client.wait_for("room-updated", lambda one: one["isPrivate"])


async def test_a_deleted_room_is_gone_for_its_listeners(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob, by=ann)
    clients = [await server.connect(person) for person in (ann, bob)]
    await delete_room(server.chat, ann.actor, "engineering")
    for client in clients:
        assert (await client.wait_for("room-updated"))["deleted"] is True
        await client.fails("send-message", {"message": "x", "room": "engineering"}, code="not_found")
        await client.fails("join", "engineering", code="not_found")


async def test_a_crowd_is_not_listed(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.domain import limits

    ann, _ = await server.pair()
    monkeypatch.setattr(limits, "NAMED_PEOPLE_MAX", 2)
    third = await server.connect(await server.person("eve"))
    await third.ok("join", "general")
    await ann.wait_for("user-joined")
    await third.settle()
    assert third.got("room-users") == []
