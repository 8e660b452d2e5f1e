"""uvicorn, as Hubbub runs it: how it is set, and how it begins and ends.

Before it: `app.py`, which puts the parts together. After it: `realtime/http.py`, a connection at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket as sockets
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import uvicorn

from hubbub.realtime import Client, SharedHttp

if TYPE_CHECKING:
    from hubbub.app import Hubbub


BACKLOG: Final = 4_096  # connections that may wait for us to accept them


def http_config(hubbub: Hubbub) -> uvicorn.Config:
    """How uvicorn is to serve it."""
    trusted = hubbub.settings.trusted_proxies
    return uvicorn.Config(
        hubbub,
        http=hubbub.http_protocol,  # type: ignore[arg-type]
        ws=hubbub.realtime.protocol_factory,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=list(trusted),
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        backlog=BACKLOG,
    )


class Server(uvicorn.Server):
    """uvicorn, told by us when to end; sockets are closed before it waits for requests."""

    def __init__(self, config: uvicorn.Config, hubbub: Hubbub, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._hubbub = hubbub
        self._announce = announce

    async def startup(self, sockets: list[sockets.socket] | None = None) -> None:
        await self._listen(sockets or [])
        if self._hubbub.siblings is not None:
            self._hubbub.siblings.listen(self._take, self._hubbub.metrics.text)
        if self.started:
            self._announce()

    async def _listen(self, listeners: list[sockets.socket]) -> None:
        """Where it speaks TLS, `realtime/tls.py` accepts, and uvicorn gets what has shaken hands."""
        handshakes = self._hubbub.handshakes
        await super().startup(listeners if handshakes is None else [])
        if handshakes is not None:
            make = partial(self._hubbub.http_protocol, self.config, self.server_state, {})
            for listener in listeners:
                handshakes.listen(listener, BACKLOG, make)
            self.servers.append(cast("Any", handshakes))  # closed by uvicorn as its own are

    async def _take(self, connection: sockets.socket, first: bytes, client: Client | None) -> None:
        """Go on with a connection that a sibling has handed over."""
        assert self._hubbub.siblings is not None
        make = partial(
            SharedHttp, self._hubbub.siblings, self._hubbub.nodes, self.config, self.server_state, {},
            first=first, decrypted_for=client,
        )  # fmt: skip
        await asyncio.get_running_loop().connect_accepted_socket(make, connection)

    def end(self) -> None:
        """End as a signal would."""
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """The first signal lets clients go, the second ends at once."""
        if self.should_exit:
            self._hubbub.ending.hurry()
            self.force_exit = True
        self.should_exit = True
        self._hubbub.ending.begin()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would end the process before everything is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[sockets.socket] | None = None) -> None:
        await self._hubbub.drain()
        await super().shutdown(sockets)
