"""What clients are told: one struct per server event, its name beside it.

`EVENTS` is the table the AsyncAPI document is made from. Fields that older clients read keep their names
(`contract.md`); all also carry `room` and `room_id` where a room is concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from hubbub.domain.model import Message, MyRoom, RoomInfo, RoomUser, Time, User, Wire


class Ready(Wire, frozen=True, kw_only=True):
    """Sent after connect: who one is, the epoch, and the rooms the socket is now subscribed to."""

    user: User
    epoch: str
    rooms: list[MyRoom]


class MessageUpdated(Message, frozen=True, kw_only=True):
    """An edited message in its present state, with the room's next number as `changeSeq`."""


class MessageDeleted(Wire, frozen=True, kw_only=True):
    id: UUID
    message_id: UUID
    seq: int
    change_seq: int
    room: str
    room_id: UUID
    deleted_by: UUID | None
    timestamp: Time


class MessageStatusUpdate(Wire, frozen=True, kw_only=True):
    """Everything up to and including `message_id` has been delivered to `delivered_by`."""

    message_id: UUID
    seq: int
    delivered: bool
    delivered_to: list[UUID] | UnsetType = UNSET
    delivered_count: int
    delivered_by: UUID
    timestamp: Time
    room: str
    room_id: UUID


class MessageReadUpdate(Wire, frozen=True, kw_only=True):
    """Everything up to and including `message_id` has been read by `read_by_user`."""

    message_id: UUID
    seq: int
    read: bool
    read_by: list[UUID] | UnsetType = UNSET
    read_count: int
    read_by_user: UUID
    read_by_username: str
    timestamp: Time
    room: str
    room_id: UUID


class MessagesMarkedRead(Wire, frozen=True, kw_only=True):
    """`message_ids` are the latest (at most 100) of those now read; all up to `seq` are."""

    message_ids: list[UUID]
    seq: int
    read_by: UUID
    read_by_username: str
    timestamp: Time
    room: str
    room_id: UUID


class UserJoined(Wire, frozen=True, kw_only=True):
    """Somebody became a member (`change_seq` is then the room's number), or came back on-line in the room."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    message: str
    timestamp: Time
    room: str
    room_id: UUID
    change_seq: int | None = None


class UserLeft(UserJoined, frozen=True, kw_only=True):
    """Somebody is no longer a member (`change_seq`), or is no longer connected to the room (null)."""


class RoomUpdated(RoomInfo, frozen=True, kw_only=True):
    """The room's name, description or privacy changed."""

    change_seq: int
    deleted: bool = False


class RoomOnline(Wire, frozen=True, kw_only=True):
    """How many members are connected, in place of `room-users` where they are more than 100; 1,000 means that or more."""

    room: str
    room_id: UUID
    online: int


class UserTyping(Wire, frozen=True, kw_only=True):
    user_id: UUID
    username: str
    display_name: str
    is_typing: bool
    room: str
    room_id: UUID


class UserStatusUpdate(Wire, frozen=True, kw_only=True):
    user_id: UUID
    username: str
    display_name: str
    online: bool
    last_seen: Time | None


class ErrorEvent(Wire, frozen=True, kw_only=True):
    success: Literal[False] = False
    message: str
    code: str
    retryable: bool
    fields: dict[str, str] | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


EVENTS: Mapping[str, Any] = {
    "ready": Ready,
    "message-history": list[Message],
    "receive-message": Message,
    "message-updated": MessageUpdated,
    "message-deleted": MessageDeleted,
    "message-status-update": MessageStatusUpdate,
    "message-read-update": MessageReadUpdate,
    "messages-marked-read": MessagesMarkedRead,
    "user-joined": UserJoined,
    "user-left": UserLeft,
    "room-users": list[RoomUser],
    "room-online": RoomOnline,
    "room-updated": RoomUpdated,
    "user-typing": UserTyping,
    "user-status-update": UserStatusUpdate,
    "error": ErrorEvent,
}
