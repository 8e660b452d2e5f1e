"""The only way to get a room or a message: by somebody, who may see it.

Not yours and not there get the same answer, here and nowhere else.
"""

from __future__ import annotations

from uuid import UUID

from hubbub.chat.context import Chat
from hubbub.domain import policy
from hubbub.domain.model import Actor, Room
from hubbub.errors import HubbubError
from hubbub.store import messages, rooms
from hubbub.store.database import Connection, Record


async def access_room_row(conn: Connection, actor: Actor, ref: str) -> tuple[Record, Room]:
    """A room by id or name, with its whole row.

    Raises:
        HubbubError: `not_found`.
    """
    row = await rooms.find(conn, actor.user_id, ref)
    if row is not None:
        room = rooms.room_of(row)
        if policy.may_see(room):
            return row, room
    raise HubbubError("not_found", "There is no such room, or it is not yours to see.")


async def access_room(conn: Connection, actor: Actor, ref: str) -> Room:
    """A room by id or name that `actor` may see.

    Raises:
        HubbubError: `not_found`.
    """
    return (await access_room_row(conn, actor, ref))[1]


async def access_message(conn: Connection, actor: Actor, message_id: UUID) -> tuple[Record, Room]:
    """A message, as its row, in a room that `actor` may read.

    Raises:
        HubbubError: `not_found`.
    """
    row = await messages.by_id(conn, message_id)
    if row is not None:
        found = await rooms.by_id(conn, actor.user_id, row["room_id"])
        if found is not None:
            room = rooms.room_of(found)
            if policy.may_read(room):
                return row, room
    raise HubbubError("not_found", "There is no such message, or it is not yours to see.")


async def find_place(chat: Chat, actor: Actor, ref: str) -> tuple[UUID, str]:
    """The id and the name of the room that a send is for, whether or not it may be sent there.

    That is decided by the statement that stores it, which knows a repeat of what was sent before one had to leave. Nothing
    of this is to be told to anybody before that has decided.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        row = await rooms.find(conn, actor.user_id, ref)
    if row is None:
        raise HubbubError("not_found", "There is no such room, or it is not yours to see.")
    return row["room_id"], row["room_name"]


async def find_room(chat: Chat, actor: Actor, ref: str) -> Room:
    """As `access_room`, for an edge that has no connection in hand.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        return await access_room(conn, actor, ref)
