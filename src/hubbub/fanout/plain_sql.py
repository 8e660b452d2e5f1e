"""The ear for plain SQL: what other programs write into the database is heard at once, by every process, whatever its bus.

The triggers of `schema.sql` tell where to look (`hubbub.tell`), in words:
- `room <room>`: something of this room changed, or the room is gone;
- `joined <room> <user> <number>`: somebody was let in, with this number of the room;
- `read <room> <user>`, `delivered <room> <user>`: somebody's watermark moved up.

Promises:
- words that arrive while others are seen to are gathered, equal ones once, `WAITING_MAX` of them at most; the rest is
  lost, and counted;
- a line that breaks or no longer answers is opened again, for ever, with growing pauses; then, and after a loss, `gap`
  is called;
- `hears` is true only while a word that was said on another connection came through this line: a pooler in transaction
  mode carries no LISTEN, and another database says nothing.

It is a hint like any other (law 1). Without it the look once a second finds every change of a room, so a process that
does not hear is no less ready; only receipts of plain SQL are then not told, and seen with the next read.
Before: `store/notify.py`, handed in by `app.py`. After: `sockets/plain_sql.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import structlog

from hubbub.domain.ids import new_id

BEAT_SECONDS: Final = 2.0  # how often the line is asked whether it is still there
ECHO_SECONDS: Final = 2.0
WAITING_MAX: Final = 10_000
PAUSE_FIRST, PAUSE_MOST = 0.1, 30.0
_HELLO: Final = "hello"
_LENGTHS: Final = {"room": 2, "joined": 4, "read": 3, "delivered": 3}

log = structlog.get_logger("plain sql")


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a trigger told.

    Attributes:
        kind: room, joined, read or delivered.
        user_id: whom it is about; None for `room`.
        number: of the coming, for `joined`; else 0.
    """

    kind: str
    room_id: UUID
    user_id: UUID | None = None
    number: int = 0


@dataclass(slots=True)
class EarStats:
    """Counters since start; `metrics.py` shows them."""

    heard: int = 0
    lost: int = 0
    unreadable: int = 0
    reconnects: int = 0


class Line(Protocol):
    """A connection that listens."""

    async def ping(self) -> None:
        """Raises where the other end does not answer."""

    def close(self) -> None:
        """End it at once."""


OpenLine: TypeAlias = Callable[[Callable[[str], None], Callable[[], None]], Awaitable[Line]]
"""Opens a line, given what to call with each payload, and what to call when the line breaks."""


class Ear:
    """Keeps a line open and hands over what it hears.

    Args:
        open_line: opens the connection that listens.
        say: says a payload to every such line, on a connection that is not this one.
        take: sees to what was heard, some words at a time; what it raises is logged.
        gap: called after words may have been lost.
    """

    def __init__(
        self,
        open_line: OpenLine,
        say: Callable[[str], Awaitable[None]],
        take: Callable[[Sequence[Word]], Awaitable[None]],
        gap: Callable[[], None],
    ) -> None:
        self.stats = EarStats()
        self.hears = False
        self._open_line = open_line
        self._say = say
        self._take = take
        self._gap = gap
        self._me = f"{_HELLO} {new_id().hex}"
        self._echo = asyncio.Event()
        self._broken = asyncio.Event()
        self._waiting: dict[Word, None] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Listen, and hand over, until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen())
            both.create_task(self._hand_over())

    def renew(self) -> None:
        """Open the line anew: the database is another, and this line may be to the one of before."""
        self._broken.set()

    async def _listen(self) -> None:
        pause = PAUSE_FIRST
        was_heard: bool | None = None
        while True:
            line: Line | None = None
            self._echo.clear()
            self._broken.clear()
            try:
                line = await self._open_line(self._heard, self._broken.set)
                await self._say(self._me)
                async with asyncio.timeout(ECHO_SECONDS):
                    await self._echo.wait()
                self.hears = True
                pause = PAUSE_FIRST
                if was_heard is not None:
                    self.stats.reconnects += 1
                    self._gap()
                if was_heard is False:
                    log.info("what plain SQL writes is heard again")
                was_heard = True
                while not self._broken.is_set():
                    await line.ping()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(BEAT_SECONDS):
                            await self._broken.wait()
                raise ConnectionResetError
            except Exception as error:
                if was_heard is not False:
                    log.warning(
                        "what plain SQL writes is not heard at once: the look each second finds it; through a pooler "
                        "HUBBUB_LISTEN_URL has to name the server itself",
                        error=type(error).__name__,
                    )
                was_heard = False
            finally:
                self.hears = False
                if line is not None:
                    line.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MOST)

    def _heard(self, payload: str) -> None:
        if payload.startswith(_HELLO):
            if payload == self._me:
                self._echo.set()
            return
        try:
            word = _read(payload)
        except ValueError:
            self.stats.unreadable += 1
            return
        self.stats.heard += 1
        if len(self._waiting) >= WAITING_MAX and word not in self._waiting:
            self.stats.lost += 1
            self._gap()
            return
        self._waiting[word] = None
        self._wake.set()

    async def _hand_over(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = list(self._waiting), {}
            try:
                await self._take(waiting)
            except Exception as error:
                log.warning("what plain SQL wrote is told by the next look", error=type(error).__name__)
                self._gap()


def _read(payload: str) -> Word:
    """A payload as the triggers make it.

    Raises:
        ValueError: anybody may speak on the channel, and a newer schema may say more.
    """
    kind, *rest = payload.split(" ")
    if _LENGTHS.get(kind) != 1 + len(rest):
        raise ValueError(kind)
    user_id = UUID(rest[1]) if len(rest) > 1 else None
    return Word(kind, UUID(rest[0]), user_id, int(rest[2]) if len(rest) > 2 else 0)
