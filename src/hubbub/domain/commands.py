"""What clients may ask, parsed and bounded.

The same structs validate REST bodies and socket events, and make the OpenAPI and AsyncAPI documents.
Unknown fields are ignored and never applied. What a schema cannot say (bytes, characters that may not be stored)
is said by the `check_*` functions, which the use cases call before anything else.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hubbub.domain import limits
from hubbub.domain.ids import as_uuid
from hubbub.errors import HubbubError

Username = Annotated[
    str,
    Meta(
        min_length=limits.USERNAME_MIN,
        max_length=limits.USERNAME_MAX,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z",
        description="ASCII letters, digits, `_`, `.` and `-`; compared without regard to case",
        examples=["ada"],
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=limits.EMAIL_MAX,
        pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+\Z",
        examples=["ada@example.org"],
    ),
]
Password = Annotated[
    str, Meta(min_length=limits.PASSWORD_MIN, max_length=limits.PASSWORD_MAX, examples=["correct horse battery"])
]
AnyPassword = Annotated[str, Meta(max_length=limits.PASSWORD_MAX)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=limits.DISPLAY_NAME_MAX, examples=["Ada Okafor"])]
Avatar = Annotated[str, Meta(max_length=limits.AVATAR_MAX, description="An http(s) address or a path on this server")]
Bio = Annotated[str, Meta(max_length=limits.BIO_MAX)]
RoomName = Annotated[str, Meta(min_length=1, max_length=limits.ROOM_NAME_MAX, examples=["reading"])]
RoomRef = Annotated[str, Meta(min_length=1, max_length=limits.ROOM_NAME_MAX, description="A room's id or its name")]
Description = Annotated[str, Meta(max_length=limits.DESCRIPTION_MAX)]
ClientId = Annotated[
    str, Meta(min_length=1, max_length=limits.CLIENT_ID_MAX, pattern=r"^[!-~]+\Z", description="Printable ASCII")
]
Text = Annotated[
    str, Meta(min_length=1, description="The text; its longest is a setting, in bytes of UTF-8", examples=["Hello"])
]
Token = Annotated[str, Meta(min_length=1, max_length=limits.TOKEN_MAX)]


class Command(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of every command: camelCase on the wire, a `repr` that shows no contents."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Register(Command, frozen=True, kw_only=True):
    username: Username
    email: Email
    password: Password
    display_name: DisplayName | None = None
    avatar: Avatar | None = None


class Login(Command, frozen=True, kw_only=True):
    """`username` may hold the e-mail address instead."""

    username: Annotated[str, Meta(min_length=1, max_length=limits.EMAIL_MAX, examples=["ada"])]
    password: AnyPassword


class Refresh(Command, frozen=True, kw_only=True):
    refresh_token: Token


class UpdateUser(Command, frozen=True, kw_only=True):
    display_name: DisplayName | UnsetType = UNSET
    avatar: Avatar | UnsetType | None = UNSET
    bio: Bio | UnsetType | None = UNSET
    current_password: AnyPassword | None = None
    new_password: Password | None = None


class CreateRoom(Command, frozen=True, kw_only=True):
    name: RoomName
    description: Description | None = None
    is_private: bool = False


class UpdateRoom(Command, frozen=True, kw_only=True):
    name: RoomName | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    is_private: bool | UnsetType = UNSET


class AddMember(Command, frozen=True, kw_only=True):
    user_id: UUID


class PostMessage(Command, frozen=True, kw_only=True):
    """REST body of a new message; the room is in the address."""

    message: Text
    client_id: ClientId | None = None
    reply_to: UUID | None = None


class EditText(Command, frozen=True, kw_only=True):
    """REST body of an edit; the message is in the address."""

    message: Text
    client_id: ClientId | None = None


class SendMessage(PostMessage, frozen=True, kw_only=True):
    room: RoomRef | None = None


class EditMessage(EditText, frozen=True, kw_only=True):
    id: UUID


class DeleteMessage(Command, frozen=True, kw_only=True):
    id: UUID
    client_id: ClientId | None = None


class JoinRoom(Command, frozen=True, kw_only=True):
    """`token`, `username` and `user_id` come from older clients, which sign in here rather than on connect."""

    room: RoomRef
    client_id: ClientId | None = None
    token: Token | None = None
    username: Annotated[str, Meta(max_length=limits.DISPLAY_NAME_MAX)] | None = None
    user_id: str | None = None


class LeaveRoom(Command, frozen=True, kw_only=True):
    room: RoomRef | None = None


class MarkMessage(Command, frozen=True, kw_only=True):
    """`message-delivered` and `message-read`: everything up to and including this message."""

    message_id: UUID
    room: RoomRef | None = None


class MarkAllRead(Command, frozen=True, kw_only=True):
    room: RoomRef | None = None


class Typing(Command, frozen=True, kw_only=True):
    is_typing: bool
    room: RoomRef | None = None


class OnlineStatus(Command, frozen=True, kw_only=True):
    online: bool


class Authenticate(Command, frozen=True, kw_only=True):
    """A fresh access token for a socket that is already open."""

    token: Token


class Sync(Command, frozen=True, kw_only=True):
    """`rooms`: the last change seen, by room id. Either the object or, from clients that can only send strings, its JSON."""

    epoch: Annotated[str, Meta(max_length=64)]
    rooms: dict[UUID, Annotated[int, Meta(ge=0, le=2**53 - 1)]]


Direction = Literal["delivered", "read"]


def parse(data: Any, kind: type[Command]) -> Any:
    """`data` (decoded JSON) as a command of `kind`.

    Raises:
        HubbubError: `validation_failed`, naming the field and what it takes.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None


