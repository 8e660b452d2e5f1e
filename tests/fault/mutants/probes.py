"""What is done to a server, planted bug or not, so that a bug shows: each a coroutine of a run and its world.

A server without a planted bug passes them all. Whatever is done is noted in the history, for the checker to judge.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from tests.fault.harness.campaign import Run
from tests.fault.harness.chatter import Chatter
from tests.fault.harness.client import WebSocket, connect
from tests.fault.harness.history import body_hash
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.world import World
from tests.support import people

OUTBOX: Final = 65_536
NOT_READ_BYTES: Final = 9_000_000  # beyond what kernels keep for one connection, and far beyond the outbox
TAIL_SECONDS: Final = 3.0


async def talk(run: Run, here: World) -> None:
    """People talk."""
    await here.load.acknowledged(80)


async def talk_across(run: Run, here: World) -> None:
    """People of one room talk on different nodes."""
    senders = here.load.senders
    for number, one in enumerate(senders):
        url = here.nodes[number // 2 % len(here.nodes)].url  # 0 and 2 are in one room, 1 and 3 in the other
        one.urls = lambda url=url: [url]  # type: ignore[misc]
        if one.socket is not None:
            await one.socket.close()
    await here.load.acknowledged(150, timeout=90)
    for one in senders:
        one.urls = None


async def _again(here: World, one: Chatter) -> None:
    """Send the latest message of a person once more."""
    load = here.load
    room = load.room_names[next(iter(one.cursors))]
    body, client_id = f"{one.name}:{one.sent}:{load.secret_of[room]}", f"{one.name}-{one.sent}"
    socket = await one.connected()
    data = {"message": body, "room": load.room_ids[room], "clientId": client_id}
    answer = await socket.call("send-message", data)
    if answer["success"]:
        here.history.note(one.name, "send", room=room, client_id=client_id, seq=answer["seq"])


async def repeat(run: Run, here: World) -> None:
    """Somebody sends everything twice."""
    one = here.load.listeners[0]
    room = here.load.room_names[next(iter(one.cursors))]
    for _ in range(5):
        await one.send(room)
        await _again(here, one)


async def repeat_late(run: Run, here: World) -> None:
    """Somebody sends a message again, seven seconds later."""
    one = here.load.listeners[0]
    await one.send(here.load.room_names[next(iter(one.cursors))])
    await asyncio.sleep(7)
    await _again(here, one)


async def quiet(run: Run, here: World) -> None:
    """Single messages, each followed by silence: everybody has to hear each of them."""
    load = here.load
    await load.acknowledged(20)
    await load.stop()
    for _ in range(8):
        one = run.chance.choice(load.senders)
        await one.send(load.room_names[next(iter(one.cursors))])
        await load.all_told(TAIL_SECONDS)


async def newcomers(run: Run, here: World) -> None:
    """People come for the first time while others talk: from their first number on they miss nothing."""
    load = here.load
    async with here.sql() as db:
        for number in range(6):
            transport = ("websocket", "polling")[number % 2]
            load.listeners.append(await load.newcomer(db, f"newcomer{number}", transport, list(load.room_ids)))
    for one in load.listeners[-6:]:
        one.start()
        await one.connected()
        await load.acknowledged(6)


async def ex_member(run: Run, here: World) -> None:
    """Somebody who was removed from a private room asks for what was said since."""
    load = here.load
    async with here.sql() as db:
        load.add_room("closet", await people.room(db, "closet", private=True))
        inside = await load.newcomer(db, "insider", "websocket", ["closet"])
        outside = await load.newcomer(db, "outsider", "websocket", ["closet"])
        load.listeners += [inside, outside]
        for one in (inside, outside):
            one.start()
            await one.connected()
        await inside.send("closet")
        await db.execute(
            "UPDATE room_members SET is_active = false FROM users AS u WHERE room_members.user_id = u.user_id"
            " AND u.username = 'outsider' AND room_id = $1",
            load.room_ids["closet"],
        )
    here.history.note("outsider", "member", room="closet", about="out")
    await asyncio.sleep(1.5)  # more than the second that a leave may take
    await inside.send("closet")
    socket = await outside.connected()
    room_id = load.room_ids["closet"]
    answer = await socket.call("sync", {"epoch": load.epoch, "rooms": {room_id: 0}})
    _overheard(here, "outsider", answer)
    await outside.leave()
    load.listeners.remove(outside)


def _overheard(here: World, who: str, answer: dict[str, Any]) -> None:
    """Note what somebody was given by a `sync` that they should have got nothing from."""
    for room_id, page in answer.get("rooms", {}).items():
        room = here.load.room_names[room_id]
        for change in page["changes"]:
            if change["type"] == "message":
                text = change["message"]
                secret = here.load.secrets.get(text.rsplit(":", 1)[-1], "")
                here.history.note(
                    who, "hear", room=room, change_seq=change["changeSeq"], seq=change["seq"], source="stolen",
                    secret=secret, body_hash=body_hash(text), epoch=here.load.epoch,
                )  # fmt: skip


async def receipts(run: Run, here: World) -> None:
    """Somebody has read a late message, then an early one."""
    load = here.load
    one = load.listeners[0]
    room_id = next(iter(one.cursors))
    await load.acknowledged(20)
    page = await load.rest("GET", f"/api/rooms/{room_id}/messages?limit=8", one.person)
    socket = await one.connected()
    for message in (page["data"][-1], page["data"][0]):
        await socket.call("message-read", {"messageId": message["id"]})
        await load.look_at_marks()


async def crash(run: Run, here: World) -> None:
    """A node is killed with everybody on it."""
    await here.load.acknowledged(20)
    await here.nodes[-1].kill()
    await here.load.acknowledged(20)


async def slow(run: Run, here: World) -> None:
    """Some stop reading while much is said: they are sent away before it is too much."""
    load = here.load
    proxy = Proxy(("127.0.0.1", here.nodes[0].port), window=16_384)
    await proxy.start()
    try:
        async with here.sql() as db:
            rooms = list(load.room_ids)
            some = [await load.newcomer(db, f"sleeper{number}", "websocket", rooms[:1]) for number in range(3)]
        for one in some:
            one.urls = lambda: [f"http://127.0.0.1:{proxy.port}"]
            one.start()
            await one.connected()
        load.listeners += some
        here.fault("three stop reading")
        proxy.faults.is_paused = True
        load.padding = 15_000
        talker = next(one for one in load.senders if load.room_ids[rooms[0]] in one.cursors)
        closed_before = await _closed_as_slow(here)
        said = 0
        end = time.monotonic() + 60
        while said < NOT_READ_BYTES and time.monotonic() < end:
            await asyncio.gather(*(talker.send(rooms[0]) for _ in range(10)))
            said += 10 * load.padding
        load.padding = 0
        dropped = await _closed_as_slow(here) - closed_before
        if dropped < len(some):
            run.violate("I12", f"{said >> 20} MB wait for each of {len(some) - dropped} clients that do not read")
        proxy.faults.clear()
        proxy.cut()
    finally:
        await proxy.close()
        for one in some:
            one.urls = None


async def _closed_as_slow(here: World) -> int:
    return int(sum([await node.metric('connections_closed_total{reason="slow"}', 0.0) for node in here.nodes.up]))


async def stranger(run: Run, here: World) -> None:
    """Somebody without an account asks for a room."""
    load = here.load
    await load.acknowledged(10)
    socket = await connect(here.nodes[0].url, "", "websocket", lambda *_: None)
    try:
        answer = await socket.call("sync", {"epoch": load.epoch, "rooms": {next(iter(load.room_names)): 0}})
        _overheard(here, "stranger", answer)
    finally:
        await socket.close()


async def rewind(run: Run, here: World) -> None:
    """The database is put back to a while ago, and other messages take the numbers of those that are gone."""
    load = here.load
    await load.acknowledged(40)
    await load.stop()
    for node in here.nodes.up:
        await node.kill()
    async with here.sql() as db:
        async with db.transaction():
            await db.execute("SET LOCAL session_replication_role = replica")
            await db.execute(
                "DELETE FROM messages AS m USING rooms AS r WHERE r.room_id = m.room_id AND m.seq > r.last_seq - 5"
            )
            await db.execute(
                "UPDATE room_members AS x SET delivered_seq = least(x.delivered_seq, r.last_seq - 5),"
                " read_seq = least(x.read_seq, r.last_seq - 5) FROM rooms AS r WHERE r.room_id = x.room_id"
                " AND x.from_seq <= r.last_seq - 5"
            )
            await db.execute("UPDATE rooms SET last_seq = last_seq - 5 WHERE last_seq > 10")
            await db.execute("UPDATE hubbub.meta SET value = gen_random_uuid()::text WHERE key = 'epoch'")
        here.history.note("", "restored", "info")
        for room_id in load.room_names:
            for number in range(12):
                await db.execute(
                    "INSERT INTO messages (room_id, message_text) VALUES ($1, $2)", room_id, f"new {number}"
                )
    await here.nodes.heal()
    for one in load.everyone:
        await one.connected()
    for one in load.senders:
        await one.send(load.room_names[next(iter(one.cursors))])


async def not_a_number(run: Run, here: World) -> None:
    """Somebody sends what is not JSON to all parsers."""
    load = here.load
    one = load.senders[0]
    socket = await connect(here.nodes[0].url, one.person.token, "websocket", lambda *_: None)
    assert isinstance(socket, WebSocket)
    room_id = next(iter(one.cursors))
    await socket._send(b'42["typing",{"room":"%b","isTyping":NaN}]' % room_id.encode())
    await load.acknowledged(10)
    if not socket.closed.is_set():
        run.violate("B52", "a client that sent NaN is still connected")
    await socket.close()


PROBES: Final = {
    probe.__name__: probe
    for probe in (
        talk, talk_across, repeat, repeat_late, quiet, newcomers, ex_member, receipts, slow, stranger, not_a_number, rewind, crash,
    )
}  # fmt: skip
