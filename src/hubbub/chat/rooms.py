"""Rooms: list, make, change, delete, and their figures."""

from __future__ import annotations

from msgspec import UNSET

from hubbub.chat import once
from hubbub.chat.access import access_room, access_room_row
from hubbub.chat.context import Chat
from hubbub.domain import limits, policy
from hubbub.domain.answers import Changed, Done, Rooms, RoomUsers, Stats
from hubbub.domain.changes import Change
from hubbub.domain.commands import CreateRoom, UpdateRoom, check_name, check_note
from hubbub.domain.events import RoomUpdated
from hubbub.domain.ids import as_uuid, new_id, stamp
from hubbub.domain.model import Actor, Room, RoomInfo, RoomStats
from hubbub.errors import HubbubError
from hubbub.store import members, rooms
from hubbub.store.database import Connection, Record


async def list_rooms(chat: Chat, actor: Actor | None, *, cursor: str | None, limit: int, offset: int) -> Rooms:
    """The rooms one may see, by name; without an actor, the public ones.

    Raises:
        HubbubError: `validation_failed`.
    """
    if cursor is not None and "\0" in cursor:
        raise HubbubError("validation_failed", fields={"cursor": "This is no `nextCursor` of this list"})
    asker = actor.user_id if actor is not None else rooms.NOBODY
    async with chat.database.connection() as conn:
        data = await rooms.page(conn, asker, cursor or "", limit, offset)
        total = await rooms.count(conn, asker)
    return Rooms(data=data, total=total, next_cursor=data[-1].name if len(data) == limit else None)


async def read_room(chat: Chat, actor: Actor, ref: str) -> RoomInfo:
    """One room.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        row, room = await access_room_row(conn, actor, ref)
        return await _info(conn, actor, row, room)


async def _info(conn: Connection, actor: Actor, row: Record, room: Room) -> RoomInfo:
    return rooms.info_of(
        row,
        user_count=await rooms.active_users(conn, room.room_id),
        unread=await rooms.unread(conn, actor.user_id, room) if room.is_member else None,
    )


async def create_room(chat: Chat, actor: Actor, command: CreateRoom, client_id: str | None) -> RoomInfo:
    """A new room, with its maker as first member. The same `client_id` gives the same room again.

    Raises:
        HubbubError: `conflict`, `validation_failed`, `too_large`.
    """
    name = check_room_name(command.name)
    description = check_note(command.description, "description")
    async with chat.database.transaction() as conn:
        room_id = new_id()
        first = await once.begin(conn, actor, client_id, Done, "create room", name, description, command.is_private)
        if first is None and await rooms.create(
            conn, actor.user_id, room_id, name, description, command.is_private, client_id
        ):
            await check_room_count(conn, actor)
            await members.add(conn, actor.user_id, room_id, actor.user_id, False)
            await once.keep(conn, actor, client_id, Done())
        else:
            made = await rooms.created_with(conn, actor.user_id, client_id) if client_id else None
            if made is None:
                raise HubbubError("conflict", "A room of that name exists.", fields={"name": "This name is taken"})
            room_id = made
        row, room = await access_room_row(conn, actor, str(room_id))
        return await _info(conn, actor, row, room)


def check_room_name(name: str) -> str:
    """A room's name in its one form; one that reads as an id would hide another room.

    Raises:
        HubbubError: `validation_failed`.
    """
    name = check_name(name, "name")
    if as_uuid(name) is not None:
        raise HubbubError("validation_failed", fields={"name": "A name may not look like an id"})
    return name


async def check_room_count(conn: Connection, actor: Actor) -> None:
    """Refuse one room too many for one person.

    Raises:
        HubbubError: `too_large`.
    """
    if await members.count_rooms(conn, actor.user_id, limits.ROOMS_PER_USER) >= limits.ROOMS_PER_USER:
        raise HubbubError("too_large", f"Nobody can be in more than {limits.ROOMS_PER_USER} rooms.")


async def update_room(
    chat: Chat, actor: Actor, ref: str, command: UpdateRoom, client_id: str | None = None
) -> RoomInfo:
    """Rename, describe, open or close a room. A repeat with the same `client_id` shows it as it is by then.

    Raises:
        HubbubError: `not_found`, `forbidden`, `conflict`, `validation_failed`.
    """
    async with chat.database.transaction() as conn:
        first = await once.begin(conn, actor, client_id, Changed, "update room", ref, command)
        if first is not None:
            row, room = await access_room_row(conn, actor, str(first.id))
            return await _info(conn, actor, row, room)
        row, room = await access_room_row(conn, actor, ref)
        check_may_change(actor, room)
        name = check_room_name(command.name) if command.name is not UNSET else None
        description = check_note(command.description, "description") if command.description is not UNSET else None
        is_private = command.is_private if command.is_private is not UNSET else None
        number = await rooms.update(
            conn,
            room.room_id,
            name=(name is not None, name),
            description=(command.description is not UNSET, description),
            is_private=(is_private is not None, is_private),
        )
        if number is None:
            raise HubbubError("not_found")
        changed = number != row["change_seq"]
        row, room = await access_room_row(conn, actor, str(room.room_id))
        info = await _info(conn, actor, row, room)
        await once.keep(conn, actor, client_id, Changed(id=room.room_id, change_seq=number))
    if changed:
        chat.bus.publish(change_of(row, info.user_count, deleted=False))
    return info


async def delete_room(chat: Chat, actor: Actor, ref: str, client_id: str | None = None) -> None:
    """Delete a room, for everyone.

    Raises:
        HubbubError: `not_found`, `forbidden`, `conflict`.
    """
    async with chat.database.transaction() as conn:
        if await once.begin(conn, actor, client_id, Done, "delete room", ref) is not None:
            return
        row, room = await access_room_row(conn, actor, ref)
        check_may_change(actor, room)
        number = await rooms.delete(conn, room.room_id)
        await once.keep(conn, actor, client_id, Done())
    if number is not None:
        chat.bus.publish(change_of(row, 0, deleted=True, number=number))


def check_may_change(actor: Actor, room: Room) -> None:
    """Refuse who neither made the room nor administers.

    Raises:
        HubbubError: `forbidden`.
    """
    if not policy.may_change_room(actor, room):
        raise HubbubError("forbidden", "Only whoever made the room can change it.")


def change_of(row: Record, user_count: int, *, deleted: bool, number: int | None = None) -> Change:
    """A room's new face, as its listeners are told."""
    number = row["change_seq"] if number is None else number
    data = RoomUpdated(
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
        seq=max(row["last_seq"], number),
        member=True,
        change_seq=number,
        deleted=deleted,
    )
    return Change(room_id=row["room_id"], number=number, event="room-updated", data=data)


async def read_stats(chat: Chat, actor: Actor, ref: str) -> Stats:
    """A room's figures.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        row, room = await access_room_row(conn, actor, ref)
        info = await _info(conn, actor, row, room)
    return Stats(
        data=RoomStats(
            total_messages=info.total_messages,
            total_members=info.member_count,
            active_users=info.user_count,
            unread_count=info.unread or 0,
            last_message_at=info.last_activity,
        )
    )


async def read_room_users(chat: Chat, actor: Actor, ref: str) -> RoomUsers:
    """The members of a room who are connected now, a hundred of them at most.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        room = await access_room(conn, actor, ref)
        if not policy.may_read(room):
            raise HubbubError("not_found")
        data = await members.connected(conn, room.room_id, room.name, limits.NAMED_PEOPLE_MAX)
        total = await members.count_connected(conn, room.room_id)
    return RoomUsers(data=data, total=total)
