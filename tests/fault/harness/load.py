"""Load "L": people who talk and listen as docs/howto/clients.md says a client that loses nothing is written.

Each has an account, some rooms, and one connection at a time, to whichever node answers. They keep a cursor for each
room and `sync` after every reconnect; what they send stays in their hands, with its `clientId`, until it is
acknowledged, one message at a time. All they do and are told goes into the history. A text is `sender:counter:secret`,
the secret being the room's, so that a text in the wrong hands is seen.

    load = Load(history, chance, size=L, urls=nodes.urls, dsn=dsn)
    await load.start()            # accounts and rooms are made, everybody is connected, sending has begun
    await load.acknowledged(50)   # so many more sends have been acknowledged: something to break in between
    await load.stop()             # no new sends; those under way are acknowledged in the end
    final = await load.finish()   # everybody resumes once more; then all rooms are read by SQL and by REST
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from tests.fault.harness.chatter import CALL_SECONDS, Chatter
from tests.fault.harness.checker import FinalState
from tests.fault.harness.client import LIBRARY, TRANSPORTS, Http, LostError
from tests.fault.harness.final import read_database, read_pages
from tests.fault.harness.history import History
from tests.support import people
from tests.support.people import Person

DRAIN_SECONDS: Final = 60.0
TAIL_SECONDS: Final = 15.0  # a second is promised to those who are connected; a dead line is noticed in ten
PRESENCE_SECONDS: Final = 20.0
TOKEN_SECONDS: Final = 6 * 3600
_decode: Final = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Size:
    """How much of it. `rate`: messages a second of all senders together; `each`: the rooms of each listener."""

    senders: int
    rooms: int
    rate: float
    listeners: int
    each: int = 2


L: Final = Size(senders=20, rooms=5, rate=50, listeners=40)
SMALL: Final = Size(senders=6, rooms=3, rate=30, listeners=8)  # for the short counts: several runs share two cores


class Load:
    """All of them.

    Args:
        history: where everything is written down.
        chance: which room, which node, when.
        size: how many of everything.
        urls: where the nodes, or the proxies before them, are now.
        dsn: address of the database, for the accounts and for what is read at the end.
        transports: those of the listeners, in turn; the first three are python-socketio's where `library` says so.
        receipts: do they say what they have read?
        padding: by how many bytes each text is longer than it has to be.

    Attributes:
        acked, repeated, retried, unanswered: sends acknowledged; acknowledged as repeats of one whose answer was lost;
            answered with a retryable error; not answered.
        deliveries, resyncs, failed_connects: changes heard live; cursors that a server called meaningless; attempts.
        send_seconds: of each acknowledged send, from its first offering to its ack, by room.
        troubles: answers that nobody should get.
        late: what was not told to those who were connected.
        garbled: what no client can read.
    """

    def __init__(
        self,
        history: History,
        chance: random.Random,
        *,
        size: Size,
        urls: Callable[[], Sequence[str]],
        dsn: str,
        transports: Sequence[str] = TRANSPORTS,
        library: bool = True,
        receipts: bool = True,
        padding: int = 0,
    ) -> None:
        self.history, self.chance, self.size, self.urls, self.dsn = history, chance, size, urls, dsn
        self.transports, self.library, self.receipts, self.padding = transports, library, receipts, padding
        self.send_seconds: dict[str, list[float]] = {}
        self.room_names: dict[str, str] = {}
        self.room_ids: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.secret_of: dict[str, str] = {}
        self.senders: list[Chatter] = []
        self.listeners: list[Chatter] = []
        self.latest_ack: dict[str, int] = {}
        self.refused: list[str] = []
        self.troubles: list[str] = []
        self.late: list[str] = []
        self.garbled: list[str] = []
        self.epoch = ""
        self.acked = self.repeated = self.retried = self.unanswered = 0
        self.deliveries = self.resyncs = self.failed_connects = 0
        self.progress = asyncio.Event()
        self._stopping = False
        self._talking: list[asyncio.Task[None]] = []
        self._watching: list[asyncio.Task[None]] = []
        self._spawned: set[asyncio.Task[None]] = set()

    @property
    def everyone(self) -> list[Chatter]:
        return [*self.senders, *self.listeners]

    async def prepare(self) -> None:
        """Accounts, rooms and memberships, straight in the database."""
        db = await asyncpg.connect(self.dsn)
        try:
            for number in range(self.size.rooms):
                name = f"room{number}"
                room_id = await people.room(db, name)
                self.add_room(name, room_id)
            for number in range(self.size.senders):
                room = f"room{number % self.size.rooms}"
                self.senders.append(await self.newcomer(db, f"sender{number}", TRANSPORTS[number % 2], [room]))
            for number in range(self.size.listeners):
                transport = self.transports[number % len(self.transports)]
                if self.library and number < len(LIBRARY):
                    transport = LIBRARY[number]
                rooms = [f"room{(number + step) % self.size.rooms}" for step in range(self.size.each)]
                self.listeners.append(await self.newcomer(db, f"listener{number}", transport, rooms))
        finally:
            await db.close()

    def add_room(self, name: str, room_id: UUID) -> None:
        """Let a room take part."""
        secret = f"s{self.chance.getrandbits(64):016x}"
        self.room_names[str(room_id)], self.room_ids[name] = name, str(room_id)
        self.secrets[secret], self.secret_of[name] = name, secret

    async def newcomer(self, db: asyncpg.Connection, name: str, transport: str, rooms: Sequence[str]) -> Chatter:
        """A person who is a member of some rooms; not connected yet."""
        person = await people.sign_up(db, name, expires_in=TOKEN_SECONDS)
        for room in rooms:
            await people.members.add(db, person.user_id, UUID(self.room_ids[room]), person.user_id, True)
            self.history.note(name, "member", room=room, about="in")
        return Chatter(self, person, transport)

    async def start(self) -> None:
        """Everybody comes; then sending begins."""
        if not self.room_ids:
            await self.prepare()
        for one in self.everyone:
            one.start()
        async with asyncio.timeout(DRAIN_SECONDS):
            for one in self.everyone:
                await one.connected()
        for number, sender in enumerate(self.senders):
            self._talking.append(asyncio.create_task(self._talk(sender, by_rest=number % 5 == 4)))
        self._watching = [asyncio.create_task(self._read_behind()), asyncio.create_task(self._watch_marks())]

    def spawn(self, work: Any) -> None:
        """Let something run beside, until it is done."""
        task = asyncio.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    async def _talk(self, sender: Chatter, *, by_rest: bool) -> None:
        pause = self.size.senders / self.size.rate
        rooms = [self.room_names[room_id] for room_id in sender.cursors]
        while not self._stopping:
            await sender.send(self.chance.choice(rooms), by_rest=by_rest)
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * pause)

    async def rest(self, method: str, path: str, person: Person, body: bytes | None = None) -> dict[str, Any]:
        """A request to any node; its answer.

        Raises:
            OSError, TimeoutError: there was none.
        """
        http = Http(self.chance.choice(self.urls()))
        try:
            async with asyncio.timeout(CALL_SECONDS):
                status, answer = await http.request(method, path, body, person.token)
        finally:
            http.close()
        if status == 500:
            self.troubles.append(f"{method} {path.split('?')[0]} was answered 500")
        if status in (502, 504):
            raise LostError(f"a proxy answered {status}: nobody knows what became of it")
        decoded: dict[str, Any] = _decode(answer)
        return decoded

    async def _read_behind(self) -> None:
        """A few times a second, ask any node for what was acknowledged last (I7)."""
        while True:
            await asyncio.sleep(0.2)
            if not self.latest_ack:
                continue
            room, place = self.chance.choice(list(self.latest_ack.items()))
            reader = next(one for one in self.everyone if self.room_ids[room] in one.cursors)
            asked_at = time.monotonic()
            with contextlib.suppress(OSError, TimeoutError):
                path = f"/api/rooms/{self.room_ids[room]}/messages?before={place + 1}&limit=20"
                answer = await self.rest("GET", path, reader.person)
                if answer["success"]:
                    numbers = [message["seq"] for message in answer["data"]]
                    self.history.note("reader", "read", room=room, seq=place, numbers=numbers, t_mono=asked_at)

    async def _watch_marks(self) -> None:
        """Twice a second, look at the watermarks (I9)."""
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await self.look_at_marks()

    async def look_at_marks(self) -> None:
        """Note where everybody's watermarks stand."""
        async with asyncio.timeout(2):
            db = await asyncpg.connect(self.dsn)
            try:
                for row in await db.fetch(
                    "SELECT username, room_name, delivered_seq, read_seq, last_seq FROM room_members"
                    " JOIN rooms USING (room_id) JOIN users USING (user_id) WHERE room_id = ANY ($1::uuid[])",
                    list(self.room_names),
                ):
                    name, room, *numbers = row
                    self.history.note(name, "marks", room=room, numbers=numbers)
            finally:
                await db.close()

    async def acknowledged(self, more: int, timeout: float = 30.0) -> None:
        """Wait until `more` further sends have been acknowledged.

        Raises:
            TimeoutError: they were not within `timeout` seconds: sending does not go on.
        """
        want = self.acked + more
        async with asyncio.timeout(timeout):
            while self.acked < want:
                self.progress.clear()
                await self.progress.wait()

    async def stop(self, timeout: float = DRAIN_SECONDS) -> None:
        """No new sends; those under way are offered until they are acknowledged."""
        self._stopping = True
        if self._talking:
            _, late = await asyncio.wait(self._talking, timeout=timeout)
            if late:
                self.troubles.append(f"{len(late)} senders had no answer within {timeout:.0f} s of the end")
            for task in late:
                task.cancel()
            for task in self._talking:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    self.troubles.append(f"a sender failed: {task.exception()!r}")
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, *self._talking, return_exceptions=True)

    async def finish(self, *, presence: bool = False) -> FinalState:
        """After `stop`, with everything healed: what is told arrives, everybody resumes, all rooms are read.

        Args:
            presence: wait until presence has converged as well; 20 seconds at most.
        """
        await self.look_at_marks()
        await self.all_told()
        db = await asyncpg.connect(self.dsn)
        try:
            for one in self.everyone:
                one.up.clear()
            await asyncio.gather(*(one.socket.close() for one in self.everyone if one.socket is not None))
            waiting = [asyncio.create_task(one.done(), name=f"{one.name} ({one.transport})") for one in self.everyone]
            _, late = await asyncio.wait(waiting, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
                self.troubles.append(f"{task.get_name()} did not come back within {DRAIN_SECONDS:.0f} s")
            final = await read_database(db, self.room_names)
            await read_pages(self, final)
            if presence:
                final.presence = await self._presence(db)
        finally:
            await db.close()
        final.late, final.epoch = self.late, self.epoch
        final.troubles += [*self.troubles, *(f"refused: {what}" for what in self.refused)]
        return final

    async def all_told(self, seconds: float = TAIL_SECONDS) -> None:
        """What was committed last is told without anybody's asking, within `seconds`; else it is noted as late."""
        db = await asyncpg.connect(self.dsn)
        try:
            rows = await db.fetch(
                "SELECT room_id, last_seq FROM rooms WHERE room_id = ANY ($1::uuid[])", list(self.room_names)
            )
        finally:
            await db.close()
        last = {str(row["room_id"]): row["last_seq"] for row in rows}
        end = time.monotonic() + seconds
        while True:
            behind = [
                f"{one.name} in {self.room_names[room_id]}: {number} of {last[room_id]}"
                for one in self.everyone
                for room_id, number in one.cursors.items()
                if number < last[room_id]
            ]
            if not behind:
                return
            if time.monotonic() > end:
                self.late.append(f"not told within {seconds:.0f} s: {behind[:5]}, {len(behind)} in all")
                return
            await asyncio.sleep(0.05)

    async def _presence(self, db: asyncpg.Connection) -> list[str]:
        """Who is shown otherwise than they are, 20 seconds from now at the latest. Half of the listeners leave first."""
        gone = self.listeners[::2]
        for one in gone:
            await one.leave()
        want = {one.name: 0 if one in gone else 1 for one in self.everyone}
        end = time.monotonic() + PRESENCE_SECONDS
        while True:
            wrong = []
            for name, status, sessions in await db.fetch(
                "SELECT username, status, (SELECT count(*) FROM active_sessions AS s WHERE s.user_id = u.user_id)"
                " FROM users AS u WHERE username = ANY ($1::text[])",
                list(want),
            ):
                if (status == "online", sessions) != (want[name] == 1, want[name]):
                    wrong.append(f"{name} is {status} with {sessions} connections, and has {want[name]}")
            if not wrong or time.monotonic() > end:
                return wrong
            await asyncio.sleep(0.2)

    async def close(self) -> None:
        """Everybody leaves."""
        for task in (*self._talking, *self._watching, *self._spawned):
            task.cancel()
        await asyncio.gather(*(one.leave() for one in self.everyone), return_exceptions=True)
