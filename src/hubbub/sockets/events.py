"""The table of client events: name -> command -> handler; and the handlers as `realtime` calls them.

On the message's path. Before: `realtime/dispatch.py`. After: the handlers, `messages.py` first of all.
The AsyncAPI document is made from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hubbub.domain import answers, commands
from hubbub.domain.commands import parse
from hubbub.errors import HubbubError
from hubbub.realtime import Socket
from hubbub.sockets import connect, messages, people, rooms
from hubbub.sockets.edge import Edge, Event, Seat

EVENTS: Final[Mapping[str, Event]] = {
    "join": Event(commands.JoinRoom, rooms.join, answers.Joined, "Become a member of a room, listen, get its history."),
    "leave-room": Event(commands.LeaveRoom, rooms.leave, answers.Left, "Listen no longer; the membership stays."),
    "send-message": Event(commands.SendMessage, messages.send, answers.Sent, "Send; acknowledged once committed."),
    "edit-message": Event(commands.EditMessage, messages.edit, answers.Changed, "Give one's message a new text."),
    "delete-message": Event(commands.DeleteMessage, messages.delete, answers.Changed, "Make a message a tombstone."),
    "message-delivered": Event(
        commands.MarkMessage, messages.delivered, answers.Marked, "Everything up to this message has been delivered."
    ),
    "message-read": Event(
        commands.MarkMessage, messages.read, answers.Marked, "Everything up to this message has been read."
    ),
    "mark-all-read": Event(
        commands.MarkAllRead, messages.read_all, answers.Marked, "Everything in the room has been read."
    ),
    "typing": Event(
        commands.Typing, people.typing, answers.Done, "Typing, or no longer; `true`, `false` or an object."
    ),
    "update-online-status": Event(commands.OnlineStatus, people.online_status, answers.Done, "What others see of one."),
    "authenticate": Event(
        commands.Authenticate, people.authenticate_again, answers.Authenticated, "A fresh token for this socket."
    ),
    "sync": Event(commands.Sync, rooms.sync, answers.Synced, "What changed since; the object, or its JSON as text."),
}


class ChatHandlers:
    """`realtime.Handlers` for the chat, in the namespace `/`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def connect(self, socket: Socket, auth: Any) -> None:
        await connect.come_in(self._edge, socket, auth)

    def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        """One event of one client, in its order: what its handler answers, or has to wait for.

        Raises:
            HubbubError: whatever the use case refuses; the ack says it.
        """
        seat: Seat = socket.data
        self._edge.admit(seat, name)
        event = EVENTS.get(name)
        if event is None:
            raise HubbubError("unknown_event", f"There is no event `{name[:40]}`.")
        if seat.session is not None:
            self._edge.chat.presence.touched(seat.session)
        return event.handle(self._edge, seat, parse(_shape(name, args), event.command))

    def disconnected(self, socket: Socket, reason: str) -> None:
        connect.go(self._edge, socket.data, reason)


def _shape(name: str, args: list[Any]) -> Any:
    """The event's one argument as an object: older clients send a bare boolean, some can send only strings."""
    data = args[0] if args else {}
    if name == "typing" and isinstance(data, bool):
        return {"isTyping": data}
    if name in ("join", "leave-room") and isinstance(data, str):
        return {"room": data}
    if name == "sync" and isinstance(data, str):
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise HubbubError("bad_request", "The text is not JSON.") from None
    return {} if data is None else data


def failure(error: BaseException) -> dict[str, Any]:
    """What an ack says of an exception; the details of a defect stay in the log."""
    return (error if isinstance(error, HubbubError) else HubbubError("internal")).as_reply()
