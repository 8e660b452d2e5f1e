"""What takes more than one request: races, floods, slowness, and looking at what was stored."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Final
from uuid import uuid4

from tests.fault.corpus.engineio import frame
from tests.fault.corpus.entry import CLOSE_SECONDS, Entry, Script
from tests.fault.corpus.runner import Arena
from tests.support.raw_client import RawWebSocket, open_request, request

GIVEN_UP: Final = 14.0  # seconds: ten, and some for a machine where much else runs
JSON: Final = {"Content-Type": "application/json"}


async def trickling_head(arena: Arena) -> None:
    """A byte of the head each second: 408 after ten."""
    reader, writer = await asyncio.open_connection(arena.host, arena.port)
    began = time.monotonic()
    for byte in b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: aaaaaaaaaaaaaaaaaaaa":
        writer.write(bytes((byte,)))
        try:
            async with asyncio.timeout(1):
                answer = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            continue
        assert answer.split()[1] == b"408", answer
        break
    writer.close()
    assert 9 < time.monotonic() - began < GIVEN_UP


async def trickling_body(arena: Arena, path: str, headers: dict[str, str]) -> None:
    """A byte of the body each second: 408 after ten."""
    reader, writer = await open_request(arena.url + path, "POST", headers={"Content-Length": "100", **headers})
    began = time.monotonic()
    while True:
        writer.write(b" ")
        try:
            async with asyncio.timeout(1):
                status = (await reader.readuntil(b"\r\n")).split()[1]
        except TimeoutError:
            continue
        break
    writer.close()
    assert status == b"408", status
    assert 9 < time.monotonic() - began < GIVEN_UP


async def trickling_rest_body(arena: Arena) -> None:
    await trickling_body(arena, "/api/auth/login", JSON)


async def trickling_post(arena: Arena) -> None:
    await trickling_body(arena, f"/socket.io/?EIO=4&transport=polling&sid={await arena.sid()}", {})


async def silent_connection(arena: Arena) -> None:
    """A TCP connection over which nothing comes is closed after ten seconds, 200 of them as well."""
    ends = await asyncio.gather(*(asyncio.open_connection(arena.host, arena.port) for _ in range(200)))
    async with asyncio.timeout(GIVEN_UP):
        for reader, writer in ends:
            assert await reader.read() == b""
            writer.close()


async def silent_upgrade(arena: Arena) -> None:
    """An upgrade that is never finished is dropped after ten seconds; polling goes on."""
    sid = await arena.sid()
    ws = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    began = time.monotonic()
    await ws.closed(timeout=GIVEN_UP)
    assert 9 < time.monotonic() - began < GIVEN_UP
    assert (await arena.post(sid, b"40" + arena.auth)).status == 200


async def no_token(arena: Arena) -> None:
    """A socket that connects without a token, and sends none, is closed after ten seconds; before, it can do nothing."""
    ws = await arena.open()
    ws.send("40{}")
    assert str(await ws.receive()).startswith("40")
    ws.send('427["send-message",{"message":"x","room":"arena"}]')
    assert "unauthorized" in str(await ws.receive())
    began = time.monotonic()
    await ws.closed(timeout=GIVEN_UP)
    assert time.monotonic() - began < GIVEN_UP


async def no_namespace(arena: Arena) -> None:
    """An Engine.IO session that never connects to a namespace is closed after 45 seconds, though it answers pings."""
    ws = await arena.open()
    began = time.monotonic()
    await ws.closed(timeout=60)
    assert 40 < time.monotonic() - began < 55


async def second_poll(arena: Arena) -> None:
    """Two GETs at once: 400 for the second, and the session is gone."""
    sid = await arena.sid()
    await arena.post(sid, b"40" + arena.auth)
    url = f"{arena.polling}&sid={sid}"
    while b"ready" not in (await request(url)).body:
        pass
    first = asyncio.create_task(request(url))
    while True:
        await arena.settle()
        second = asyncio.create_task(request(url))
        _, waiting = await asyncio.wait((first, second), timeout=CLOSE_SECONDS)
        if second not in waiting:
            break
        assert (await first).status == 200
        first = second  # something was told just before the second came: it is the first one now
    assert second.result().status == 400
    assert (await first).status == 200
    assert (await request(url)).status == 400


async def poll_given_up(arena: Arena) -> None:
    """A GET whose client goes away ends the session."""
    sid = await arena.sid()
    await arena.post(sid, b"40{}")
    await request(f"{arena.polling}&sid={sid}")
    _, writer = await open_request(f"{arena.polling}&sid={sid}")
    await arena.settle()
    writer.transport.abort()
    async with asyncio.timeout(CLOSE_SECONDS):
        while (await arena.post(sid, b"3")).status != 400:
            await arena.settle()


async def upgraded(arena: Arena) -> tuple[str, RawWebSocket]:
    """A session that has gone from polling to WebSocket, signed in: its sid, and the WebSocket."""
    sid = await arena.sid()
    ws = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    ws.send("5")
    ws.send("40" + arena.auth.decode())
    assert str(await ws.receive()).startswith("40")
    return sid, ws


async def sid_after_upgrade(arena: Arena) -> None:
    """After the upgrade the sid is worth nothing to polling, nor to another WebSocket."""
    sid, ws = await upgraded(arena)
    assert (await request(f"{arena.polling}&sid={sid}")).status == 400
    assert (await arena.post(sid, b"41")).status == 400
    other = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    await other.closed(timeout=CLOSE_SECONDS)
    await arena.is_alive(ws)
    await ws.close()


async def two_probes(arena: Arena) -> None:
    """A second WebSocket for a session is refused; the first goes on."""
    sid = await arena.sid()
    first = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    second = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    await second.closed(timeout=CLOSE_SECONDS)
    first.send("2probe")
    assert await first.receive() == "3probe"
    first.send("5")
    first.send("40" + arena.auth.decode())
    assert str(await first.receive()).startswith("40")
    await arena.is_alive(first)
    await first.close()


async def post_during_upgrade(arena: Arena) -> None:
    """A POST while the WebSocket is probed is read, once."""
    sid = await arena.sid()
    ws = await RawWebSocket.connect(arena.websocket + f"&sid={sid}")
    ws.send("2probe")
    assert await ws.receive() == "3probe"
    assert (await arena.post(sid, b"40" + arena.auth)).status == 200
    ws.send("5")
    assert str(await ws.receive()).startswith("40{")
    await arena.is_alive(ws)
    await ws.close()


async def other_transports_sid(arena: Arena) -> None:
    """The sid of a WebSocket session is worth nothing to polling."""
    ws = await RawWebSocket.connect(arena.websocket)
    sid = str(await ws.receive()).split('"sid":"')[1].split('"')[0]
    assert (await request(f"{arena.polling}&sid={sid}")).status == 400
    assert (await arena.post(sid, b"41")).status == 400
    ws.send("40" + arena.auth.decode())
    assert str(await ws.receive()).startswith("40")
    await ws.close()


async def many_sockets(arena: Arena) -> None:
    """One account opens 250 sockets: 200 are let in."""
    sockets = []
    counted: Counter[str] = Counter()
    for _ in range(250):
        ws = await arena.open()
        ws.send("40" + json.dumps({"token": arena.names["mallory"]}))
        sockets.append(ws)
    for ws in sockets:
        counted[str(await ws.receive())[:2]] += 1
    for ws in sockets:
        await ws.close()
    assert counted == {"40": 200, "44": 50}, counted


async def forwarded_for(arena: Arena) -> None:
    """A guesser who says another address each time is slowed all the same."""
    statuses: Counter[int] = Counter()
    for number in range(14):
        body = b'{"username":"forwarded","password":"a guess"}'
        headers = JSON | {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        statuses[(await request(f"{arena.url}/api/auth/login", "POST", body, headers)).status] += 1
    assert statuses == {401: 10, 429: 4}, statuses


async def same_refusal(arena: Arena) -> None:
    """What is said of an unknown name is what is said of a wrong password; of an unseen room, what is said of none."""

    async def said(method: str, path: str, body: str | None = None) -> bytes:
        answer = await arena.rest(method, path, body)
        lines = {name: value for name, value in answer.json().items() if name != "instance"}
        return repr((answer.status, lines)).encode()

    guess = '{"username":"%s","password":"a guess"}'
    assert await said("POST", "/api/auth/login", guess % "ann") == await said(
        "POST", "/api/auth/login", guess % "nobody-here"
    )
    for path in ("/api/rooms/{}", "/api/rooms/{}/messages", "/api/rooms/{}/members"):
        assert await said("GET", path.format(arena.names["vault_id"])) == await said("GET", path.format(uuid4()))
    for path in ("/api/messages/{}/reads", "/api/messages/{}/history"):
        assert await said("GET", path.format(arena.names["secret"])) == await said("GET", path.format(uuid4()))


async def nothing_was_set(arena: Arena) -> None:
    """Fields that are not the client's were passed over: nothing is anybody else's, or of another time or place."""
    forged = {"sender": arena.names["ann_id"], "seq": 10**9, "createdAt": "1970-01-01T00:00:00Z"}
    body = json.dumps({"message": "whose?"} | forged)
    answer = await arena.rest("POST", "/api/rooms/<arena>/messages", body)
    assert answer.status == 201
    message = answer.json()["message"]
    row = await arena.db.fetchrow(
        "SELECT user_id, seq, created_at > now() - interval '1 minute' AS new FROM messages WHERE message_id = $1",
        message["id"],
    )
    assert (str(row["user_id"]), row["seq"] < 10**9, row["new"]) == (arena.names["eve_id"], True, True)
    assert await arena.db.fetchval("SELECT bool_and(role = 'user') FROM users WHERE username IN ('eve', 'mallory')")


async def not_reading(arena: Arena) -> None:
    """Somebody who asks for the whole history again and again, and reads nothing, is closed; we keep a bounded part."""
    await arena.db.execute(
        "INSERT INTO messages (user_id, room_id, message_text) SELECT $1, $2, repeat('x', 16000) FROM generate_series(1, 100)",
        *(arena.ids[name] for name in ("eve_id", "arena_id")),
    )
    ws = await arena.join()
    for _ in range(60):  # 96 MB, were they all answered
        ws.send('421["join","arena"]')
    await ws.drain()
    began = time.monotonic()
    while await arena.closed_as("slow") == 0:
        assert time.monotonic() - began < 30, "never found slow"
        await arena.settle()
    ws.abort()


async def kicked_while_sending(arena: Arena) -> None:
    """A send and a removal at once: the message stands before the removal, or is refused; afterwards all are refused."""
    room = await arena.db.fetchval("SELECT room_id FROM rooms WHERE room_name = 'gate'")
    ws = await arena.connect("mallory")
    for number in range(40):
        ws.send(f'42{number}["send-message",{{"message":"{number}","room":"{room}"}}]')
        if number == 20:
            removal = asyncio.create_task(arena.rest(
                "DELETE", f"/api/rooms/{room}/members/{arena.names['mallory_id']}", who="ann"))  # fmt: skip
    answers = [await arena.ack_on(ws, number) for number in range(40)]
    assert (await removal).status == 200
    ws.send(f'4299["send-message",{{"message":"after","room":"{room}"}}]')
    assert (await arena.ack_on(ws, 99))["code"] == "not_found"
    await ws.close()
    left = await arena.db.fetchval(
        "SELECT change_seq FROM room_members WHERE room_id = $1 AND user_id = $2", room, arena.ids["mallory_id"]
    )
    seqs = [answer["seq"] for answer in answers if answer["success"]]
    assert {answer["code"] for answer in answers if not answer["success"]} <= {"not_found"}
    assert all(seq < left for seq in seqs), (seqs, left)
    stored = await arena.db.fetchval("SELECT count(*) FROM messages WHERE room_id = $1", room)
    assert stored == len(seqs)


async def sends_too_fast(arena: Arena) -> None:
    """2,000 sends at once: what is more than the burst is answered `rate_limited` with `retryAfter`; the socket stays."""
    ws = await arena.connect("mallory")
    for number in range(2_000):
        ws.send(f'42{number}["send-message",{{"message":"x","room":"nowhere at all"}}]')
    codes: Counter[str] = Counter()
    for number in range(2_000):
        answer = await arena.ack_on(ws, number)
        codes[answer["code"]] += 1
        assert answer["code"] != "rate_limited" or answer["retryAfter"] > 0
    assert codes["rate_limited"] > 500, codes
    assert codes["not_found"] > 500, codes
    await ws.close()


async def types_too_fast(arena: Arena) -> None:
    """3,000 times `typing`: the burst is taken, the rest refused; others hear one."""
    ws = await arena.connect("eve")
    for number in range(3_000):
        ws.send(f'42{number}["typing",{{"room":"{arena.names["arena"]}","isTyping":true}}]')
    codes = Counter([(await arena.ack_on(ws, number)).get("code", "taken") for number in range(3_000)])
    assert codes["rate_limited"] > 1_000, codes
    await ws.close()


async def too_many_rooms(arena: Arena) -> None:
    """Somebody who is in 2,000 rooms may not come into one more."""
    await arena.db.execute(
        "WITH made AS (INSERT INTO rooms (room_name) SELECT 'room ' || n FROM generate_series(1, 2000) n RETURNING room_id) "
        "INSERT INTO room_members (room_id, user_id) SELECT room_id, $1 FROM made", arena.ids["oscar_id"],
    )  # fmt: skip
    answer = await arena.rest("POST", "/api/rooms/general/join", who="oscar")
    assert (answer.status, answer.json()["code"]) == (413, "too_large"), answer.text


async def one_key_two_texts(arena: Arena) -> None:
    """A `clientId` again: the first answer for the same text, `conflict` for another; another's is another."""
    ask = {"message": "once", "room": arena.names["arena"], "clientId": "key-1"}
    first, again = await arena.ack("send-message", ask), await arena.ack("send-message", ask)
    assert first["success"]
    assert (again["id"], again["seq"], again["duplicate"]) == (first["id"], first["seq"], True)
    assert (await arena.ack("send-message", ask | {"message": "twice"}))["code"] == "conflict"
    theirs = await arena.ack("send-message", ask | {"message": "twice"}, who="oscar")
    assert theirs["success"]
    assert theirs["id"] != first["id"]
    by_rest = await arena.rest("POST", "/api/rooms/<arena>/messages", '{"message":"once","clientId":"key-1"}')
    assert (by_rest.status, by_rest.json()["message"]["id"]) == (200, first["id"])


