"""Membership: rows of `room_members` in and out. Each change gets the room's next number from a trigger."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hubbub.domain.ids import stamp
from hubbub.domain.model import Member, Room, RoomUser, UserPresence
from hubbub.store.database import Connection, Record
from hubbub.store.statements import load

SQL: Final = load("members")


async def join(conn: Connection, user_id: UUID, room_id: UUID) -> int | None:
    """Become a member of a public room: the number of the change, or None where nothing changed."""
    return await conn.fetchval(SQL["join_room"], user_id, room_id)  # type: ignore[no-any-return]


async def add(conn: Connection, user_id: UUID, room_id: UUID, by: UUID, is_admin: bool) -> int | None:
    """Let somebody in, by whoever may: the number of the change, or None where nothing changed."""
    return await conn.fetchval(SQL["add_member"], user_id, room_id, by, is_admin)  # type: ignore[no-any-return]


async def leave(conn: Connection, user_id: UUID, room_id: UUID) -> int | None:
    """End a membership: the number of the change, or None where there was none."""
    return await conn.fetchval(SQL["leave_room"], user_id, room_id)  # type: ignore[no-any-return]


async def active_of(conn: Connection, room_id: UUID, user_ids: list[UUID]) -> set[UUID]:
    """Of these people, the members of a room."""
    return {row["user_id"] for row in await conn.fetch(SQL["active_of"], room_id, user_ids)}


async def count_rooms(conn: Connection, user_id: UUID, most: int) -> int:
    return int(await conn.fetchval(SQL["count_rooms"], user_id, most))


async def page(conn: Connection, room: Room, after: UUID, limit: int) -> list[Member]:
    """Members of a room by id, after an id."""
    return [
        Member(
            user_id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"] or row["username"],
            avatar=row["avatar"],
            status="online" if row["status"] == "online" else "offline",
            last_seen=stamp(row["last_seen"]) if row["last_seen"] else None,
            joined_at=stamp(row["joined_at"]),
            room=room.name,
            room_id=room.room_id,
        )
        for row in await conn.fetch(SQL["page"], room.room_id, after, limit)
    ]


async def connected(conn: Connection, room_id: UUID, name: str, most: int) -> list[RoomUser]:
    """Up to `most` members who are connected now, to any process."""
    return [room_user_of(row, room_id, name) for row in await conn.fetch(SQL["connected"], room_id, most)]


async def count_connected(conn: Connection, room_id: UUID) -> int:
    """How many members are connected now, counted up to 1,000."""
    return int(await conn.fetchval(SQL["count_connected"], room_id))


def room_user_of(row: Record, room_id: UUID, name: str) -> RoomUser:
    return RoomUser(
        user_id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"] or row["username"],
        avatar=row["avatar"],
        room=name,
        room_id=room_id,
        status=UserPresence(online=True, last_seen=stamp(row["last_seen"]) if row["last_seen"] else None),
    )
