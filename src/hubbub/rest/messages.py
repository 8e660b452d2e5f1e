"""`/api/rooms/{room}/messages` and `/api/messages`: read, write, edit, delete, and who has read what."""

from __future__ import annotations

import msgspec
from litestar import delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response import Response

from hubbub.chat import access, change_message, read_history
from hubbub.chat.send_message import send_message
from hubbub.domain import limits, policy
from hubbub.domain.answers import Changed, Edits, Messages, OneMessage, Receipts, Sent
from hubbub.domain.commands import EditText, PostMessage
from hubbub.domain.model import Actor, Message
from hubbub.errors import HubbubError
from hubbub.rest.authentication import Asker, ChatPart
from hubbub.rest.parameters import (
    PLACE_MAX,
    Cursor,
    IdempotencyKey,
    Limit,
    MessageInPath,
    Offset,
    Place,
    RoomInPath,
    one_key,
)

TAGS = ["messages"]


@get("/rooms/{room:str}/messages", tags=TAGS, summary="A page of a room, oldest first")
async def list_messages(
    chat: ChatPart,
    actor: Asker,
    room: RoomInPath,
    before: Place = None,
    after: Place = None,
    cursor: Cursor = None,
    limit: Limit = limits.PAGE_DEFAULT,
    offset: Offset = 0,
) -> Messages:
    """The newest page, or the one just before a place, or just after one."""
    if before is not None and after is not None:
        raise HubbubError("validation_failed", fields={"after": "Give `before` or `after`, not both"})
    if cursor is not None:
        place = place_of(cursor)
        before, after = (None, place) if after is not None else (place, None)
        offset = 0
    return await read_history.read_history(chat, actor, room, before=before, after=after, limit=limit, offset=offset)


def place_of(cursor: str) -> int:
    """The place that a cursor names.

    Raises:
        HubbubError: `validation_failed`.
    """
    place = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) <= 16 else -1
    if not 0 <= place <= PLACE_MAX:
        raise HubbubError("validation_failed", fields={"cursor": "This is no `nextCursor` of a page of messages"})
    return place


@post(
    "/rooms/{room:str}/messages",
    tags=TAGS,
    summary="Send a message",
    responses={200: ResponseSpec(OneMessage, generate_examples=False, description="It had been sent before")},
)
async def post_message(
    chat: ChatPart, actor: Asker, room: RoomInPath, data: JSONBody[PostMessage], idempotency_key: IdempotencyKey = None
) -> Response[OneMessage]:
    """By members. 201 once it is committed; 200 with `duplicate: true` where it had been sent before."""
    chat.sends.spend(actor.user_id)
    command = msgspec.structs.replace(data, client_id=one_key(idempotency_key, data.client_id))
    place = await access.find_place(chat, actor, room)
    try:
        sent = await send_message(chat, actor, *place, command)
    except HubbubError as error:
        if error.code == "not_found" and not policy.may_post(await access.find_room(chat, actor, room)):
            raise HubbubError("forbidden", "Join the room before you write in it.") from None
        raise
    try:
        message = await read_history.read_message(chat, actor, sent.id)
    except HubbubError as error:
        if error.code != "not_found":
            raise
        message = _as_sent(actor, command, sent)  # no longer a member, who was one when it was sent
    return Response(OneMessage(message=message, duplicate=sent.duplicate), status_code=200 if sent.duplicate else 201)


def _as_sent(actor: Actor, command: PostMessage, sent: Sent) -> Message:
    """One's own message as it was when it was new."""
    return Message(
        id=sent.id,
        seq=sent.seq,
        change_seq=sent.seq,
        room=sent.room,
        room_id=sent.room_id,
        user_id=actor.user_id,
        username=actor.username,
        display_name=actor.display_name,
        avatar=actor.avatar,
        message=command.message,
        timestamp=sent.timestamp,
        client_id=command.client_id,
        reply_to=command.reply_to,
    )


@patch("/messages/{messageId:uuid}", tags=TAGS, summary="Edit one's own message")
async def edit_message(
    chat: ChatPart,
    actor: Asker,
    message_id: MessageInPath,
    data: JSONBody[EditText],
    idempotency_key: IdempotencyKey = None,
) -> OneMessage:
    """By its author. With a key it is done once: repeated, even after another edit, it changes nothing, and says `duplicate`."""
    chat.sends.spend(actor.user_id)
    key = one_key(idempotency_key, data.client_id)
    _, message = await change_message.edit_message(chat, actor, message_id, data.message, key)
    if message is not None:
        return OneMessage(message=message)
    return OneMessage(message=await read_history.read_message(chat, actor, message_id), duplicate=True)


@delete("/messages/{messageId:uuid}", tags=TAGS, status_code=200, summary="Delete a message")
async def delete_message(
    chat: ChatPart, actor: Asker, message_id: MessageInPath, idempotency_key: IdempotencyKey = None
) -> Changed:
    """By its author, whoever made the room, or an administrator. It keeps its place and loses its text."""
    chat.sends.spend(actor.user_id)
    return await change_message.delete_message(chat, actor, message_id, idempotency_key)


@get("/messages/{messageId:uuid}/history", tags=TAGS, summary="The texts a message had before")
async def list_edits(chat: ChatPart, actor: Asker, message_id: MessageInPath) -> Edits:
    return await read_history.read_edits(chat, actor, message_id)


@get("/messages/{messageId:uuid}/reads", tags=TAGS, summary="Who has read a message")
async def list_reads(
    chat: ChatPart, actor: Asker, message_id: MessageInPath, cursor: Cursor = None, limit: Limit = limits.PAGE_DEFAULT
) -> Receipts:
    return await read_history.read_receipts(chat, actor, message_id, "readers", cursor=cursor, limit=limit)


@get("/messages/{messageId:uuid}/deliveries", tags=TAGS, summary="Who has been given a message")
async def list_deliveries(
    chat: ChatPart, actor: Asker, message_id: MessageInPath, cursor: Cursor = None, limit: Limit = limits.PAGE_DEFAULT
) -> Receipts:
    return await read_history.read_receipts(chat, actor, message_id, "recipients", cursor=cursor, limit=limit)


HANDLERS = [
    list_messages,
    post_message,
    edit_message,
    delete_message,
    list_edits,
    list_reads,
    list_deliveries,
]