async def read_beyond_the_end(arena: Arena) -> None:
    """A receipt again and again, and one for an older message: read marks never go back."""
    for _ in range(4):
        assert (await arena.ack("message-read", {"messageId": arena.names["said"]}))["success"]
    row = await arena.db.fetchrow(
        "SELECT read_seq <= delivered_seq AS ordered, delivered_seq <= last_seq AS within FROM room_members "
        "JOIN rooms USING (room_id) WHERE user_id = $1 AND room_id = $2", arena.ids["eve_id"], arena.ids["arena_id"],
    )  # fmt: skip
    assert (row["ordered"], row["within"]) == (True, True)


async def sync_of_others(arena: Arena) -> None:
    """What a stranger syncs is left out; a place beyond the end is `resync_required`; 200 repeats are one answer."""
    vault = await arena.ack("sync", {"epoch": arena.names["epoch"], "rooms": {arena.names["vault_id"]: 0}})
    assert (vault["success"], vault["rooms"]) == (True, {})
    beyond = await arena.ack("sync", {"epoch": arena.names["epoch"], "rooms": {arena.names["arena_id"]: 2**53 - 1}})
    assert beyond["code"] == "resync_required"
    ws = await arena.connect("eve")
    ask = json.dumps(["sync", {"epoch": arena.names["epoch"], "rooms": {arena.names["vault_id"]: 0}}])
    for number in range(200):
        ws.send(f"42{number}{ask}")
    answers = [await arena.ack_on(ws, number) for number in range(200)]
    assert {repr(answer.get("rooms")) for answer in answers if answer["success"]} == {"{}"}
    assert {answer["code"] for answer in answers if not answer["success"]} <= {"rate_limited"}
    await ws.close()


