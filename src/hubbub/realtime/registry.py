"""All connections of a process by session id; their clock, alarms and counters; who may open one.

Promises: session ids hold 128 random bits; counts are exact at every moment; one timer serves every deadline of
every connection. Before it: `websocket.py` and `polling.py` ask for a session. After it: `connection.py`.
"""

from __future__ import annotations

import asyncio
import heapq
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from hubbub.histogram import Histogram
from hubbub.realtime.broadcast import Encoded, Flusher
from hubbub.realtime.connection import Connection
from hubbub.realtime.transport import GOING_AWAY, SHUTTING_DOWN, Channel, Handler
from hubbub.wire.engineio_packet import encode_open
from hubbub.wire.engineio_session import State
from hubbub.wire.websocket_deflate import Deflater


@dataclass(frozen=True, slots=True)
class Options:
    """What a `Realtime` is set to; times in milliseconds, sizes in bytes.

    Attributes:
        path: where it answers; with a slash at both ends.
        connect_timeout_ms: how long a connection may be without a namespace.
        max_payload: largest frame, POST body, or packet with its attachments, from a client.
        upgrade_timeout_ms: how long an upgrade may take.
        outbox_bytes: most bytes that may wait for one client.
        flush_tick_ms: how long frames are gathered under load.
        cors_origins: `*`, or the web origins that may connect; empty: pages of the host that is asked. Requests
            without an Origin always may.
        max_attachments: of one packet.
        inbox_max: events of one connection that may be unanswered before reading it is paused.
        compression: whether WebSockets of clients that offer it are compressed.
        max_connections: sessions above which new ones are refused with 503, for official clients to try again.
        safe_headers: what every answer of polling carries for the sake of browsers.
        strict_transport: the header beside them where the client came by https.
    """

    path: str = "/socket.io/"
    ping_interval_ms: int = 25_000
    ping_timeout_ms: int = 20_000
    connect_timeout_ms: int = 45_000
    max_payload: int = 1_000_000
    upgrade_timeout_ms: int = 10_000
    outbox_bytes: int = 1_048_576
    flush_tick_ms: int = 5
    cors_origins: str | tuple[str, ...] = ()
    max_attachments: int = 10
    inbox_max: int = 64
    compression: bool = False
    max_connections: int = 100_000
    sid_prefix: str = ""
    safe_headers: tuple[tuple[bytes, bytes], ...] = ((b"x-content-type-options", b"nosniff"),)
    strict_transport: tuple[bytes, bytes] | None = None


