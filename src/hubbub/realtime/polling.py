"""The HTTP long-polling transport: an ASGI application.

Promises: one GET and one POST at a time for a session; a second one, or a GET that its client gives up, ends it; so does
a GET that comes again, by its `t`: a proxy has tried it twice, and the first answer may be lost. A body beyond
`max_payload` is refused before it is read. Before it: uvicorn, or the application's router.
After it: `connection.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from hubbub.realtime import transport as end
from hubbub.realtime.broadcast import Encoded, type_of_memo
from hubbub.realtime.connection import Connection
from hubbub.realtime.registry import BAD_REQUEST, TOO_LARGE, TOO_SLOW, UNKNOWN_SID, Refusal, Registry
from hubbub.wire.engineio_packet import decode_payload
from hubbub.wire.engineio_session import State
from hubbub.wire.errors import ProtocolViolation, WireError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_BODY_TIMEOUT: Final = 10.0  # seconds a body may take to arrive
_MAX_ITEMS: Final = 16  # packets in one answer: python-socketio's client takes no more
_STAMP: Final = re.compile(rb"(?:^|&)t=([^&]+)")
_TEXT: Final = b"text/plain; charset=UTF-8"


def _fit(waiting: list[Encoded]) -> int:
    """How many of the messages one answer takes; at least one."""
    items = 0
    for count, message in enumerate(waiting):
        items += len(message.items())
        if items > _MAX_ITEMS:
            return count or 1
    return len(waiting)


class PollingChannel:
    """The transport of a session on polling: the GET that waits, and whether a POST is being read."""

    __slots__ = ("_poll", "_resumed", "posting", "stamp")

    def __init__(self) -> None:
        self.stamp = b""  # `t` of the last GET: official clients give each its own, against caches
        self._poll: asyncio.Future[bytes] | None = None
        self._resumed: asyncio.Event | None = None
        self.posting = False

    @property
    def ready(self) -> bool:
        return self._poll is not None

    def wait(self) -> asyncio.Future[bytes]:
        """The body of the next answer. Only one may be waited for."""
        assert self._poll is None
        self._poll = asyncio.get_running_loop().create_future()
        return self._poll

    def write(self, waiting: list[Encoded], memo: type_of_memo) -> tuple[list[Encoded], int, int]:
        taken = _fit(waiting)
        # EIO "HTTP long-polling" (packet encoding): packets joined by the record separator.
        body = b"\x1e".join([item for message in waiting[:taken] for item in message.items()])
        self._answer(body)
        return waiting[taken:], sum([message.count for message in waiting[:taken]]), len(body)

    def buffered(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self._resumed = asyncio.Event()

    def resume_reading(self) -> None:
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    async def readable(self) -> None:
        """Return once reading is not paused: until then the POST is not answered, so no other follows it."""
        if self._resumed is not None:
            await self._resumed.wait()

    def close(self, code: int, reason: str, *, by_client: bool = False) -> None:
        # A client that closes gets a `noop` for its waiting poll; one that is closed is told so.
        self._answer(b"6" if by_client else b"1")
        self.resume_reading()

    def abort(self) -> None:
        self.close(end.NORMAL, "")

    def _answer(self, body: bytes) -> None:
        poll, self._poll = self._poll, None
        if poll is not None and not poll.done():
            poll.set_result(body)


class Polling:
    """The ASGI application; `registry` holds its sessions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        options = registry.options
        self._safe = options.safe_headers
        self._strict = (*options.safe_headers, *([options.strict_transport] if options.strict_transport else []))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Any HTTP request may be given; what is not Engine.IO polling is refused with 400."""
        registry = self._registry
        registry.start()
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1") or None
        host = headers.get(b"host", b"").decode("latin-1") or None
        more = [*(self._strict if scope.get("scheme") == "https" else self._safe), *self._cors(origin)]
        method = scope["method"]
        if method == "OPTIONS":
            status = 204 if registry.allows(origin, host) else 403
            await _answer(send, status, b"", _TEXT, more + _preflight(headers))
            return
        found = registry.check(scope["query_string"], method, "polling", origin, host)
        if isinstance(found, Connection) and (
            not isinstance(found.channel, PollingChannel) or method not in ("GET", "POST")
        ):
            found = BAD_REQUEST  # upgraded: EIO "Upgrade", polling is over; the session itself goes on
        if isinstance(found, Refusal):
            await _refuse(send, found, more)
        elif found is None:
            channel = PollingChannel()
            opening = channel.wait()
            registry.open(channel, State.POLLING)
            await _answer(send, 200, opening.result(), _TEXT, more)
        elif method == "GET":
            await self._get(found, scope["query_string"], receive, send, more)
        else:
            await self._post(found, headers, receive, send, more)

    async def _get(self, connection: Connection, query: bytes, receive: Receive, send: Send, more: Headers) -> None:
        channel = connection.channel
        assert isinstance(channel, PollingChannel)
        found = _STAMP.search(query)
        stamp = found[1] if found else b""
        if stamp and stamp == channel.stamp:
            connection.fail(ProtocolViolation("the same poll twice"))
            await _refuse(send, BAD_REQUEST, more)
            return
        channel.stamp = stamp
        if channel.ready:
            # EIO "Receiving data": "a client MUST NOT have more than one active GET request. Should it happen, the
            # server MUST return an HTTP 400 error status and close the session."
            connection.fail(ProtocolViolation("two polls at once"))
            await _refuse(send, BAD_REQUEST, more)
            return
        poll = channel.wait()
        connection.channel_ready(channel)
        if connection.engine.state is State.PROBED:
            connection.release_poll()
        if not poll.done():
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                await asyncio.wait((poll, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                if not poll.done():
                    connection.channel_lost(channel)  # answers the poll, to nobody
        await _answer(send, 200, poll.result(), _TEXT, more)

    async def _post(
        self, connection: Connection, headers: dict[bytes, bytes], receive: Receive, send: Send, more: Headers
    ) -> None:
        channel = connection.channel
        assert isinstance(channel, PollingChannel)
        if channel.posting:
            # EIO "Sending data": the same for POST.
            connection.fail(ProtocolViolation("two posts at once"))
            await _refuse(send, BAD_REQUEST, more)
            return
        channel.posting = True
        try:
            answer = await self._take(connection, channel, headers, receive)
        finally:
            channel.posting = False
        if answer is None:
            await _answer(send, 200, b"ok", _TEXT, more)  # EIO "Sending data": "with the string `ok`"
        else:
            await _refuse(send, answer, more)

    async def _take(
        self, connection: Connection, channel: PollingChannel, headers: dict[bytes, bytes], receive: Receive
    ) -> Refusal | None:
        """Read a POST and hand its packets on; None when all is well."""
        limit = self._registry.options.max_payload
        try:
            async with asyncio.timeout(_BODY_TIMEOUT):
                body = await _read(headers, receive, limit)
            if body is None:
                connection.channel_lost(channel)
                return BAD_REQUEST
            self._registry.stats.bytes_in += len(body)
            packets = decode_payload(body)
        except TimeoutError:
            connection.channel_lost(channel)
            return TOO_SLOW
        except _TooLargeError:
            connection.fail(WireError("the body is too large"))
            return TOO_LARGE
        except WireError as error:
            connection.fail(error)
            return BAD_REQUEST
        if connection.channel is None:
            return UNKNOWN_SID
        errors = self._registry.stats.protocol_errors
        for packet in packets:
            connection.receive(channel, packet)
        if connection.channel is None and self._registry.stats.protocol_errors != errors:
            return BAD_REQUEST
        await channel.readable()
        return None

    def _cors(self, origin: str | None) -> Headers:
        allowed = self._registry.options.cors_origins
        if allowed == "*":
            return [(b"access-control-allow-origin", b"*")]
        vary = [(b"vary", b"Origin")]
        if origin is None or origin not in allowed:
            return vary
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
            *vary,
        ]


class _TooLargeError(Exception):
    """The body is beyond the limit."""


async def _read(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes | None:
    """The body, at most `limit` bytes; None when the client went away. Raises `_TooLargeError`."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > 12 or int(length) > limit):
        raise _TooLargeError
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _preflight(headers: dict[bytes, bytes]) -> Headers:
    wanted = headers.get(b"access-control-request-headers", b"content-type")
    return [
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", wanted),
        (b"access-control-max-age", b"600"),
    ]


async def _refuse(send: Send, refusal: Refusal, more: Headers) -> None:
    # An unread body would be read to its end otherwise.
    own = [(b"connection", b"close")] if refusal.status in (408, 413) else []
    if refusal.retry_after is not None:
        own.append((b"retry-after", str(refusal.retry_after).encode()))
    await _answer(send, refusal.status, refusal.body, b"application/json", more + own)


async def _answer(send: Send, status: int, body: bytes, content_type: bytes, headers: Headers) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
