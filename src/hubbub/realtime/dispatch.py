"""Socket.IO above one connection: its events, first in first out, to the application's handlers; their acks back.

Promises: the events of a connection are handled one after another in the order they came; a task exists only while
there are events; above `inbox_max` unanswered events the connection is not read. For each socket whose `connect`
returned, `disconnected` is called exactly once, after the handler then running has returned, and nothing after it.
Before it: `connection.py`. After it: the application's `Handlers`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hubbub.errors import HubbubError
from hubbub.realtime.application import Args, ConnectRefused, Handlers, Pending, Socket
from hubbub.realtime.broadcast import Encoded, encode_ack_json, encode_packet
from hubbub.wire.errors import ProtocolViolation
from hubbub.wire.socketio_packet import Packet, PacketType
from hubbub.wire.socketio_session import SocketIOSession

if TYPE_CHECKING:
    from hubbub.realtime.connection import Connection
    from hubbub.realtime.registry import Registry

CLIENT_LEFT: Final = "client namespace disconnect"
SERVER_LEFT: Final = "server namespace disconnect"
_LOGGER: Final = logging.getLogger("hubbub.realtime")


class Dispatcher:
    """A `connection.Handler` that speaks Socket.IO.

    Args:
        namespaces: the handlers by namespace; others are refused.
        on_error: makes an ack's argument of an exception that a handler raised.
    """

    __slots__ = (
        "_busy", "_connection", "_farewells", "_in_flight", "_inbox", "_inbox_max", "_namespaces", "_on_error", "_over",
        "_registry", "_session", "_sockets",
    )  # fmt: skip

    def __init__(
        self,
        registry: Registry,
        connection: Connection,
        namespaces: Mapping[str, Handlers],
        on_error: Callable[[BaseException], Any],
    ) -> None:
        options = registry.options
        self._registry = registry
        self._connection = connection
        self._namespaces = namespaces
        self._on_error = on_error
        self._session = SocketIOSession(
            registry.now(),
            connect_timeout=options.connect_timeout_ms / 1000,
            max_bytes=options.max_payload,
            max_attachments=options.max_attachments,
        )
        self._inbox: list[Packet] = []  # short, and a deque has 600 bytes from the start
        self._inbox_max = options.inbox_max
        self._in_flight = 0
        self._busy = False  # with an event, which may be waiting
        self._sockets: dict[str, Socket] = {}
        self._farewells: list[tuple[Socket, str]] = []
        self._over: str | None = None

    # connection.Handler

    @property
    def deadline(self) -> float | None:
        return self._session.deadline

    @property
    def is_idle(self) -> bool:
        return not (self._busy or self._inbox or self._in_flight)

    def message(self, data: str | bytes) -> None:
        packet = self._session.receive(data)
        if packet is None:
            return
        if packet.type is PacketType.ACK:
            self._registry.stats.acks_ignored += 1  # we never ask for one
            return
        self._inbox.append(packet)
        if len(self._inbox) + self._in_flight >= self._inbox_max:
            self._connection.pause_reading()
        self._work()

    def closed(self, reason: str) -> None:
        self._over = reason
        self._inbox.clear()
        for socket in self._sockets.values():
            self._part(socket, reason)
        self._sockets.clear()
        if not self._busy:
            self._say_farewell()

    # One event after another

    def _work(self) -> None:
        """Handle what came, until a handler has to wait: then a task goes on where this ends."""
        while not self._busy and self._inbox and self._in_flight < self._inbox_max:
            self._busy = True
            wait = self._begin(self._inbox.pop(0))
            if wait is not None:
                self._registry.spawn(self._wait(wait))
                return
            self._rest()

    async def _wait(self, wait: Coroutine[Any, Any, None]) -> None:
        try:
            await wait
        finally:
            self._rest()
        self._work()

    def _rest(self) -> None:
        """Between two events."""
        self._busy = False
        if self._farewells:
            self._say_farewell()
        if len(self._inbox) + self._in_flight <= self._inbox_max // 2:
            self._connection.resume_reading()

    def _begin(self, packet: Packet) -> Coroutine[Any, Any, None] | None:
        """Handle one packet; where that takes time, what is left to be awaited."""
        if packet.type is PacketType.CONNECT:
            return self._connect(packet)
        socket = self._sockets.get(packet.namespace)
        if socket is None:
            return None  # refused meanwhile
        if packet.type is PacketType.DISCONNECT:
            del self._sockets[packet.namespace]
            self._part(socket, CLIENT_LEFT)
            self._session.rest(self._registry.now())
            self._connection.rearm()
            return None
        self._registry.stats.events += 1
        name, *args = packet.data
        try:
            result = self._namespaces[packet.namespace].event(socket, name, args)
        except Exception as error:
            result = self._failed(socket, error)
        if isinstance(result, CoroutineType):
            return self._await(socket, packet.id, result)
        self._answer(socket, packet.id, result)
        return None

    async def _await(self, socket: Socket, ack: int | None, result: Coroutine[Any, Any, Any]) -> None:
        try:
            answer = await result
        except Exception as error:
            answer = self._failed(socket, error)
        self._answer(socket, ack, answer)

    def _answer(self, socket: Socket, ack: int | None, result: Any) -> None:
        if isinstance(result, asyncio.Future):
            self._in_flight += 1
            result.add_done_callback(partial(self._settled, socket, ack))
        else:
            self._ack(socket, ack, result)

    def _settled(self, socket: Socket, ack: int | None, future: Pending) -> None:
        self._in_flight -= 1
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        self._ack(socket, ack, future.result() if error is None else self._failed(socket, error))
        if not self._busy:
            self._rest()
            self._work()

    def _failed(self, socket: Socket, error: BaseException) -> Any:
        if not isinstance(error, HubbubError):  # a refusal is no fault
            _LOGGER.error("a handler failed", exc_info=error, extra={"connection_id": socket.id})
        return self._on_error(error)

    def _ack(self, socket: Socket, ack: int | None, result: Any) -> None:
        # SIO "Acknowledgement": "The receiver MUST respond with an `ACK` packet with the same event ID."
        if ack is None or not socket.connected:
            return
        if isinstance(result, msgspec.Struct):  # no attachments stand in one
            self._connection.send_soon(encode_ack_json(socket.namespace, ack, msgspec.json.encode(result)))
            return
        args = [] if result is None else list(result) if isinstance(result, Args) else [result]
        try:
            message = encode_packet(Packet(PacketType.ACK, socket.namespace, args, ack))
        except (TypeError, ValueError, RecursionError) as error:
            args = [self._failed(socket, error)]
            message = encode_packet(Packet(PacketType.ACK, socket.namespace, args, ack))
        self._connection.send_soon(message)

    # Joining and leaving, SIO "Connection to a namespace" and "Disconnection from a namespace"

    async def _connect(self, packet: Packet) -> None:
        namespace = packet.namespace
        handlers = self._namespaces.get(namespace)
        if handlers is None:
            self._refuse(namespace, ConnectRefused("Invalid namespace"))
            return
        socket = Socket(self, self._connection, namespace)
        early: list[Encoded] = []
        socket.send = early.append
        try:
            await handlers.connect(socket, {} if packet.data is None else packet.data)
        except Exception as error:
            if not isinstance(error, ConnectRefused):
                _LOGGER.error("a connect handler failed", exc_info=error, extra={"connection_id": socket.id})
                error = ConnectRefused("Internal error")
            socket.connected = False
            self._refuse(namespace, error)
            return
        if self._over is not None:
            self._part(socket, self._over)
            return
        self._session.accept(namespace)
        self._sockets[namespace] = socket
        answer = Packet(PacketType.CONNECT, namespace, {"sid": socket.id})
        self._connection.send(encode_packet(answer))
        socket.send = self._connection.send
        for message in early:
            socket.send(message)
        self._connection.flush({})  # all of it in one write
        if not socket.connected:  # `disconnect` was called before the answer
            socket.connected = True
            self.leave(socket)

    def _refuse(self, namespace: str, refused: ConnectRefused) -> None:
        if self._over is not None:
            return
        data: dict[str, Any] = {"message": refused.message}
        if refused.data is not None:
            data["data"] = refused.data
        self._connection.send(encode_packet(Packet(PacketType.CONNECT_ERROR, namespace, data)))
        if not self._session.refuse(namespace):
            self._connection.fail(ProtocolViolation("refused too often"))

    def leave(self, socket: Socket) -> None:
        """Our side leaves a namespace."""
        if not socket.connected:
            return
        if self._sockets.get(socket.namespace) is not socket:
            socket.connected = False  # still connecting: `_connect` will come back to it
            return
        del self._sockets[socket.namespace]
        socket.send(encode_packet(Packet(PacketType.DISCONNECT, socket.namespace)))
        self._session.leave(socket.namespace, self._registry.now())
        self._connection.rearm()
        self._part(socket, SERVER_LEFT)
        if not self._busy:
            self._say_farewell()

    def _part(self, socket: Socket, reason: str) -> None:
        socket.connected = False
        socket.send = lambda message: None
        self._farewells.append((socket, reason))

    def _say_farewell(self) -> None:
        while self._farewells:
            socket, reason = self._farewells.pop(0)
            try:
                self._namespaces[socket.namespace].disconnected(socket, reason)
            except Exception as error:
                _LOGGER.error("a disconnected handler failed", exc_info=error, extra={"connection_id": socket.id})
