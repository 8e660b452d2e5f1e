"""Errors, rendered once: the contract's failure object, which is also a problem document (RFC 9457).

Whatever is raised behind the edge becomes a row of `errors.CODES` here. What has no row is a defect: it is logged
with its stack, without its message (which may hold what a person wrote), and answered `internal` without a word of it.
"""

from __future__ import annotations

import math
import traceback
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.params import ParameterKwarg
from litestar.response import Response
from litestar.types import Scope

from hubbub.domain.model import Wire
from hubbub.errors import HubbubError

MEDIA_TYPE: Final = "application/problem+json"

log = structlog.get_logger("rest")

_BY_STATUS: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
_SENTENCES: Final = {
    "bad_request": "The request could not be read.",
    "not_found": "There is nothing at this address.",
    "too_large": "The request is larger than this server takes.",
}


class Problem(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A failure. `code` is the word to compare with; `retryable` says whether the very same may succeed later."""

    success: Literal[False]
    code: str
    message: str
    retryable: bool
    type: str
    title: str
    status: int
    detail: str
    instance: str
    fields: dict[str, str] | None = None
    retry_after: float | None = None
    reasons: list[str] | None = None
    reason_codes: list[str] | None = None


def headers_of(error: HubbubError) -> dict[str, str]:
    """What HTTP itself wants to know of a failure (RFC 9110, sections 10.2.3, 11.6.1, 15.5.14)."""
    status, headers = error.row.status, {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(math.ceil(error.retry_after or 1))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="hubbub"'
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        headers["Connection"] = "close"  # the rest of the body is not wanted
    return headers


def request_id_of(scope: Scope) -> str:
    """The id that `edge.py` gave the request."""
    return str(scope["state"].get("request_id", ""))


def render(error: HubbubError, request_id: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A failure as an answer."""
    return Response(
        msgspec.json.encode(error.as_problem(request_id)),
        status_code=error.row.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(error) | (headers or {}),
    )


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler, for every exception."""
    headers: dict[str, str] = {}
    if isinstance(error, HubbubError):
        ours = error
    elif isinstance(error, ValidationException):
        ours = HubbubError("validation_failed", fields=_fields_of(request, error))
    elif isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        code = _BY_STATUS[error.status_code]
        ours = HubbubError(code, _SENTENCES.get(code))
        if isinstance(error, MethodNotAllowedException):
            headers["Allow"] = ", ".join(sorted((error.headers or {}).get("allow", "").split(", ")))
    else:
        ours = unexpected(error, request_id_of(request.scope), route_of(request.scope))
    return render(ours, request_id_of(request.scope), headers)


def unexpected(error: Exception, request_id: str, route: str) -> HubbubError:
    """A defect: logged with its stack, answered `internal`."""
    log.error(
        "request failed",
        error=type(error).__name__,
        route=route,
        request_id=request_id,
        stack="".join(traceback.format_tb(error.__traceback__)),
    )
    return HubbubError("internal")


def route_of(scope: Scope) -> str:
    """The template of the address that was asked for, as the log may show it: never what stood in its place."""
    return str(scope.get("path_template") or "-")


def _fields_of(request: Request[Any, Any, Any], error: ValidationException) -> dict[str, str]:
    """The reasons by parameter, under the names that clients use."""
    names = {
        name: parameter.kwarg_definition.name
        for name, parameter in request.route_handler.parsed_fn_signature.parameters.items()
        if isinstance(parameter.kwarg_definition, ParameterKwarg) and parameter.kwarg_definition.name
    }
    fields: dict[str, str] = {}
    for reason in error.extra if isinstance(error.extra, list) else ():
        key = str(reason.get("key", "data"))
        fields["body" if key == "data" else names.get(key, key)] = str(reason.get("message", "Not valid"))
    if fields.keys() == {"body"}:
        fields = {"body": "A JSON body is required"}
    return fields or {_required_in(error.detail): "This parameter is required"}


def _required_in(detail: str) -> str:
    """The name in Litestar's sentence `Missing required query parameter 'q' for path …`."""
    return detail.split("'")[1] if detail.count("'") > 1 else "request"
