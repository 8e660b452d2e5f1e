"""TLS below HTTP: connections are accepted, and shake hands within bounds before a byte of HTTP is read.

The event loop's own server gives a handshake a minute, and knows no number of them. Promises: one takes
`HANDSHAKE_SECONDS` at most; of `HANDSHAKES_MAX` at once the one that has waited longest makes room, if it has waited for
`MAKES_ROOM`, and else the newcomer is closed, to come back by itself.
Before it: `http_server.py`, which gives it the listening socket. After it: `http.py` and its kin, which see no difference.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HANDSHAKE_SECONDS: Final = 10.0  # as long as a head of HTTP may take
HANDSHAKES_MAX: Final = 2_000
MAKES_ROOM: Final = 1.0  # seconds; a client that means it has long been through
_ACCEPTED_AT_ONCE: Final = 100  # then the others have their turn
_PAUSE: Final = 1.0  # seconds until it is tried again where there are too few open files


@dataclass(slots=True)
class HandshakeStats:
    """Counters since the start."""

    failed: int = 0
    """Handshakes that came to nothing: no TLS, a certificate that was not believed, a client gone or too slow."""
    refused: int = 0
    """Connections that were closed because too many handshakes were under way."""


class Handshakes:
    """Listens, and has those of one process that are under way.

    Args:
        context: what the server shows.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.stats = HandshakeStats()
        self._context = context
        self._began: dict[asyncio.Task[None], float] = {}  # oldest first
        self._listener: socket.socket | None = None
        self._again: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """How many are under way."""
        return len(self._began)

    def listen(self, listener: socket.socket, backlog: int, make: Callable[[], asyncio.Protocol]) -> None:
        """Begin.

        Args:
            listener: bound; whoever gives it closes it, after `close`.
            make: the protocol for a connection that is encrypted.
        """
        self._make = make
        self._listener = listener
        listener.setblocking(False)
        listener.listen(backlog)
        self._go_on()

    def close(self) -> None:
        """Accept no more, and end the handshakes that are under way."""
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        if self._again is not None:
            self._again.cancel()
        for task in self._began:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait for the end of what `close` has ended."""
        await asyncio.gather(*self._began, return_exceptions=True)

    def _go_on(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # too few open files, or too little memory: what waits would call us again and again
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener.fileno())
                self._again = loop.call_later(_PAUSE, self._go_on)
                return
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if len(self._began) >= HANDSHAKES_MAX:
            self.stats.refused += 1
            oldest = next(iter(self._began))
            if self._began[oldest] > loop.time() - MAKES_ROOM:
                connection.close()
                return
            del self._began[oldest]
            oldest.cancel()
        connection.setblocking(False)
        task = loop.create_task(self._shake_hands(connection), name="TLS handshake")
        self._began[task] = loop.time()
        task.add_done_callback(self._ended)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError:
            self.stats.failed += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._began.pop(task, None)
