"""What every answer has, whoever gives it: a request id, the headers that keep browsers safe, a line in the log.

HEAD is answered as GET without its body. What is raised behind Litestar, where nothing can render it, is answered
here. Before: uvicorn. After: `web.py`, then Litestar.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

import msgspec
import structlog
from litestar.types import ASGIApp, Message, Receive, Send

from hubbub.domain.ids import new_id
from hubbub.rest import problems
from hubbub.rest.stats import RestStats

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; img-src 'self' https: data:; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE_HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer carries that does not say otherwise; `realtime` is given the same for polling."""
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
"""Beside them where the client came by https, to us or to a trusted proxy (RFC 6797, 7.2: never over http)."""
_REQUEST_ID: Final = re.compile(rb"^[A-Za-z0-9._-]{1,64}\Z")

log = structlog.get_logger("rest")


class SafeEdge:
    """The outermost ASGI application of REST and the page."""

    def __init__(self, application: ASGIApp, stats: RestStats) -> None:
        self._application = application
        self._stats = stats
        self._has_warned = False

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if not self._has_warned:
            self._has_warned = _comes_by_a_stranger(scope)
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if _REQUEST_ID.match(given) else new_id().hex
        method = scope["method"]
        inner: Any = dict(scope)
        inner["state"] = {**(scope.get("state") or {}), "request_id": request_id}
        inner["method"] = "GET" if method == "HEAD" else method
        status = 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_safe_headers(message["headers"], inner, request_id)
            elif method == "HEAD" and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {**message, "body": b""}
            await send(message)

        started = time.perf_counter()
        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._application(inner, receive, send_safely)
        except Exception as error:
            ours = problems.unexpected(error, request_id, problems.route_of(inner))
            if status == 0:
                body = msgspec.json.encode(ours.as_problem(request_id))
                headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
                await send_safely({"type": "http.response.start", "status": ours.row.status, "headers": headers})
                await send_safely({"type": "http.response.body", "body": body, "more_body": False})
        finally:
            seconds = time.perf_counter() - started
            self._stats.by_status[status] += 1
            self._stats.seconds.observe(seconds)
            log.info(
                "request",
                method=method,
                route=problems.route_of(inner),
                status=status,
                ms=round(seconds * 1000, 1),
                request_id=request_id,
            )


def _comes_by_a_stranger(scope: Any) -> bool:
    """Whether the request came through a proxy that is not trusted, whose people all count as one; then it is said.

    Where the proxy is trusted, uvicorn has put one of the addresses that it names in the place of its own.
    """
    named = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    client = scope["client"][0] if scope.get("client") else ""
    if not named or client in named:
        return False
    log.warning(
        "X-Forwarded-For comes from an address that is not in HUBBUB_TRUSTED_PROXIES, and is ignored: all people behind it "
        "are one address to the limit of sign-ins. If that is your proxy, name it there. Said once.",
        proxy=client,
    )
    return True


def _with_safe_headers(headers: Any, scope: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with those that every answer has."""
    kept = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    names = {name for name, _ in kept}
    kept += [header for header in SAFE_HEADERS if header[0] not in names]
    if scope.get("scheme") == "https":
        kept.append(STRICT_TRANSPORT)
    if scope["path"].startswith("/api/") and b"cache-control" not in names:
        kept.append((b"cache-control", b"no-store"))
    return [*kept, (b"x-request-id", request_id.encode())]
