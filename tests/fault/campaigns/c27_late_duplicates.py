"""C27: what was done, and answered, is sent again thirty-one days later, by another device, after the tables were tidied up."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import UUID

import msgspec
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import Http, connect
from tests.fault.harness.load import TOKEN_SECONDS, Size
from tests.fault.harness.world import World, world
from tests.support import people
from tests.support.people import Person

FEW: Final = Size(senders=2, rooms=2, rate=10, listeners=2)
ROOMS: Final = ("kitchen", "garden")
AT_ONCE: Final = 20


@campaign("C27", "the same again, 31 days late", short=60, nightly=1_000, unit="retries")
async def c27(run: Run) -> None:
    async with world(run, nodes=2, size=FEW, env={"HUBBUB_SEND_RATE": "0"}) as here:
        await here.start()
        async with here.sql() as db:
            ann = await people.sign_up(db, "ann", expires_in=TOKEN_SECONDS)
            mine = [await people.room(db, name, ann) for name in ROOMS]
            first = await ask_all(here, run, ann, [None] * (run.count // 2 + 1))
            before = await counters(db, mine)
            older = "UPDATE messages SET created_at = created_at - interval '31 days' WHERE room_id = ANY ($1)"
            await db.execute(older, mine)
            await db.execute("UPDATE hubbub.commands SET done_at = done_at - interval '31 days'")
            await db.execute("UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE session_id = $1", ann.session_id)
            for table in "messages", "rooms", "room_members", "hubbub.commands":
                await db.execute(f"VACUUM FULL {table}")
            await asyncio.gather(*(node.stop() for node in here.nodes))  # nothing of it is in anybody's memory
            await asyncio.gather(*(node.start() for node in here.nodes))
            again = await people.sign_in_again(db, ann, expires_in=TOKEN_SECONDS)
            late = await ask_all(here, run, again, first)
            run.bit(sum(len(answers) for answers in late))
            for number, (one, other) in enumerate(zip(first, late, strict=True)):
                if one != other:
                    run.violate("I1", f"command {number} was answered {one}, and 31 days later {other}")
            after = await counters(db, mine)
            if before != after:
                run.violate("I1", f"the repeats changed something: {before} became {after}")
            run.checked["I1"] += run.bites
        await here.finish()


async def counters(db: Any, mine: list[UUID]) -> list[Any]:
    """What every change moves."""
    rows = await db.fetch("SELECT last_seq, message_count FROM rooms WHERE room_id = ANY ($1) ORDER BY room_id", mine)
    texts = await db.fetchval(
        "SELECT md5(string_agg(message_text, '/' ORDER BY room_id, seq)) FROM messages WHERE room_id = ANY ($1)", mine
    )
    return [*(tuple(row) for row in rows), texts]


async def ask_all(here: World, run: Run, person: Person, known: list[Any]) -> list[Any]:
    """For each number: send a message, edit it, by turns over the socket and by REST; what both answered.

    Args:
        known: the answers of the first time, which name the message to edit; or None.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    sockets = [await connect(url, person.token, "websocket", lambda _event, _data: None) for url in here.nodes.urls()]

    async def one(number: int) -> tuple[Any, Any]:
        async with gate:
            # The second time the other way round: what went by REST comes again over the socket, by another node.
            by_rest = (number + (known[number] is not None)) % 2 == 0
            room, text = ROOMS[number % len(ROOMS)], f"text {number}"
            socket, url = sockets[run.chance.randrange(2)], run.chance.choice(here.nodes.urls())
            if by_rest:
                body = {"message": text, "clientId": f"send-{number}"}
                answer = await rest(url, "POST", f"/api/rooms/{room}/messages", person, body)
                sent = (answer["message"]["id"], answer["message"]["seq"])
                path = f"/api/messages/{sent[0]}"
                await rest(url, "PATCH", path, person, {"message": "edited", "clientId": f"edit-{number}"})
            else:
                data = {"room": room, "message": text, "clientId": f"send-{number}"}
                answer = await socket.call("send-message", data)
                sent = (answer["id"], answer["seq"])
                edit = {"id": sent[0], "message": "edited", "clientId": f"edit-{number}"}
                edited = await socket.call("edit-message", edit)
                assert edited["success"], edited
            if known[number] is None:  # and another edit, which the late one must not undo
                await socket.call("edit-message", {"id": sent[0], "message": f"the last word on {number}"})
            return sent

    answers = await asyncio.gather(*(one(number) for number in range(len(known))))
    for socket in sockets:
        await socket.close()
    return list(answers)


async def rest(url: str, method: str, path: str, person: Person, body: Any) -> dict[str, Any]:
    http = Http(url)
    try:
        _, answer = await http.request(method, path, msgspec.json.encode(body), person.token)
    finally:
        http.close()
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    assert decoded["success"], decoded
    return decoded
