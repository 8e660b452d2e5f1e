"""`Realtime`: the whole of Engine.IO and Socket.IO for one process, as uvicorn and an application see it.

Give `protocol_factory` to uvicorn as `ws=`, route HTTP requests under `options.path` to the instance itself, and call
`leave` and `close` before uvicorn stops. Before it: `app.py`. After it: `registry.py`, `websocket.py`, `polling.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hubbub.realtime.application import Handlers
from hubbub.realtime.connection import Connection
from hubbub.realtime.dispatch import Dispatcher
from hubbub.realtime.leaving import leave
from hubbub.realtime.polling import Polling, Receive, Scope, Send
from hubbub.realtime.registry import Options, Registry, Stats
from hubbub.realtime.transport import Handler
from hubbub.realtime.websocket import WebSocketProtocol
from hubbub.wire.websocket_deflate import Deflater

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState


def _refuse_error(error: BaseException) -> Any:
    """The ack's argument when an application gives no `on_error`: nothing of the error is told."""
    return {"success": False, "code": "internal"}


class Realtime:
    """The socket edge of a process.

    Args:
        options: the settings.
        namespaces: the application's handlers by namespace; other namespaces are refused.
        on_error: makes an ack's argument of an exception that a handler raised. Unexpected ones are logged before.
        engine: instead of Socket.IO, a layer of one's own above each connection; `namespaces` is then not used.
    """

    def __init__(
        self,
        options: Options,
        namespaces: Mapping[str, Handlers],
        *,
        on_error: Callable[[BaseException], Any] = _refuse_error,
        engine: Callable[[Connection], Handler] | None = None,
    ) -> None:
        def socketio(connection: Connection) -> Handler:
            return Dispatcher(self._registry, connection, namespaces, on_error)

        self.options = options
        self._registry = Registry(options, engine or socketio)
        self._polling = Polling(self._registry)

    def protocol_factory(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> WebSocketProtocol:
        """What uvicorn calls for each WebSocket upgrade."""
        return WebSocketProtocol(self._registry, server_state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application for polling."""
        await self._polling(scope, receive, send)

    def send_away(self) -> None:
        """Close every connection at once, to come back by itself, to this process or another."""
        self._registry.send_away()

    async def leave(self, most: float) -> None:
        """Open nothing new, and send every client away at a moment of its own; see `leaving.py`.

        Args:
            most: seconds this may take; who has not gone by then is closed by `close`.
        """
        await leave(self._registry, most)

    async def close(self, deadline: float = 5.0) -> None:
        """Close every connection, so that official clients come back by themselves, and wait for handlers to return.

        Args:
            deadline: seconds after which sockets are cut and handlers cancelled.
        """
        await self._registry.close(deadline)

    @property
    def stats(self) -> Stats:
        """Counters since the start."""
        return self._registry.stats

    @property
    def deflater(self) -> Deflater:
        """What compresses, with its counters."""
        return self._registry.deflater

    @property
    def connections(self) -> int:
        """Sessions that are open now."""
        return len(self._registry.connections)

    @property
    def transports(self) -> int:
        """WebSockets whose TCP connection is open now, closing ones included."""
        return len(self._registry.transports)

    @property
    def tasks(self) -> int:
        """Connections whose events are being handled now."""
        return len(self._registry.tasks)
