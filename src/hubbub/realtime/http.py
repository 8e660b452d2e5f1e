"""uvicorn's HTTP with bounds on the head of a request: its bytes, its headers, the seconds it may take.

uvicorn's parser takes a head of any size in any time, so that a client which sends a byte now and then could hold a
connection for ever, and one which sends a header without end all memory. Promises: what is no request, too large or too
slow is answered with a problem document, and closed; a connection on which no request begins is closed as well.
Bodies are bounded by who reads them. Before it: uvicorn, as its `http=`. After it: uvicorn's own protocol.
"""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hubbub.errors import HubbubError

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEAD_SECONDS: Final = 10.0  # from the connection, or the first byte of a later request, to the end of the head
HEAD_BYTES: Final = 65_536
HEADERS_MAX: Final = 100


# What the application gives every answer, where none of it can be asked.
_SAFE_HEADERS: Final = (
    "cache-control: no-store\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
    "cross-origin-opener-policy: same-origin\r\ncross-origin-resource-policy: same-origin\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
)
_STRICT: Final = "strict-transport-security: max-age=31536000\r\n"


class _HeadTooLargeError(Exception):
    """Raised into the parser, which ends there."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. The arguments are uvicorn's."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._head_timer: asyncio.TimerHandle | None = None  # there while a head is waited for
        self._head_bytes = 0  # of a head that is not whole yet
        self._headers_bytes = 0  # of its headers that are
        super().__init__(config, server_state, app_state, _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._head_timer is not None
        super().data_received(data)
        if was_in_head and self._head_timer is not None:
            # What the parser keeps of a header that has no end yet is told to nobody.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HubbubError("head_too_large"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._headers_bytes = 1, 0  # one is here, at least
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._headers_bytes += len(name) + len(value)
        if self._is_too_large():
            raise _HeadTooLargeError

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # The parser and this object hold each other: without this each WebSocket would keep both, 2 kB, until the
        # collector of cycles comes by.
        self.parser = None  # type: ignore[assignment]

    def send_400_response(self, msg: str) -> None:
        """The parser has given up, by itself or because `on_header` has."""
        self._refuse(HubbubError("head_too_large" if self._is_too_large() else "bad_request"))

    def _is_too_large(self) -> bool:
        return self._headers_bytes > 0 and (
            len(self.headers) > HEADERS_MAX or self._headers_bytes + len(self.url) > HEAD_BYTES
        )

    def _too_slow(self) -> None:
        if self._head_bytes:
            self._refuse(HubbubError("too_slow", "The request did not come in time."))
        else:
            self._head_timer = None
            self.transport.close()

    def _refuse(self, error: HubbubError) -> None:
        """Answer, unless an answer to an earlier request is under way, and close."""
        self._stop_timer()
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_started and not self.pipeline:
            # It is the body of this very request that is no HTTP: whoever handles it is told that its client is gone.
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or cycle.disconnected:
            body = msgspec.json.encode(error.as_problem(secrets.token_hex(16)))
            status = HTTPStatus(error.row.status)
            head = (
                f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\n{_SAFE_HEADERS}{_STRICT if self.scheme == 'https' else ''}"
                "connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
