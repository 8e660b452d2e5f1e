"""A crowd in a process of its own: many WebSockets that sign in, and then only answer pings.

    python -m tests.support.crowd <port> < tokens

Prints `here <n>` once all have had their `ready`, and leaves when its input ends.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

from hubbub import open_files

_AT_ONCE: Final = 100
HELLO: Final = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(text: bytes) -> bytes:
    """One text frame of a client, its mask nought."""
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + b"\0\0\0\0" + text


class Visitor(asyncio.Protocol):
    """One client."""

    def __init__(self, token: str) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hello: bytes | None = frame(b'40{"token":"%b"}' % token.encode())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(HELLO)

    def data_received(self, data: bytes) -> None:
        if self._hello is not None and b"pingInterval" in data:
            self._transport.write(self._hello)
            self._hello = None
        elif not self.ready.done() and b'42["ready"' in data:
            self.ready.set_result(None)
        elif data == b"\x812":
            self._transport.write(frame(b"3"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it was ready"))


async def main() -> None:
    """The program."""
    port, tokens = int(sys.argv[1]), sys.stdin.readline().split()
    open_files.make_room(len(tokens) + 100)
    loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def come(token: str) -> None:
        async with turn:
            _, visitor = await loop.create_connection(lambda: Visitor(token), "127.0.0.1", port)
            await visitor.ready

    await asyncio.gather(*map(come, tokens))
    print(f"here {len(tokens)}", flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
