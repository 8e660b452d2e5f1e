"""What clients are answered: one struct per kind of answer, for REST bodies and socket acks alike.

All carry `success: true`; failures are rendered by `errors.HubbubError.as_reply`.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from hubbub.domain.model import (
    Edit,
    Member,
    Message,
    Receipt,
    RoomInfo,
    RoomStats,
    RoomUser,
    Time,
    User,
    Wire,
)


class Answer(Wire, frozen=True, kw_only=True):
    """Base of every success."""

    success: Literal[True] = True


class Done(Answer, frozen=True, kw_only=True):
    """It is so; there is no more to say."""


class SignedIn(Answer, frozen=True, kw_only=True):
    """`expires_in`: seconds until `token` ends; `refresh_token` is good for one use."""

    user: User
    token: str
    refresh_token: str
    expires_in: int


class OneUser(Answer, frozen=True, kw_only=True):
    user: User


class Users(Answer, frozen=True, kw_only=True):
    users: list[User]
    total: int
    next_cursor: str | None = None


class UsersFound(Answer, frozen=True, kw_only=True):
    query: str
    results: list[User]
    count: int


class Rooms(Answer, frozen=True, kw_only=True):
    data: list[RoomInfo]
    total: int
    next_cursor: str | None = None


class OneRoom(Answer, frozen=True, kw_only=True):
    data: RoomInfo


class Members(Answer, frozen=True, kw_only=True):
    data: list[Member]
    total: int
    next_cursor: str | None = None


class RoomUsers(Answer, frozen=True, kw_only=True):
    """Connected now; at most 100 are named, `total` counts up to 1,000."""

    data: list[RoomUser]
    total: int


class Stats(Answer, frozen=True, kw_only=True):
    data: RoomStats


class Messages(Answer, frozen=True, kw_only=True):
    """A page, oldest first. `next_cursor` is the `before` (or `after`) of the next page."""

    data: list[Message]
    total: int
    next_cursor: str | None = None


class OneMessage(Answer, frozen=True, kw_only=True):
    message: Message
    duplicate: bool = False


class Edits(Answer, frozen=True, kw_only=True):
    """The texts a message had, oldest first, without the present one."""

    data: list[Edit]


class Receipts(Answer, frozen=True, kw_only=True):
    data: list[Receipt]
    total: int
    next_cursor: str | None = None


class Joined(Answer, frozen=True, kw_only=True):
    """`seq`: the room's counter when its history was read; live events go on from there."""

    room: str
    room_id: UUID
    seq: int
    unread: int


class Left(Answer, frozen=True, kw_only=True):
    room: str
    room_id: UUID


class Sent(Answer, frozen=True, kw_only=True):
    """Committed, under its final place. `duplicate`: it had been sent before, and this is the first answer again."""

    id: UUID
    seq: int
    timestamp: Time
    duplicate: bool
    room: str
    room_id: UUID


class Changed(Answer, frozen=True, kw_only=True):
    """An edit or a deletion: the room's number of the change."""

    id: UUID
    change_seq: int


class Marked(Answer, frozen=True, kw_only=True):
    """Where one's own watermarks stand now."""

    room: str
    room_id: UUID
    delivered_seq: int
    read_seq: int


class Authenticated(Answer, frozen=True, kw_only=True):
    expires_in: int


class MessageChange(Message, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """In `sync`: a message in its present state."""


class MemberChange(Wire, frozen=True, kw_only=True, tag_field="type", tag="member"):
    """In `sync`: somebody is a member now, or no longer."""

    user_id: UUID
    username: str
    display_name: str
    avatar: str | None
    active: bool
    change_seq: int


class RoomChange(Wire, frozen=True, kw_only=True, tag_field="type", tag="room"):
    """In `sync`: the room's present name, description and privacy."""

    room: str
    room_id: UUID
    description: str | None
    is_private: bool
    change_seq: int


class RoomChanges(Wire, frozen=True, kw_only=True):
    """One room's share of a `sync` answer: with `more`, ask again from `up_to`."""

    room: str
    changes: list[MessageChange | MemberChange | RoomChange]
    up_to: int
    more: bool


class Synced(Answer, frozen=True, kw_only=True):
    """Rooms asked for that one may not see are left out; `more` says that some were cut for length."""

    epoch: str
    rooms: dict[str, RoomChanges]
    more: bool
