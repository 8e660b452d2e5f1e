"""Who is connected and who is on-line.

`active_sessions` has a row for each connection: it appears with it, follows its current room and activity, and goes
with it. Nothing is written per event: what happens is gathered and written in batches, openings and closings at once,
rooms and activity once a second. A person is on-line while a row of theirs stands, and off-line a moment after the
last one went (`OFFLINE_SECONDS`), so that a change of network is no news.

Every process holds a lease by the database's clock. What a process leaves behind when it is killed, any other, or
itself when started again, removes once its lease has run out. (Anchor: reliability D8.)
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from hubbub.domain import limits
from hubbub.domain.changes import StatusChanged
from hubbub.domain.events import UserStatusUpdate
from hubbub.domain.ids import new_id, now_utc
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.fanout.bus import Bus
from hubbub.store import presence
from hubbub.store.database import Connection, Database

HEARTBEAT_SECONDS: Final = 5.0
LEASE_SECONDS: Final = 15.0
TOUCH_SECONDS: Final = 1.0
GATHER_SECONDS: Final = 0.02  # between two writings of what opened and closed: a storm of connects is few statements
OFFLINE_SECONDS: Final = 3.0
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
    """

    def __init__(self, database: Database, bus: Bus, offline_seconds: float = OFFLINE_SECONDS) -> None:
        self.offline_seconds = offline_seconds
        self._database = database
        self._bus = bus
        self.node_id = new_id()
        self._opened: dict[UUID, Session] = {}
        self._closed: list[UUID] = []
        self._touched: dict[UUID, tuple[UUID | None, datetime]] = {}
        self._arrived: set[UUID] = set()
        self._gone: dict[UUID, float] = {}
        """People whose connection here ended, and when to see whether they are off-line."""
        self._wake = asyncio.Event()
        self._flushed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take a lease, and remove what a crash left behind."""
        async with self._database.connection() as conn:
            await presence.heartbeat(conn, self.node_id, socket.gethostname(), LEASE_SECONDS)
            await presence.sweep(conn)
            await presence.all_offline(conn)
        self._task = asyncio.create_task(self._run(), name="presence")

    async def close(self) -> None:
        """Write what waits, remove this process's rows and its lease."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with self._database.connection() as conn:
                gone = await presence.retire(conn, self.node_id) | set(self._gone)
                await presence.now_offline(conn, list(gone))
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
        if self._opened.pop(session.id, None) is None:
            self._closed.append(session.id)
        self._gone[session.user_id] = time.monotonic() + self.offline_seconds
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
        beat = touch = 0.0
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
                if now >= beat:
                    beat = now + HEARTBEAT_SECONDS
                    await self._beat()
            except Exception as error:
                log.warning("presence could not be written yet", error=type(error).__name__)
                await asyncio.sleep(0.5)
                self._wake.set()

    async def _beat(self) -> None:
        async with self._database.connection() as conn:
            await presence.heartbeat(conn, self.node_id, socket.gethostname(), LEASE_SECONDS)
            left = await presence.sweep(conn)
        for user_id in left:
            self._gone.setdefault(user_id, 0.0)

    async def _flush(self) -> None:
        """Rows for what opened, none for what closed; then who has come on-line by that."""
        while self._opened or self._closed or self._arrived:
            batch = list(self._opened.values())[:BATCH_MAX]
            closed, arrived = self._closed[:BATCH_MAX], list(self._arrived)[:BATCH_MAX]
            async with self._database.connection() as conn:
                if batch:
                    await presence.opened(
                        conn, self.node_id, [(s.id, s.user_id, s.socket_id, s.auth_session_id) for s in batch]
                    )
                    for session in batch:
                        if self._opened.pop(session.id, None) is None:
                            self._closed.append(session.id)  # it ended while its row was written
                    async with self._flushed:
                        self._flushed.notify_all()
                if closed:
                    await presence.closed(conn, closed)
                    del self._closed[: len(closed)]
                online = await presence.now_online(conn, arrived) if arrived else []
                self._arrived.difference_update(arrived)
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
                offline = await presence.now_offline(conn, due)
                await self._publish(conn, offline)
            for user_id in due:
                if self._gone.get(user_id, now + 1) <= now:
                    del self._gone[user_id]

    async def _publish(self, conn: Connection, updates: Iterable[UserStatusUpdate]) -> None:
        """Tell those who share a room, up to a size, with whoever came or went."""
        by_user = {update.user_id: update for update in updates}
        if not by_user:
            return
        rooms = await presence.rooms_of(conn, list(by_user), limits.PRESENCE_MEMBERS_MAX, limits.PRESENCE_ROOMS_MAX)
        for user_id, update in by_user.items():
            self._bus.publish(StatusChanged(user_id=user_id, data=update, room_ids=tuple(rooms.get(user_id, ()))))
