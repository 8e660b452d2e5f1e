"""Edit and delete a message. With a client id each is done once; without one, the second time nothing changes."""

from __future__ import annotations

from uuid import UUID

from hubbub.chat import once
from hubbub.chat.access import access_message
from hubbub.chat.context import Chat
from hubbub.domain import policy
from hubbub.domain.answers import Changed
from hubbub.domain.changes import Change
from hubbub.domain.commands import check_text
from hubbub.domain.events import MessageDeleted, MessageUpdated
from hubbub.domain.ids import stamp
from hubbub.domain.model import Actor, Message
from hubbub.errors import HubbubError
from hubbub.store import messages


async def edit_message(
    chat: Chat, actor: Actor, message_id: UUID, text: str, client_id: str | None
) -> tuple[Changed, Message | None]:
    """Give one's own message a new text; the old one is kept in its history.

    Returns:
        The answer, and the message as this edit left it: None where it had been done before, under the same `client_id`.

    Raises:
        HubbubError: `not_found`, `forbidden`, `gone`, `conflict`, `too_large`, `validation_failed`.
    """
    check_text(text, chat.rules.max_message_bytes)
    async with chat.database.connection() as conn:
        async with conn.transaction():
            first = await once.begin(conn, actor, client_id, Changed, "edit", message_id, text)
            if first is not None:
                return first, None
            row, room = await access_message(conn, actor, message_id)
            if not policy.may_edit_message(actor, row["user_id"]) or not room.is_member:
                raise HubbubError("forbidden", "Only its author can edit a message.")
            if row["is_deleted"]:
                raise HubbubError("gone")
            edited = await messages.edit(conn, message_id, actor.user_id, text)
            if edited is None:
                raise HubbubError("not_found", "The message cannot be edited any more.")
            number = edited["change_seq"]
            answer = await once.keep(conn, actor, client_id, Changed(id=message_id, change_seq=number))
        # As this edit left it, not as it is read again: another edit may have come since, and tells itself.
        (updated,) = await messages.render(conn, room, [{**row, **edited}], MessageUpdated)
    if number != row["change_seq"]:
        chat.bus.publish(Change(room_id=room.room_id, number=number, event="message-updated", data=updated))
    return answer, updated


async def delete_message(chat: Chat, actor: Actor, message_id: UUID, client_id: str | None) -> Changed:
    """Make a message a tombstone: it keeps its place and loses its text.

    Raises:
        HubbubError: `not_found`, `forbidden`, `conflict`.
    """
    async with chat.database.transaction() as conn:
        first = await once.begin(conn, actor, client_id, Changed, "delete", message_id)
        if first is not None:
            return first
        row, room = await access_message(conn, actor, message_id)
        if not policy.may_delete_message(actor, row["user_id"], room):
            raise HubbubError("forbidden", "Only its author, or whoever made the room, can delete a message.")
        number, after = None, row
        if not row["is_deleted"]:
            number = await messages.delete(conn, message_id, actor.user_id, policy.is_admin(actor))
            after = await messages.by_id(conn, message_id)
        if after is None or (number is None and not after["is_deleted"]):
            raise HubbubError("not_found", "The message cannot be deleted any more.")
        answer = await once.keep(conn, actor, client_id, Changed(id=message_id, change_seq=after["change_seq"]))
    if number is not None:
        deleted = MessageDeleted(
            id=message_id,
            message_id=message_id,
            seq=row["seq"],
            change_seq=number,
            room=room.name,
            room_id=room.room_id,
            deleted_by=actor.user_id,
            timestamp=stamp(after["edited_at"] or after["created_at"]),
        )
        chat.bus.publish(Change(room_id=room.room_id, number=number, event="message-deleted", data=deleted))
    return answer
