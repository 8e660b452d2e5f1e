"""What addresses take: rooms and ids in the path, pages in the query, the key that makes a POST safe to repeat."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from litestar.params import HeaderParameter, PathParameter, QueryParameter

from hubbub.domain import limits
from hubbub.errors import HubbubError

PLACE_MAX = 2**53 - 1  # the largest whole number that every JSON reader keeps exact

RoomInPath: TypeAlias = Annotated[str, PathParameter(description="The room's id, or its name, percent-encoded")]
UserInPath: TypeAlias = Annotated[UUID, PathParameter(name="userId", description="The account's id")]
MessageInPath: TypeAlias = Annotated[UUID, PathParameter(name="messageId", description="The message's id")]

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=limits.PAGE_MAX, description="Rows in one answer")]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=limits.ROOM_NAME_MAX,
        description="`nextCursor` of the page before; everything else in the query stays as it was",
    ),
]
Offset: TypeAlias = Annotated[
    int,
    QueryParameter(ge=0, le=limits.OFFSET_MAX, description="Rows to leave out, for older clients; prefer `cursor`"),
]
Place: TypeAlias = Annotated[int | None, QueryParameter(ge=0, le=PLACE_MAX, description="The `seq` of a message")]
Words: TypeAlias = Annotated[
    str, QueryParameter(name="q", min_length=1, max_length=limits.SEARCH_MAX, description="The beginning of a name")
]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=limits.CLIENT_ID_MAX,
        pattern=r"^[!-~]+\Z",
        description="The same as `clientId`: sent again with the same key, however late, nothing is done twice",
    ),
]


def one_key(header: str | None, field: str | None) -> str | None:
    """The one key of a request that may say it in two places.

    Raises:
        HubbubError: `validation_failed`, where they differ.
    """
    if header is not None and field is not None and header != field:
        raise HubbubError("validation_failed", fields={"clientId": "It differs from the Idempotency-Key"})
    return header if header is not None else field
