"""Events about messages: send, edit, delete, delivered, read.

`send` is on the message's path. Before: `realtime/dispatch.py`. After: `chat/send_message.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hubbub.chat.access import find_place
from hubbub.chat.change_message import delete_message, edit_message
from hubbub.chat.send_message import send_message
from hubbub.domain.answers import Changed, Marked, Sent
from hubbub.domain.commands import DeleteMessage, EditMessage, MarkAllRead, MarkMessage, SendMessage
from hubbub.sockets.edge import Edge, Seat


def send(edge: Edge, seat: Seat, command: SendMessage) -> asyncio.Future[Sent] | Coroutine[Any, Any, Any]:
    """`send-message`: the place in the order is taken here; the ack goes out after the commit."""
    place = edge.known_place(seat, command.room)
    if place is None:
        return _send_elsewhere(edge, seat, command)
    return send_message(edge.chat, seat.require(), *place, command)


async def _send_elsewhere(edge: Edge, seat: Seat, command: SendMessage) -> asyncio.Future[Sent]:
    actor = seat.require()
    return send_message(edge.chat, actor, *await find_place(edge.chat, actor, str(command.room)), command)


async def edit(edge: Edge, seat: Seat, command: EditMessage) -> Changed:
    """`edit-message`"""
    answer, _ = await edit_message(edge.chat, seat.require(), command.id, command.message, command.client_id)
    return answer


async def delete(edge: Edge, seat: Seat, command: DeleteMessage) -> Changed:
    """`delete-message`"""
    return await delete_message(edge.chat, seat.require(), command.id, command.client_id)


async def delivered(edge: Edge, seat: Seat, command: MarkMessage) -> asyncio.Future[Marked]:
    """`message-delivered`: everything up to and including this message."""
    return edge.chat.receipts.mark(seat.require(), command.message_id, is_read=False)


async def read(edge: Edge, seat: Seat, command: MarkMessage) -> asyncio.Future[Marked]:
    """`message-read`: everything up to and including this message."""
    return edge.chat.receipts.mark(seat.require(), command.message_id, is_read=True)


async def read_all(edge: Edge, seat: Seat, command: MarkAllRead) -> Marked:
    """`mark-all-read`"""
    actor = seat.require()
    room_id, _ = await edge.place(seat, command.room)
    return await edge.chat.receipts.mark_all(actor, room_id)
