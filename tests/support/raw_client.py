"""HTTP and WebSocket down to the bytes, for tests that send what no library would.

`request` is one HTTP request on a connection of its own. `RawWebSocket` sends any frame and answers nothing by itself
except, when asked to, Engine.IO pings.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
_BOUND: Final = 5.0


class ClosedError(Exception):
    """The server ended the WebSocket; `code` and `reason` are those of its close frame, None and "" without one."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


async def open_request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request, over TLS where there is `trust`, and return its connection, the answer unread."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=trust)
    fields = {"Host": parts.netloc, "Connection": "close"} | dict(headers or {})
    if body is not None:
        fields.setdefault("Content-Length", str(len(body)))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
    try:
        await writer.drain()
    except BaseException:  # the server is gone: left open, it would complain when the loop has closed
        writer.close()
        raise
    return reader, writer


async def read_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    """Read the whole answer and close the connection."""
    try:
        async with asyncio.timeout(_BOUND):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)
    finally:
        writer.close()


async def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """One request and its answer."""
    return await read_answer(*await open_request(url, method, body, headers, trust))


class RawWebSocket:
    """A WebSocket client without manners. Use `connect`, then close it or use it as an async context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._keep_open = False

    @classmethod
    async def connect(
        cls, url: str, headers: Mapping[str, str] | None = None, trust: ssl.SSLContext | None = None
    ) -> Self:
        """Open one.

        Raises:
            ConnectionRefusedError: the server answered with something else than 101; `args` hold the `Answer`.
        """
        fields = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        } | dict(headers or {})
        reader, writer = await open_request(url.replace("ws://", "http://"), headers=fields, trust=trust)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _BOUND)
            first, *lines = head.decode("latin-1").split("\r\n")
            status = int(first.split()[1])
            if status != 101:
                fields = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
                }
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                raise ConnectionRefusedError(Answer(status, fields, body))
        except BaseException:
            writer.close()
            raise
        return cls(reader, writer)

    def frame(self, opcode: int, data: bytes, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> None:
        """Send one frame, right or wrong."""
        first = (0x80 if fin else 0) | rsv << 4 | opcode
        length = len(data)
        mask_bit = 0x80 if masked else 0
        if length < 126:
            head = bytes((first, mask_bit | length))
        elif length < 65536:
            head = bytes((first, mask_bit | 126)) + length.to_bytes(2, "big")
        else:
            head = bytes((first, mask_bit | 127)) + length.to_bytes(8, "big")
        self.raw(head + (b"\0\0\0\0" if masked else b"") + data)

    def raw(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def send(self, message: str | bytes) -> None:
        """Send one message: text for str, binary for bytes."""
        if isinstance(message, str):
            self.frame(TEXT, message.encode())
        else:
            self.frame(BINARY, message)

    async def drain(self) -> None:
        await self._writer.drain()

    async def receive_frame(self, timeout: float = _BOUND) -> tuple[int, bytes]:
        """The next frame: its opcode and payload.

        Raises:
            ClosedError: the socket ended, or a close frame came.
            TimeoutError: nothing within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                first, second = await self._reader.readexactly(2)
                assert not second & 0x80, "a server's frame is not masked"
                length = second & 0x7F
                if length >= 126:
                    length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
                data = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise self._closed(None) from None
        opcode = first & 0x0F
        if opcode == CLOSE:
            raise self._closed(int.from_bytes(data[:2], "big") if data else 1005, data[2:].decode())
        return opcode, data

    def _closed(self, code: int | None, reason: str = "") -> ClosedError:
        if not self._keep_open:
            self._writer.close()
        return ClosedError(code, reason)

    async def receive(self, timeout: float = _BOUND, *, pings: bool = False) -> str | bytes:
        """The next message; Engine.IO pings are answered and passed over unless `pings` is True."""
        while True:
            opcode, data = await self.receive_frame(timeout)
            if opcode == TEXT and data == b"2" and not pings:
                self.send("3")
            elif opcode == TEXT:
                return data.decode()
            elif opcode == BINARY:
                return data

    async def closed(self, timeout: float = _BOUND) -> tuple[int | None, float]:
        """Read on, answering pings, until the server ends it: the close code, and the seconds until the TCP end."""
        start = time.monotonic()
        self._keep_open = True
        code: int | None = None
        try:
            while True:
                await self.receive(timeout)
        except ClosedError as end:
            code = end.code
        async with asyncio.timeout(timeout):
            try:
                while await self._reader.read(65536):
                    pass
            except ConnectionError:
                pass
        elapsed = time.monotonic() - start
        self._writer.close()
        return code, elapsed

    def abort(self) -> None:
        """Cut the TCP connection with a reset."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
