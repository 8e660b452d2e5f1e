"""What a worker is told when it starts, and the line to its parent.

The line is a pair of sockets. The parent sends the worker's settings and place, secrets included, which so are neither
on a command line nor in an environment. The worker answers when it serves, or says why it cannot. While both live
nothing more is said; the end of the line is the end of the other.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hubbub.config import Settings
from hubbub.postgres import ConnectionSpec

_SIZE: Final = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Place:
    """One worker among others.

    Attributes:
        number: its own, from 1 on.
        count: how many there are.
        folder: private to the workers and their parent.
        spec: the database, which the parent has made ready.
        shared_listener: a descriptor of the one listening socket, where the kernel does not balance between several.
    """

    number: int
    count: int
    folder: Path
    spec: ConnectionSpec
    shared_listener: int | None


def letter(settings: Settings, place: Place) -> bytes:
    """What the parent sends first."""
    body = pickle.dumps((settings, place))
    return _SIZE.pack(len(body)) + body


class Link:
    """A worker's end of the line."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def receive(self) -> tuple[Settings, Place]:
        """Settings and place; waits for them.

        Raises:
            EOFError: the parent is gone.
        """
        (size,) = _SIZE.unpack(self._exactly(_SIZE.size))
        settings, place = pickle.loads(self._exactly(size))  # noqa: S301 - from our own parent, over our own socket
        return settings, place

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def ready(self) -> None:
        """Tell the parent that this worker serves."""
        self._say({"ready": True})

    def failed(self, reason: str) -> None:
        """Tell the parent why it does not."""
        self._say({"failed": reason})

    def _say(self, value: dict[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(value).encode() + b"\n")
        except OSError:
            return  # the parent is gone, and the end of the line is being read

    def watch(self, orphaned: Callable[[], None]) -> None:
        """Call `orphaned` on the running event loop when the parent is gone, whatever ended it."""
        import asyncio

        loop = asyncio.get_running_loop()

        def read() -> None:
            loop.remove_reader(self._socket.fileno())
            orphaned()

        self._socket.setblocking(False)
        loop.add_reader(self._socket.fileno(), read)
