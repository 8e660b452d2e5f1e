"""C17: people come into a private room and lose it again in every way there is, and try everything to go on hearing.

An attacker holds two sockets on different nodes, one of them polling, with all that they know: cursors, a token. From the
commit that ends their membership, whatever they ask for is refused; from the one that ends their session, whatever they
ask by REST; and from a second after either, nothing is told them, and an open socket is good for nothing. What may not
reach them is every message whose number is higher than the room's counter at that commit.

Rows that are removed for good take their numbers with them, which the checker would miss: `DELETE FROM room_members` and
`DELETE FROM users` are tried in tests/integration/sockets/test_revocation.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import AnySocket, connect
from tests.fault.harness.world import World, world
from tests.support import people
from tests.support.people import Person

PROMISED_SECONDS = 1.0
NOISE_SECONDS = 1.0  # of a busy machine
PROBING_SECONDS = 3.0
ROUND_SECONDS = 30.0
ATTACKERS = 6


@dataclass
class Attacker:
    """One person in one room, for one round.

    Attributes:
        heard: when, and the number of each message that came over a socket.
    """

    here: World
    person: Person
    room: str
    maker: Person
    admin: Person
    sockets: list[AnySocket] = field(default_factory=list)
    heard: list[tuple[float, int]] = field(default_factory=list)
    epoch: str = ""

    @property
    def room_id(self) -> str:
        return self.here.load.room_ids[self.room]

    def take(self, event: str, data: Any) -> None:
        if event == "ready":
            self.epoch = data["epoch"]
        for message in data if isinstance(data, list) else [data]:
            if isinstance(message, dict) and message.get("roomId") == self.room_id and "clientId" in message:
                self.heard.append((time.monotonic(), message["changeSeq"]))

    async def rest(self, method: str, path: str, by: Person, body: Any = None) -> dict[str, Any]:
        encoded = None if body is None else msgspec.json.encode(body)
        return await self.here.load.rest(method, path, by, encoded)

    async def sql(self, statement: str, *values: Any) -> None:
        async with self.here.sql() as conn:
            await conn.execute(statement, *values)


Act = Callable[[Attacker], Awaitable[Any]]
_MINE: Final = "user_id = $1 AND room_id = $2"


def _by_sql(statement: str) -> Act:
    return lambda one: one.sql(statement, one.person.user_id, UUID(one.room_id))


def _account_by_sql(statement: str) -> Act:
    return lambda one: one.sql(statement, one.person.user_id)


MEMBERSHIP: Final = ("leaves", "is put out", "is put out by SQL")
# The ways to lose a room: these, and those that end the session.
WAYS: Final[dict[str, Act]] = {
    "leaves": lambda one: one.rest("POST", f"/api/rooms/{one.room_id}/leave", one.person),
    "is put out": lambda one: one.rest("DELETE", f"/api/rooms/{one.room_id}/members/{one.person.id}", one.maker),
    "is put out by SQL": _by_sql(f"UPDATE room_members SET is_active = false WHERE {_MINE}"),
    "signs out": lambda one: one.rest("POST", "/api/auth/logout", one.person),
    "gets a new password": lambda one: one.rest(
        "PATCH", f"/api/users/{one.person.id}", one.admin, {"newPassword": "another password"}
    ),
    "is disabled": _account_by_sql("UPDATE users SET disabled_at = now() WHERE user_id = $1"),
    "loses the session": _account_by_sql("UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE user_id = $1"),
    "deletes the account": lambda one: one.rest("DELETE", f"/api/users/{one.person.id}", one.person),
}


@campaign("C17", "ways to lose a room, against attackers", short=20, nightly=1_000, unit="revocations", seconds=1_800)
async def c17(run: Run) -> None:
    async with world(run, shared=True, nodes=2) as here:
        load = here.load
        await load.prepare()
        async with here.sql() as conn:
            maker = await people.sign_up(conn, "maker", expires_in=86_400)
            admin = await people.sign_up(conn, "admin", role="admin", expires_in=86_400)
            await conn.execute(
                "UPDATE rooms SET is_private = true, created_by = $1 WHERE room_id = ANY ($2::uuid[])",
                maker.user_id,
                list(load.room_names),
            )
            for room_id in load.room_names:
                await people.members.add(conn, maker.user_id, UUID(room_id), maker.user_id, True)
        await here.start()
        late: list[float] = []
        heard = 0
        ways = list(WAYS)
        started = 0

        async def attack() -> None:
            nonlocal started, heard
            while started < run.count:
                number, started = started, started + 1
                async with asyncio.timeout(ROUND_SECONDS):
                    heard += await _round(here, run, ways[number % len(ways)], number, maker, admin, late)
                run.bit()

        await asyncio.gather(*(attack() for _ in range(ATTACKERS)))
        late.sort()
        run.checked["I8"] += heard + load.deliveries
        run.figures |= {
            "checked_deliveries": heard + load.deliveries,
            "silence_p99_seconds": round(late[int(len(late) * 0.99)] if late else 0.0, 3),
            "silence_longest_seconds": round(late[-1] if late else 0.0, 3),
        }
        await here.finish()


async def _round(here: World, run: Run, way: str, number: int, maker: Person, admin: Person, late: list[float]) -> int:
    """One attacker loses one room; how many messages it was told."""
    load = here.load
    room = run.chance.choice(list(load.room_ids))
    async with here.sql() as conn:
        person = await people.sign_up(conn, f"attacker{number}", expires_in=3_600)
        await people.members.add(conn, person.user_id, UUID(load.room_ids[room]), maker.user_id, True)
    here.history.note(person.username, "member", room=room, about="in")
    one = Attacker(here, person, room, maker, admin)
    urls = list(load.urls())
    run.chance.shuffle(urls)
    try:
        for url, transport in zip(urls, ("websocket", "polling"), strict=True):
            one.sockets.append(await connect(url, person.token, transport, one.take))
        while len(one.heard) < 4:
            await asyncio.sleep(0.02)
        answer = await WAYS[way](one)
        assert answer is None or answer["success"], (way, answer)
        shut_out = time.monotonic()
        if way in MEMBERSHIP or way == "deletes the account":
            here.history.note(person.username, "member", room=room, about="out")
        async with here.sql() as conn:
            counter = await conn.fetchval("SELECT last_seq FROM rooms WHERE room_id = $1", UUID(one.room_id))
        while time.monotonic() < shut_out + PROBING_SECONDS:
            await _ask_by_rest(one, run, way)
            if way in MEMBERSHIP or time.monotonic() > shut_out + PROMISED_SECONDS + NOISE_SECONDS:
                await _ask_by_sockets(one, run, way)
            await asyncio.sleep(0.15)
        after = [at - shut_out for at, change in one.heard if change > counter]
        late.append(max(after, default=0.0))
        if late[-1] > PROMISED_SECONDS + NOISE_SECONDS:
            run.violate("I8", f"who {way} was told a message {late[-1]:.2f} s later")
    finally:
        for socket in one.sockets:
            await socket.close()
    return len(one.heard)


async def _ask_by_rest(one: Attacker, run: Run, way: str) -> None:
    """Ask for everything that REST would give; any success is a leak."""
    for what, method, path in (
        ("the history", "GET", f"/api/rooms/{one.room_id}/messages?limit=100"),
        ("the members", "GET", f"/api/rooms/{one.room_id}/members"),
        ("a join", "POST", f"/api/rooms/{one.room_id}/join"),
    ):
        with contextlib.suppress(OSError, TimeoutError):
            if (await one.rest(method, path, one.person))["success"]:
                run.violate("I8", f"who {way} was given {what} by REST")


async def _ask_by_sockets(one: Attacker, run: Run, way: str) -> None:
    """Ask for everything that an open socket would give."""
    for socket in one.sockets:
        for event, data in (
            ("sync", {"epoch": one.epoch, "rooms": {one.room_id: 0}}),
            ("join", {"room": one.room_id}),
            ("send-message", {"room": one.room_id, "message": "from outside"}),
            ("typing", {"room": one.room_id, "isTyping": True}),
        ):
            with contextlib.suppress(OSError, TimeoutError):
                answer = await socket.call(event, data, 3) if not socket.closed.is_set() else {"success": False}
                if answer["success"] and answer.get("rooms", True):
                    run.violate("I8", f"who {way} was answered {event}")
