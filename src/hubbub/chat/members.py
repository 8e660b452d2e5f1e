"""Membership: join, leave, add, remove, list. Each change is the room's next number, told to its listeners."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from hubbub.chat import once
from hubbub.chat.access import access_room
from hubbub.chat.context import Chat
from hubbub.chat.rooms import check_may_change, check_room_count
from hubbub.domain import policy
from hubbub.domain.answers import Done, Left, Members
from hubbub.domain.changes import Change
from hubbub.domain.commands import check_cursor
from hubbub.domain.events import UserJoined, UserLeft
from hubbub.domain.ids import now_utc, stamp
from hubbub.domain.model import Actor, Room
from hubbub.errors import HubbubError
from hubbub.store import members, users

_Coming = TypeVar("_Coming", bound=UserJoined)


async def join_room(chat: Chat, actor: Actor, ref: str, client_id: str | None = None) -> tuple[Room, bool]:
    """Be a member of a room that one may join. Joining again changes nothing.

    Returns:
        The room as it is after that, and whether one became a member just now. After a repeat with the same `client_id`
        one may be no member, having left since.

    Raises:
        HubbubError: `not_found`, `conflict`, `too_large`.
    """
    async with chat.database.transaction() as conn:
        room = await access_room(conn, actor, ref)
        first = await once.begin(conn, actor, client_id, Done, "join", room.room_id)
        await once.keep(conn, actor, client_id, first or Done())
        if room.is_member or first is not None:
            return room, False
        if not policy.may_join(room):
            raise HubbubError("not_found")
        await check_room_count(conn, actor)
        number = await members.join(conn, actor.user_id, room.room_id)
        room = await access_room(conn, actor, str(room.room_id))
        if not room.is_member:
            raise HubbubError("not_found")
    if number is not None:
        chat.bus.publish(joined(room, actor.user_id, actor.username, actor.display_name, actor.avatar, number))
    return room, number is not None


async def leave_room(chat: Chat, actor: Actor, ref: str, client_id: str | None = None) -> Left:
    """Be no member any more. Leaving again changes nothing.

    Raises:
        HubbubError: `not_found`, `conflict`.
    """
    async with chat.database.transaction() as conn:
        first = await once.begin(conn, actor, client_id, Left, "leave", ref)
        if first is not None:
            return first
        room = await access_room(conn, actor, ref)
        number = await members.leave(conn, actor.user_id, room.room_id)
        answer = await once.keep(conn, actor, client_id, Left(room=room.name, room_id=room.room_id))
    if number is not None:
        chat.bus.publish(left(room, actor.user_id, actor.username, actor.display_name, actor.avatar, number))
    return answer


async def add_member(chat: Chat, actor: Actor, ref: str, user_id: UUID, client_id: str | None = None) -> None:
    """Let somebody into a room, as whoever made it may. Private rooms are entered only so.

    Raises:
        HubbubError: `not_found` (room or account), `forbidden`, `conflict`.
    """
    async with chat.database.transaction() as conn:
        if await once.begin(conn, actor, client_id, Done, "add member", ref, user_id) is not None:
            return
        room = await access_room(conn, actor, ref)
        check_may_change(actor, room)
        row = await users.by_id(conn, user_id)
        if row is None:
            raise HubbubError("not_found", "There is no such account.")
        number = await members.add(conn, user_id, room.room_id, actor.user_id, policy.is_admin(actor))
        await once.keep(conn, actor, client_id, Done())
    if number is not None:
        name = row["display_name"] or row["username"]
        chat.bus.publish(joined(room, user_id, row["username"], name, row["avatar"], number))


async def remove_member(chat: Chat, actor: Actor, ref: str, user_id: UUID, client_id: str | None = None) -> None:
    """Put somebody out of a room, as whoever made it may.

    Raises:
        HubbubError: `not_found` (room or membership), `forbidden`, `conflict`.
    """
    async with chat.database.transaction() as conn:
        if await once.begin(conn, actor, client_id, Done, "remove member", ref, user_id) is not None:
            return
        room = await access_room(conn, actor, ref)
        check_may_change(actor, room)
        row = await users.by_id(conn, user_id)
        number = await members.leave(conn, user_id, room.room_id)
        if number is None or row is None:
            raise HubbubError("not_found", "This account is not a member of the room.")
        await once.keep(conn, actor, client_id, Done())
    name = row["display_name"] or row["username"]
    chat.bus.publish(left(room, user_id, row["username"], name, row["avatar"], number))


async def list_members(chat: Chat, actor: Actor, ref: str, *, cursor: str | None, limit: int) -> Members:
    """The members of a room, a page at a time.

    Raises:
        HubbubError: `not_found`, `validation_failed`.
    """
    after = check_cursor(cursor)
    async with chat.database.connection() as conn:
        room = await access_room(conn, actor, ref)
        if not policy.may_read(room):
            raise HubbubError("not_found")
        data = await members.page(conn, room, after, limit)
    return Members(
        data=data, total=room.member_count, next_cursor=str(data[-1].user_id) if len(data) == limit else None
    )


def joined(room: Room, user_id: UUID, username: str, display_name: str, avatar: str | None, number: int) -> Change:
    """Somebody is a member now, as the room's listeners are told."""
    data = coming(
        UserJoined, "joined the room", room.room_id, room.name, user_id, username, display_name, avatar, number
    )
    return Change(room_id=room.room_id, number=number, event="user-joined", data=data)


def left(room: Room, user_id: UUID, username: str, display_name: str, avatar: str | None, number: int) -> Change:
    """Somebody is a member no longer, as the room's listeners are told, themselves last of all."""
    data = coming(UserLeft, "left the room", room.room_id, room.name, user_id, username, display_name, avatar, number)
    return Change(room_id=room.room_id, number=number, event="user-left", data=data, leaver=user_id)


def coming(
    kind: type[_Coming],
    says: str,
    room_id: UUID,
    room: str,
    user_id: UUID,
    username: str,
    display_name: str,
    avatar: str | None,
    number: int | None = None,
) -> _Coming:
    """What is told of a coming or a going; with a `number` it is a membership that began or ended."""
    return kind(
        user_id=user_id,
        username=username,
        display_name=display_name,
        avatar=avatar,
        message=f"{display_name} {says}",
        timestamp=stamp(now_utc()),
        room=room,
        room_id=room_id,
        change_seq=number,
    )
