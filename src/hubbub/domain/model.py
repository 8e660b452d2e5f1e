"""The nouns clients see, named as on the wire (camelCase there), and the two that stay inside: `Actor` and `Room`.

Every struct is frozen, and its `repr` shows ids only: texts, names and addresses never reach a log by accident.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Time = Annotated[str, Meta(description="RFC 3339, UTC, with milliseconds", extra_json_schema={"format": "date-time"})]
Status = Literal["online", "offline"]
Role = Literal["user", "admin", "guest"]


class Wire(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of everything that is sent: camelCase names, a `repr` without contents."""

    def __repr__(self) -> str:
        ids = {name: getattr(self, name, None) for name in ("id", "user_id", "room_id", "seq", "change_seq")}
        shown = " ".join(f"{name}={value}" for name, value in ids.items() if value is not None)
        return f"<{type(self).__name__} {shown}>" if shown else f"<{type(self).__name__}>"


def as_sent(sentence: str) -> str:
    """A sentence about structs, with the fields it names as they are on the wire."""
    return re.sub(
        r"`[a-z]+(?:_[a-z]+)+`", lambda name: re.sub(r"_(.)", lambda part: part[1].upper(), name[0]), sentence
    )


class User(Wire, frozen=True, kw_only=True):
    """A person as others see them; `email` and `last_login` are given to oneself alone."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    bio: str | None
    status: Status
    last_seen: Time | None
    created_at: Time
    role: Role = "user"
    email: str | UnsetType = UNSET
    last_login: Time | UnsetType | None = UNSET


class Message(Wire, frozen=True, kw_only=True):
    """A message in its present state. `user_id` is null once its author's account has been erased."""

    id: UUID
    seq: int
    change_seq: int
    room: str
    room_id: UUID
    user_id: UUID | None
    username: str
    display_name: str
    avatar: str | None
    message: str
    timestamp: Time
    edited_at: Time | None = None
    deleted: bool = False
    client_id: str | None = None
    reply_to: UUID | None = None
    delivered: bool = False
    read: bool = False
    delivered_count: int = 0
    read_count: int = 0
    delivered_to: list[UUID] | UnsetType = UNSET
    read_by: list[UUID] | UnsetType = UNSET


class RoomInfo(Wire, frozen=True, kw_only=True):
    """A room as listed. `unread`, `read_seq` and `member` speak of whoever asks."""

    room_id: UUID
    name: str
    room: str
    description: str | None
    is_private: bool
    created_by: UUID | None
    created_at: Time
    user_count: int
    member_count: int
    total_messages: int
    last_activity: Time | None
    seq: int
    member: bool = False
    read_seq: int | None = None
    unread: int | None = None


class MyRoom(Wire, frozen=True, kw_only=True):
    """One row of `ready`: a room one is in, where its counter stands and how far one has read."""

    room_id: UUID
    room: str
    seq: int
    read_seq: int
    unread: int
    is_private: bool


class Member(Wire, frozen=True, kw_only=True):
    """A member of a room."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    status: Status
    last_seen: Time | None
    joined_at: Time
    room: str
    room_id: UUID


class UserPresence(Wire, frozen=True, kw_only=True):
    """The `status` object inside `room-users`."""

    online: bool
    last_seen: Time | None


class RoomUser(Wire, frozen=True, kw_only=True):
    """One connected person of a room."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    room: str
    room_id: UUID
    status: UserPresence


class RoomStats(Wire, frozen=True, kw_only=True):
    """The figures of one room."""

    total_messages: int
    total_members: int
    active_users: int
    unread_count: int
    last_message_at: Time | None


class Edit(Wire, frozen=True, kw_only=True):
    """A text a message had before it was edited."""

    message: str
    edited_at: Time
    edited_by: UUID | None


class Receipt(Wire, frozen=True, kw_only=True):
    """Who has been given, or has read, a message, and when where it is known."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    at: Time | None


class Actor(Struct, kw_only=True):
    """Whoever asks: the account and the signed-in session behind a request or a socket.

    Mutable on purpose: a socket lives for days, and `profile-changed` brings its names up to date.
    """

    user_id: UUID
    session_id: UUID
    username: str
    display_name: str
    avatar: str | None
    role: Role
    expires_at: float
    """Unix seconds at which the access token ends."""

    def __repr__(self) -> str:
        return f"<Actor user_id={self.user_id} role={self.role}>"


class Room(Struct, frozen=True, kw_only=True):
    """A room as the use cases hold it, with the asker's membership. Only `chat/access.py` makes one."""

    room_id: UUID
    name: str
    is_private: bool
    created_by: UUID | None
    description: str | None
    change_seq: int
    last_seq: int
    message_count: int
    member_count: int
    is_member: bool
    from_seq: int
    delivered_seq: int
    read_seq: int

    def __repr__(self) -> str:
        return f"<Room room_id={self.room_id}>"
