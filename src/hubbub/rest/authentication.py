"""Who asks: a guard in front of every route. Nothing is open unless its handler says so.

`**OPEN` on a handler opens it to anyone, `**OPEN_DIRECTORY` where the operator has opened the lists of users and
rooms. A token that is sent is checked even then: a bad one is never taken for none.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection, Request
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from litestar.types import Guard

from hubbub.chat.context import Chat
from hubbub.chat.sign_in import authenticate
from hubbub.domain.model import Actor
from hubbub.errors import HubbubError

OPEN: Final[dict[str, Any]] = {"opt": {"open": True}, "security": [{}]}
OPEN_DIRECTORY: Final[dict[str, Any]] = {
    "opt": {"open": "directory"},
    "security": [{}, {"bearer": []}, {"accessToken": []}],
}

ChatPart: TypeAlias = NamedDependency[SkipValidation[Chat]]
"""The parts of the chat, as handlers are given them."""
Asker: TypeAlias = NamedDependency[SkipValidation[Actor]]
"""Whoever asks; only on routes that are not open."""
AnyAsker: TypeAlias = NamedDependency[SkipValidation[Actor | None]]
"""Whoever asks, or nobody; for the lists that an operator may open."""

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


def guard(chat: Chat) -> Guard:
    """The guard of all routes."""

    async def signed_in(connection: Connection, handler: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        opened = handler.opt.get("open")
        if opened is True:
            return
        token = token_of(connection)
        if token is None and opened == "directory" and chat.rules.public_directory:
            connection.scope["user"] = None
            return
        if token is None:
            raise HubbubError("unauthorized")
        connection.scope["user"] = await authenticate(chat, token)

    return signed_in


def token_of(connection: Connection) -> str | None:
    """The token of `Authorization: Bearer` (RFC 6750, section 2.1), or of `x-access-token` as older clients send it."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return connection.headers.get("x-access-token")


def actor_of(request: Request[Any, Any, Any]) -> Any:
    """The dependency `actor`: whom the guard let in."""
    return request.scope["user"]
