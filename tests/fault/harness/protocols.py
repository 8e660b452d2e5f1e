"""Filters for `proxy.py` that understand as much of two protocols as it takes to spoil one message.

`PostgresReplies` (PostgreSQL's protocol 3, "Message Formats") swallows the whole reply to a statement that succeeded: the
client never learns that it was committed. `NatsMessages` and `PostgresNotifications` drop, repeat and reorder what
subscribers are sent.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from tests.fault.harness.proxy import CutError, Filter

_SSL, _GSS = 80877103, 80877104  # requests before the startup message, answered by one byte
_LONGEST: Final = 64  # of a NATS message held for reordering: how many may wait at most


class PostgresReplies(Filter):
    """Cuts a connection where the reply to a statement would begin, once the statement is done and committed.

    A reply is held until ReadyForQuery, which the server sends after the commit: what is cut is certainly stored, unless
    the reply is an error, which goes through.

    Args:
        wanted: is this statement's reply one to cut? Asked once for each that is executed.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._up, self._down = bytearray(), bytearray()
        self._started = False
        self._bytes_due = 0  # answers of one byte, to requests for encryption
        self._queries: dict[bytes, str] = {}
        self._running: list[str] = []  # bound since the last Sync
        self._due: deque[list[str]] = deque()  # for each ReadyForQuery that is to come, what it ends
        self._held: list[bytes] | None = None

    def up(self, data: bytes) -> bytes:
        self._up += data
        while True:
            head = 1 if self._started else 0
            if len(self._up) < head + 4:
                return data
            length = head + int.from_bytes(self._up[head : head + 4], "big")
            if len(self._up) < length:
                return data
            message, self._up = bytes(self._up[:length]), self._up[length:]
            if self._started:
                self._said(message[:1], message[5:])
            elif int.from_bytes(message[4:8], "big") in (_SSL, _GSS):
                self._bytes_due += 1
            else:
                self._started = True

    def _said(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self._queries[name] = query.decode(errors="replace")
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._running.append(self._queries.get(name, ""))
        elif kind == b"S":
            self._due.append(self._running)
            self._running = []
        elif kind == b"Q":
            self._due.append([body.rstrip(b"\0").decode(errors="replace")])

    def down(self, data: bytes) -> bytes:
        self._down += data
        passed = bytearray()
        while self._bytes_due and self._down:
            passed += self._down[:1]
            del self._down[:1]
            self._bytes_due -= 1
        while len(self._down) >= 5:
            length = 1 + int.from_bytes(self._down[1:5], "big")
            if len(self._down) < length:
                break
            message = bytes(self._down[:length])
            del self._down[:length]
            passed += self._reply(message, bytes(passed))
        return bytes(passed)

    def _reply(self, message: bytes, before: bytes) -> bytes:
        kind = message[:1]
        if self._held is None:
            asynchronous = kind in b"NSA"  # notices, parameters and notifications belong to no statement
            if self._due and not asynchronous and kind != b"Z":
                queries, self._due[0] = self._due[0], []
                if any(self._wanted(query) for query in queries):
                    self._held = [message]
                    return b""
            if kind == b"Z" and self._due:
                self._due.popleft()
            return message
        self._held.append(message)
        if kind != b"Z":
            return b""
        self._due.popleft()
        held, self._held = self._held, None
        if any(one[:1] == b"E" for one in held):
            return b"".join(held)
        raise CutError(before)


class _Messages(Filter):
    """Spoils messages on their way to a subscriber; everything else passes.

    Args:
        chance: decides.
        drop, repeat: the share of messages that never come, and of those that come twice.
        window: so many messages are gathered, for a moment at most, and come in any order; 0 or 1: as they were.

    Attributes:
        dropped, repeated, reordered: how many, of all filters that share this `tally`.
    """

    def __init__(
        self, chance: random.Random, tally: dict[str, int], *, drop: float = 0.0, repeat: float = 0.0, window: int = 0
    ) -> None:
        self._chance, self._tally = chance, tally
        self._drop, self._repeat, self._window = drop, repeat, min(window, _LONGEST)
        self._down = bytearray()
        self._waiting: list[bytes] = []

    def down(self, data: bytes) -> bytes:
        self._down += data
        passed = bytearray()
        while (found := self._next()) is not None:
            size, is_message = found
            message = bytes(self._down[:size])
            del self._down[:size]
            passed += self._message(message) if is_message else self.idle() + message
        return bytes(passed)

    def _next(self) -> tuple[int, bool] | None:
        """How long the next part of what came is, and whether it is such a message; None until all of it is there."""
        raise NotImplementedError

    def _message(self, message: bytes) -> bytes:
        if self._chance.random() < self._drop:
            self._count("dropped")
            return b""
        if self._chance.random() < self._repeat:
            self._count("repeated")
            self._waiting.append(message)
        self._waiting.append(message)
        return self.idle() if len(self._waiting) >= self._window else b""

    def idle(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        if len(waiting) > 1 and self._window > 1:
            before = list(waiting)
            self._chance.shuffle(waiting)
            if waiting != before:
                self._count("reordered")
        return b"".join(waiting)

    def _count(self, what: str) -> None:
        self._tally[what] = self._tally.get(what, 0) + 1


class NatsMessages(_Messages):
    """Of NATS: MSG and HMSG."""

    def _next(self) -> tuple[int, bool] | None:
        end = self._down.find(b"\r\n")
        if end < 0:
            return None
        words = self._down[:end].split()
        if not words or words[0] not in (b"MSG", b"HMSG"):
            return end + 2, False
        size = end + 2 + int(words[-1]) + 2
        return (size, True) if len(self._down) >= size else None


class PostgresNotifications(_Messages):
    """Of PostgreSQL: NotificationResponse. A request for encryption is answered by one byte before all else."""

    _asked = False

    def up(self, data: bytes) -> bytes:
        self._asked = self._asked or int.from_bytes(data[4:8], "big") == _SSL
        return data

    def _next(self) -> tuple[int, bool] | None:
        if self._asked and self._down[:1] in (b"N", b"S") and len(self._down) == 1:
            self._asked = False
            return 1, False
        if len(self._down) < 5:
            return None
        size = 1 + int.from_bytes(self._down[1:5], "big")
        return (size, self._down[:1] == b"A") if len(self._down) >= size else None
