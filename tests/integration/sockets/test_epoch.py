"""Another epoch, met by a running server: everybody is sent away, comes back, and is told to start afresh."""

from __future__ import annotations

import asyncio

from tests.support.process import eventually
from tests.support.server import Running

from hubbub.store import epoch


async def test_a_new_epoch_sends_everybody_away_and_cursors_of_before_are_refused(server: Running) -> None:
    ann = await server.connect(await server.person("ann"))
    ready = ann.got("ready")[0]
    await ann.ok("join", {"room": "general"})
    before = {"epoch": ready["epoch"], "rooms": {await server.room_id(): await server.last_seq()}}
    await ann.ok("sync", before)
    await epoch.renew(server.db)
    await asyncio.wait_for(ann.ended.wait(), 10)
    await eventually(lambda: not server.hubbub.edge.feeds.by_id)
    bob = await server.connect(await server.person("bob"))
    now = bob.got("ready")[0]["epoch"]
    assert now == server.chat.database.epoch.told != ready["epoch"]
    await bob.fails("sync", before, code="resync_required")
    await bob.ok("sync", before | {"epoch": now})
    await bob.ok("join", {"room": "general"})
    await bob.ok("send-message", {"message": "hello"})
    await bob.wait_for("receive-message")


async def test_counters_that_went_back_send_everybody_away_too(server: Running) -> None:
    """A copy of a disk, put in place of the data: nothing but the counters tells it."""
    ann, bob = await server.pair()
    for number in range(3):
        await ann.ok("send-message", {"message": f"{number}"})
    await bob.wait_for("receive-message", lambda message: message["message"] == "2")
    async with server.db.transaction():
        await server.db.execute("SET LOCAL session_replication_role = replica")
        await server.db.execute("DELETE FROM messages WHERE message_text IN ('1', '2')")
        await server.db.execute("UPDATE rooms SET last_seq = last_seq - 2 WHERE room_name = 'general'")
    await asyncio.wait_for(asyncio.gather(ann.ended.wait(), bob.ended.wait()), 10)
    again = await server.connect(await server.person("eve"))
    await again.ok("join", {"room": "general"})
    sent = await again.ok("send-message", {"message": "another 1"})
    heard = await again.wait_for("receive-message", lambda message: message["message"] == "another 1")
    assert heard["seq"] == sent["seq"] == await server.last_seq()


async def test_who_is_told_an_epoch_that_has_just_ended_is_sent_away(server: Running) -> None:
    """What was read for a connect, a moment before the database became another, is not told."""
    answered = asyncio.Event()
    arrivals = server.chat.arrivals
    ask = arrivals.ask

    def late(question):  # type: ignore[no-untyped-def]
        answer = ask(question)

        def is_read(_: object) -> None:
            database = server.chat.database
            database.epoch = database.epoch._replace(told="another")
            answered.set()

        answer.add_done_callback(is_read)
        return answer

    arrivals.ask = late  # type: ignore[method-assign]
    client = server.client()
    person = await server.person("ann")
    connecting = asyncio.create_task(client.connect({"token": person.token}, timeout=1))
    await asyncio.wait_for(answered.wait(), 5)
    await asyncio.gather(connecting, return_exceptions=True)
    await eventually(lambda: not server.hubbub.realtime.connections)
    assert not client.got("ready")
