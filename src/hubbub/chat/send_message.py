"""Send a message: the use case on the message's path.

Before: `sockets/messages.py` or `rest/messages.py`. After: `store/journal.py`, then `fanout/bus.py`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

from hubbub.chat.context import Chat
from hubbub.domain.answers import Sent
from hubbub.domain.changes import Change
from hubbub.domain.commands import PostMessage, check_text
from hubbub.domain.ids import stamp
from hubbub.domain.model import Actor, Message
from hubbub.store.journal import Stored


def send_message(chat: Chat, actor: Actor, room_id: UUID, room: str, command: PostMessage) -> asyncio.Future[Sent]:
    """Queue a message for a room. Access is decided in the statement that stores it (law 4).

    Its place in the order is taken by this call, which does not wait; the future is done after the commit.

    Args:
        room: the room's name, for the answer.

    Returns:
        What the sender is to be told. The future may also hold `HubbubError`: `not_found`,
        `conflict`, `validation_failed`, `unavailable`.

    Raises:
        HubbubError: `too_large`, `validation_failed`, `overloaded`.
    """
    check_text(command.message, chat.rules.max_message_bytes)
    tell = partial(_tell, chat, actor, room_id, room, command)
    return chat.journal.append(actor.user_id, room_id, command.message, command.client_id, command.reply_to, tell)


def _tell(chat: Chat, actor: Actor, room_id: UUID, room: str, command: PostMessage, place: Stored) -> Sent:
    """Committed: acknowledge, then tell (law 2). The bus hands over after the acks of the same commit."""
    timestamp = stamp(place.created_at)
    if not place.duplicate:
        message = Message(
            id=place.message_id,
            seq=place.seq,
            change_seq=place.change_seq,
            room=room,
            room_id=room_id,
            user_id=actor.user_id,
            username=actor.username,
            display_name=actor.display_name,
            avatar=actor.avatar,
            message=command.message,
            timestamp=timestamp,
            client_id=command.client_id,
            reply_to=command.reply_to,
            delivered_to=[],
            read_by=[],
        )
        chat.bus.publish(Change(room_id=room_id, number=place.change_seq, event="receive-message", data=message))
    return Sent(
        id=place.message_id,
        seq=place.seq,
        timestamp=timestamp,
        duplicate=place.duplicate,
        room=room,
        room_id=room_id,
    )
