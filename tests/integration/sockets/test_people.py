"""Receipts, typing, presence, sessions of connections, and the end of signed-in sessions."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from msgspec import UNSET
from tests.support.client import Client
from tests.support.people import Person, sign_in_again
from tests.support.process import eventually
from tests.support.server import Running, by_events

from hubbub.chat.accounts import delete_user, update_user
from hubbub.chat.sign_in import sign_out
from hubbub.domain.commands import UpdateUser
from hubbub.sockets.connect import look


async def three_messages(ann: Client) -> list[dict[str, object]]:
    return [await ann.ok("send-message", {"message": str(n)}) for n in range(3)]


async def test_delivered_and_read_reach_up_to_and_including(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await three_messages(ann)
    bob_id = str(await server.db.fetchval("SELECT user_id FROM users WHERE username = 'bob'"))
    ack = await bob.ok("message-delivered", {"messageId": sent[2]["id"]})
    assert (ack["deliveredSeq"], ack["readSeq"]) == (sent[2]["seq"], sent[0]["seq"] - 1)  # type: ignore[operator]
    status = await ann.wait_for("message-status-update")
    assert (status["messageId"], status["delivered"], status["deliveredTo"], status["deliveredBy"]) == (
        sent[2]["id"], True, [bob_id], bob_id,
    )  # fmt: skip
    ack = await bob.ok("message-read", {"messageId": sent[1]["id"], "room": "general"})
    assert (ack["deliveredSeq"], ack["readSeq"], ack["room"]) == (sent[2]["seq"], sent[1]["seq"], "general")
    read = await ann.wait_for("message-read-update")
    assert (read["messageId"], read["read"], read["readBy"], read["readByUser"], read["readByUsername"]) == (
        sent[1]["id"], True, [bob_id], bob_id, "bob",
    )  # fmt: skip
    assert (read["room"], read["seq"]) == ("general", sent[1]["seq"])
    rows = {
        name: [
            row["seq"]
            for row in await server.db.fetch(
                f"SELECT m.seq FROM message_{name} AS x JOIN messages AS m USING (message_id)"
                " WHERE x.user_id = $1 ORDER BY 1",
                UUID(bob_id),
            )
        ]
        for name in ("reads", "deliveries")
    }
    assert rows == {"reads": [one["seq"] for one in sent[:2]], "deliveries": [one["seq"] for one in sent]}
    await ann.ok("join", "general")
    (history,) = ann.got("message-history")
    assert [(one["delivered"], one["read"], one["readBy"]) for one in history] == [
        (True, True, [bob_id]), (True, True, [bob_id]), (True, False, []),
    ]  # fmt: skip


async def test_marks_never_go_back_and_repeat_themselves_quietly(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await three_messages(ann)
    top = await bob.ok("message-read", {"messageId": sent[2]["id"]})
    for n in (0, 1, 2, 0):
        assert await bob.ok("message-read", {"messageId": sent[n]["id"]}) == top
        assert await bob.ok("message-delivered", {"messageId": sent[n]["id"]}) == top
    await ann.settle()
    assert len(ann.got("message-read-update")) == 1
    assert len(ann.got("message-status-update")) == 1


async def test_ones_own_mark_makes_no_message_read(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await ann.ok("send-message", {"message": "x"})
    await ann.ok("message-read", {"messageId": sent["id"]})
    await bob.settle()
    assert [(one["read"], one["readBy"], one["readCount"]) for one in bob.got("message-read-update")] == [
        (False, [], 0)
    ]


async def test_mark_all_read(server: Running) -> None:
    ann, bob = await server.pair()
    empty = await bob.ok("mark-all-read", {"room": "general"})
    assert (empty["room"], empty["readSeq"]) == ("general", 2)
    sent = await three_messages(ann)
    await bob.ok("send-message", {"message": "mine"})
    ack = await bob.ok("mark-all-read", {"room": "general"})
    assert ack["readSeq"] == sent[2]["seq"] + 1  # type: ignore[operator]
    marked = await ann.wait_for("messages-marked-read")
    assert sorted(marked["messageIds"]) == sorted(one["id"] for one in sent)  # type: ignore[type-var]
    assert (marked["readByUsername"], marked["room"]) == ("bob", "general")
    assert (await bob.ok("join", "general"))["unread"] == 0
    await bob.ok("mark-all-read")
    await ann.settle()
    assert len(ann.got("messages-marked-read")) == 1


async def test_marks_of_a_crowd_are_written_together(server: Running) -> None:
    ann, bob = await server.pair()
    sent = [await ann.ok("send-message", {"message": str(n)}) for n in range(50)]
    before = server.chat.receipts.batches
    await asyncio.gather(*(bob.ok("message-read", {"messageId": one["id"]}) for one in sent))
    assert server.chat.receipts.batches - before <= 5
    assert server.chat.receipts.marks >= 50


async def test_typing_is_told_to_the_others_alone(server: Running) -> None:
    ann, bob = await server.pair()
    user_id = await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    other = await server.connect(await sign_in_again(server.db, Person(user_id, user_id, "ann", "")))
    await ann.ok("typing", True)
    told = await bob.wait_for("user-typing")
    assert (told["userId"], told["username"], told["displayName"], told["isTyping"], told["room"]) == (
        str(user_id), "ann", "Ann", True, "general",
    )  # fmt: skip
    await ann.ok("typing", True)
    await ann.ok("typing", {"room": "general", "isTyping": False})
    await bob.wait_for("user-typing", lambda one: not one["isTyping"])
    await ann.ok("typing", False)
    for client in (ann, bob, other):
        await client.settle()
    assert [one["isTyping"] for one in bob.got("user-typing")] == [True, False]
    assert ann.got("user-typing") == other.got("user-typing") == []


async def test_typing_ends_by_itself(server: Running) -> None:
    server.chat.typing.seconds = 0.2
    ann, bob = await server.pair()
    await ann.ok("typing", True)
    await bob.wait_for("user-typing", lambda one: one["isTyping"])
    await bob.wait_for("user-typing", lambda one: not one["isTyping"], timeout=15)
    await ann.ok("typing", True)
    await ann.close()
    await bob.wait_for("user-typing", lambda one: not one["isTyping"], timeout=15)


async def test_typing_needs_a_room_that_one_listens_to(server: Running) -> None:
    ann, _ = await server.pair()
    await ann.fails("typing", {"room": "random", "isTyping": True}, code="not_found")
    lone = await server.connect(await server.person("eve"))
    await lone.fails("typing", True, code="validation_failed")


async def test_presence_is_told_to_those_who_share_a_room(server: Running) -> None:
    server.chat.presence.offline_seconds = 0.2
    ann, bob, eve = await server.people("ann", "bob", "eve")
    await server.room("engineering", ann, bob)
    first, stranger = await server.connect(ann), await server.connect(eve)
    await stranger.wait_for("user-status-update", lambda one: one["userId"] == eve.id)  # oneself is told too
    second = await server.connect(bob)
    online = await first.wait_for("user-status-update", lambda one: one["userId"] == bob.id)
    assert (online["username"], online["displayName"], online["online"]) == ("bob", "Bob", True)
    assert online["lastSeen"].endswith("Z")
    assert await server.db.fetchval("SELECT status FROM users WHERE username = 'bob'") == "online"
    third = await server.connect(bob)
    await second.close()
    await third.ok("join", "engineering")
    await asyncio.sleep(1.3)  # longer than a look at who is gone takes
    assert not [one for one in first.got("user-status-update") if not one["online"]]
    before = await server.db.fetchval("SELECT last_seen FROM users WHERE username = 'bob'")
    await third.close()
    gone = await first.wait_for("user-status-update", lambda one: not one["online"])
    assert gone["userId"] == bob.id
    row = await server.db.fetchrow("SELECT status, last_seen FROM users WHERE username = 'bob'")
    assert row["status"] == "offline"
    assert row["last_seen"] > before
    await stranger.settle()
    assert {one["userId"] for one in stranger.got("user-status-update")} == {eve.id}


async def test_what_people_say_of_themselves(server: Running) -> None:
    ann, bob = await server.pair()
    await ann.ok("update-online-status", {"online": False})
    await bob.wait_for("user-status-update", lambda one: one["username"] == "ann" and not one["online"])
    assert await server.db.fetchval("SELECT status FROM users WHERE username = 'ann'") == "offline"
    await ann.ok("update-online-status", {"online": True})
    await bob.wait_for("user-status-update", lambda one: one["username"] == "ann" and one["online"])


async def test_active_sessions_follow_the_connection(server: Running) -> None:
    ann = await server.person("ann")
    client = await server.connect(ann)

    async def row() -> object:
        return await server.db.fetchrow("SELECT * FROM active_sessions WHERE user_id = $1", ann.user_id)

    async def stands() -> bool:
        return await row() is not None

    await eventually(stands)
    first = await row()
    assert first["socket_id"] == client.sio.get_sid("/")  # type: ignore[index]
    assert (first["room_id"], first["auth_session_id"]) == (None, ann.session_id)  # type: ignore[index]
    assert first["node_id"] == server.chat.presence.lease.node_id  # type: ignore[index]

    async def in_room(name: str | None) -> bool:
        found = await row()
        return found["room_id"] == (UUID(await server.room_id(name)) if name else None)  # type: ignore[index, no-any-return]

    await client.ok("join", "general")
    await eventually(lambda: in_room("general"))
    await client.ok("join", "tech")
    await eventually(lambda: in_room("tech"))
    await client.ok("leave-room")
    await eventually(lambda: in_room(None))
    assert (await row())["last_activity"] > first["last_activity"]  # type: ignore[index]
    await client.close()

    async def gone() -> bool:
        return await row() is None

    await eventually(gone)


async def test_activity_is_written_in_batches(server: Running) -> None:
    ann, bob = await server.pair()
    await ann.ok("typing", True)
    async with server.statements() as ran:
        for _ in range(20):
            await asyncio.gather(ann.ok("typing", False), bob.ok("typing", False), ann.ok("typing", True))
    assert ran.count("presence.touched") <= 3
    assert by_events(ran) == []


async def test_the_roster_of_a_room_comes_at_most_once_a_second(server: Running) -> None:
    ann, bob = await server.pair()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(10):
        await bob.ok("leave-room", "general")
        await bob.ok("join", "general")
    await ann.wait_for("room-users")
    await ann.settle()
    assert len(ann.got("room-users")) <= loop.time() - began + 1
    assert len(bob.got("room-users")) >= 10  # who joins is told at once


async def test_signing_out_closes_the_sockets_of_that_session(server: Running) -> None:
    ann = await server.person("ann")
    again = await sign_in_again(server.db, ann)
    clients = [await server.connect(ann), await server.connect(ann), await server.connect(again)]
    await sign_out(server.chat, ann.actor)
    for client in clients[:2]:
        await client.gone(timeout=15)
    await clients[2].ok("join", "general")
    assert not clients[2].ended.is_set()


async def test_a_new_password_ends_the_other_sessions(server: Running) -> None:
    ann = await server.person("ann")
    again = await sign_in_again(server.db, ann)
    stored = await server.chat.passwords.hash("old password")
    await server.db.execute("UPDATE users SET password = $1 WHERE user_id = $2", stored, ann.user_id)
    mine, other = await server.connect(ann), await server.connect(again)
    change = UpdateUser(current_password="old password", new_password="new password", display_name=UNSET)
    await update_user(server.chat, ann.actor, ann.user_id, change)
    await other.gone(timeout=15)
    await mine.ok("join", "general")


async def test_a_revocation_that_no_hint_told_is_found_by_the_look(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    clients = [await server.connect(ann), await server.connect(bob)]
    await server.db.execute("UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE user_id = $1", ann.user_id)
    await server.db.execute("UPDATE users SET disabled_at = now() WHERE user_id = $1", bob.user_id)
    await look(server.hubbub.edge)
    for client in clients:
        await client.gone(timeout=15)


async def test_a_socket_ends_with_its_token(server: Running) -> None:
    ann = await server.person("ann", expires_in=2)
    client = await server.connect(ann)
    await client.gone(timeout=15)
    assert server.hubbub.edge.seats.by_session == {}


async def test_a_deleted_account(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob)
    first, second = await server.connect(ann), await server.connect(bob)
    sent = await first.ok("send-message", {"message": "I was here", "room": "engineering"})
    await delete_user(server.chat, ann.actor, ann.user_id, erase=False)
    await first.gone(timeout=15)
    left = await second.wait_for("user-left")
    assert (left["userId"], left["displayName"]) == (ann.id, "Deleted user")
    await second.ok("join", "engineering")
    ((message,),) = second.got("message-history")
    assert (message["id"], message["message"], message["displayName"]) == (sent["id"], "I was here", "Deleted user")


async def test_an_erased_account_takes_its_texts_with_it(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob)
    first, second = await server.connect(ann), await server.connect(bob)
    sent = [await first.ok("send-message", {"message": f"{n}", "room": "engineering"}) for n in range(5)]
    await delete_user(server.chat, ann.actor, ann.user_id, erase=True)
    for one in sent:
        await second.wait_for("message-deleted", lambda gone, one=one: gone["id"] == one["id"])  # type: ignore[misc]
    await second.wait_for("user-left")
    numbers = [data["changeSeq"] for name, data in second.events if name in ("user-left", "message-deleted")]
    assert numbers == list(range(numbers[0], numbers[0] + 6))
    assert await server.db.fetchval("SELECT count(*) FROM messages WHERE message_text <> ''") == 0


async def test_a_new_name_is_what_others_see_from_then_on(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    await server.room("engineering", ann, bob)
    first, second = await server.connect(ann), await server.connect(bob)
    await update_user(server.chat, ann.actor, ann.user_id, UpdateUser(display_name="Anna"))
    await first.ok("send-message", {"message": "x", "room": "engineering"})
    assert (await second.wait_for("receive-message"))["displayName"] == "Anna"


@pytest.mark.parametrize("env", [{"HUBBUB_OUTBOX_BYTES": "65536"}], indirect=True)
async def test_a_slow_reader_is_closed_and_the_others_miss_nothing(server: Running) -> None:
    """It is closed in the middle of a broadcast; that must not cost anybody else a message."""
    people = await server.people("ann", "slow", "bob", "eve")
    await server.room("engineering", *people)
    ann = await server.connect(people[0])
    slow = await server.connect(people[1])
    others = [await server.connect(person) for person in people[2:]]
    transport = slow.sio.eio.ws._response.connection.transport
    transport.pause_reading()
    for n in range(300):
        await ann.ok("send-message", {"message": f"{n} " + "x" * 16_000, "room": "engineering"})
        if server.hubbub.realtime.stats.closed:
            break
    assert server.hubbub.realtime.stats.closed
    (last,) = {(await ann.ok("send-message", {"message": "last", "room": "engineering"}))["seq"]}
    for client in (ann, *others):
        await client.wait_for("receive-message", lambda one: one["message"] == "last")
        assert [one["seq"] for one in client.got("receive-message")] == list(range(5, last + 1))
    assert people[1].user_id not in server.hubbub.edge.seats.by_user
    transport.resume_reading()
    await slow.gone()


async def test_a_new_name_of_which_no_hint_came_is_found_by_the_look(server: Running) -> None:
    ann, bob = await server.pair()
    await server.db.execute("UPDATE users SET display_name = 'Anna', avatar = 'a.png' WHERE username = 'ann'")
    await look(server.hubbub.edge)
    await ann.ok("typing", True)
    assert (await bob.wait_for("user-typing"))["displayName"] == "Anna"
    await server.db.execute("UPDATE users SET display_name = NULL WHERE username = 'ann'")
    await look(server.hubbub.edge)
    await ann.ok("typing", False)
    assert (await bob.wait_for("user-typing", lambda data: not data["isTyping"]))["displayName"] == "ann"
