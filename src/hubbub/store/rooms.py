"""Rooms: rows of `rooms`, with the asker's membership, in and out."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import asyncpg

from hubbub.domain import limits
from hubbub.domain.ids import as_uuid, stamp
from hubbub.domain.model import Room, RoomInfo
from hubbub.errors import HubbubError
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("rooms")
NOBODY: Final = UUID(int=0)  # an asker without an account


def room_of(row: Record) -> Room:
    return Room(
        room_id=row["room_id"],
        name=row["room_name"],
        is_private=bool(row["is_private"]),
        created_by=row["created_by"],
        description=row["description"],
        change_seq=row["change_seq"],
        last_seq=row["last_seq"],
        message_count=row["message_count"],
        member_count=row["member_count"],
        is_member=bool(row["is_active"]),
        from_seq=row["from_seq"] or 0,
        delivered_seq=row["delivered_seq"] or 0,
        read_seq=row["read_seq"] or 0,
    )


def info_of(row: Record, *, user_count: int, unread: int | None) -> RoomInfo:
    """A room as it is listed for whoever asks."""
    member = bool(row["is_active"])
    return RoomInfo(
        room_id=row["room_id"],
        name=row["room_name"],
        room=row["room_name"],
        description=row["description"],
        is_private=bool(row["is_private"]),
        created_by=row["created_by"],
        created_at=stamp(row["created_at"]),
        user_count=user_count,
        member_count=row["member_count"],
        total_messages=row["message_count"],
        last_activity=stamp(row["last_message_at"]) if row["last_message_at"] else None,
        seq=row["last_seq"],
        member=member,
        read_seq=row["read_seq"] if member else None,
        unread=unread if member else None,
    )


async def find(conn: Connection, user_id: UUID, ref: str) -> Record | None:
    """A room by id or by name. A name that looks like an id is found as well, where no room has that id."""
    room_id = as_uuid(ref)
    if room_id is not None:
        row = await conn.fetchrow(SQL["by_id"], user_id, room_id)
        if row is not None:
            return row
    # No name holds NUL, and PostgreSQL takes none.
    return await conn.fetchrow(SQL["by_name"], user_id, ref) if "\0" not in ref else None


async def by_id(conn: Connection, user_id: UUID, room_id: UUID) -> Record | None:
    return await conn.fetchrow(SQL["by_id"], user_id, room_id)


async def by_id_even_deleted(conn: Connection, room_id: UUID) -> Record | None:
    return await conn.fetchrow(SQL["by_id_even_deleted"], room_id)


async def page(conn: Connection, user_id: UUID, after: str, limit: int, offset: int) -> list[RoomInfo]:
    """Rooms that somebody may see, by name, after a name."""
    rows = await conn.fetch(SQL["page"], user_id, after, limit, offset, limits.UNREAD_MAX, limits.UNREAD_LOOK)
    return [info_of(row, user_count=row["user_count"], unread=row["unread"]) for row in rows]


async def stats_after(conn: Connection, after: str, limit: int) -> list[Record]:
    """Every room's figures, by name after a name, for an operator."""
    return list(await conn.fetch(SQL["stats_after"], after, limit))


async def count(conn: Connection, user_id: UUID) -> int:
    return int(await conn.fetchval(SQL["count"], user_id))


async def unread(conn: Connection, user_id: UUID, room: Room) -> int:
    """Messages of others after one's watermark, counted up to `limits.UNREAD_MAX`."""
    return int(
        await conn.fetchval(SQL["unread"], user_id, room.room_id, room.read_seq, limits.UNREAD_MAX, limits.UNREAD_LOOK)
    )


async def active_users(conn: Connection, room_id: UUID) -> int:
    return int(await conn.fetchval(SQL["active_users"], room_id))


async def positions(conn: Connection, room_ids: list[UUID]) -> dict[UUID, int]:
    """Where the counters of these rooms stand."""
    return {row["room_id"]: row["last_seq"] for row in await conn.fetch(SQL["positions"], room_ids)}


async def names(conn: Connection, room_ids: list[UUID]) -> dict[UUID, str]:
    """The names of these rooms."""
    return {row["room_id"]: row["room_name"] for row in await conn.fetch(SQL["names"], room_ids)}


async def create(
    conn: Connection,
    user_id: UUID,
    room_id: UUID,
    name: str,
    description: str | None,
    is_private: bool,
    client_id: str | None,
) -> bool:
    """A new room. False where its name, or the Idempotency-Key, is taken."""
    return (
        await conn.fetchval(SQL["create_room"], user_id, room_id, name, description, is_private, client_id) is not None
    )


async def created_with(conn: Connection, user_id: UUID, client_id: str) -> UUID | None:
    """The room that somebody made with this Idempotency-Key before."""
    return await conn.fetchval(SQL["created_with"], user_id, client_id)  # type: ignore[no-any-return]


async def update(
    conn: Connection,
    room_id: UUID,
    *,
    name: tuple[bool, str | None],
    description: tuple[bool, str | None],
    is_private: tuple[bool, bool | None],
) -> int | None:
    """New name, description or privacy, each (given?, value): the number of the change.

    Raises:
        HubbubError: `conflict`, where the name is taken.
    """
    try:
        return await conn.fetchval(  # type: ignore[no-any-return]
            SQL["update_room"], room_id, *name, *description, *is_private
        )
    except asyncpg.UniqueViolationError:
        raise HubbubError("conflict", fields={"name": "This name is taken"}) from None


async def delete(conn: Connection, room_id: UUID) -> int | None:
    """The room is gone for everyone: the number of the change, or None where it was gone."""
    return await conn.fetchval(SQL["delete_room"], room_id)  # type: ignore[no-any-return]
