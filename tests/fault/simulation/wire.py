"""A TCP connection of a simulation: bytes in order, in pieces, delayed; and its ends, which the two sides see apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any


class Half(asyncio.Transport):
    """One side's transport; what it writes comes to the other side's protocol."""

    def __init__(self, pipe: Pipe, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.pipe = pipe
        self.protocol = protocol
        self.other: Half
        self.closing = False
        self.over = False
        self.paused = False
        self._due = 0.0
        self._stalled: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closing or self.pipe.is_cut:
            return
        data = bytes(data)
        luck = self.pipe.luck
        while data:
            # The request comes whole: uvicorn has gathered it.
            whole = self._due == 0 or luck.random() < 0.8
            size = len(data) if whole else luck.randrange(1, len(data) + 1)
            piece, data = data[:size], data[size:]
            self._later(lambda piece=piece: self.other.take(piece))  # type: ignore[misc]

    def take(self, data: bytes) -> None:
        """Bytes have come here."""
        if self.over or self.pipe.is_cut:
            return
        if self.paused:
            self._stalled.append(data)
        else:
            self.protocol.data_received(data)

    def _later(self, what: Callable[[], None]) -> None:
        """After what was sent before, and a while."""
        loop = asyncio.get_running_loop()
        self._due = max(
            self._due + 1e-6, loop.time() + self.pipe.luck.uniform(0.0001, self.pipe.delay)
        )  # timers of one time have no order
        loop.call_at(self._due, what)

    def lost(self, error: Exception | None) -> None:
        """This side learns that it is over."""
        if not self.over:
            self.over = self.closing = True
            self.protocol.connection_lost(error)

    # asyncio.Transport

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self._later(lambda: self.other.lost(None))
            asyncio.get_running_loop().call_soon(self.lost, None)

    def abort(self) -> None:
        self.close()

    def write_eof(self) -> None:
        self._later(lambda: self.other.lost(None))

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer: what is written is under way."""

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        stalled, self._stalled = self._stalled, []
        for data in stalled:
            asyncio.get_running_loop().call_soon(self.take, data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Pipe:
    """A connection between two protocols.

    Args:
        delay: most seconds that a piece may take.
    """

    def __init__(self, luck: Random, server: asyncio.Protocol, client: asyncio.Protocol, delay: float) -> None:
        self.luck = luck
        self.delay = delay
        self.is_cut = False
        self.server, self.client = Half(self, server), Half(self, client)
        self.server.other, self.client.other = self.client, self.server
        server.connection_made(self.server)
        client.connection_made(self.client)

    def cut(self) -> None:
        """The line breaks: what is under way is lost, and each side learns of it when it learns of it."""
        if self.is_cut:
            return
        self.is_cut = True
        loop = asyncio.get_running_loop()
        for half in (self.server, self.client):
            loop.call_later(self.luck.choice((0.0, 0.01, 1.0, 30.0)), half.lost, ConnectionResetError())
