"""The opening handshake of RFC 6455, sections 4.2 and 4.4, sans-IO: a request's bytes in, an answer's bytes out.

Whether the request is HTTP at all has been judged before: uvicorn hands on what its parser took apart and put together
again, one header a line. Here stands what makes it a WebSocket's. No subprotocol is agreed to. A library that can do
more took eight times as long, a fifth of a connect's CPU. Before it: `realtime/handshake.py`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_NONCE_BYTES: Final = 16
_VERSION: Final = "13"


class Request(NamedTuple):
    """A request: its method and target, and the values of each header in their order, by its name in lower case."""

    method: str
    target: str
    headers: Mapping[str, list[str]]

    @property
    def is_handshake(self) -> bool:
        """Whether it asks for a WebSocket of version 13, as section 4.2.1 wants it asked."""
        return (
            self.method == "GET"
            and len(self.headers.get("sec-websocket-key", ())) == 1
            and len(_decoded(self.headers["sec-websocket-key"][0])) == _NONCE_BYTES
            and self.headers.get("sec-websocket-version") == [_VERSION]
            and "websocket" in self._words("upgrade")
            and "upgrade" in self._words("connection")
        )

    def _words(self, name: str) -> set[str]:
        """Of a header that is a list (RFC 9110, section 5.6.1), in lower case."""
        return {word.strip().lower() for value in self.headers.get(name, ()) for word in value.split(",")}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def read_request(data: bytes) -> Request:
    """A whole request, as uvicorn hands it on."""
    first, *lines = data.decode("latin-1").split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name:
            headers.setdefault(name.lower(), []).append(value.strip())
    method, target, _ = first.split(" ")
    return Request(method, target, headers)


def accept(request: Request, extension: str | None = None) -> bytes:
    """The answer that opens the WebSocket, to a request that `is_handshake`; `extension` is the one agreed to."""
    (key,) = request.headers["sec-websocket-key"]
    proof = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    agreed = b"" if extension is None else b"Sec-WebSocket-Extensions: %b\r\n" % extension.encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (proof, agreed)
    )


def refuse(
    status: int, body: bytes, retry_after: int | None = None, headers: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """The answer that refuses, with a body in JSON and these headers beside its own; `retry_after` in seconds."""
    later = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nSec-WebSocket-Version: {_VERSION}\r\n{later}"
    )
    return head.encode() + b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n" + body
