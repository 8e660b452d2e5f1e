"""Between `realtime` and an application: its handlers for one namespace, the sockets it is given, what it may answer.

Before it: `dispatch.py`, which calls them one event after another. After it: the application, such as `sockets/`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hubbub.realtime.broadcast import Encoded, encode_event

if TYPE_CHECKING:
    from hubbub.realtime.connection import Connection
    from hubbub.realtime.dispatch import Dispatcher

Pending = asyncio.Future[Any]
"""What `Handlers.event` returns when its ordered part is done: the ack goes out when the future resolves."""


class Args(tuple[Any, ...]):
    """Several arguments for one ack."""

    __slots__ = ()


class ConnectRefused(Exception):
    """Raised by `Handlers.connect`: the client gets CONNECT_ERROR with `message`, and `data` where given."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class Handlers(Protocol):
    """What an application does in one namespace."""

    async def connect(self, socket: Socket, auth: Any) -> None:
        """A client asks in; `auth` is its object, `{}` without one. What is emitted here leaves after the answer.

        Raises:
            ConnectRefused: it may not. Any other exception refuses too, and is logged.
        """

    def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        """An event came.

        Returns:
            The ack's one argument; None for none, `Args` for several, or a `Pending` future of any of these, in
            which case the next event is taken at once; or a coroutine of any of all these, which is awaited first.
            An exception is acked with what `on_error` makes of it.
        """

    def disconnected(self, socket: Socket, reason: str) -> None:
        """The socket is gone."""


class Socket:
    """One client in one namespace.

    Attributes:
        id: the Socket.IO session id, 144 random bits.
        data: the application's own.
        send: queue an already encoded event, shared by many.
    """

    __slots__ = ("_dispatcher", "connected", "connection", "data", "id", "namespace", "send")

    def __init__(self, dispatcher: Dispatcher, connection: Connection, namespace: str) -> None:
        self.id = secrets.token_urlsafe(18)
        self.namespace = namespace
        self.connection = connection
        self.connected = True
        self.data: Any = None
        self.send: Callable[[Encoded], None] = connection.send
        self._dispatcher = dispatcher

    def __repr__(self) -> str:
        return f"Socket({self.namespace}, connected={self.connected})"

    def emit(self, event: str, *args: Any) -> None:
        """Send an event; bytes in the arguments become attachments. Never blocks; does nothing once disconnected."""
        self.send(encode_event(self.namespace, event, args))

    def disconnect(self) -> None:
        """Leave this namespace with a DISCONNECT: official clients do not come back by themselves."""
        self._dispatcher.leave(self)

    def close(self, reason: str) -> None:
        """Close the transport: official clients come back by themselves. `reason` is for `disconnected` and metrics."""
        self.connection.close(reason)
