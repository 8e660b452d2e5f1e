"""One connection to a NATS server: as much of its client protocol as the bus needs.

Source: https://docs.nats.io/reference/reference-protocols/nats-protocol. Promises:
- with `needs_tls` nothing but TLS is spoken after the server's first line, which it sends in the clear;
- what comes is handed over as it is read: no queue, no task; a payload longer than is wanted is not kept while it comes;
- every wait has a bound, and `close` lets go at once, whatever waits to be written (why this is our own: decision 0020).

Before: `nats.py`, which opens it, and opens another when this one ends.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

import structlog

from hubbub.fanout.line_bus import Heard, LineBroken

PATIENCE_SECONDS: Final = 5.0
LINE_BYTES: Final = 65_536  # of a control line; INFO is the longest, with the addresses of a large cluster

SignIn: TypeAlias = Callable[[str], dict[str, str]]
"""The fields of CONNECT that say who we are, given the server's challenge."""

log = structlog.get_logger("nats")


class NatsConnection(asyncio.Protocol):
    """Made by `connect`.

    Args:
        heard: called with the subject and bytes of each message; with no bytes for one longer than `most_bytes`.
        broken: called when the connection is gone.
        most_bytes: the longest payload that is wanted.

    Attributes:
        info: what the server said of itself.
    """

    def __init__(self, heard: Heard, broken: Callable[[], None], most_bytes: int) -> None:
        self.info: dict[str, Any] = {}
        self._heard = heard
        self._broken = broken
        self._most = most_bytes
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._coming: tuple[str, int, int] | None = None
        """The message whose payload comes next: subject, bytes of its headers, bytes in all."""
        self._skipping = 0
        self._is_open = False
        self._first_line: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._reason = "the server closed the connection"
        self._sids: dict[str, int] = {}
        self._last_sid = 0

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        needs_tls: bool,
        tls: Callable[[], ssl.SSLContext],
        sign_in: SignIn,
        heard: Heard,
        broken: Callable[[], None],
        most_bytes: int,
    ) -> NatsConnection:
        """Connect and sign in.

        Raises:
            LineBroken, OSError, TimeoutError: it could not be done.
        """
        loop = asyncio.get_running_loop()
        self = cls(heard, broken, most_bytes)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await loop.create_connection(lambda: self, host, port)
                await self._first_line
                if needs_tls and not (self.info.get("tls_required") or self.info.get("tls_available")):
                    raise LineBroken("the server speaks no TLS")
                if needs_tls or self.info.get("tls_required"):
                    assert self._transport is not None
                    self._buffer.clear()  # sent by whom? It was not said inside TLS
                    self._transport = await loop.start_tls(self._transport, self, tls(), server_hostname=host)
                about = {
                    "verbose": False,
                    "pedantic": False,
                    "lang": "hubbub",
                    "version": "1",
                    "protocol": 1,
                    "name": "hubbub",
                }
                about |= {"tls_required": needs_tls, "echo": True, "headers": False, "no_responders": False}
                about |= sign_in(self.info.get("nonce", ""))
                self._is_open = True
                await self._ping([b"CONNECT %b\r\n" % json.dumps(about).encode()])
        except BaseException:
            self.close()
            raise
        return self

    async def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Returns when the server has taken them.

        Raises:
            LineBroken, TimeoutError: nobody knows whether it has.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._ping(b"PUB %b %d\r\n%b\r\n" % (at.encode(), len(payload), payload) for at, payload in messages)

    def subscribe(self, subject: str) -> None:
        """Hear a subject from soon on."""
        if subject not in self._sids:
            self._last_sid += 1
            self._sids[subject] = self._last_sid
            self._write(b"SUB %b %d\r\n" % (subject.encode(), self._last_sid))

    def unsubscribe(self, subject: str) -> None:
        """Hear a subject no longer."""
        sid = self._sids.pop(subject, None)
        if sid is not None:
            self._write(b"UNSUB %d\r\n" % sid)

    def close(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _ping(self, before: Iterable[bytes]) -> None:
        """Write, and wait until the server has read it."""
        pong = asyncio.get_running_loop().create_future()
        self._write(b"".join((*before, b"PING\r\n")))
        self._pongs.append(pong)  # after the writing, which may fail: then nobody waits for this one
        await pong

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise LineBroken(self._reason)
        self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def connection_lost(self, error: Exception | None) -> None:
        for waiting in (self._first_line, *self._pongs):
            if not waiting.done():
                waiting.set_exception(LineBroken(self._reason))
        if self._is_open:
            self._broken()
        elif not self._first_line.cancelled():  # by whoever waited for it long enough
            self._first_line.exception()  # or Python complains that nobody looked at it

    def data_received(self, data: bytes) -> None:
        if self._skipping:
            skipped = min(self._skipping, len(data))
            self._skipping -= skipped
            data = data[skipped:]
        self._buffer += data
        at = 0
        try:
            while (end := self._take(at)) is not None:
                at = end
        except (ValueError, IndexError, LineBroken):
            self._reason = "the server does not speak NATS"
            self.close()
        del self._buffer[:at]

    def _take(self, at: int) -> int | None:
        """Take one line or payload that begins there: where it ends, or None where more has to come."""
        if self._coming is not None:
            subject, headers, size = self._coming
            end = at + size + 2
            if size > self._most + headers:
                self._skipping = max(0, end - len(self._buffer))
                self._coming = None
                self._heard(subject, b"")
                return min(end, len(self._buffer))
            if len(self._buffer) < end:
                return None
            self._coming = None
            self._heard(subject, bytes(self._buffer[at + headers : end - 2]))
            return end
        end = self._buffer.find(b"\r\n", at)
        if end < 0:
            if len(self._buffer) - at > LINE_BYTES:
                raise ValueError
            return None
        self._obey(bytes(self._buffer[at:end]))
        return end + 2

    def _obey(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb in (b"MSG", b"HMSG"):
            words = rest.split()
            size = int(words[-1])
            headers = int(words[-2]) if verb == b"HMSG" else 0
            if not 0 <= headers <= size:
                raise ValueError
            self._coming = words[0].decode(), headers, size
        elif verb == b"PING":
            self._write(b"PONG\r\n")
        elif verb == b"PONG":
            pong = self._pongs.popleft()
            if not pong.done():
                pong.set_result(None)
        elif verb == b"INFO":
            self.info = dict(json.loads(rest))
            if not self._first_line.done():
                self._first_line.set_result(None)
        elif verb == b"-ERR":
            said = rest.decode(errors="replace").strip().strip("'").lower()[:200]
            if said.startswith("permissions violation"):
                log.warning("NATS permits too little", said=said)  # the connection stays; what is missed is read
            else:
                self._reason = said
        elif verb != b"+OK":
            raise ValueError
