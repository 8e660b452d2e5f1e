"""The bus of several processes: hints gathered, signed, and told over a line that may break at any time.

Promises what `bus.py` does, whatever the line; `postgres.py` and `nats.py` are the lines there are. And:
- hints of this process are delivered in the next turn of the event loop, not by way of the line, and once;
- all that is published while a telling is under way, and for `TICK_SECONDS` after it began, leaves together;
- at most `QUEUE_MAX` hints wait to leave; the oldest beyond that are lost, and counted;
- a line that breaks, or is no longer heard, is opened again with growing pauses, for ever; then `gap` is called, because
  what was told meanwhile is lost. `fault` says meanwhile that this process is deaf: it hears each of its own beats;
- payloads that were not signed with the deployment's key for their subject, by a process that sees the same epoch of the
  database, are dropped, and counted.

Bodies are believed because they are signed. Who may hear them is decided at delivery, as ever.
Before: the use cases. After: a `Line`, opened by what `app.py` hands in.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import structlog

from hubbub.domain.changes import Change, Hint, Reached, Revoked, StatusChanged, Told
from hubbub.domain.ids import new_id
from hubbub.fanout import codec
from hubbub.fanout.stats import BusStats

TICK_SECONDS: Final = 0.005
BEAT_SECONDS: Final = 1.0  # how often a process makes sure that it hears itself
DEAF_SECONDS: Final = 4.0
START_SECONDS: Final = 2.0
QUEUE_MAX: Final = 20_000
PAYLOADS_MAX: Final = 200  # told together
PAYLOAD_BYTES: Final = 131_072  # no line's are larger
PAUSE_FIRST, PAUSE_MOST = 0.05, 1.0

log = structlog.get_logger("bus")


class LineBroken(Exception):
    """A line that cannot be used; its text says why, names no secret, and is logged."""


class Line(Protocol):
    """A way to every process, this one included.

    Attributes:
        payload_bytes: the longest payload it takes, at most `PAYLOAD_BYTES`.
    """

    payload_bytes: int

    def subject(self, room_id: UUID | None) -> str:
        """What hints of a room are told under; those of no room for None, which every process hears."""

    async def send(self, payloads: Sequence[tuple[str, bytes]]) -> None:
        """Tell these, each under its subject; raises where that may have failed."""

    def follow(self, rooms: Mapping[UUID, bool]) -> None:
        """Hear what is told of these rooms from soon on, or, where False, no longer."""

    def close(self) -> None:
        """End it at once."""


Heard: TypeAlias = Callable[[str, bytes], None]
OpenLine: TypeAlias = Callable[[Heard, Callable[[], None]], Awaitable[Line]]
"""Opens a line, given what to call with the subject and bytes of each payload, and what to call when the line breaks."""


class LineBus:
    """See `bus.Bus`.

    Args:
        open_line: opens a line.
        secret: what every process of the deployment knows, and nobody else.
        deployment: its name, where several share a line.
    """

    def __init__(self, open_line: OpenLine, secret: str, deployment: str) -> None:
        self.gap: Callable[[], None] = _nothing
        """Called after hints may have been lost; `app.py` has the rooms in use looked at."""
        self.stats = BusStats()
        self.trace = b""
        """The `traceparent` that goes with what leaves next; see `open_telemetry.py`."""
        self._open_line = open_line
        me = new_id().hex
        self._seal: Callable[[str], codec.Envelope] = lambda epoch: codec.Envelope(secret, f"{deployment} {epoch}", me)
        self._envelope = codec.Envelope(secret, deployment, me)
        self._deliver: Callable[[Sequence[Hint]], None] | None = None
        self._new: list[Hint] = []
        self._arrived: list[Hint] = []
        self._leaving: deque[Hint] = deque()
        self._under_way = 0
        self._rooms: set[UUID] = set()
        self._refollow: set[UUID] = set()
        """Rooms of which the line has to be told that they are followed, or no longer."""
        self._line: Line | None = None
        self._next_beat = float("-inf")
        self._wake = asyncio.Event()
        self.stats.heard_itself = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def fault(self) -> str | None:
        """Why hints of other processes are not heard just now; None when they are."""
        return None if self._hears() else "other processes cannot be heard"

    def _hears(self) -> bool:
        return self.stats.silence < DEAF_SECONDS

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

    def renew(self, epoch: str) -> None:
        """Hear only who sees this epoch of the database, whose numbers mean the same; and open the line anew, which may be
        to the database of before. What waits to be told, or to be delivered, is of before, and is forgotten.
        """
        for waiting in (self._new, self._arrived, self._leaving):
            waiting.clear()
        self._envelope = self._seal(epoch)
        if self._line is not None:
            self._line.close()
            self._broken()

    def publish(self, hint: Hint) -> None:
        if self._deliver is None:
            return
        if not self._new:
            asyncio.get_running_loop().call_soon(self._turn)
        self._new.append(hint)

    def follow(self, room_id: UUID, wanted: bool) -> None:
        (self._rooms.add if wanted else self._rooms.discard)(room_id)
        if self._line is not None:
            self._refollow.add(room_id)
            self._wake.set()

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

    def _heard(self, subject: str, payload: bytes) -> None:
        try:
            if len(payload) > PAYLOAD_BYTES:
                raise ValueError("larger than any of ours")
            clock, opened = self._envelope.open(subject, payload)
        except ValueError:
            self.stats.refused += 1
            return
        now = time.monotonic()
        if clock is not None:
            self.stats.heard_itself = now
            self.stats.echo.observe(max(0.0, now - clock / 1e9))
            return
        trace, packed = codec.part(opened)
        try:
            hints = codec.unpack(packed)
        except ValueError:
            self.stats.unreadable += 1
            return
        self.stats.heard += len(hints)
        self._take_in(hints, trace)

    def _take_in(self, hints: Sequence[Hint], told_in: bytes) -> None:
        """Hints of another process have come; `told_in` is the trace they were told in, or nothing."""
        if hints and not self._arrived:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._arrived.extend(hints)

    def _hand_over(self) -> None:
        """All that arrived in one turn of the loop is delivered together, as what was published here is."""
        arrived, self._arrived = self._arrived, []
        if self._deliver is not None:
            self._deliver(arrived)

    def _broken(self) -> None:
        """The line says so itself: a beat is due, which will fail."""
        self._next_beat = float("-inf")
        self._wake.set()

    async def _run(self) -> None:
        """Keep a line open, and speak on it."""
        pause = PAUSE_FIRST
        opened = 0
        while True:
            try:
                self._line = await self._open_line(self._heard, self._broken)
                opened += 1
                if opened > 1:
                    self.stats.reconnects += 1
                    log.info("other processes are heard again")
                await self._speak(self._line)
            except Exception as error:
                if self._hears():
                    pause = PAUSE_FIRST
                reason = str(error) if isinstance(error, LineBroken) else type(error).__name__
                log.warning("other processes cannot be heard", error=reason, pause=pause)
            finally:
                self.stats.heard_itself = float("-inf")
                self.stats.lost += self._under_way
                self._under_way = 0
                if self._line is not None:
                    self._line.close()
                    self._line = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MOST)

    async def _speak(self, line: Line) -> None:
        """Tell what waits, again and again, until the line fails."""
        self._refollow.clear()
        line.follow(dict.fromkeys(self._rooms, True))
        await line.send([self._beat(line)])
        async with asyncio.timeout(DEAF_SECONDS):
            while not self._hears():  # noqa: ASYNC110 - the echo has come, as a rule, before the telling has ended
                await asyncio.sleep(TICK_SECONDS)
        self.gap()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._next_beat - time.monotonic()):
                    await self._wake.wait()
            self._wake.clear()
            began = time.monotonic()
            if self._refollow:
                rooms = {room_id: room_id in self._rooms for room_id in self._refollow}
                self._refollow.clear()
                line.follow(rooms)
            payloads, self._under_way = self._take(line)
            if began >= self._next_beat:
                payloads.append(self._beat(line))
            if payloads:
                await line.send(payloads)
                self.stats.statements += 1
                self.stats.sent += self._under_way
                self._under_way = 0
            if not self._hears():
                raise LineBroken("nothing comes back")
            if self._leaving:
                self._wake.set()
            else:
                await asyncio.sleep(began + TICK_SECONDS - time.monotonic())

    def _beat(self, line: Line) -> tuple[str, bytes]:
        self._next_beat = time.monotonic() + BEAT_SECONDS
        return self._payload(line.subject(None), [])

    def _take(self, line: Line) -> tuple[list[tuple[str, bytes]], int]:
        """The payloads to tell next, each under its subject, and how many hints are in them."""
        full: list[tuple[str, bytes]] = []
        filling: dict[str, tuple[list[bytes], int]] = {}
        most = line.payload_bytes - codec.HEAD_BYTES - codec.TRACE_BYTES - 2
        count = 0
        leaving = self._leaving
        while leaving and len(full) + len(filling) < PAYLOADS_MAX:
            packed = codec.pack(leaving[0])
            hint = leaving.popleft()
            if len(packed) > most:
                smaller = _smaller(hint)
                leaving.extendleft(reversed(smaller))
                self.stats.lost += not smaller
                continue
            subject = line.subject(_room_of(hint))
            parts, size = filling.get(subject, ([], 0))
            if size + len(packed) > most:
                full.append(self._payload(subject, parts))
                parts, size = [], 0
            parts.append(packed)
            filling[subject] = parts, size + len(packed) + 1
            count += 1
        full.extend(self._payload(subject, parts) for subject, (parts, _) in filling.items())
        return full, count

    def _payload(self, subject: str, parts: list[bytes]) -> tuple[str, bytes]:
        trace = self.trace if parts else b""  # none for a beat
        return subject, self._envelope.close(subject, time.monotonic_ns(), parts, trace)


def _room_of(hint: Hint) -> UUID | None:
    """The room that a hint is of, where only those who listen to it need to hear it.

    Who joins a room has sockets anywhere, which do not listen to it yet: that is told to every process.
    """
    if isinstance(hint, Change):
        return None if hint.event == "user-joined" else hint.room_id
    return hint.room_id if isinstance(hint, (Told, Reached)) else None


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
