"""Hints as bytes, for a bus that leaves the process.

Promises: whatever `pack` makes, `unpack` gives back equal and of the same types, for every event clients are told; what
it cannot read is a `ValueError`, never another hint. Each hint is a JSON array, its kind first, so that any number of
them is joined by commas. Before and after it: `postgres.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from hubbub.domain.changes import Change, Hint, Reached, Renamed, Revoked, SignInFailed, StatusChanged, Told
from hubbub.domain.events import EVENTS, UserStatusUpdate


class _Change(Struct, frozen=True, array_like=True, tag="change"):
    room_id: UUID
    number: int
    event: str
    data: Raw
    leaver: UUID | None

    def hint(self) -> Hint:
        data = _read(self.event, self.data)
        return Change(room_id=self.room_id, number=self.number, event=self.event, data=data, leaver=self.leaver)


class _Told(Struct, frozen=True, array_like=True, tag="told"):
    room_id: UUID
    event: str
    data: Raw
    but: UUID | None

    def hint(self) -> Hint:
        return Told(room_id=self.room_id, event=self.event, data=_read(self.event, self.data), but=self.but)


class _StatusChanged(Struct, frozen=True, array_like=True, tag="status"):
    user_id: UUID
    data: UserStatusUpdate
    room_ids: tuple[UUID, ...]
    large_room_ids: tuple[UUID, ...] = ()

    def hint(self) -> Hint:
        return StatusChanged(
            user_id=self.user_id, data=self.data, room_ids=self.room_ids, large_room_ids=self.large_room_ids
        )


class _Revoked(Struct, frozen=True, array_like=True, tag="revoked"):
    session_ids: tuple[UUID, ...]

    def hint(self) -> Hint:
        return Revoked(session_ids=self.session_ids)


class _Renamed(Struct, frozen=True, array_like=True, tag="renamed"):
    user_id: UUID
    display_name: str
    avatar: str | None

    def hint(self) -> Hint:
        return Renamed(user_id=self.user_id, display_name=self.display_name, avatar=self.avatar)


class _Reached(Struct, frozen=True, array_like=True, tag="reached"):
    room_id: UUID
    number: int

    def hint(self) -> Hint:
        return Reached(room_id=self.room_id, number=self.number)


class _SignInFailed(Struct, frozen=True, array_like=True, tag="failed"):
    key: str
    process: UUID

    def hint(self) -> Hint:
        return SignInFailed(key=self.key, process=self.process)


_Packed: TypeAlias = _Change | _Told | _StatusChanged | _Revoked | _Renamed | _Reached | _SignInFailed

_PACK: Final[dict[type, Callable[[Any], tuple[Any, ...]]]] = {
    Change: lambda hint: ("change", hint.room_id, hint.number, hint.event, hint.data, hint.leaver),
    Told: lambda hint: ("told", hint.room_id, hint.event, hint.data, hint.but),
    StatusChanged: lambda hint: ("status", hint.user_id, hint.data, hint.room_ids, hint.large_room_ids),
    Revoked: lambda hint: ("revoked", hint.session_ids),
    Renamed: lambda hint: ("renamed", hint.user_id, hint.display_name, hint.avatar),
    Reached: lambda hint: ("reached", hint.room_id, hint.number),
    SignInFailed: lambda hint: ("failed", hint.key, hint.process),
}
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[_Packed]).decode
_READERS: Final = {event: msgspec.json.Decoder(kind).decode for event, kind in EVENTS.items()}


def pack(hint: Hint) -> bytes:
    """One hint."""
    return _encode(_PACK[type(hint)](hint))


def unpack(packed: str) -> Sequence[Hint]:
    """The hints of a JSON array of what `pack` made.

    Raises:
        ValueError: that is not what it is; a newer Hubbub's, perhaps.
    """
    try:
        return [one.hint() for one in _decode(packed)]
    except KeyError as error:
        raise ValueError(f"no such event: {error}") from None


def _read(event: str, data: Raw) -> Any:
    return _READERS[event](data)
