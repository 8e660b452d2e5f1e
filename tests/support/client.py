"""A Socket.IO client for tests: python-socketio's, with every event kept and bounded waits instead of sleeps.

Whatever the server sends, event or ack, is held against /asyncapi.json as the server makes it: an event that the
document does not know, a field it does not name, a type it does not give, fails the test that saw it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import warnings
from collections.abc import Callable
from typing import Any

import aiohttp
import socketio
from tests.support.asyncapi import check_ack, check_event

Predicate = Callable[[Any], bool]


class Client:
    """One socket.

    Args:
        trust: verifies the server's certificate, where it speaks TLS.

    Attributes:
        events: what came, in order: (event, data).
        refused: the data of CONNECT_ERROR, where that came.
        ended: set once the connection is gone.
        checks: False where a test cannot afford to hold each event against the document.
    """

    def __init__(
        self,
        url: str,
        *,
        transports: tuple[str, ...] = ("websocket",),
        reconnection: bool = False,
        compression: bool = False,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.url = url
        self.events: list[tuple[str, Any]] = []
        self.refused: Any = None
        self.ended = asyncio.Event()
        self.checks = True
        self.faults: list[str] = []
        self._changed = asyncio.Event()
        self._transports = list(transports)
        # With TLS each request has a connection of its own, so that none is for the right worker by chance.
        connector = aiohttp.TCPConnector(ssl=trust, force_close=True) if trust is not None else None
        self.sio = socketio.AsyncClient(
            http_session=aiohttp.ClientSession(connector=connector) if connector is not None else None,
            reconnection=reconnection,
            handle_sigint=False,
            request_timeout=20,
            websocket_extra_options={"compress": 15} if compression else None,
        )
        self.sio.on("*", self._take)
        self.sio.on("connect_error", self._refuse)
        self.sio.on("disconnect", self._end)

    async def connect(self, auth: Any = None, timeout: float = 20) -> None:
        """Connect; raises `socketio.exceptions.ConnectionError` where that is refused."""
        await self.sio.connect(self.url, auth=auth, transports=self._transports, wait_timeout=timeout)

    async def close(self, *, collect: bool = True) -> None:
        """Leave; raises where anything that came is not in the document.

        Args:
            collect: False for all but the last of many that are closed: looking through all memory takes its time.
        """
        engine = self.sio.eio
        session = engine.http
        tasks = [task for task in (engine.read_loop_task, engine.write_loop_task) if task is not None]
        with contextlib.suppress(Exception):
            await self.sio.disconnect()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        if session is not None and not session.closed:
            await session.close()
        if collect and "polling" in self._transports:
            with warnings.catch_warnings():
                # python-socketio's client leaves the answers to its POSTs unread; that is told here, not in another test.
                warnings.simplefilter("ignore", ResourceWarning)
                del session
                gc.collect()
        assert not self.faults, self.faults

    async def call(self, event: str, data: Any = None, timeout: float = 20) -> Any:
        """Send an event and give its ack."""
        ack = await self.sio.call(event, data, timeout=timeout)
        if self.checks:
            self._fault(check_ack(event, ack))
        return ack

    async def ok(self, event: str, data: Any = None) -> dict[str, Any]:
        """The ack of what must succeed."""
        ack: dict[str, Any] = await self.call(event, data)
        assert ack["success"] is True, ack
        return ack

    async def fails(self, event: str, data: Any = None, *, code: str) -> dict[str, Any]:
        """The ack of what must fail so."""
        ack: dict[str, Any] = await self.call(event, data)
        assert (ack["success"], ack["code"]) == (False, code), ack
        assert isinstance(ack["message"], str)
        assert isinstance(ack["retryable"], bool)
        return ack

    def got(self, event: str) -> list[Any]:
        """What came of one event, oldest first."""
        return [data for name, data in self.events if name == event]

    def clear(self) -> None:
        """Forget what came."""
        self.events.clear()

    async def wait_for(self, event: str, predicate: Predicate = lambda _: True, timeout: float = 20) -> Any:
        """The first that came, or will come, of an event for which `predicate` holds.

        Raises:
            AssertionError: none within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for name, data in self.events:
                        if name == event and predicate(data):
                            return data
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no such {event} in {timeout} s; what came: {self.events[-20:]}") from None

    async def settle(self) -> None:
        """All that the server has sent this socket so far has come: an ack goes the same way, behind it."""
        await self.sio.call("no-such-event", timeout=5)

    async def gone(self, timeout: float = 20) -> None:
        """Wait until the server has ended the connection."""
        async with asyncio.timeout(timeout):
            await self.ended.wait()

    def _take(self, event: str, *args: Any) -> None:
        data = args[0] if args else None
        if self.checks:
            self._fault(check_event(event, args))
        self.events.append((event, data))
        self._changed.set()

    def _fault(self, fault: str | None) -> None:
        if fault is not None:
            self.faults.append(fault)

    def _refuse(self, data: Any = None) -> None:
        self.refused = data

    def _end(self, *_: Any) -> None:
        self.ended.set()
