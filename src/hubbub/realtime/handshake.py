"""The WebSocket handshake: an upgrade request in, whose session it is for, and the answer's bytes out.

Promises: the `websockets` library reads and answers, without its extensions, and is then let go. Compression is agreed
to where the settings allow it and the client offers what `wire/websocket_deflate.py` does; a client that offers nothing
is served without. Before it: `websocket.py`. After it: `registry.py` says who may.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from hubbub.realtime.registry import BAD_REQUEST, FORBIDDEN, Refusal, Registry
from hubbub.wire.websocket_deflate import Deflater, negotiate

if TYPE_CHECKING:
    from hubbub.realtime.connection import Connection

_EXTENSIONS: Final = "Sec-WebSocket-Extensions"
_LOGGER: Final = logging.getLogger("hubbub.realtime.websocket")
_LOGGER.setLevel(logging.WARNING)  # the library logs each connection below that


class Handshake(NamedTuple):
    """What came of a request.

    Attributes:
        found: the session that the WebSocket is to take over, None for a new one, or why there is none.
        answer: what is to be written; an empty piece stands for the end of our half.
        deflater: what compresses, where that was agreed upon.
    """

    found: Connection | Refusal | None
    answer: list[bytes]
    deflater: Deflater | None


def shake_hands(registry: Registry, data: bytes) -> Handshake:
    """Judge and answer one whole request."""
    library = ServerProtocol(logger=_LOGGER)
    library.receive_data(data)
    request = next((event for event in library.events_received() if isinstance(event, Request)), None)
    found = _judge(registry, request) if request is not None else BAD_REQUEST
    deflater = None
    if isinstance(found, Refusal):
        if request is not None:
            response = library.reject(found.status, found.body.decode())
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json"
            library.send_response(response)
    elif request is not None:
        response = library.accept(request)
        deflater = _agree(registry, request, response)
        library.send_response(response)
        if library.state is not OPEN:  # the library found fault with it
            found = BAD_REQUEST
    return Handshake(found, library.data_to_send(), deflater)


def _judge(registry: Registry, request: Request) -> Connection | Refusal | None:
    path, _, query = request.path.partition("?")
    if path != registry.options.path:
        return Refusal(404, 3, "Not found")
    origin, *others = request.headers.get_all("Origin") or [""]
    host, *more = request.headers.get_all("Host") or [""]
    if others or more:
        return FORBIDDEN
    return registry.check(query.encode("ascii", "replace"), "GET", "websocket", origin or None, host or None)


def _agree(registry: Registry, request: Request, response: Response) -> Deflater | None:
    """Take one of the client's offers, where there is a good one, and say so in `response`."""
    if not registry.options.compression or response.status_code != 101:
        return None
    taken = negotiate(",".join(request.headers.get_all(_EXTENSIONS)))
    if taken is None:
        return None
    response.headers[_EXTENSIONS] = taken
    registry.stats.compressed += 1
    return registry.deflater