async def half_a_binary_packet(arena: Arena) -> None:
    """Sockets that go away in the middle of a packet, a message, a frame."""
    for data in (
        '4510-["typing",{"_placeholder":true,"num":0}]',
        frame(0x01, b"4" * 60_000),
        frame(0x82, b"4" * 10, length=900_000),
    ):
        ws = await arena.join()
        if isinstance(data, str):
            ws.send(data)
            ws.send(b"x" * 100_000)
        else:
            ws.raw(data.data)
        await ws.drain()
        ws.abort()


async def refresh_twice(arena: Arena) -> None:
    """One refresh token, fifty times at once: one gets the next pair, and the session ends for being used twice."""
    answer = await arena.register("racer")
    body = json.dumps({"refreshToken": answer["refreshToken"]})
    statuses = Counter([a.status for a in await asyncio.gather(
        *(arena.rest("POST", "/api/auth/refresh", body, who=None) for _ in range(50)))])  # fmt: skip
    assert statuses == {200: 1, 401: 49}, statuses
    with_token = await request(f"{arena.url}/api/auth/verify", headers={"Authorization": f"Bearer {answer['token']}"})
    assert with_token.status == 401


ENTRIES: Final = (
    Entry(4, "a head that trickles in", Script(trickling_head), slow=11),
    Entry(4, "a body that trickles in", Script(trickling_rest_body), slow=11),
    Entry(4, "a POST to Engine.IO that trickles in", Script(trickling_post), slow=11),
    Entry(6, "what is stored when others' fields are sent", Script(nothing_was_set)),
    Entry(16, "X-Forwarded-For on each guess", Script(forwarded_for)),
    Entry(19, "a sid of the other transport", Script(other_transports_sid)),
    Entry(20, "a sid after its upgrade", Script(sid_after_upgrade)),
    Entry(25, "a second GET", Script(second_poll)),
    Entry(26, "a GET given up", Script(poll_given_up)),
    Entry(27, "a POST during the upgrade", Script(post_during_upgrade)),
    Entry(28, "two probes", Script(two_probes)),
    Entry(29, "an upgrade never finished", Script(silent_upgrade), slow=11),
    Entry(35, "250 sockets of one account", Script(many_sockets),
          note="by account, not by address: many people share one address; by address the proxy limits"),
    Entry(36, "200 TCP connections that say nothing", Script(silent_connection), slow=11),
    Entry(37, "a WebSocket without CONNECT", Script(no_namespace), slow=46),
    Entry(37, "CONNECT without a token", Script(no_token), slow=11),
    Entry(40, "a client that asks and does not read", Script(not_reading)),
    Entry(50, "packets, messages, frames left in the middle", Script(half_a_binary_packet)),
    Entry(63, "one refresh token fifty times at once", Script(refresh_twice)),
    Entry(64, "unknown and wrong, unseen and not there: one answer", Script(same_refusal)),
    Entry(73, "read marks", Script(read_beyond_the_end)),
    Entry(77, "removed while sends are in flight", Script(kicked_while_sending)),
    Entry(99, "2,000 sends at once", Script(sends_too_fast)),
    Entry(100, "3,000 times typing", Script(types_too_fast)),
    Entry(101, "one room more than 2,000", Script(too_many_rooms)),
    Entry(102, "one clientId for two texts", Script(one_key_two_texts)),
    Entry(109, "syncs of others' rooms, beyond the end, 200 times", Script(sync_of_others)),
)  # fmt: skip
