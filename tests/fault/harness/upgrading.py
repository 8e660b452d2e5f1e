"""A cheap socket that begins on polling and moves to WebSocket, as Engine.IO's "Upgrade" asks of a client.

Most finish their upgrade. Every fifth gives it up after the probe and stays on polling; every seventh cuts its poll
instead, which is the end of the session. While they upgrade, a POST is on its way beside the poll.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import ClassVar, Final
from urllib.parse import urlsplit

from tests.fault.harness.client import LostError, Polling, Take, WebSocket

SECONDS: Final = 8.0
_numbers = itertools.count(1)


class _Second(WebSocket):
    """The WebSocket of a session that has begun on polling."""

    def __init__(self, owner: Upgrading, host: str, sid: str) -> None:
        super().__init__(owner._take, host, "")
        self._hello = self._hello.replace(b"/socket.io/?", b"/socket.io/?sid=" + sid.encode() + b"&")
        self._hello = self._hello.replace(b"transport=polling", b"transport=websocket")
        self._owner = owner
        self.probed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        was_open = self._is_open
        super().data_received(data)
        if self._is_open and not was_open:
            self._write(1, b"2probe")

    def _frame(self, opcode: int, data: bytes) -> None:
        if opcode == 1 and data == b"3probe":
            if not self.probed.done():
                self.probed.set_result(None)
        else:
            super()._frame(opcode, data)

    def _packet(self, packet: bytes) -> None:
        self._owner._packet(packet)

    def _gone(self) -> None:
        super()._gone()
        if not self.probed.done():
            self.probed.set_exception(LostError("no probe"))
            self.probed.exception()
        self._owner.lost(self)


class Upgrading(Polling):
    """One connection.

    Attributes:
        done: what became of all of them: `upgraded`, `given up`, `cut`, `failed`.
        settled: this one has done what it was to do.
    """

    done: ClassVar[Counter[str]] = Counter()

    def __init__(self, take: Take, url: str, token: str) -> None:
        super().__init__(take, url, token)
        self._url = url
        self._second: _Second | None = None
        self._polls = True
        self._resting = asyncio.Event()
        self._upgrade_task: asyncio.Task[None] | None = None
        self.settled = False

    async def open(self) -> None:
        await super().open()
        self._upgrade_task = asyncio.create_task(self._upgrade(next(_numbers)))

    async def _upgrade(self, number: int) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                await self._connected
                if number % 7 == 0:
                    self.done["cut"] += 1
                    self.settled = True
                    self._gets.close()
                    return
                if number % 5 == 0:
                    (await self._dial()).abort()
                    await self.call("no-such-event", None)
                    self.done["given up"] += 1
                    self.settled = True
                    return
                racing = asyncio.create_task(self.call("no-such-event", None))
                second = await self._dial()
                # Pause: the server lets the poll go with a noop; what is being sent gets there first.
                self._polls = False
                await self._resting.wait()
                async with self._turn:
                    second._write(1, b"5")
                    self._second = second
                await racing
                self.done["upgraded"] += 1
                self.settled = True
        except (OSError, TimeoutError):
            if not self.closed.is_set():
                self.done["failed"] += 1
            self.abort()

    async def _dial(self) -> _Second:
        """A WebSocket of this session whose probe has been answered."""
        parts = urlsplit(self._url)
        sid = self._path.partition("&sid=")[2]
        second = _Second(self, parts.netloc, sid)
        await asyncio.get_running_loop().create_connection(lambda: second, parts.hostname, parts.port)
        await second.probed
        return second

    async def _poll(self) -> None:
        try:
            while self._polls:
                status, body = await self._gets.request("GET", self._stamped())
                if status != 200:
                    self.abort()
                    return
                for packet in body.split(b"\x1e"):
                    if packet[:1] == b"2":
                        await self._send(b"3")
                    else:
                        self._packet(packet)
            self._resting.set()
        except OSError:
            self.abort()

    async def _send(self, packet: bytes) -> None:
        if self._second is None:
            async with self._turn:
                if self._second is None:
                    status, _ = await self._posts.request("POST", self._path, packet)
                    if status != 200:
                        self.abort()
                        raise LostError(f"post: {status}")
                    return
        self._second._write(1, packet)

    def lost(self, second: _Second) -> None:
        """A WebSocket has ended: with it the session, once that had moved there."""
        if second is self._second:
            self.abort()

    def abort(self) -> None:
        second, self._second = self._second, None
        if second is not None:
            second.abort()
        if self._upgrade_task is not None and self._upgrade_task is not asyncio.current_task():
            self._upgrade_task.cancel()
        super().abort()
