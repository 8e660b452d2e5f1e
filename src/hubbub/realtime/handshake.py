"""The WebSocket handshake: an upgrade request in, whose session it is for, and the answer's bytes out.

Promises: compression is agreed to where the settings allow it and the client offers what `wire/websocket_deflate.py`
does; a client that offers nothing is served without. Before it: `websocket.py`. After it: `registry.py` says who may;
`wire/websocket_handshake.py` reads and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubbub.realtime.registry import BAD_REQUEST, FORBIDDEN, Refusal, Registry
from hubbub.wire.websocket_deflate import Deflater, negotiate
from hubbub.wire.websocket_handshake import Request, accept, read_request, refuse

if TYPE_CHECKING:
    from hubbub.realtime.connection import Connection


class Handshake(NamedTuple):
    """What came of a request.

    Attributes:
        found: the session that the WebSocket is to take over, None for a new one, or why there is none.
        answer: what is to be written; after a refusal our half ends.
        deflater: what compresses, where that was agreed upon.
    """

    found: Connection | Refusal | None
    answer: bytes
    deflater: Deflater | None


def shake_hands(registry: Registry, data: bytes) -> Handshake:
    """Judge and answer one whole request."""
    request = read_request(data)
    found = _judge(registry, request)
    if isinstance(found, Refusal):
        return Handshake(
            found, refuse(found.status, found.body, found.retry_after, registry.options.safe_headers), None
        )
    offers = ",".join(request.headers.get("sec-websocket-extensions", ()))
    taken = negotiate(offers) if offers and registry.options.compression else None
    if taken is None:
        return Handshake(found, accept(request), None)
    registry.stats.compressed += 1
    return Handshake(found, accept(request, taken), registry.deflater)


def _judge(registry: Registry, request: Request) -> Connection | Refusal | None:
    path, _, query = request.target.partition("?")
    if path != registry.options.path:
        return Refusal(404, 3, "Not found")
    if not request.is_handshake:
        return BAD_REQUEST
    origin, *others = request.headers.get("origin", [""])
    host, *more = request.headers.get("host", [""])
    if others or more:
        return FORBIDDEN
    return registry.check(query.encode("ascii", "replace"), "GET", "websocket", origin or None, host or None)
