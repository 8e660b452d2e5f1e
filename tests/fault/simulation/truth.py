"""The database of a simulation: a model of what the journal's statement and the reads promise, and every way to fail.

A statement takes a while to come there, is done at once, and takes a while to answer; the line may break before or after
that, the answer may never come, and the server may be away for seconds. Whoever asks cannot tell which it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hubbub.errors import HubbubError
from hubbub.store.journal import SQL as JOURNAL
from hubbub.store.presence import SQL as PRESENCE

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Message:
    """A row of `messages`."""

    id: UUID
    room: UUID
    user: UUID
    text: str
    client_id: str | None
    seq: int
    change_seq: int


@dataclass
class Faults:
    """How likely, in each statement."""

    lost_before: float = 0.0
    lost_after: float = 0.0
    slow: float = 0.0


@dataclass
class Truth:
    """The tables, and the server that holds them."""

    luck: Random
    faults: Faults
    rooms: dict[UUID, int]
    messages: dict[UUID, Message] = field(default_factory=dict)
    by_client: dict[tuple[UUID, str], Message] = field(default_factory=dict)
    leases: dict[UUID, float] = field(default_factory=dict)
    sessions: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)
    """Connections: whose, and on which node."""
    online: set[UUID] = field(default_factory=set)
    seen: dict[UUID, float] = field(default_factory=dict)
    away_until: float = 0.0
    bitten: dict[str, int] = field(default_factory=dict)

    def bit(self, fault: str) -> None:
        self.bitten[fault] = self.bitten.get(fault, 0) + 1

    async def do(self, work: Callable[[], Any]) -> Any:
        """One statement.

        Raises:
            ConnectionError: the line broke; whether it was done is unknown.
            HubbubError: `unavailable`, it was not.
        """
        luck, faults = self.luck, self.faults
        loop = asyncio.get_running_loop()
        await asyncio.sleep(luck.uniform(0.0001, 0.004))
        if loop.time() < self.away_until:
            self.bit("database away")
            raise HubbubError("unavailable")
        if luck.random() < faults.lost_before:
            self.bit("statement lost")
            raise ConnectionError
        result = work()
        await asyncio.sleep(luck.uniform(0.1, 3.0) if luck.random() < faults.slow else luck.uniform(0.0001, 0.004))
        if luck.random() < faults.lost_after or loop.time() < self.away_until:
            self.bit("answer lost")
            raise ConnectionError
        return result

    # What the application's statements do

    def append(self, rows: list[tuple[UUID, UUID, UUID, str, str | None]]) -> list[tuple[Any, ...]]:
        """`hubbub.append_messages`: recognise, number, insert; the outcome of each row by its place."""
        answers = []
        for place, (message_id, user, room, text, client_id) in enumerate(rows, 1):
            known = self.messages.get(message_id)
            if known is None and client_id is not None:
                known = self.by_client.get((user, client_id))
            if known is not None:
                outcome = "duplicate" if (known.text, known.room) == (text, room) else "conflict"
            else:
                outcome = "stored"
                self.rooms[room] += 1
                seq = self.rooms[room]
                known = self.messages[message_id] = Message(message_id, room, user, text, client_id, seq, seq)
                if client_id is not None:
                    self.by_client[user, client_id] = known
            at = EPOCH + timedelta(milliseconds=known.seq)
            answers.append((place, outcome, known.id, known.seq, known.change_seq, at))
        return answers

    def edit(self, message_id: UUID, text: str) -> Message:
        """An edit takes the room's next number."""
        message = self.messages[message_id]
        self.rooms[message.room] += 1
        message.text = text
        message.change_seq = self.rooms[message.room]
        return message

    def stands(self, room: str, number: int) -> bool:
        """Whether a change is the latest of its message."""
        return any(str(one.room) == room and one.change_seq == number for one in self.messages.values())

    def since(self, room: UUID, number: int, most: int) -> tuple[list[Message], int, bool]:
        """What changed since, in its present state, the number that reaches, and whether there is more."""
        rows = sorted(
            (one for one in self.messages.values() if one.room == room and one.change_seq > number),
            key=lambda one: one.change_seq,
        )
        page = [Message(**vars(row)) for row in rows[:most]]
        more = len(rows) > most
        return page, page[-1].change_seq if more else self.rooms[room], more


