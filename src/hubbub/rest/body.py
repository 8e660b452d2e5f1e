"""JSON in: a request whose body is read once, bounded in bytes and in time, and checked strictly.

Promises: nothing is read of a body that says it is too long; reading stops at the limit for one that does not say;
a body takes `BODY_SECONDS` at most; it is JSON by its media type and by its contents; it is checked by the command's
own struct (a string is never taken for a number), unknown fields are passed over, of equal keys the last one counts.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.exceptions import InternalServerException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from hubbub.domain.commands import invalid
from hubbub.errors import HubbubError

BODY_SECONDS: Final = 10.0


def refuse_longer_than(most: int) -> Guard:
    """A guard that refuses a body by what it says of its length, on routes that would not read one as well.

    Args:
        most: bytes.
    """

    def is_short_enough(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        length = connection.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise HubbubError("too_large", "The request is larger than this server takes.")

    return is_short_enough


class JsonRequest(Request[Any, Any, Any]):
    """The request class of the application."""

    async def body(self) -> bytes:
        """The body, whole.

        Raises:
            HubbubError: `too_slow`, `bad_request` (the client went away).
            RequestEntityTooLarge: by Litestar, for `request_max_body_size`.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await super().body()
        except TimeoutError:
            raise HubbubError("too_slow") from None
        except InternalServerException:
            raise HubbubError("bad_request", "The request ended before its body did.") from None

    async def json(self) -> Any:
        """The command that the handler's `data` asks for.

        Raises:
            HubbubError: `unsupported_media_type`, `bad_request`, `validation_failed`.
        """
        media_type = self.content_type[0].lower()
        if media_type != "application/json" and not (
            media_type.startswith("application/") and media_type.endswith("+json")
        ):
            raise HubbubError("unsupported_media_type")
        data_field = self.route_handler.parsed_data_field
        assert data_field is not None, "only handlers that declare `data` have their body read"
        try:
            return msgspec.json.decode(await self.body(), type=data_field.annotation)
        except msgspec.ValidationError as error:
            raise invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise HubbubError("bad_request", "The body is not well-formed JSON.") from None
