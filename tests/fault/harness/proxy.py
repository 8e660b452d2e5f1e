"""A TCP proxy that spoils what goes through it: slows, slices, holds, swallows, cuts; and, with a filter that knows the
protocol, cuts or changes one message of it (`protocols.py`).

    proxy = Proxy(("127.0.0.1", port))
    await proxy.start()
    proxy.faults.latency = 0.05          # from now on, for every connection, in both directions
    proxy.cut()                          # reset all connections that are open

The names of the faults are Toxiproxy's. All of them act on every chunk as it passes, so that they may be changed at any
moment; `limit` is counted for each connection from its beginning, down only.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 65_536


@dataclass
class Faults:
    """What happens to everything that passes.

    Attributes:
        latency, jitter: seconds each chunk is late: latency, give or take the jitter.
        bandwidth: bytes a second in each direction; 0: no limit.
        slicer: most bytes sent at once; 0: no limit.
        limit: gives, for each new connection, after how many bytes to the client it is reset; None: never.
        is_paused: nothing passes; it goes on when this is False again.
        is_blackhole: everything is read and thrown away.
        refuses: a new connection is reset at once.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: int = 0
    slicer: int = 0
    limit: Callable[[], int] | None = None
    is_paused: bool = False
    is_blackhole: bool = False
    refuses: bool = False

    def clear(self) -> None:
        """No faults any more."""
        self.__dict__.update(Faults().__dict__)


class CutError(Exception):
    """Raised by a filter: let `rest` through, then reset the connection on both sides."""

    def __init__(self, rest: bytes = b"") -> None:
        super().__init__("cut")
        self.rest = rest


class Filter:
    """Sees one connection's bytes, and gives what is to be sent on in their place. This one changes nothing.

    Raises:
        CutError: from either method.
    """

    def up(self, data: bytes) -> bytes:
        """From the client."""
        return data

    def down(self, data: bytes) -> bytes:
        """From the server."""
        return data

    def idle(self) -> bytes:
        """Nothing has come from the server for a moment: what was held back and may go down now."""
        return b""


class Proxy:
    """One listening port before one server.

    Args:
        target: host and port of the server.
        make_filter: makes the filter of each new connection.
        chance: for the jitter.
        window: bytes of the server's that may lie unread before it; None: the kernel's choice, which is megabytes.

    Attributes:
        accepted, cuts: connections taken; those reset by a fault, a filter or `cut`.
    """

    def __init__(
        self,
        target: tuple[str, int],
        make_filter: Callable[[], Filter] = Filter,
        chance: random.Random | None = None,
        window: int | None = None,
    ) -> None:
        self.target = target
        self.faults = Faults()
        self.accepted = self.cuts = 0
        self._make_filter, self._window = make_filter, window
        self._chance = chance or random.Random(0)
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, share: float = 1.0) -> int:
        """Reset connections: all, or each with the probability `share`; how many."""
        some = [one for one in self._open if share >= 1.0 or self._chance.random() < share]
        for one in some:
            one.reset()
        return len(some)

    async def _above(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        end = socket.socket()
        try:
            if self._window is not None:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window)
            end.setblocking(False)
            await asyncio.get_running_loop().sock_connect(end, self.target)
            return await asyncio.open_connection(sock=end, limit=self._window or _CHUNK)
        except BaseException:
            end.close()
            raise

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        if self.faults.refuses:
            self.cuts += 1
            _reset(writer)
            return
        try:
            above = await self._above()
        except OSError:
            _reset(writer)
            return
        connection = _Connection(self, (reader, writer), above, self._make_filter())
        self._open.add(connection)
        try:
            await connection.run()
        except asyncio.CancelledError:
            pass  # `close`; the streams' own callback wants no cancelled task
        finally:
            self._open.discard(connection)


class _Connection:
    """A client's connection and the one to the server, and a pump in each direction."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        filter_: Filter,
    ) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._filter = filter_
        limit = proxy.faults.limit
        self._left = limit() if limit is not None else None

    def reset(self) -> None:
        self._proxy.cuts += 1
        for _, writer in (self._client, self._server):
            _reset(writer)

    async def run(self) -> None:
        pumps = [
            asyncio.create_task(self._pump(self._client[0], self._server[1], is_down=False)),
            asyncio.create_task(self._pump(self._server[0], self._client[1], is_down=True)),
        ]
        try:
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for _, writer in (self._client, self._server):
                writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_down: bool) -> None:
        faults, handle = self._proxy.faults, self._filter.down if is_down else self._filter.up
        try:
            while True:
                try:
                    async with asyncio.timeout(0.05 if is_down else None):
                        data = await reader.read(_CHUNK)
                except TimeoutError:
                    data = self._filter.idle()
                    if data:
                        await self._send(writer, data, is_down)
                    continue
                if not data:
                    break
                while faults.is_paused:
                    await asyncio.sleep(0.01)
                if faults.is_blackhole:
                    continue
                await self._send(writer, handle(data), is_down)
            with contextlib.suppress(OSError):
                if writer.can_write_eof():
                    writer.write_eof()
        except CutError as cut:
            with contextlib.suppress(OSError):
                writer.write(cut.rest)
                await writer.drain()
            self.reset()
        except OSError:
            for _, other in (self._client, self._server):
                other.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes, is_down: bool) -> None:
        faults = self._proxy.faults
        if faults.latency or faults.jitter:
            await asyncio.sleep(max(0.0, faults.latency + self._proxy._chance.uniform(-1, 1) * faults.jitter))
        if is_down and self._left is not None:
            self._left -= len(data)
            if self._left <= 0:
                raise CutError(data[: self._left] if self._left else data)
        step = min(faults.slicer or _CHUNK, faults.bandwidth // 20 if faults.bandwidth else _CHUNK) or 1
        for start in range(0, len(data), step):
            part = data[start : start + step]
            writer.write(part)
            await writer.drain()
            if faults.bandwidth:
                await asyncio.sleep(len(part) / faults.bandwidth)
            elif faults.slicer:
                await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a RST, as a crash or a firewall would."""
    end = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
