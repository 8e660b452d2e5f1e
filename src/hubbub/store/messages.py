"""Messages: rows of `messages` in and out. New ones are stored by `journal.py` alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from hubbub.domain.ids import stamp
from hubbub.domain.model import Edit, Message, Room
from hubbub.store import receipts
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("messages")
EXPORT_BATCH: Final = 500  # rows in memory at once
NEWEST: Final = 2**62  # a `before` that no message has reached
_NOBODY: Final = "deleted user"


_M = TypeVar("_M", bound=Message)


def message_of(row: Record, room: str, marks: receipts.Marks, kind: type[_M]) -> _M:
    """A message in its present state; one whose author's account is gone is shown as a deleted user's.

    Args:
        kind: `Message`, or what carries a message by another name (`MessageUpdated`, `MessageChange`).
    """
    name = row["author_username"] or _NOBODY
    return kind(
        id=row["message_id"],
        seq=row["seq"],
        change_seq=row["change_seq"],
        room=room,
        room_id=row["room_id"],
        user_id=row["user_id"],
        username=name,
        display_name=row["author_display_name"] or ("Deleted user" if name == _NOBODY else name),
        avatar=row["author_avatar"],
        message="" if row["is_deleted"] else row["message_text"],
        timestamp=stamp(row["created_at"]),
        edited_at=stamp(row["edited_at"]) if row["edited_at"] else None,
        deleted=bool(row["is_deleted"]),
        client_id=row["client_id"],
        reply_to=row["reply_to"],
        delivered=marks.delivered_count > 0,
        read=marks.read_count > 0,
        delivered_count=marks.delivered_count,
        read_count=marks.read_count,
        delivered_to=marks.delivered_to,
        read_by=marks.read_by,
    )


async def render(conn: Connection, room: Room, rows: Sequence[Record], kind: type[_M]) -> list[_M]:
    """Rows of one room as messages with their marks, in the order given."""
    places = [receipts.Place(room.room_id, room.member_count, row["seq"], row["user_id"]) for row in rows]
    found = await receipts.marks(conn, places)
    return [message_of(row, room.name, marks, kind) for row, marks in zip(rows, found, strict=True)]


async def before(conn: Connection, room: Room, seq: int, limit: int, offset: int = 0) -> list[Message]:
    """The `limit` messages just before a place, oldest first."""
    rows = await conn.fetch(SQL["before"], room.room_id, seq, limit, offset)
    return await render(conn, room, rows[::-1], Message)


async def after(conn: Connection, room: Room, seq: int, limit: int) -> list[Message]:
    """The `limit` messages just after a place, oldest first."""
    return await render(conn, room, await conn.fetch(SQL["after"], room.room_id, seq, limit), Message)


async def changed_after(conn: Connection, room: Room, number: int, limit: int, kind: type[_M]) -> list[_M]:
    """The present state of the next `limit` messages whose latest change is newer, in order of that change."""
    return await render(conn, room, await conn.fetch(SQL["changed_after"], room.room_id, number, limit), kind)


async def by_id(conn: Connection, message_id: UUID) -> Record | None:
    return await conn.fetchrow(SQL["by_id"], message_id)


async def edit(conn: Connection, message_id: UUID, user_id: UUID, text: str) -> Record | None:
    """Give a message a new text: what that changed, or None where it may not be."""
    return await conn.fetchrow(SQL["edit"], message_id, user_id, text)


async def delete(conn: Connection, message_id: UUID, user_id: UUID, is_admin: bool) -> int | None:
    """Make a message a tombstone: the number of the change, or None where it may not be."""
    return await conn.fetchval(SQL["delete"], message_id, user_id, is_admin)  # type: ignore[no-any-return]


async def edits(conn: Connection, message_id: UUID, limit: int) -> list[Edit]:
    """The texts a message had before, oldest first."""
    return [
        Edit(message=row["message_text"], edited_at=stamp(row["edited_at"]), edited_by=row["edited_by"])
        for row in await conn.fetch(SQL["edits"], message_id, limit)
    ]


async def rooms_of(conn: Connection, message_ids: list[UUID]) -> dict[UUID, UUID]:
    """In which room each of these messages is."""
    return {row["message_id"]: row["room_id"] for row in await conn.fetch(SQL["rooms_of"], message_ids)}


async def at(conn: Connection, places: Sequence[tuple[UUID, int]]) -> list[Record]:
    """The messages at these places (room, seq): id, room, place and author of each."""
    return await conn.fetch(  # type: ignore[no-any-return]
        SQL["at"], [room_id for room_id, _ in places], [seq for _, seq in places]
    )


async def export(
    conn: Connection, room_id: UUID, since: datetime | None = None, until: datetime | None = None
) -> AsyncGenerator[Sequence[Record], None]:
    """The messages of a room in order, as of one moment, `EXPORT_BATCH` at a time at most; from `since` to before `until`."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        cursor = await conn.cursor(SQL["export"], room_id, since, until)
        while batch := await cursor.fetch(EXPORT_BATCH):
            yield batch
