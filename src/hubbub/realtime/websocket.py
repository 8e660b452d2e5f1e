"""The WebSocket transport: an `asyncio.Protocol` that uvicorn hands the socket to on upgrade.

Promises: messages above `max_payload` end in 1009, text that is not UTF-8 in 1007, floods of control frames and
fragments in 1008. A close frame is followed by the end of our half of the socket, and by the end of the socket within
`_LINGER`. Frames are read by `wire/websocket_frame.py`; those sent were made elsewhere.
Before it: uvicorn, and `handshake.py`. After it: `connection.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from hubbub.realtime import transport as end
from hubbub.realtime.broadcast import Encoded, join, type_of_memo
from hubbub.realtime.connection import Connection
from hubbub.realtime.handshake import shake_hands
from hubbub.realtime.registry import Refusal, Registry
from hubbub.wire import websocket_frame
from hubbub.wire.engineio_packet import Packet, PacketType, decode_text
from hubbub.wire.engineio_session import State
from hubbub.wire.errors import WireError
from hubbub.wire.websocket_deflate import Deflater, inflate
from hubbub.wire.websocket_frame import BINARY, CLOSE, PING, TEXT, FrameReader

if TYPE_CHECKING:
    from uvicorn.server import ServerState

_LINGER: Final = 0.15  # seconds a client has to answer a close frame
_LINGER_ROUNDS: Final = 20  # times that, while what was written before it is still leaving
_MAX_CONTROLS: Final = 200  # control frames in a second


class WebSocketProtocol(asyncio.Protocol):
    """One WebSocket: a handshake, then a `Channel` of a connection, in use or on offer for an upgrade.

    Args:
        registry: the process's connections.
        server_state: uvicorn's, whose `connections` it waits for at shutdown.
    """

    __slots__ = (
        "_connection", "_control_count", "_control_second", "_deflater", "_is_new", "_linger_rounds", "_reader",
        "_registry", "_server_state", "_timer", "_transport", "ready",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, registry: Registry, server_state: ServerState) -> None:
        registry.start()
        self._registry = registry
        self._server_state = server_state
        self._connection: Connection | None = None
        self._deflater: Deflater | None = None  # there once compression is agreed upon
        self._reader: FrameReader | None = None  # there while a close frame may still be written
        self._is_new = True
        self._control_count = 0
        self._control_second = 0.0
        self._linger_rounds = 0
        self._timer: asyncio.TimerHandle | None = None
        self.ready = True

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=min(end.HIGH_WATER, self._registry.options.outbox_bytes // 2))
        self._server_state.connections.add(cast("Any", self))
        self._registry.transports.add(self)

    def data_received(self, data: bytes) -> None:
        connection, reader = self._connection, self._reader
        self._registry.stats.bytes_in += len(data)
        if connection is None or reader is None:
            if self._is_new:
                self._is_new = False
                self._handshake(data)  # uvicorn hands over one whole request
            return
        for opcode, payload in reader.receive(data):
            if opcode in (TEXT, BINARY):
                self._message(connection, opcode, payload)
            elif opcode == CLOSE:
                self._say_close(payload)
                self._ended(end.CLIENT_CLOSED)
            elif self._is_flood():
                connection.fail(WireError("too many control frames"), end.POLICY, self)
            elif opcode == PING:
                self._transport.write(websocket_frame.pong_frame(payload))
            if self._connection is None:
                return
        if reader.error is not None:
            connection.fail(reader.error, reader.error.code, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(cast("Any", self))
        self._registry.transports.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended(end.CLIENT_CLOSED if exc is None else "transport error")

    def pause_writing(self) -> None:
        self.ready = False
        if self._connection is not None:
            self._connection.channel_full(self)

    def resume_writing(self) -> None:
        self.ready = True
        if self._connection is not None:
            self._connection.channel_ready(self)

    def shutdown(self) -> None:
        """uvicorn is stopping."""
        if self._connection is not None:
            self._connection.close(end.SHUTTING_DOWN, code=end.GOING_AWAY, text=end.SHUTTING_DOWN)
        self.close(end.GOING_AWAY, end.SHUTTING_DOWN)

    # Handshake, EIO "Handshake" and "Upgrade"

    def _handshake(self, data: bytes) -> None:
        found, answer, self._deflater = shake_hands(self._registry, data)
        is_prefix = found is None and self._deflater is None  # one write with what comes first
        if not is_prefix:
            self._transport.write(answer)
        if isinstance(found, Refusal):
            self._write_eof()
            self._linger()
            return
        self._reader = FrameReader(self._registry.options.max_payload, inflate if self._deflater else None)
        if found is None:
            self._connection = self._registry.open(self, State.WEBSOCKET, answer if is_prefix else b"")
        elif found.offer(self):
            self._connection = found
        else:
            # EIO "WebSocket": "A client MUST NOT open more than one WebSocket connection per session. Should it
            # happen, the server MUST close the WebSocket connection."
            self.close(end.POLICY, "this session has a WebSocket")

    # Receiving

    def _message(self, connection: Connection, opcode: int, data: bytes) -> None:
        try:
            packet = Packet(PacketType.MESSAGE, data) if opcode == BINARY else decode_text(data.decode())
        except UnicodeDecodeError:
            # RFC 6455 section 8.1: text that is not UTF-8 fails the connection.
            connection.fail(WireError("text that is not UTF-8"), end.INVALID_DATA, self)
        except WireError as error:
            connection.fail(error, channel=self)
        else:
            connection.receive(self, packet)

    def _is_flood(self) -> bool:
        now = self._registry.now()
        if now - self._control_second >= 1:
            self._control_second = now
            self._control_count = 0
        self._control_count += 1
        return self._control_count > _MAX_CONTROLS

    # Channel

    def write(self, waiting: list[Encoded], memo: type_of_memo) -> tuple[list[Encoded], int, int]:
        _, data, count = join(waiting, memo, self._deflater)
        self._transport.write(data)
        return [], count, len(data)

    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def close(self, code: int, reason: str, *, by_client: bool = False) -> None:
        self._connection = None
        self._say_close(websocket_frame.close_payload(code, reason))
        self._linger()

    def abort(self) -> None:
        self._connection = None
        self._transport.abort()

    # The end

    def _ended(self, reason: str) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.ready = False  # our half may have ended: nothing more is written
            connection.channel_lost(self, reason)
            self._linger()

    def _say_close(self, payload: bytes) -> None:
        """Write a close frame, once, and the end of our half."""
        if self._reader is not None and not self._transport.is_closing():
            self._transport.write(websocket_frame.close_frame(payload))
            self._write_eof()
        self._reader = None

    def _write_eof(self) -> None:
        if self._transport.can_write_eof():
            try:
                self._transport.write_eof()
            except OSError:  # the client has reset the connection
                self._transport.abort()

    def _linger(self) -> None:
        """Close the socket once the client has had time to read the close frame and answer it.

        Closing at once, with bytes of the client unread, would reset the connection and could take the frame with it.
        """
        if self._timer is None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._timer = asyncio.get_running_loop().call_later(_LINGER, self._cut)

    def _cut(self) -> None:
        self._timer = None
        self._linger_rounds += 1
        if self._transport.get_write_buffer_size() and self._linger_rounds < _LINGER_ROUNDS:
            self._linger()
        else:
            self._transport.abort()
