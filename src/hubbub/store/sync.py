"""What changed in a room since a number: messages, memberships, the room itself, in their present state, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias
from uuid import UUID

from hubbub.domain.answers import MemberChange, MessageChange, RoomChange, RoomChanges
from hubbub.domain.model import Room
from hubbub.store import messages
from hubbub.store.database import Connection
from hubbub.store.rooms import room_of
from hubbub.store.statements import load

SQL: Final = load("sync")


Look: TypeAlias = tuple[str, dict[UUID, Room]]
"""The epoch in which this was read (cursors of another mean nothing), and rooms by their id, with the asker's membership."""


async def look(conn: Connection, asked: Sequence[tuple[UUID, list[UUID]]]) -> list[Look]:
    """For each person and the rooms they name: the epoch, and those of the rooms that are there."""
    pairs = [(index, user_id, room_id) for index, (user_id, room_ids) in enumerate(asked) for room_id in room_ids]
    rows = await conn.fetch(SQL["look"], [pair[1] for pair in pairs], [pair[2] for pair in pairs])
    found: list[Look] = [(conn.epoch.told, {}) for _ in asked]
    for row in rows:
        found[pairs[row["ord"] - 1][0]][1][row["room_id"]] = room_of(row)
    return found


async def changes_since(conn: Connection, room: Room, number: int, limit: int) -> RoomChanges:
    """The present state of what changed in `room` after `number`, a page of at most `limit` changes.

    `room.last_seq` was read before: every change up to it is committed, so the statements here see it or one that
    came after it. What came after is left out (it is told live, or by the next call), or a hole could hide below it.
    """
    if number >= room.last_seq:
        return RoomChanges(room=room.name, changes=[], up_to=room.last_seq, more=False)
    changed: list[MessageChange | MemberChange | RoomChange] = [
        *await messages.changed_after(conn, room, number, limit + 1, MessageChange)
    ]
    changed += [
        MemberChange(
            user_id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"] or row["username"],
            avatar=row["avatar"],
            active=bool(row["is_active"]),
            change_seq=row["change_seq"],
        )
        for row in await conn.fetch(SQL["changed_members"], room.room_id, number, limit + 1)
    ]
    if room.change_seq > number:
        changed.append(
            RoomChange(
                room=room.name,
                room_id=room.room_id,
                description=room.description,
                is_private=room.is_private,
                change_seq=room.change_seq,
            )
        )
    changed = sorted((c for c in changed if c.change_seq <= room.last_seq), key=lambda c: c.change_seq)
    more = len(changed) > limit
    changed = changed[:limit]
    return RoomChanges(
        room=room.name, changes=changed, up_to=changed[-1].change_seq if more else room.last_seq, more=more
    )


async def pages(conn: Connection, asked: Sequence[tuple[Room, int, int]]) -> list[RoomChanges]:
    """`changes_since` for each room, number and limit. Who comes back to a room from the same place is given the same.

    A page depends on the room alone, and on where its counter stood when the asker was found to be let in.
    """
    read: dict[tuple[UUID, int, int, int], RoomChanges] = {}
    answers: list[RoomChanges] = []
    for room, number, limit in asked:
        key = (room.room_id, room.last_seq, number, limit)
        page = read.get(key)
        if page is None:
            page = read[key] = await changes_since(conn, room, number, limit)
        answers.append(page)
    return answers