@dataclass(slots=True)
class Stats:
    """Counters since the start; `closed` by reason (`slow` counts the clients dropped for not reading).

    `compressed` counts the WebSockets that took compression, `conflated` the passing events that were never sent,
    because a later one replaced them, and `refused` the sessions that were not opened for `max_connections`. `flush`
    holds, for each flush, the time from the first connection that had something to write to the last write.
    """

    opened: int = 0
    compressed: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    upgrades: int = 0
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    writes: int = 0
    events: int = 0
    acks_ignored: int = 0
    protocol_errors: int = 0
    conflated: int = 0
    refused: int = 0
    flush: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused: the HTTP status, and the code and message that Engine.IO servers answer with."""

    status: int
    code: int
    message: str

    @property
    def retry_after(self) -> int | None:
        """In how many seconds the same may succeed, where it may. Official clients have a delay of their own."""
        return RETRY_SECONDS if self.status == HTTPStatus.SERVICE_UNAVAILABLE else None

    @property
    def body(self) -> bytes:
        return b'{"code":%d,"message":"%b"}' % (self.code, self.message.encode())


UNKNOWN_TRANSPORT: Final = Refusal(400, 0, "Transport unknown")
UNKNOWN_SID: Final = Refusal(400, 1, "Session ID unknown")
BAD_METHOD: Final = Refusal(400, 2, "Bad handshake method")
BAD_REQUEST: Final = Refusal(400, 3, "Bad request")
TOO_LARGE: Final = Refusal(413, 3, "Payload too large")
TOO_SLOW: Final = Refusal(408, 3, "The body did not arrive in time")
FORBIDDEN: Final = Refusal(403, 4, "Forbidden")
CLOSING: Final = Refusal(503, 4, "Shutting down")
FULL: Final = Refusal(503, 4, "Too many connections")
RETRY_SECONDS: Final = 5
UNSUPPORTED_VERSION: Final = Refusal(400, 5, "Unsupported protocol version")

_LATE: Final = 0.25  # seconds by which the one timer may be late before we suspect that pongs wait unread


class Alarms:
    """Deadlines of all connections on one timer.

    A deadline that moves away costs nothing: it is found out when the old one comes. Memory of a closed connection
    is let go at once.
    """

    __slots__ = ("_handle", "_heap", "_loop", "_next", "_number")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[list[Any]] = []  # [when, number, connection or None]
        self._number = 0
        self._handle: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def set(self, connection: Connection, when: float) -> None:
        """Call `connection.on_alarm` at `when`, or earlier if an earlier alarm stands."""
        if connection.alarm is not None:
            if connection.alarm_at <= when:
                return
            connection.alarm[2] = None
        self._number += 1
        entry = [when, self._number, connection]
        connection.alarm = entry
        connection.alarm_at = when
        heapq.heappush(self._heap, entry)
        if when < self._next:
            self._start(when)

    def cancel(self, connection: Connection) -> None:
        if connection.alarm is not None:
            connection.alarm[2] = None
            connection.alarm = None
        if self._heap and self._heap[0][2] is None:
            self._trim()

    def _trim(self) -> None:
        while self._heap and self._heap[0][2] is None:
            heapq.heappop(self._heap)
        if not self._heap and self._handle is not None:
            self._handle.cancel()
            self._handle, self._next = None, float("inf")

    def _start(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._next = when
        self._handle = self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        now = self._loop.time()
        if now - self._next > _LATE:
            # The process was held up: let the loop read what has arrived before anyone is called dead.
            self._start(now + _LATE / 10)
            return
        self._handle, self._next = None, float("inf")
        heap = self._heap
        while heap and (heap[0][0] <= now or heap[0][2] is None):
            connection = heapq.heappop(heap)[2]
            if connection is not None:
                connection.alarm = None
                connection.on_alarm(now)
        if heap and heap[0][0] < self._next:
            self._start(heap[0][0])


@lru_cache(maxsize=256)  # of most clients it is the very same
def _read_query(query: bytes) -> tuple[str, str | None] | Refusal:
    """The transport and the session id that a query names, by EIO "Query parameters"."""
    try:
        fields = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        return BAD_REQUEST
    if any(len(fields.get(name, ())) > 1 for name in ("EIO", "transport", "sid")) or "j" in fields:
        return BAD_REQUEST  # `j`: JSONP went with version 3
    transport = fields.get("transport", [""])[0]
    if transport not in ("polling", "websocket"):
        return UNKNOWN_TRANSPORT
    if fields.get("EIO") != ["4"]:
        return UNSUPPORTED_VERSION
    return transport, fields["sid"][0] if "sid" in fields else None


class Registry:
    """The connections of one process.

    Args:
        options: the settings.
        make_handler: given a new connection, the layer above it.
    """

    def __init__(self, options: Options, make_handler: Callable[[Connection], Handler]) -> None:
        self.options = options
        self.stats = Stats()
        self.deflater = Deflater()
        self.connections: dict[str, Connection] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.transports: set[Any] = set()  # WebSockets whose TCP connection is open, in use or closing
        self.leaving = False  # no new session is opened
        self.closing = False  # nothing is answered any more
        self._make_handler = make_handler
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Bind to the running event loop; called at every entrance, does something at the first."""
        if self._loop is None:
            self._loop = loop = asyncio.get_running_loop()
            self.now = loop.time
            self.alarms = Alarms(loop)
            self.flusher = Flusher(loop, self.options.flush_tick_ms / 1000, self.stats.flush)
            self.flusher_add = self.flusher.add  # one bound method for all

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that is counted, and kept until it is done."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def open(self, channel: Channel, state: State, answer: bytes = b"") -> Connection:
        """A new session on `channel`; its `open` packet is the first thing sent, in one write with `answer`."""
        options = self.options
        sid = options.sid_prefix + secrets.token_urlsafe(18)
        connection = Connection(self, sid, channel, state)
        self.connections[sid] = connection
        self.stats.opened += 1
        connection.handler = self._make_handler(connection)
        upgrades: Sequence[str] = ("websocket",) if state is State.POLLING else ()
        hello = encode_open(sid, upgrades, options.ping_interval_ms, options.ping_timeout_ms, options.max_payload)
        opening = Encoded(hello)
        opening.frames = answer + opening.frames
        connection.send(opening)
        connection.flush({})
        connection.rearm()
        return connection

    def remove(self, connection: Connection, reason: str) -> None:
        """The connection is over; called by it, once."""
        del self.connections[connection.sid]
        self.alarms.cancel(connection)
        self.stats.closed[reason] += 1

    def find(self, sid: str) -> Connection | None:
        """The live session of that id. Its deadlines are looked at first: a session whose time is up is not found."""
        connection = self.connections.get(sid)
        if connection is not None and connection.alarm_at <= self.now():
            connection.on_alarm(self.now())
        return self.connections.get(sid)

    def check(
        self, query: bytes, method: str, transport: str, origin: str | None, host: str | None
    ) -> Connection | Refusal | None:
        """Who asks, by EIO "Query parameters".

        Args:
            query: the raw query string.
            transport: the one the request came by, `polling` or `websocket`.
            origin: the request's `Origin` header.
            host: its `Host` header.

        Returns:
            The session named by `sid`; None where a new one may be opened; or why not.
        """
        if self.closing:
            return CLOSING
        if not self.allows(origin, host):
            return FORBIDDEN
        asked = (_read_query if len(query) < 256 else _read_query.__wrapped__)(query)
        if isinstance(asked, Refusal):
            return asked
        named, sid = asked
        if named != transport:
            return BAD_REQUEST
        if sid is not None:
            return self.find(sid) or UNKNOWN_SID
        if method != "GET":
            return BAD_METHOD
        if self.leaving:
            return CLOSING
        if len(self.connections) >= self.options.max_connections:
            self.stats.refused += 1
            return FULL
        return None

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of that origin may connect: by the list alone, where there is one.

        Without a list, a page that came from the very host it now asks: no page can choose what its browser says there.
        """
        allowed = self.options.cors_origins
        if origin is None or allowed == "*" or origin in allowed:
            return True
        return not allowed and host is not None and origin.partition("://")[2].lower() == host.lower()

    def send_away(self) -> None:
        """Close every connection at once; official clients come back."""
        for connection in list(self.connections.values()):
            connection.close(SHUTTING_DOWN, code=GOING_AWAY, text=SHUTTING_DOWN)

    async def close(self, timeout: float) -> None:
        """Close every connection, so that official clients come back to another node; then wait.

        Args:
            timeout: seconds after which transports are cut and tasks cancelled.
        """
        self.closing = True
        self.start()
        self.send_away()
        end = self.now() + timeout
        while (self.transports or self.tasks) and self.now() < end:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(0.01)
        for transport in list(self.transports):
            transport.abort()
        leftover = [task for task in self.tasks if task is not asyncio.current_task()]
        for task in leftover:
            task.cancel()
        if leftover:
            await asyncio.wait(leftover, timeout=1)
