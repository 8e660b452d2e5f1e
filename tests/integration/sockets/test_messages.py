"""send, edit, delete; and the same by plain SQL."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.server import Running

from hubbub.chat.read_history import read_edits


async def test_a_message_reaches_everybody_in_the_room_and_its_sender(server: Running) -> None:
    ann, bob = await server.pair()
    ack = await ann.ok("send-message", {"message": "hello \u2713 \U0001f600", "clientId": "c1"})
    assert ack["duplicate"] is False
    heard = await bob.wait_for("receive-message")
    assert heard == await ann.wait_for("receive-message")
    assert heard["id"] == ack["id"]
    assert (heard["seq"], heard["changeSeq"], heard["timestamp"]) == (ack["seq"], ack["seq"], ack["timestamp"])
    assert (heard["message"], heard["clientId"], heard["room"]) == ("hello \u2713 \U0001f600", "c1", "general")
    assert (heard["deleted"], heard["editedAt"], heard["read"], heard["delivered"]) == (False, None, False, False)
    row = await server.db.fetchrow("SELECT * FROM messages WHERE message_id = $1", ack["id"])
    assert (row["message_text"], row["seq"], row["client_id"]) == ("hello \u2713 \U0001f600", ack["seq"], "c1")


async def test_the_ack_comes_before_ones_own_message(server: Running) -> None:
    ann, _ = await server.pair()
    order: list[str] = []
    ann.sio.on("receive-message", lambda _: order.append("event"))
    done = asyncio.Event()
    await ann.sio.emit("send-message", {"message": "x"}, callback=lambda _: (order.append("ack"), done.set()))
    async with asyncio.timeout(20):
        await done.wait()
        await ann.settle()
    assert order == ["ack", "event"]


async def test_messages_of_one_socket_keep_their_order(server: Running) -> None:
    ann, bob = await server.pair()
    acks = await asyncio.gather(*(ann.ok("send-message", {"message": str(n)}) for n in range(200)))
    assert [ack["seq"] for ack in acks] == list(range(acks[0]["seq"], acks[0]["seq"] + 200))
    await bob.wait_for("receive-message", lambda one: one["message"] == "199")
    assert [one["message"] for one in bob.got("receive-message")] == [str(n) for n in range(200)]
    assert [one["changeSeq"] for one in bob.got("receive-message")] == [ack["seq"] for ack in acks]


async def test_the_same_client_id_never_makes_a_second_message(server: Running) -> None:
    ann, bob = await server.pair()
    first = await ann.ok("send-message", {"message": "x", "clientId": "c1"})
    again = await asyncio.gather(*(ann.ok("send-message", {"message": "x", "clientId": "c1"}) for _ in range(5)))
    assert again == [{**first, "duplicate": True}] * 5
    await ann.fails("send-message", {"message": "other", "clientId": "c1"}, code="conflict")
    await ann.ok("join", "tech")
    await ann.fails("send-message", {"message": "x", "clientId": "c1"}, code="conflict")
    mine = await bob.ok("send-message", {"message": "x", "clientId": "c1"})
    assert mine["id"] != first["id"]
    await bob.settle()
    assert len(bob.got("receive-message")) == 2
    assert await server.db.fetchval("SELECT count(*) FROM messages") == 2


async def test_the_first_answer_is_given_however_the_message_changed_since(server: Running) -> None:
    ann, _ = await server.pair()
    first = await ann.ok("send-message", {"message": "x", "clientId": "c1"})
    await ann.ok("edit-message", {"id": first["id"], "message": "y"})
    assert await ann.ok("send-message", {"message": "x", "clientId": "c1"}) == {**first, "duplicate": True}
    await ann.ok("delete-message", {"id": first["id"]})
    assert await ann.ok("send-message", {"message": "x", "clientId": "c1"}) == {**first, "duplicate": True}


async def test_replies_stay_in_their_room(server: Running) -> None:
    ann, bob = await server.pair()
    first = await ann.ok("send-message", {"message": "x"})
    await bob.ok("send-message", {"message": "re: x", "replyTo": first["id"]})
    assert (await ann.wait_for("receive-message", lambda one: one["message"] == "re: x"))["replyTo"] == first["id"]
    await bob.ok("join", "tech")
    failed = await bob.fails("send-message", {"message": "y", "replyTo": first["id"]}, code="validation_failed")
    assert list(failed["fields"]) == ["replyTo"]


async def test_who_is_no_member_cannot_send(server: Running) -> None:
    ann, _ = await server.pair()
    await ann.fails("send-message", {"message": "x", "room": "random"}, code="not_found")
    assert await server.db.fetchval("SELECT count(*) FROM messages") == 0


async def test_an_edit_is_told_with_the_next_number_and_its_history_kept(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await ann.ok("send-message", {"message": "one"})
    edited = await ann.ok("edit-message", {"id": sent["id"], "message": "two"})
    assert edited == {"success": True, "id": sent["id"], "changeSeq": sent["seq"] + 1}
    told = await bob.wait_for("message-updated")
    assert (told["id"], told["seq"], told["changeSeq"], told["message"]) == (
        sent["id"], sent["seq"], sent["seq"] + 1, "two",
    )  # fmt: skip
    assert told["editedAt"] is not None
    same = await ann.ok("edit-message", {"id": sent["id"], "message": "two"})
    assert same["changeSeq"] == edited["changeSeq"]
    await bob.settle()
    assert len(bob.got("message-updated")) == 1
    author = await server.db.fetchrow("SELECT user_id FROM users WHERE username = 'ann'")
    (seat,) = server.hubbub.edge.seats.by_user[author["user_id"]]
    assert seat.actor is not None
    (before,) = (await read_edits(server.chat, seat.actor, told_id(sent))).data
    assert (before.message, before.edited_by) == ("one", author["user_id"])


def told_id(sent: dict[str, str]):  # type: ignore[no-untyped-def]
    from uuid import UUID

    return UUID(sent["id"])


async def test_many_edits_at_once_are_each_told_once(server: Running) -> None:
    ann, bob = await server.pair()
    again = await server.connect(auth={"token": (await _again(server)).token})
    sent = await ann.ok("send-message", {"message": "0"})
    acks = await asyncio.gather(
        *((ann, again)[n % 2].ok("edit-message", {"id": sent["id"], "message": f"{n}"}) for n in range(1, 21))
    )
    numbers = sorted(ack["changeSeq"] for ack in acks)
    assert numbers == list(range(sent["seq"] + 1, sent["seq"] + 21))
    await bob.wait_for("message-updated", lambda one: one["changeSeq"] == numbers[-1])
    assert [one["changeSeq"] for one in bob.got("message-updated")] == numbers


async def _again(server: Running):  # type: ignore[no-untyped-def]
    from tests.support.people import Person, sign_in_again

    user_id = await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    return await sign_in_again(server.db, Person(user_id, user_id, "ann", ""))


async def test_only_its_author_edits_and_only_what_is_not_deleted(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await ann.ok("send-message", {"message": "one"})
    await bob.fails("edit-message", {"id": sent["id"], "message": "mine"}, code="forbidden")
    await bob.fails("delete-message", {"id": sent["id"]}, code="forbidden")
    await ann.fails("edit-message", {"id": sent["id"], "message": " "}, code="validation_failed")
    await ann.fails("edit-message", {"id": sent["id"], "message": "x" * 16_385}, code="too_large")
    await ann.ok("delete-message", {"id": sent["id"]})
    await ann.fails("edit-message", {"id": sent["id"], "message": "back"}, code="gone")


async def test_a_deletion_leaves_a_tombstone(server: Running) -> None:
    ann, bob = await server.pair()
    sent = await ann.ok("send-message", {"message": "one"})
    gone = await ann.ok("delete-message", {"id": sent["id"]})
    assert gone["changeSeq"] == sent["seq"] + 1
    told = await bob.wait_for("message-deleted")
    assert (told["id"], told["messageId"], told["seq"], told["changeSeq"]) == (
        sent["id"], sent["id"], sent["seq"], sent["seq"] + 1,
    )  # fmt: skip
    assert await ann.ok("delete-message", {"id": sent["id"]}) == gone
    await bob.settle()
    assert len(bob.got("message-deleted")) == 1
    await bob.ok("join", "general")
    ((tombstone,),) = bob.got("message-history")
    assert (tombstone["deleted"], tombstone["message"], tombstone["seq"]) == (True, "", sent["seq"])


async def test_administrators_and_whoever_made_the_room_delete_too(server: Running) -> None:
    ann, maker, boss = (
        await server.person("ann"),
        await server.person("maker"),
        await server.person("boss", role="admin"),
    )
    await server.room("engineering", ann, maker, by=maker)
    author, first, second = [await server.connect(person) for person in (ann, maker, boss)]
    for client in (first, second):
        sent = await author.ok("send-message", {"message": "x", "room": "engineering"})
        await client.ok("delete-message", {"id": sent["id"]})
        told = await author.wait_for("message-deleted", lambda one, sent=sent: one["id"] == sent["id"])  # type: ignore[misc]
        assert told["deletedBy"] in (maker.id, boss.id)


async def test_plain_sql_reaches_listeners_in_the_rooms_order(server: Running) -> None:
    ann, bob = await server.pair()
    general, user = await server.room_id(), await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    insert = "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3) RETURNING message_id, seq"
    async with asyncio.timeout(20):
        row = await server.db.fetchrow(insert, user, general, "by hand")
        heard = await bob.wait_for("receive-message")
    assert (heard["id"], heard["seq"], heard["message"], heard["username"]) == (
        str(row["message_id"]), row["seq"], "by hand", "ann",
    )  # fmt: skip
    await server.db.execute("UPDATE messages SET message_text = 'changed' WHERE message_id = $1", row["message_id"])
    told = await bob.wait_for("message-updated", timeout=15)
    assert (told["message"], told["changeSeq"]) == ("changed", row["seq"] + 1)
    await server.db.execute("UPDATE messages SET is_deleted = true WHERE message_id = $1", row["message_id"])
    gone = await bob.wait_for("message-deleted", timeout=15)
    assert gone["changeSeq"] == row["seq"] + 2
    assert [one["changeSeq"] for name, one in ann.events if name.startswith(("receive", "message-"))] == [
        row["seq"], row["seq"] + 1, row["seq"] + 2,
    ]  # fmt: skip


async def test_plain_sql_and_clients_take_turns(server: Running) -> None:
    ann, bob = await server.pair()
    general, user = await server.room_id(), await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    insert = "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, $3)"
    for n in range(30):
        await server.db.execute(insert, user, general, f"sql {n}")
        await ann.ok("send-message", {"message": f"socket {n}"})
    last = await bob.wait_for("receive-message", lambda one: one["message"] == "socket 29")
    numbers = [one["changeSeq"] for one in bob.got("receive-message")]
    assert numbers == list(range(last["changeSeq"] - 59, last["changeSeq"] + 1))


async def test_after_a_rollback_nothing_is_seen(server: Running) -> None:
    ann, bob = await server.pair()
    general, user = await server.room_id(), await server.db.fetchval("SELECT user_id FROM users WHERE username = 'ann'")
    before = await server.last_seq()
    transaction = server.db.transaction()
    await transaction.start()
    await server.db.execute(
        "INSERT INTO messages (user_id, room_id, message_text) VALUES ($1, $2, 'never')", user, general
    )
    looks = server.hubbub.edge.feeds.stats.repairs
    await server.hubbub.edge.feeds.look()
    await transaction.rollback()
    await server.hubbub.edge.feeds.look()
    assert server.hubbub.edge.feeds.stats.repairs == looks
    ack = await ann.ok("send-message", {"message": "real"})
    assert ack["seq"] == before + 1
    await bob.wait_for("receive-message")
    assert [one["message"] for one in bob.got("receive-message")] == ["real"]


@pytest.mark.parametrize("env", [{"HUBBUB_MAX_MESSAGE_BYTES": "10"}], indirect=True)
async def test_the_longest_message_is_a_setting_in_bytes(server: Running) -> None:
    ann, _ = await server.pair()
    await ann.ok("send-message", {"message": "éééée"[:5]})
    await ann.fails("send-message", {"message": "é" * 5 + "x"}, code="too_large")
