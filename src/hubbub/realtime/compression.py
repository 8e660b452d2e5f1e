"""Whether a WebSocket is compressed: the client's offer, and the server's answer in the handshake.

Promises: a client that offers nothing, or nothing that `wire/websocket_deflate.py` does, is served without compression.
Before it: `websocket.py`. After it: `registry.py` holds the one `Deflater` of the process.
"""

from __future__ import annotations

from typing import Final

from websockets.http11 import Request, Response

from hubbub.realtime.registry import Registry
from hubbub.wire.websocket_deflate import Deflater, negotiate

_HEADER: Final = "Sec-WebSocket-Extensions"


def agree(registry: Registry, request: Request, response: Response) -> Deflater | None:
    """Answer the offer in `response`, where the settings allow it: what compresses, or None for no compression."""
    if not registry.options.compression or response.status_code != 101:
        return None
    answer = negotiate(",".join(request.headers.get_all(_HEADER)))
    if answer is None:
        return None
    response.headers[_HEADER] = answer
    registry.stats.compressed += 1
    return registry.deflater
