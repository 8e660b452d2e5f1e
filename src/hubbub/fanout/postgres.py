"""The bus of several processes on one database: LISTEN and NOTIFY, gathered.

Promises what `bus.py` does, and:
- hints of this process are delivered in the next turn of the event loop, by no way round the database, and once;
- all that is published while a statement is under way, and for `TICK_SECONDS` after it began, leaves as one statement
  of its own, after the commits it tells of: NOTIFY takes a lock that makes every commit of the server wait;
- at most `QUEUE_MAX` hints wait to leave; the oldest beyond that are lost, and counted;
- a line that breaks, or is no longer heard, is opened again with growing pauses; then `gap` is called, because what was
  told meanwhile is lost. `fault` says meanwhile that this process is deaf: each statement is heard by its own sender.

A payload is the sender's id, then the hints as a JSON array. Bodies are believed: the database they come through is the
one that holds the messages. Who may hear them is decided at delivery, as ever.
Before: the use cases. After: `store/notify.py`, handed in by `app.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias

import structlog

from hubbub.domain.changes import Change, Hint, Reached, Revoked, StatusChanged
from hubbub.domain.ids import new_id
from hubbub.fanout import codec
from hubbub.fanout.stats import BusStats

TICK_SECONDS: Final = 0.005
BEAT_SECONDS: Final = 1.0  # without anything to tell, how often a process makes sure that it hears itself
DEAF_SECONDS: Final = 4.0
START_SECONDS: Final = 2.0
QUEUE_MAX: Final = 20_000
PAYLOAD_BYTES: Final = 7_900  # PostgreSQL takes less than 8,000
_ROOM: Final = PAYLOAD_BYTES - 34  # beside the sender's id and the brackets
PAYLOADS_MAX: Final = 200  # in one statement
PAUSE_FIRST, PAUSE_MOST = 0.05, 5.0

log = structlog.get_logger("bus")


class Line(Protocol):
    """A way to every process, this one included."""

    async def send(self, payloads: Sequence[str]) -> None:
        """Tell these payloads; raises where that may have failed."""

    def close(self) -> None:
        """End it at once."""


OpenLine: TypeAlias = Callable[[Callable[[str], None], Callable[[], None]], Awaitable[Line]]
"""Opens a line, given what to call with each payload, and what to call when the line breaks."""


class PostgresBus:
    """See `bus.Bus`.

    Args:
        open_line: opens the connection that listens and tells.
    """

    def __init__(self, open_line: OpenLine) -> None:
        self.gap: Callable[[], None] = _nothing
        """Called after hints may have been lost; `app.py` has the rooms in use looked at."""
        self.stats = BusStats()
        self._open_line = open_line
        self._me = new_id().hex
        self._deliver: Callable[[Sequence[Hint]], None] | None = None
        self._new: list[Hint] = []
        self._arrived: list[Hint] = []
        self._leaving: deque[Hint] = deque()
        self._under_way = 0
        self._wake = asyncio.Event()
        self._echo = float("-inf")
        """When this process last heard itself; never, while it has no line."""
        self._task: asyncio.Task[None] | None = None
        self._line: Line | None = None

    @property
    def fault(self) -> str | None:
        """Why hints of other processes are not heard just now; None when they are."""
        return None if self._hears() else "other processes cannot be heard"

    def _hears(self) -> bool:
        return time.monotonic() - self._echo < DEAF_SECONDS

    async def start(self, deliver: Callable[[Sequence[Hint]], None]) -> None:
        """Begin; returns once other processes are heard, or, where that takes longer than a moment, without it."""
        self._deliver = deliver
        self._task = asyncio.create_task(self._run(), name="bus")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while not self._hears():  # noqa: ASYNC110 - once, at the start
                    await asyncio.sleep(TICK_SECONDS)

    async def close(self) -> None:
        """End; what waits to leave is told first, if that takes no time."""
        self._deliver = None
        task, self._task = self._task, None
        if task is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    while (self._new or self._leaving or self._under_way) and self._hears():  # noqa: ASYNC110 - once, at the end
                        await asyncio.sleep(TICK_SECONDS)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def renew(self) -> None:
        """Open the line anew: the database is another, and this line may be to the one of before."""
        if self._line is not None:
            self._line.close()

    def publish(self, hint: Hint) -> None:
        if self._deliver is None:
            return
        if not self._new:
            asyncio.get_running_loop().call_soon(self._turn)
        self._new.append(hint)

    def _turn(self) -> None:
        """What was published in one turn of the loop is delivered here, and waits to leave."""
        new, self._new = self._new, []
        self._leaving.extend(new)
        if len(self._leaving) > QUEUE_MAX:
            for _ in range(len(self._leaving) - QUEUE_MAX):
                self._leaving.popleft()
                self.stats.lost += 1
        self._wake.set()
        if self._deliver is not None:
            self._deliver(new)

    def _heard(self, payload: str) -> None:
        sender, packed = payload[:32], payload[32:]
        if sender == self._me:
            self._echo = time.monotonic()
            return
        try:
            hints = codec.unpack(packed)
        except ValueError:
            self.stats.unreadable += 1
            return
        self.stats.heard += len(hints)
        if hints and not self._arrived:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._arrived.extend(hints)

    def _hand_over(self) -> None:
        """All that arrived in one turn of the loop is delivered together, as what was published here is."""
        arrived, self._arrived = self._arrived, []
        if self._deliver is not None:
            self._deliver(arrived)

    async def _run(self) -> None:
        """Keep a line open, and speak on it."""
        pause = PAUSE_FIRST
        opened = 0
        while True:
            line: Line | None = None
            try:
                self._line = line = await self._open_line(self._heard, self._wake.set)
                opened += 1
                if opened > 1:
                    self.stats.reconnects += 1
                    log.info("other processes are heard again")
                await self._speak(line, is_first=opened == 1)
            except Exception as error:
                if self._hears():
                    pause = PAUSE_FIRST
                log.warning("other processes cannot be heard", error=type(error).__name__, pause=pause)
            finally:
                self._echo = float("-inf")
                self.stats.lost += self._under_way
                self._under_way = 0
                if line is not None:
                    line.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MOST)

    async def _speak(self, line: Line, *, is_first: bool) -> None:
        """Tell what waits, again and again, until the line fails."""
        await line.send([self._payload([])])
        async with asyncio.timeout(DEAF_SECONDS):
            while not self._hears():  # noqa: ASYNC110 - the echo has come, as a rule, before the statement's answer
                await asyncio.sleep(TICK_SECONDS)
        if not is_first:
            self.gap()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            began = time.monotonic()
            while True:
                payloads, count = self._take()
                self._under_way = count
                await line.send(payloads or [self._payload([])])
                self._under_way = 0
                self.stats.statements += 1
                self.stats.sent += count
                if not self._leaving:
                    break
            if not self._hears():
                raise ConnectionError("nothing comes back")
            await asyncio.sleep(began + TICK_SECONDS - time.monotonic())

    def _take(self) -> tuple[list[str], int]:
        """The payloads of the next statement, and how many hints are in them."""
        payloads: list[str] = []
        parts: list[bytes] = []
        size = count = 0
        leaving = self._leaving
        while leaving:
            packed = codec.pack(leaving[0])
            if len(packed) > _ROOM:
                smaller = _smaller(leaving.popleft())
                leaving.extendleft(reversed(smaller))
                self.stats.lost += not smaller
                continue
            if parts and size + len(packed) > _ROOM:
                payloads.append(self._payload(parts))
                parts, size = [], 0
                if len(payloads) == PAYLOADS_MAX:
                    return payloads, count
            leaving.popleft()
            parts.append(packed)
            size += len(packed) + 1
            count += 1
        if parts:
            payloads.append(self._payload(parts))
        return payloads, count

    def _payload(self, parts: list[bytes]) -> str:
        return f"{self._me}[{b','.join(parts).decode()}]"


def _smaller(hint: Hint) -> Sequence[Hint]:
    """Hints that say the same of one that is too large for a payload; nothing where there are none."""
    if isinstance(hint, Change):
        return (Reached(room_id=hint.room_id, number=hint.number),)
    if isinstance(hint, Revoked) and len(hint.session_ids) > 1:
        half = len(hint.session_ids) // 2
        return Revoked(session_ids=hint.session_ids[:half]), Revoked(session_ids=hint.session_ids[half:])
    if isinstance(hint, StatusChanged) and len(hint.room_ids) + len(hint.large_room_ids) > 1:
        named, large = hint.room_ids, hint.large_room_ids
        i, j = len(named) // 2, len(large) // 2
        return tuple(
            StatusChanged(user_id=hint.user_id, data=hint.data, room_ids=some, large_room_ids=others)
            for some, others in ((named[:i], large[j:]), (named[i:], large[:j]))
        )
    return ()


def _nothing() -> None:
    """No one wants to know."""
