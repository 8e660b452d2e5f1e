"""Who is connected and who is on-line.

`active_sessions` has a row for each connection: it appears with it, follows its current room and activity, and goes
with it. Nothing is written per event: what happens is gathered and written in batches, openings and closings at once,
rooms and activity once a second. A person is on-line while a row of theirs stands, and off-line once none has for
`OFFLINE_SECONDS`, whichever processes held them: so a change of network or of process is no news, and who comes and goes
all the time makes one piece of news in that time at most.

Every process holds a lease (`lease.py`). What a process leaves behind when it is killed, any other, or itself when
started again, removes once its lease has run out; who was connected to it alone is off-line then. (Anchor: reliability D8.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from hubbub.chat.lease import Lease
from hubbub.domain import limits
from hubbub.domain.changes import StatusChanged
from hubbub.domain.events import UserStatusUpdate
from hubbub.domain.ids import new_id, now_utc
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.fanout.bus import Bus
from hubbub.store import presence
from hubbub.store.database import Connection, Database

SWEEP_SECONDS: Final = 5.0
TOUCH_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.02  # between two writings of what opened and closed: a storm of connects is few statements
OFFLINE_SECONDS: Final = 10.0  # a reload, another network, a restarted server: clients are back in half of that
LOOK_SECONDS: Final = 0.5  # after that, when to look: the database counts from when it was told of the end
WRITTEN_SECONDS: Final = 2.0
BATCH_MAX: Final = 1_000

log = structlog.get_logger("presence")


@dataclass(slots=True)
class Session:
    """One connection's row."""

    id: UUID
    user_id: UUID
    socket_id: str
    auth_session_id: UUID
    room_id: UUID | None = None


