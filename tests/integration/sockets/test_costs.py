"""What events cost, in statements: a regression here is a regression of the whole server."""

from __future__ import annotations

import asyncio

from tests.support.server import Running, by_events


async def test_a_send_in_a_joined_room_costs_its_share_of_a_batch(server: Running) -> None:
    ann, bob = await server.pair()
    general = await server.room_id()
    async with server.statements() as ran:
        for ref in (None, "general", general):
            data = {"message": "x"} if ref is None else {"message": "x", "room": ref}
            await ann.ok("send-message", data)
    assert by_events(ran) == ["messages.append"] * 3
    async with server.statements() as ran:
        await asyncio.gather(*(ann.ok("send-message", {"message": str(n)}) for n in range(60)))
        await bob.settle()
    assert set(by_events(ran)) == {"messages.append"}
    assert len(by_events(ran)) <= 6


async def test_typing_costs_nothing(server: Running) -> None:
    ann, bob = await server.pair()
    async with server.statements() as ran:
        for _ in range(10):
            await ann.ok("typing", True)
            await ann.ok("typing", {"isTyping": False, "room": "general"})
        await bob.settle()
        await ann.call("nonsense", {})
        await ann.fails("send-message", {"message": ""}, code="validation_failed")
    assert by_events(ran) == []


async def test_edits_and_deletions(server: Running) -> None:
    ann, _ = await server.pair()
    sent = await ann.ok("send-message", {"message": "x"})
    async with server.statements() as ran:
        await ann.ok("edit-message", {"id": sent["id"], "message": "y"})
    assert by_events(ran) == ["messages.by_id", "rooms.by_id", "messages.edit", "members.watermarks"]
    async with server.statements() as ran:
        await ann.ok("delete-message", {"id": sent["id"]})
    assert by_events(ran) == ["messages.by_id", "rooms.by_id", "messages.delete", "messages.by_id"]


async def test_marks_of_many_cost_one_statement_and_what_they_move(server: Running) -> None:
    ann, bob = await server.pair()
    sent = [await ann.ok("send-message", {"message": str(n)}) for n in range(20)]
    async with server.statements() as ran:
        await asyncio.gather(*(bob.ok("message-read", {"messageId": one["id"]}) for one in sent))
    assert by_events(ran).count("receipts.mark") <= 2
    assert len(by_events(ran)) <= 2 * 8


async def test_join_and_leave(server: Running) -> None:
    ann, bob = await server.pair()
    async with server.statements() as ran:
        await bob.ok("leave-room", "general")
    assert by_events(ran) == []
    async with server.statements() as ran:
        await bob.ok("join", "general")
    assert len(by_events(ran)) <= 5, by_events(ran)
    await ann.settle()


async def test_connecting(server: Running) -> None:
    ann, bob = await server.people("ann", "bob")
    for n in range(10):
        await server.room(f"room {n}", ann, bob)
    await server.connect(bob)
    async with server.statements() as ran:
        await server.connect(ann)
    # However many rooms.
    assert by_events(ran) == ["arrivals.arrive"]
