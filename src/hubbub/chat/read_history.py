"""Read what was said: pages of a room, earlier texts of a message, who has been given and has read it."""

from __future__ import annotations

from uuid import UUID

from hubbub.chat.access import access_message, access_room
from hubbub.chat.context import Chat
from hubbub.domain import limits, policy
from hubbub.domain.answers import Edits, Messages, Receipts
from hubbub.domain.commands import check_cursor
from hubbub.domain.model import Actor, Message, Room
from hubbub.errors import HubbubError
from hubbub.store import messages, receipts
from hubbub.store.database import Connection


async def page_of(
    conn: Connection, room: Room, *, before: int | None, after: int | None, limit: int, offset: int
) -> Messages:
    """A page of a room, oldest first; the newest page where no place is given."""
    if after is not None:
        found = await messages.after(conn, room, after, limit)
        more = len(found) == limit
        return Messages(data=found, total=room.message_count, next_cursor=str(found[-1].seq) if more else None)
    found = await messages.before(conn, room, before if before is not None else messages.NEWEST, limit, offset)
    more = len(found) == limit and found[0].seq > 1
    return Messages(data=found, total=room.message_count, next_cursor=str(found[0].seq) if more else None)


async def read_history(
    chat: Chat, actor: Actor, ref: str, *, before: int | None, after: int | None, limit: int, offset: int
) -> Messages:
    """A page of a room that one may read.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        room = await access_room(conn, actor, ref)
        if not policy.may_read(room):
            raise HubbubError("not_found")
        return await page_of(conn, room, before=before, after=after, limit=limit, offset=offset)


async def read_message(chat: Chat, actor: Actor, message_id: UUID) -> Message:
    """One message in its present state.

    Raises:
        HubbubError: `not_found`.
    """
    async with chat.database.connection() as conn:
        row, room = await access_message(conn, actor, message_id)
        (message,) = await messages.render(conn, room, [row], Message)
        return message


async def read_edits(chat: Chat, actor: Actor, message_id: UUID) -> Edits:
    """The texts a message had before. A deleted one has none to show.

    Raises:
        HubbubError: `not_found`, `gone`.
    """
    async with chat.database.connection() as conn:
        row, _ = await access_message(conn, actor, message_id)
        if row["is_deleted"]:
            raise HubbubError("gone")
        return Edits(data=await messages.edits(conn, message_id, limits.EDIT_HISTORY_MAX))


async def read_receipts(
    chat: Chat, actor: Actor, message_id: UUID, which: str, *, cursor: str | None, limit: int
) -> Receipts:
    """Who has read (`readers`) or been given (`recipients`) a message.

    Raises:
        HubbubError: `not_found`, `validation_failed`.
    """
    after = check_cursor(cursor)
    async with chat.database.connection() as conn:
        row, room = await access_message(conn, actor, message_id)
        data = await receipts.people(conn, which, message_id, room.room_id, row["seq"], row["user_id"], after, limit)
        place = receipts.Place(room.room_id, room.member_count, row["seq"], row["user_id"])
        (marks,) = await receipts.marks(conn, [place])
    total = marks.read_count if which == "readers" else marks.delivered_count
    return Receipts(data=data, total=total, next_cursor=str(data[-1].user_id) if len(data) == limit else None)