class Presence:
    """The book of connections of this process. Start with `start`, end with `close`.

    Args:
        offline_seconds: after a person's last connection here ended, when to see whether they are off-line.
        address: where other nodes reach this one, as `host:port`; None where there are none.
    """

    def __init__(
        self, database: Database, bus: Bus, offline_seconds: float = OFFLINE_SECONDS, address: str | None = None
    ) -> None:
        self.offline_seconds = offline_seconds
        self._database = database
        self._bus = bus
        self.lease = Lease(database, address)
        self._opened: dict[UUID, Session] = {}
        self._closed: list[UUID] = []
        self._touched: dict[UUID, tuple[UUID | None, datetime]] = {}
        self._arrived: set[UUID] = set()
        self._gone: dict[UUID, float] = {}
        """People whose connection here ended, and when to see whether they are off-line."""
        self._wake = asyncio.Event()
        self._flushed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take a lease, and remove what a crash left behind.

        Raises:
            HubbubError: `unavailable`.
        """
        await self.lease.take()
        await self._sweep()
        self._tasks = [
            asyncio.create_task(self.lease.run(), name="lease"),
            asyncio.create_task(self._run(), name="presence"),
        ]

    async def close(self) -> None:
        """Remove this process's rows and its lease.

        Where others live, they say who is off-line, once people have had the time to come to them; the last one says it
        of everybody, at once.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if not await self.lease.end():
                async with self._database.connection() as conn:
                    while await presence.strays(conn, 0.0):
                        pass
        except Exception as error:
            log.warning("the connections could not be removed; their lease will run out", error=type(error).__name__)

    def opened(self, actor: Actor, socket_id: str) -> Session:
        """A connection began."""
        session = Session(new_id(), actor.user_id, socket_id, actor.session_id)
        self._opened[session.id] = session
        self._arrived.add(actor.user_id)
        self._gone.pop(actor.user_id, None)
        self._wake.set()
        return session

    async def written(self, session: Session) -> None:
        """Wait until a connection's row stands, for a moment at most: the database may be away."""
        try:
            async with asyncio.timeout(WRITTEN_SECONDS), self._flushed:
                await self._flushed.wait_for(lambda: session.id not in self._opened)
        except TimeoutError:
            log.warning("a connection has no row yet")

    def closed(self, session: Session) -> None:
        """A connection ended."""
        self._touched.pop(session.id, None)
        self._opened.pop(session.id, None)
        self._closed.append(session.id)  # its row may stand, even where the answer to its writing never came
        self._gone[session.user_id] = time.monotonic() + self.offline_seconds + LOOK_SECONDS
        self._wake.set()

    def touched(self, session: Session) -> None:
        """Something came over a connection, or its current room changed."""
        self._touched[session.id] = (session.room_id, now_utc())

    async def says(self, user_id: UUID, online: bool) -> None:
        """What a person says of themselves, whatever their connections.

        Raises:
            HubbubError: `unavailable`.
        """
        async with self._database.connection() as conn:
            update = await presence.set_status(conn, user_id, online)
            if update is not None:
                await self._publish(conn, [update])

    async def _run(self) -> None:
        touch = 0.0
        sweep = time.monotonic() + SWEEP_SECONDS
        while True:
            try:
                async with asyncio.timeout(TOUCH_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            now = time.monotonic()
            try:
                await self._flush()
                await asyncio.sleep(GATHER_SECONDS)
                if now >= touch:
                    touch = now + TOUCH_SECONDS
                    await self._flush_touched()
                    await self._flush_gone(now)
                if now >= sweep:
                    sweep = now + SWEEP_SECONDS
                    await self._sweep()
            except Exception as error:
                log.warning("presence could not be written yet", error=type(error).__name__)
                await asyncio.sleep(0.5)
                self._wake.set()

    async def _sweep(self) -> None:
        """Remove what dead processes left; tell who is off-line by that, or by the orderly end of another process."""
        if not self.lease.may_judge:
            return
        async with self._database.connection() as conn:
            await presence.sweep(conn)
            await self._tell_offline(conn, await presence.strays(conn, self.offline_seconds))

    async def _flush(self) -> None:
        """Rows for what opened, none for what closed; then who has come on-line by that."""
        while self._opened or self._closed or self._arrived:
            batch = list(self._opened.values())[:BATCH_MAX]
            closed, arrived = self._closed[:BATCH_MAX], list(self._arrived)[:BATCH_MAX]
            async with self._database.connection() as conn:
                if batch:
                    await presence.opened(
                        conn, self.lease.node_id, [(s.id, s.user_id, s.socket_id, s.auth_session_id) for s in batch]
                    )
                    for session in batch:
                        self._opened.pop(session.id, None)
                    async with self._flushed:
                        self._flushed.notify_all()
                if closed:
                    await presence.closed(conn, closed)
                    del self._closed[: len(closed)]
                online = await presence.now_online(conn, arrived) if arrived else []
                # Whoever has come once more meanwhile has no row yet, and is asked for again.
                self._arrived -= set(arrived) - {session.user_id for session in self._opened.values()}
                await self._publish(conn, online)

    async def _flush_touched(self) -> None:
        # What is touched meanwhile waits for the next time: its row may not stand yet.
        touched, self._touched = list(self._touched.items()), {}
        for start in range(0, len(touched), BATCH_MAX):
            batch = touched[start : start + BATCH_MAX]
            try:
                async with self._database.connection() as conn:
                    await presence.touched(conn, [(id_, *what) for id_, what in batch])
            except HubbubError:
                self._touched = {**dict(touched[start:]), **self._touched}
                raise

    async def _flush_gone(self, now: float) -> None:
        due = [user_id for user_id, at in self._gone.items() if at <= now][:BATCH_MAX]
        if due:
            async with self._database.connection() as conn:
                await self._tell_offline(conn, await presence.now_offline(conn, due, self.offline_seconds))
            for user_id in due:
                if self._gone.get(user_id, now + 1) <= now:
                    del self._gone[user_id]

    async def _tell_offline(self, conn: Connection, gone: list[UserStatusUpdate]) -> None:
        """Tell who has gone, but for those who came back to another process in the very moment: they are on-line again."""
        if gone:
            back = {update.user_id for update in await presence.now_online(conn, [one.user_id for one in gone])}
            await self._publish(conn, [update for update in gone if update.user_id not in back])

    async def _publish(self, conn: Connection, updates: Iterable[UserStatusUpdate]) -> None:
        """Tell those who share a room with whoever came or went; in rooms above a size, only that somebody did."""
        by_user = {update.user_id: update for update in updates}
        if not by_user:
            return
        rooms = await presence.rooms_of(conn, list(by_user), limits.PRESENCE_MEMBERS_MAX, limits.PRESENCE_ROOMS_MAX)
        for user_id, update in by_user.items():
            small, large = rooms.get(user_id, ((), ()))
            self._bus.publish(
                StatusChanged(user_id=user_id, data=update, room_ids=tuple(small), large_room_ids=tuple(large))
            )
