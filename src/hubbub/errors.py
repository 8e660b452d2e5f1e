"""The one table of error codes, for REST, for socket acks and for the manual.

An error is a row: its code, its HTTP status, whether sending the same again may help, and what to do about it.
Codes are never reused for another meaning. `HubbubError` is raised inside; each edge renders it once
(`rest/problems.py`, `sockets/reply.py`), so that both say the same. This module imports nothing of Hubbub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of the table.

    Attributes:
        code: the word clients compare with; never renamed.
        status: the HTTP status of the REST answer.
        retryable: True where the very same request may succeed later.
        title: the sentence used when the raiser gives none.
        advice: what the client's author should do, for the manual.
    """

    code: str
    status: int
    retryable: bool
    title: str
    advice: str


CODES: Mapping[str, ErrorCode] = {
    row.code: row
    for row in (
        ErrorCode("bad_request", 400, False, "The request could not be read.", "Send well-formed JSON as documented."),
        ErrorCode("validation_failed", 422, False, "Some fields are not valid.", "Mend what `fields` names."),
        ErrorCode("unauthorized", 401, False, "A valid token is needed.", "Sign in, or refresh the token."),
        ErrorCode("token_expired", 401, False, "The token has expired.", "Refresh it with POST /api/auth/refresh."),
        ErrorCode(
            "invalid_credentials", 401, False, "The name or the password is wrong.", "Ask the person to try again."
        ),
        ErrorCode("forbidden", 403, False, "You may see this, but not change it.", "Do not retry."),
        ErrorCode(
            "not_found",
            404,
            False,
            "There is no such thing, or it is not yours to see.",
            "Check the id; ask to be let in.",
        ),
        ErrorCode(
            "method_not_allowed", 405, False, "This address does not take that method.", "See the OpenAPI document."
        ),
        ErrorCode(
            "too_slow", 408, True, "The body did not come in time.", "Send it faster, or over a better connection."
        ),
        ErrorCode("conflict", 409, False, "This contradicts what is already there.", "Use another name or clientId."),
        ErrorCode("gone", 410, False, "The message has been deleted.", "Show the tombstone."),
        ErrorCode("too_large", 413, False, "That is more than is allowed.", "Send less; limits are in the manual."),
        ErrorCode(
            "unsupported_media_type", 415, False, "Only JSON is read here.", "Send Content-Type: application/json."
        ),
        ErrorCode(
            "head_too_large",
            431,
            False,
            "The head of the request is larger than is allowed.",
            "Send fewer and shorter headers, or a shorter address.",
        ),
        ErrorCode("rate_limited", 429, True, "Too much, too quickly.", "Wait `retryAfter` seconds, then send again."),
        ErrorCode(
            "resync_required",
            409,
            False,
            "What you remember is not of this database's time.",
            "Forget the cursors, load the rooms afresh.",
        ),
        ErrorCode("unknown_event", 400, False, "There is no event of that name.", "See the AsyncAPI document."),
        ErrorCode("internal", 500, True, "Something broke here; it has been logged.", "Try again later; report it."),
        ErrorCode(
            "unavailable",
            503,
            True,
            "The database cannot be reached just now; whether a change was stored is unknown.",
            "Send the same again, with the same clientId; it can never appear twice.",
        ),
        ErrorCode("overloaded", 503, True, "Too many wait already.", "Send the same again after a moment."),
    )
}


class HubbubError(Exception):
    """A refusal with a row in the table.

    Args:
        code: a key of `CODES`.
        message: a sentence for people; the row's title when left out. Never holds texts or secrets.
        fields: for `validation_failed`, the reason by field name.
        retry_after: seconds after which to try again, for `rate_limited` and `overloaded`.

    Raises:
        KeyError: `code` has no row.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.row = CODES[code]
        self.message = message or self.row.title
        self.fields = dict(fields) if fields else None
        self.retry_after = retry_after
        super().__init__(self.message)

    @property
    def code(self) -> str:
        return self.row.code

    def as_reply(self) -> dict[str, Any]:
        """The failure object of the contract, the same on REST and in acks."""
        reply: dict[str, Any] = {
            "success": False,
            "code": self.row.code,
            "message": self.message,
            "retryable": self.row.retryable,
        }
        if self.fields is not None:
            reply["fields"] = self.fields
        if self.retry_after is not None:
            reply["retryAfter"] = round(self.retry_after, 3)
        return reply

    def as_problem(self, request_id: str) -> dict[str, Any]:
        """The failure object as a problem document (RFC 9457), for REST."""
        return self.as_reply() | {
            "type": f"urn:hubbub:problem:{self.code}",
            "title": self.row.title,
            "status": self.row.status,
            "detail": self.message,
            "instance": f"urn:hubbub:request:{request_id}",
        }