def invalid(reason: str) -> HubbubError:
    """The refusal of a value, from msgspec's sentence (`Expected `str`, got `int` - at `$.message``)."""
    sentence, _, place = reason.partition(" - at `")
    field = place.removeprefix("key` in `").rstrip("`").lstrip("$.") or "body"
    missing = re.search(r"missing required field `(\w+)`", sentence)
    if missing:
        field, sentence = missing[1], "This field is required"
    return HubbubError("validation_failed", fields={field: sentence})


def check_text(text: str, max_bytes: int) -> None:
    """Refuse a message text that cannot be stored: too long, blank, NUL, half of a surrogate pair.

    Raises:
        HubbubError: `too_large` or `validation_failed`.
    """
    if "\0" in text:
        raise HubbubError("validation_failed", fields={"message": "The text may not hold the character NUL"})
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise HubbubError("validation_failed", fields={"message": "The text is not valid Unicode"}) from None
    if size > max_bytes:
        raise HubbubError("too_large", f"A message may have at most {max_bytes} bytes of UTF-8; this one has {size}.")
    if not text.strip():
        raise HubbubError("validation_failed", fields={"message": "The text is empty"})


def check_cursor(cursor: str | None) -> UUID:
    """Where a list by id goes on: after this id; from the beginning without a cursor.

    Raises:
        HubbubError: `validation_failed`, for what no list has answered as its `nextCursor`.
    """
    if cursor is None:
        return UUID(int=0)
    place = as_uuid(cursor)
    if place is None:
        raise HubbubError("validation_failed", fields={"cursor": "This is no `nextCursor` of this list"})
    return place


# Characters that make a name look like another: controls, direction marks, invisible spaces, tags.
_DECEPTIVE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def check_name(name: str, field: str) -> str:
    """The name in its one form (NFC, trimmed), for display names and room names.

    Raises:
        HubbubError: `validation_failed`, where it is blank or holds invisible or direction-changing characters.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise HubbubError("validation_failed", fields={field: "The name is empty"})
    # U+200D joins emoji; it is the one format character that names may hold.
    if any(unicodedata.category(char) in _DECEPTIVE and char != "\u200d" for char in name):
        raise HubbubError("validation_failed", fields={field: "The name holds characters that cannot be seen"})
    return name


def check_note(text: str | None, field: str) -> str | None:
    """A longer free text (bio, description): anything but NUL and broken Unicode; blank becomes None.

    Raises:
        HubbubError: `validation_failed`.
    """
    if text is None or not text.strip():
        return None
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise HubbubError("validation_failed", fields={field: "The text is not valid Unicode"})
    return text


def check_avatar(address: str | None) -> str | None:
    """An avatar's address: http, https or a path on this server, so that no page is made to run it.

    Browsers read `/\\` as `//`, the beginning of another server's address.

    Raises:
        HubbubError: `validation_failed`.
    """
    if address is None or not address.strip():
        return None
    address = address.strip()
    if not re.match(
        r"^(https?://[^\s\x00-\x1f\x7f-\x9f]+|/(?![/\\])[^\s\x00-\x1f\x7f-\x9f]*)\Z", address, re.IGNORECASE
    ):
        raise HubbubError("validation_failed", fields={"avatar": "Give an http(s) address or a path on this server"})
    check_note(address, "avatar")
    return address
