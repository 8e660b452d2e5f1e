"""A connection whose session another process has: its bytes go there and back, unread.

Of another node it is a WebSocket; of a sibling any connection whose TLS ends here.

Promises: neither end is read faster than the other takes; one that takes nothing for `_STUCK` seconds ends both, as a
slow client's connection would end at its node; the end of one half reaches the other side, and both are closed soon after.
Before it: `NodeHttp`, which uvicorn runs as its `http=`, and `nodes.py`, or `siblings.py`. After it: the other process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from hubbub.realtime.http import BoundedHttp

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from hubbub.realtime.nodes import Nodes

_STUCK: Final = 20.0
_LINGER: Final = 5.0  # seconds between the end of one half and that of the whole


@dataclass(frozen=True, slots=True)
class Near:
    """A client's upgrade request, with its connection.

    Attributes:
        otherwise: goes on with it where no node takes it.
    """

    transport: asyncio.Transport
    target: bytes
    headers: list[tuple[bytes, bytes]]
    client: str | None
    scheme: str
    otherwise: Callable[[], None]


class Tunnel:
    """Both ends. The far one is connected and asked first; then `join` gives it the near one.

    Args:
        over: called once, when it has ended.
    """

    def __init__(self, over: Callable[[Tunnel], None]) -> None:
        self.far = End(self)
        self._near: End | None = None
        self._over: Callable[[Tunnel], None] | None = over
        self._answered: asyncio.Future[None] | None = None  # there once something was asked
        self._answer = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, request: bytes) -> None:
        """Send the request; return when the first bytes of its answer are there.

        Raises:
            OSError: the node has cut the connection instead.
        """
        self._answered = asyncio.get_running_loop().create_future()
        self.far.transport.write(request)
        await self._answered

    def join(self, transport: asyncio.Transport) -> None:
        """Give it the client's connection: what the node has answered goes out, then all that comes."""
        near = End(self)
        self._near = near
        transport.set_protocol(near)
        near.connection_made(transport)
        if transport.is_closing() or self._over is None:
            self.abort()
            return
        transport.write(bytes(self._answer))
        self._answer.clear()
        self.far.transport.resume_reading()
        transport.resume_reading()

    def heard(self, end: End, data: bytes) -> None:
        """Bytes came from one end."""
        if self._near is not None:
            self.opposite(end).transport.write(data)
            return
        self._answer += data
        self.far.transport.pause_reading()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def opposite(self, end: End) -> End:
        assert self._near is not None
        return self.far if end is self._near else self._near

    def half_ended(self, end: End) -> None:
        """One end sends nothing more."""
        if self._near is None:
            self.abort()
        elif self._timer is not None:  # the second half
            self.close()
        else:
            other = self.opposite(end).transport
            if other.can_write_eof() and not other.is_closing():
                other.write_eof()
            self._timer = asyncio.get_running_loop().call_later(_LINGER, self.close)

    def close(self) -> None:
        """End both, after what is still to leave."""
        for end in self._ends():
            end.transport.close()

    def abort(self) -> None:
        """End both at once."""
        for end in self._ends():
            end.transport.abort()

    def lost(self) -> None:
        """One end is gone, so the other goes."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionResetError())
        self.close()
        if self._timer is not None:
            self._timer.cancel()
        over, self._over = self._over, None
        if over is not None:
            over(self)

    def _ends(self) -> list[End]:
        return [self.far] if self._near is None else [self.far, self._near]


class End(asyncio.Protocol):
    """One end of a tunnel."""

    transport: asyncio.Transport

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._tunnel.heard(self, data)

    def eof_received(self) -> bool:
        self._tunnel.half_ended(self)
        # Our half of this one goes on; of one with TLS it cannot: it closes by itself, after what is still to leave.
        return self.transport.can_write_eof()

    def pause_writing(self) -> None:
        self._tunnel.opposite(self).transport.pause_reading()
        self._stuck = asyncio.get_running_loop().call_later(_STUCK, self._tunnel.abort)

    def resume_writing(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        other = self._tunnel.opposite(self).transport
        if not other.is_closing():
            other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
        self._tunnel.lost()


class NodeHttp(BoundedHttp):
    """HTTP within bounds, but for upgrades of sessions that another node has.

    Args:
        nodes: the other nodes; None where there are none.
    """

    def __init__(
        self,
        nodes: Nodes | None,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._nodes = nodes
        super().__init__(config, server_state, app_state, _loop)

    def handle_websocket_upgrade(self) -> None:
        here = super().handle_websocket_upgrade
        if self._nodes is not None:
            client = self.client[0] if self.client else None
            near = Near(self.transport, self.url, self.headers, client, self.scheme or "http", here)
            if self._nodes.tunnel(near):
                self.connections.discard(self)  # no longer uvicorn's to wait for
                return
        here()
