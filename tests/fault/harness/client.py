"""Sockets for the campaigns: two cheap ones down to the bytes, and python-socketio's, behind one face.

`connect(url, token, transport, take)` opens one; `take(event, data)` is given every event as it comes, and
`garbled` in place of one that is no JSON. `call` sends an
event and gives its ack, `closed` is set once the connection is gone for whatever reason, `abort` cuts it. The cheap
ones parse what they must and no more: one process of them keeps two servers busy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec
import socketio
from bench.load.frames import split

Take = Callable[[str, Any], None]
TRANSPORTS: Final = ("websocket", "polling")
LIBRARY: Final = ("library websocket", "library polling", "library upgrade")
CONNECT_SECONDS: Final = 10.0
POLL_PAUSE: Final = 0.1  # between two polls: what came meanwhile comes together, and polling stays affordable
FULL_POLL: Final = 16  # packets: a server that has more to say has cut its answer here

_HELLO: Final = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class LostError(ConnectionError):
    """The connection ended before what was waited for had come."""


def _hello(token: str) -> bytes:
    """CONNECT; with an empty token, as somebody comes who has none."""
    return b'40{"token":"%b"}' % token.encode() if token else b"40"


class Http:
    """One kept connection to an HTTP server, for one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            OSError: there was none, or not a whole one.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        if token is not None:
            head += f"Authorization: Bearer {token}\r\n"
        if body is not None:
            kind = "application/json" if body[:1] == b"{" else "text/plain;charset=UTF-8"
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        try:
            writer.write(head.encode() + b"\r\n" + (body or b""))
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            if fields.get("transfer-encoding") == "chunked":
                answer = await _chunks(reader)
            else:
                answer = await reader.readexactly(int(fields.get("content-length", "0")))
            if fields.get("connection") == "close":
                self.close()
            return int(lines[0].split()[1]), answer
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.close()
            raise LostError(str(error)) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        whole += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return whole


