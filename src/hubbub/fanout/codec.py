"""Hints as bytes, for a bus that leaves the process; and the envelope they travel in.

Promises: whatever `pack` makes, `unpack` gives back equal and of the same types, for every event clients are told; what
it cannot read is a `ValueError`, never another hint. Each hint is a JSON array, its kind first, so that any number of
them is joined by commas. What an `Envelope` opens was closed with the same key for the same subject, unaltered.
Before and after it: `line_bus.py`.
"""

from __future__ import annotations

import hmac
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


def unpack(packed: bytes) -> Sequence[Hint]:
    """The hints of a JSON array of what `pack` made.

    Raises:
        ValueError: that is not what it is; a newer Hubbub's, perhaps.
    """
    try:
        return [one.hint() for one in _decode(packed)]
    except KeyError as error:
        raise ValueError(f"no such event: {error}") from None


def part(opened: bytes) -> tuple[bytes, bytes]:
    """The trace of a payload that was opened, empty where there is none; and its hints, for `unpack`."""
    start = opened.find(b"[", 0, TRACE_BYTES + 1)
    return opened[:start], opened[start:]


def _read(event: str, data: Raw) -> Any:
    return _READERS[event](data)


SIGNATURE_BYTES: Final = 32  # 16 of HMAC-SHA-256's 32 (RFC 2104, section 5), in hexadecimal
TRACE_BYTES: Final = 55  # of a `traceparent` (W3C Trace Context, section 3.2.2)
HEAD_BYTES: Final = SIGNATURE_BYTES + 32 + 16


class Envelope:
    """What hints travel in: signature, sender, the sender's clock, a trace where one is kept, hints; ASCII but for the
    hints' JSON.

    Whoever else can write to the bus cannot make one, nor move one to another subject. Sending one again is no more
    than a bus may do anyway.

    Args:
        secret: what every process of the deployment knows, and nobody else.
        deployment: tells apart those that share a bus and a secret.
        sender: this process, 32 hexadecimal digits.
    """

    def __init__(self, secret: str, deployment: str, sender: str) -> None:
        self._key = hmac.digest(secret.encode(), f"hubbub bus {deployment}".encode(), "sha256")
        self._sender = sender.encode()

    def close(self, subject: str, clock: int, packed: Sequence[bytes], trace: bytes = b"") -> bytes:
        """A payload of hints that `pack` made.

        Args:
            clock: what only the sender reads: nanoseconds, below 2 ** 64.
            trace: the `traceparent` they were told in; empty where there is none.
        """
        body = b"%b%016x%b[%b]" % (self._sender, clock, trace, b",".join(packed))
        return self._sign(subject, body) + body

    def open(self, subject: str, payload: bytes) -> tuple[int | None, bytes]:
        """The clock of a payload of one's own, None of another's; and its trace and hints, for `part` and `unpack`.

        Raises:
            ValueError: it was not made with this key for this subject.
        """
        signature, body = payload[:SIGNATURE_BYTES], payload[SIGNATURE_BYTES:]
        if len(payload) < HEAD_BYTES or not hmac.compare_digest(signature, self._sign(subject, body)):
            raise ValueError("not signed with our key for this subject")
        return int(body[32:48], 16) if body.startswith(self._sender) else None, body[48:]

    def _sign(self, subject: str, body: bytes) -> bytes:
        return hmac.digest(self._key, b"%b\0%b" % (subject.encode(), body), "sha256")[:16].hex().encode()