@dataclass
class Line:
    """The database as one node reaches it; in the place of `store.database.Database`."""

    truth: Truth
    cut_until: float = 0.0
    guard: Callable[[], Awaitable[None]] | None = None

    async def ask(self, work: Callable[[], Any]) -> Any:
        """A statement of the application's.

        Raises:
            HubbubError: `unavailable`: it was not done, this process may not act, or it is not known.
        """
        async with self.urgent():
            return await self.do(work)

    async def do(self, work: Callable[[], Any]) -> Any:
        """As `Truth.do`, unless this node is cut off."""
        if asyncio.get_running_loop().time() < self.cut_until:
            self.truth.bit("node cut off from the database")
            await asyncio.sleep(0.01)
            raise HubbubError("unavailable")
        return await self.truth.do(work)

    @asynccontextmanager
    async def urgent(self, *, is_guarded: bool = True) -> AsyncIterator[Connection]:
        """As `Database.urgent`, with the same errors."""
        if is_guarded and self.guard is not None:
            await self.guard()
        try:
            yield Connection(self)
        except ConnectionError as error:
            raise HubbubError("unavailable") from error

    connection = urgent


class Connection:
    """What `store/` is given."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._truth = truth = line.truth
        self._statements: dict[str, Callable[..., Any]] = {
            JOURNAL["append"]: lambda *columns: truth.append(list(zip(*columns[:5], strict=True))),
            **{PRESENCE[name]: getattr(self, name) for name in PRESENCE_STATEMENTS},
        }

    async def fetch(self, statement: str, *args: Any) -> Any:
        return await self._line.do(lambda: self._statements[statement](*args))

    fetchrow = fetchval = execute = fetch

    # sql/presence.sql

    def take_lease(self, node: UUID, _host: str, _address: str, _revision: str, seconds: float) -> UUID:
        self._truth.leases[node] = _now() + seconds
        return node

    def renew_lease(self, node: UUID, seconds: float) -> UUID | None:
        if node not in self._truth.leases:
            return None
        self._truth.leases[node] = _now() + seconds
        return node

    def node_stands(self, node: UUID) -> bool:
        return node in self._truth.leases

    def others_live(self, node: UUID) -> bool:
        return any(until >= _now() for other, until in self._truth.leases.items() if other != node)

    def retire(self, node: UUID) -> None:
        self._truth.leases.pop(node, None)
        self._remove(lambda _, owner: owner == node)

    def sweep(self) -> str:
        leases, before = self._truth.leases, len(self._truth.sessions)
        for node in [node for node, until in leases.items() if until < _now()]:
            del leases[node]
        self._remove(lambda _, owner: owner not in leases)
        return f"DELETE {before - len(self._truth.sessions)}"

    def opened(self, ids: list[UUID], users: list[UUID], _sockets: list[str], node: UUID, _auth: list[UUID]) -> None:
        for session, user in zip(ids, users, strict=True):
            self._truth.sessions.setdefault(session, (user, node))

    def closed(self, ids: list[UUID]) -> None:
        self._remove(lambda session, _: session in ids)

    def touched(self, *_: Any) -> None:
        return None

    def now_online(self, users: list[UUID]) -> list[dict[str, Any]]:
        here = {user for user, _ in self._truth.sessions.values()}
        return self._moved([user for user in users if user in here and user not in self._truth.online], True)

    def now_offline(self, users: list[UUID], seconds: float) -> list[dict[str, Any]]:
        here = {user for user, _ in self._truth.sessions.values()}
        gone = [
            user for user in users
            if user in self._truth.online and user not in here and self._truth.seen.get(user, 0.0) <= _now() - seconds
        ]  # fmt: skip
        return self._moved(gone, False)

    def strays(self, seconds: float) -> list[dict[str, Any]]:
        return self.now_offline(sorted(self._truth.online), seconds)

    def rooms_of(self, users: list[UUID], *_: int) -> list[dict[str, Any]]:
        return [{"user_id": user, "small": list(self._truth.rooms), "large": None} for user in users]

    def _moved(self, users: list[UUID], online: bool) -> list[dict[str, Any]]:
        if online:
            self._truth.online.update(users)
            self._truth.seen.update(dict.fromkeys(users, _now()))
        else:
            self._truth.online.difference_update(users)
        return [{"user_id": user, "username": "x", "display_name": "x", "last_seen": None} for user in users]

    def _remove(self, which: Callable[[UUID, UUID], bool]) -> None:
        """Connections end; whose they were was seen until now."""
        sessions = self._truth.sessions
        for session in [session for session, (_, node) in sessions.items() if which(session, node)]:
            self._truth.seen[sessions.pop(session)[0]] = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()


PRESENCE_STATEMENTS = (
    "take_lease", "renew_lease", "node_stands", "others_live", "retire", "sweep", "opened", "closed", "touched", "now_online",
    "now_offline", "strays", "rooms_of",
)  # fmt: skip