class Socket:
    """What the cheap sockets have in common: Engine.IO's packets as text, Socket.IO's events and acks."""

    _farewell = b"41"  # Socket.IO's; a WebSocket's end says the rest

    def __init__(self, take: Take) -> None:
        self.closed = asyncio.Event()
        self._take = take
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call(self, event: str, data: Any, timeout: float = 5.0) -> dict[str, Any]:
        """Send an event and give its ack.

        Raises:
            OSError, TimeoutError: none came; nobody knows what became of the event.
        """
        if self.closed.is_set():
            raise LostError("closed")
        self._number += 1
        number = self._number
        done = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(b"42%d%b" % (number, _encode([event, data])))
            async with asyncio.timeout(timeout):
                answer: dict[str, Any] = await done
            return answer
        finally:
            self._calls.pop(number, None)

    async def _send(self, packet: bytes) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the connection."""
        raise NotImplementedError

    async def close(self) -> None:
        """End it in an orderly way."""
        if not self.closed.is_set():
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(3):
                    await self._send(self._farewell)
        self.abort()

    def _packet(self, packet: bytes) -> None:
        """One packet of the server."""
        kind = packet[:2]
        if kind == b"42":
            try:
                name, *rest = _decode(packet[2:])
            except msgspec.DecodeError as error:
                name, rest = "garbled", [str(error)]
            self._take(name, rest[0] if rest else None)
        elif kind == b"43":
            start = packet.index(b"[")
            waiting = self._calls.get(int(packet[2:start]))
            if waiting is not None and not waiting.done():
                waiting.set_result(_decode(packet[start:])[0])
        elif kind == b"40":
            if not self._connected.done():
                self._connected.set_result(None)
        elif kind in (b"41", b"44", b"1"):
            self.abort()

    def _gone(self) -> None:
        self.closed.set()
        for waiting in (self._connected, *self._calls.values()):
            if not waiting.done():
                waiting.set_exception(LostError("closed"))
                waiting.exception()  # told by `closed`, whoever waits


class WebSocket(Socket, asyncio.Protocol):
    """Over WebSocket. Frames of the server are whole; its own have a mask of nought."""

    def __init__(self, take: Take, host: str, token: str) -> None:
        super().__init__(take)
        self._hello = _HELLO.format(host=host).encode()
        self._token = token
        self._buffer = bytearray()
        self._is_open = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._hello)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        if not self._is_open:
            at = buffer.find(b"\r\n\r\n") + 4
            if at < 4:
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self.abort()
                return
            self._is_open = True
        del buffer[:at]
        taken = 0
        for at, start, taken in split(buffer):
            self._frame(buffer[at] & 0x0F, bytes(buffer[start:taken]))
        del buffer[:taken]

    def _frame(self, opcode: int, data: bytes) -> None:
        if opcode == 8:
            self.abort()
        elif opcode == 9:
            self._write(10, data)
        elif data[:1] == b"2":
            self._write(1, b"3" + data[1:])
        elif data[:1] == b"0":
            self._write(1, _hello(self._token))
        else:
            self._packet(data)

    def _write(self, opcode: int, data: bytes) -> None:
        length = len(data)
        head = bytes((0x80 | opcode,))
        if length < 126:
            head += bytes((0x80 | length,))
        elif length < 65536:
            head += b"\xfe" + length.to_bytes(2, "big")
        else:
            head += b"\xff" + length.to_bytes(8, "big")
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(head + b"\0\0\0\0" + data)

    async def _send(self, packet: bytes) -> None:
        self._write(1, packet)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self._gone()


class Polling(Socket):
    """Over HTTP long polling: one request waits, another carries what is sent."""

    _farewell = b"41\x1e1"

    def __init__(self, take: Take, url: str, token: str) -> None:
        super().__init__(take)
        self._token = token
        self._gets, self._posts = Http(url), Http(url)
        self._turn = asyncio.Lock()
        self._path = "/socket.io/?EIO=4&transport=polling"
        self._number_of_polls = 0
        self._task: asyncio.Task[None] | None = None

    def _stamped(self) -> str:
        """The path for a GET, with a `t` of its own, as official clients have it: so a proxy that tries twice is seen."""
        self._number_of_polls += 1
        return f"{self._path}&t={self._number_of_polls}"

    async def open(self) -> None:
        status, body = await self._gets.request("GET", self._path)
        if status != 200:
            raise LostError(f"handshake: {status}")
        self._path += f"&sid={_decode(body[1:])['sid']}"
        self._task = asyncio.create_task(self._poll())
        await self._send(_hello(self._token))

    async def _poll(self) -> None:
        try:
            while True:
                status, body = await self._gets.request("GET", self._stamped())
                if status != 200:
                    return
                packets = body.split(b"\x1e")
                for packet in packets:
                    if packet[:1] == b"2":
                        await self._send(b"3")
                    else:
                        self._packet(packet)
                if len(packets) < FULL_POLL:
                    await asyncio.sleep(POLL_PAUSE)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.abort()

    async def _send(self, packet: bytes) -> None:
        async with self._turn:
            status, _ = await self._posts.request("POST", self._path, packet)
        if status != 200:
            self.abort()
            raise LostError(f"post: {status}")

    def abort(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._gets.close()
        self._posts.close()
        self._gone()


class Library:
    """python-socketio's client, as people use it."""

    def __init__(self, take: Take) -> None:
        self.closed = asyncio.Event()
        self._sio = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self._sio.on("*", lambda event, *args: take(event, args[0] if args else None))
        self._sio.on("disconnect", lambda *_: self.closed.set())

    async def open(self, url: str, token: str, transports: list[str]) -> None:
        try:
            await self._sio.connect(url, auth={"token": token}, transports=transports, wait_timeout=5)
        except Exception as error:  # a server that goes in the midst of an upgrade is a TypeError to the library
            await self.close()
            raise LostError(repr(error)) from None

    async def call(self, event: str, data: Any, timeout: float = 5.0) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._sio.call(event, data, timeout=timeout)
        except socketio.exceptions.TimeoutError:
            raise TimeoutError(event) from None
        except (socketio.exceptions.SocketIOError, RuntimeError) as error:
            raise LostError(str(error)) from None
        return answer

    def abort(self) -> None:
        session = self._sio.eio.http
        if session is not None and session.connector is not None:
            for protocol in tuple(session.connector._acquired):  # its open TCP connections: ended without a word
                if protocol.transport is not None:
                    protocol.transport.abort()
        self.closed.set()

    async def close(self) -> None:
        session = self._sio.eio.http
        # A task of its own: the library awaits tasks that it has cancelled, which is not to cancel us.
        going = asyncio.create_task(self._sio.disconnect())
        await asyncio.wait([going], timeout=3)
        going.cancel()
        await asyncio.wait([going], timeout=3)
        if going.done() and not going.cancelled():
            going.exception()  # seen: the connection is given up either way
        if session is not None and not session.closed:
            await session.close()
        self.closed.set()


AnySocket = Socket | Library


async def connect(url: str, token: str, transport: str, take: Take) -> AnySocket:
    """A socket that is connected and signed in; its `ready` is on its way, or has been given to `take`.

    Args:
        transport: one of `TRANSPORTS` or `LIBRARY`, or `upgrade`.

    Raises:
        OSError, TimeoutError: it could not.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        if transport.startswith("library"):
            library = Library(take)
            kind = transport.split()[1]
            await library.open(url, token, ["polling", "websocket"] if kind == "upgrade" else [kind])
            return library
        socket: WebSocket | Polling
        if transport == "upgrade":
            from tests.fault.harness.upgrading import Upgrading

            socket = Upgrading(take, url, token)
        elif transport == "websocket":
            parts = urlsplit(url)
            socket = WebSocket(take, parts.netloc, token)
            await asyncio.get_running_loop().create_connection(lambda: socket, parts.hostname, parts.port)
        else:
            socket = Polling(take, url, token)
        try:
            if isinstance(socket, Polling):
                await socket.open()
            await socket._connected
        except BaseException:
            socket.abort()
            raise
        return socket
