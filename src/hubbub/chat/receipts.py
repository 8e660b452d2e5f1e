"""Delivered and read: watermarks that move up in batches, and what the room is told of it.

Clients mark single messages, often; the book gathers what all of them mark within a short time and writes it in one
statement. Each caller is answered after the commit. What the room is told is conflated: for each message reached, one
event that names the last who reached it and lists all who have (in rooms of up to 100 members).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from hubbub.domain.answers import Marked
from hubbub.domain.changes import Told
from hubbub.domain.events import MessageReadUpdate, MessagesMarkedRead, MessageStatusUpdate
from hubbub.domain.ids import now_utc, stamp
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError
from hubbub.fanout.bus import Bus
from hubbub.store import messages, receipts, rooms
from hubbub.store.database import Connection, Database, in_our_words

GATHER_SECONDS: Final = 0.02
WAITING_MAX: Final = 20_000
BATCH_MAX: Final = 500

log = structlog.get_logger("receipts")


@dataclass(slots=True, repr=False)
class _Wish:
    user_id: UUID
    message_id: UUID
    is_read: bool
    done: asyncio.Future[Marked]


class ReceiptBook:
    """The queue of marks and its one writer. Start with `start`, end with `close`.

    Args:
        rows_max_members: up to this many members a room gets rows in message_reads and message_deliveries.
    """

    def __init__(self, database: Database, bus: Bus, rows_max_members: int) -> None:
        self._database = database
        self._bus = bus
        self._rows_max_members = rows_max_members
        self._waiting: list[_Wish] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self.batches = 0
        self.marks = 0

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="receipts")

    async def close(self) -> None:
        """Write what waits, then end."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def mark(self, actor: Actor, message_id: UUID, *, is_read: bool) -> asyncio.Future[Marked]:
        """Mark everything up to and including a message as delivered to, or read by, `actor`.

        Returns:
            A future: where the watermarks stand, or `HubbubError` `not_found`, `unavailable`.

        Raises:
            HubbubError: `overloaded`.
        """
        if self._closing or len(self._waiting) >= WAITING_MAX:
            raise HubbubError("overloaded", retry_after=1)
        done: asyncio.Future[Marked] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Wish(actor.user_id, message_id, is_read, done))
        self._wake.set()
        return done

    async def _write(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                if not self._closing:
                    await asyncio.sleep(GATHER_SECONDS)
                continue
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            try:
                await self._store(batch)
            except Exception as error:
                if in_our_words(error) is None:
                    log.exception("receipts could not be written", marks=len(batch))
                for wish in batch:
                    if not wish.done.done():
                        wish.done.set_exception(HubbubError("unavailable"))

    async def _store(self, batch: Sequence[_Wish]) -> None:
        self.batches += 1
        self.marks += len(batch)
        hints: list[Told] = []
        async with self._database.transaction() as conn:
            moved = await receipts.mark(conn, [(wish.user_id, wish.message_id, wish.is_read) for wish in batch])
            rooms_of = await messages.rooms_of(conn, [wish.message_id for wish in batch])
            await receipts.write_rows(conn, [one for one in moved if one.member_count <= self._rows_max_members])
            delivered = [one for one in moved if one.delivered_seq > one.old_delivered]
            read = [one for one in moved if one.read_seq > one.old_read]
            hints = await self._hints(conn, delivered, read)
        found = {(one.room_id, one.user_id): one for one in moved}
        for wish in batch:
            if wish.done.done():
                continue
            room_id = rooms_of.get(wish.message_id)
            place = found.get((room_id, wish.user_id)) if room_id is not None else None
            if place is None:
                wish.done.set_exception(HubbubError("not_found", "There is no such message in your rooms."))
            else:
                wish.done.set_result(
                    Marked(
                        room=place.room,
                        room_id=place.room_id,
                        delivered_seq=place.delivered_seq,
                        read_seq=place.read_seq,
                    )
                )
        for hint in hints:
            asyncio.get_running_loop().call_soon(self._bus.publish, hint)

    async def hints_of(self, readers: Sequence[tuple[UUID, UUID, bool]]) -> list[Told]:
        """What rooms are to be told where plain SQL moved watermarks of (room, user, is it read?).

        Raises:
            HubbubError: `overloaded`, `unavailable`.
        """
        if not readers:
            return []
        async with self._database.connection() as conn:
            found = await receipts.standing(conn, [(room_id, user_id) for room_id, user_id, _ in readers])
            by_reader = {(one.room_id, one.user_id): one for one in found}
            delivered = [by_reader[r, u] for r, u, is_read in readers if not is_read and (r, u) in by_reader]
            read = [by_reader[r, u] for r, u, is_read in readers if is_read and (r, u) in by_reader]
            return await self._hints(conn, delivered, read)

    async def _hints(
        self, conn: Connection, delivered_to: Sequence[receipts.Moved], read_by: Sequence[receipts.Moved]
    ) -> list[Told]:
        """What rooms are told: one event for each message that became the last delivered to, or read by, somebody."""
        delivered = {(one.room_id, one.delivered_seq): one for one in delivered_to}
        read = {(one.room_id, one.read_seq): one for one in read_by}
        reached = {**delivered, **read}
        if not reached:
            return []
        rows = await messages.at(conn, list(reached))
        places = [
            receipts.Place(row["room_id"], reached[row["room_id"], row["seq"]].member_count, row["seq"], row["user_id"])
            for row in rows
        ]
        now = stamp(now_utc())
        hints: list[Told] = []
        for row, marks in zip(rows, await receipts.marks(conn, places), strict=True):
            place = (row["room_id"], row["seq"])
            if place in delivered:
                hints.append(_delivered(delivered[place], row["message_id"], marks, now))
            if place in read:
                hints.append(_read(read[place], row["message_id"], marks, now))
        return hints

    async def mark_all(self, actor: Actor, room_id: UUID) -> Marked:
        """Everything in a room is read by `actor`; tells the room which messages that were.

        Raises:
            HubbubError: `not_found`, `overloaded`, `unavailable`.
        """
        async with self._database.connection() as conn:
            row = await rooms.by_id(conn, actor.user_id, room_id)
            latest = await receipts.latest_message(conn, room_id)
        if row is None or not row["is_active"]:
            raise HubbubError("not_found", "There is no such room, or you are not a member of it.")
        if latest is None:
            return Marked(
                room=row["room_name"], room_id=room_id, delivered_seq=row["delivered_seq"], read_seq=row["read_seq"]
            )
        read_seq = row["read_seq"]
        marked = await self.mark(actor, latest["message_id"], is_read=True)
        if marked.read_seq > read_seq:
            async with self._database.connection() as conn:
                ids = await receipts.newly_read(conn, actor.user_id, room_id, read_seq, marked.read_seq)
            data = MessagesMarkedRead(
                message_ids=ids,
                seq=marked.read_seq,
                read_by=actor.user_id,
                read_by_username=actor.username,
                timestamp=stamp(now_utc()),
                room=marked.room,
                room_id=room_id,
            )
            self._bus.publish(Told(room_id=room_id, event="messages-marked-read", data=data))
        return marked


def _delivered(one: receipts.Moved, message_id: UUID, marks: receipts.Marks, now: str) -> Told:
    data = MessageStatusUpdate(
        message_id=message_id,
        seq=one.delivered_seq,
        delivered=marks.delivered_count > 0,  # its author's own mark does not count
        delivered_to=marks.delivered_to,
        delivered_count=marks.delivered_count,
        delivered_by=one.user_id,
        timestamp=now,
        room=one.room,
        room_id=one.room_id,
    )
    return Told(room_id=one.room_id, event="message-status-update", data=data)


def _read(one: receipts.Moved, message_id: UUID, marks: receipts.Marks, now: str) -> Told:
    data = MessageReadUpdate(
        message_id=message_id,
        seq=one.read_seq,
        read=marks.read_count > 0,
        read_by=marks.read_by,
        read_count=marks.read_count,
        read_by_user=one.user_id,
        read_by_username=one.username,
        timestamp=now,
        room=one.room,
        room_id=one.room_id,
    )
    return Told(room_id=one.room_id, event="message-read-update", data=data)
