"""What one process tells the others (and itself) after a commit. The bus carries these; nothing else does.

A `Change` is lasting: it has its room's number, and whoever misses it finds it in the database. The others are
passing: losing one loses nothing that matters for longer than a second.
"""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from msgspec import UNSET, Struct

from hubbub.domain.events import MessageReadUpdate, MessageStatusUpdate, UserTyping
from hubbub.domain.model import Wire


class Change(Struct, frozen=True, kw_only=True):
    """A committed change of a room, ready to be told.

    Attributes:
        number: the room's number of this change.
        event: the name clients know it by.
        data: what they are told.
        leaver: who is no longer a member by this change; their sockets leave the room once they have been told.
    """

    room_id: UUID
    number: int
    event: str
    data: Wire
    leaver: UUID | None = None

    def __repr__(self) -> str:
        return f"<Change room_id={self.room_id} number={self.number} {self.event}>"


class Told(Struct, frozen=True, kw_only=True):
    """Something passing, for everybody who listens to a room but one person: typing, receipts, who came on-line."""

    room_id: UUID
    event: str
    data: Wire
    but: UUID | None = None

    @property
    def key(self) -> tuple[object, ...] | None:
        """Equal for those of which the latest says all that earlier ones said; None where each says its own.

        A receipt in a room too large to list everybody names one person alone, and so does `messages-marked-read`.
        """
        data = self.data
        if isinstance(data, UserTyping):
            return self.event, data.room_id, data.user_id
        if isinstance(data, MessageStatusUpdate) and data.delivered_to is not UNSET:
            return self.event, data.message_id
        if isinstance(data, MessageReadUpdate) and data.read_by is not UNSET:
            return self.event, data.message_id
        return None

    def __repr__(self) -> str:
        return f"<Told room_id={self.room_id} {self.event}>"


class StatusChanged(Struct, frozen=True, kw_only=True):
    """Somebody is on-line now, or no longer.

    Attributes:
        room_ids: where that is told, to each listener once.
        large_room_ids: where only the number of those who are there is told.
    """

    user_id: UUID
    data: Wire
    room_ids: tuple[UUID, ...]
    large_room_ids: tuple[UUID, ...] = ()


class Revoked(Struct, frozen=True, kw_only=True):
    """Sessions that ended: their sockets are closed."""

    session_ids: tuple[UUID, ...]


class Renamed(Struct, frozen=True, kw_only=True):
    """A person's names changed: sockets that speak for them say the new ones from now on."""

    user_id: UUID
    display_name: str
    avatar: str | None

    def __repr__(self) -> str:
        return f"<Renamed user_id={self.user_id}>"


class Reached(Struct, frozen=True, kw_only=True):
    """A room's counter has come to `number`; what changed is to be read. Told where a change is too large for a bus."""

    room_id: UUID
    number: int


class SignInFailed(Struct, frozen=True, kw_only=True):
    """Somebody gave a wrong password; `key` is what failures are counted by. Counted already where it happened."""

    key: str
    process: UUID

    def __repr__(self) -> str:
        return "<SignInFailed>"


Hint: TypeAlias = Change | Told | StatusChanged | Revoked | Renamed | Reached | SignInFailed
