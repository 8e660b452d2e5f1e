"""Good inputs, spoilt by chance: bytes changed, cut out, doubled, joined, put into other packets.

An input is made from the grammar (a packet, a payload, a frame, a request that is right), then changed a few times. What
comes back is only bounded: no 5xx, no connection that hangs. The rest is seen in the log and by those who chat.
Before it: `campaigns/c19_bad_input.py`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tests.fault.corpus.engineio import frame
from tests.fault.corpus.runner import Arena
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.support.raw_client import ClosedError, RawWebSocket, read_answer

IN_ONE_SOCKET: Final = 8  # inputs, at most: most of them end it
SALT: Final = (
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\x1e", b"-", b",", b"[", b"]", b"{", b"}", b'"', b"\\", b"\\u0000", b"NaN", b"1e400",
    b"9" * 40, b"-1", b"null", b"true", b'{"_placeholder":true,"num":0}', b"__proto__", b"disconnect", b"/", b"b", b"%00", b"\r\n",
    b"2probe", b"5", b"40", b"42", b"43", b"451-", b"[" * 40, "²".encode(), "\u202e".encode(), b"a" * 300,
)  # fmt: skip
EVENTS: Final = (
    ["send-message", {"message": "hello", "room": "arena", "clientId": "c-1", "replyTo": None}],
    ["join", {"room": "arena"}], ["leave-room", {"room": "arena"}], ["typing", True], ["typing", {"room": "arena", "isTyping": True}],
    ["message-read", {"messageId": "<said>", "room": "arena"}], ["message-delivered", {"messageId": "<said>"}],
    ["mark-all-read", {"room": "arena"}], ["update-online-status", {"online": True}], ["edit-message", {"id": "<said>", "message": "x"}],
    ["delete-message", {"id": "<said>"}], ["sync", {"epoch": "<epoch>", "rooms": {"<arena_id>": 1}}], ["authenticate", {"token": "<eve>"}],
    ["sync", '{"epoch":"x","rooms":{}}'],
)  # fmt: skip
REQUESTS: Final = (
    ("GET", "/api/rooms", None), ("GET", "/api/rooms/arena/messages?limit=2&before=5", None), ("GET", "/api/users/search?q=an&limit=3", None),
    ("POST", "/api/rooms/arena/messages", {"message": "hello", "clientId": "c-2", "replyTo": None}),
    ("PATCH", "/api/users/<eve_id>", {"displayName": "Eve", "bio": "x", "avatar": "/a.png"}), ("GET", "/api/users/<ann_id>", None),
    ("POST", "/api/auth/refresh", {"refreshToken": "x"}), ("POST", "/api/rooms/vault/join", None), ("GET", "/socket.io/?EIO=4&transport=polling", None),
    ("POST", "/socket.io/?EIO=4&transport=polling&sid=x", None), ("GET", "/api/messages/<said>/reads", None),
)  # fmt: skip


def spoil(chance: random.Random, data: bytes, most: int = 3) -> bytes:
    """The input, changed in up to `most` places; sometimes not at all."""
    for _ in range(chance.randint(0, most)):
        at, other = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.randrange(6):
            case 0:
                data = data[:at] + chance.choice(SALT) + data[at:]
            case 1:
                data = data[:at] + chance.choice(SALT) + data[other:]
            case 2:
                data = data[:at] + data[other:]
            case 3:
                data = data[:at] + data[at:other] * 2 + data[other:]
            case 4:
                data = data[:at] + chance.randbytes(1) + data[at + 1 :]
            case _:
                data = data[:at]
    return data


def spoil_wire(count: int, chance: random.Random, failed: Callable[[str], None]) -> None:
    """So many spoilt seeds of the fuzzer's targets, without a server; blocks."""
    names = list(TARGETS)
    for number in range(count):
        name = names[number % len(names)]
        data = spoil(chance, chance.choice(SEEDS[name]), 6)
        try:
            TARGETS[name](data)
        except Exception as error:
            failed(f"wire, {name} {data!r}: {type(error).__name__} {error}"[:600])


class Mutations:
    """Sends spoilt inputs.

    Args:
        chance: what is sent comes from here.
        failed: told what must not be.

    Attributes:
        sent: how many inputs.
    """

    def __init__(self, arena: Arena, chance: random.Random, failed: Callable[[str], None]) -> None:
        self.sent = 0
        self._arena = arena
        self._chance = chance
        self._failed = failed

    async def some(self, count: int) -> None:
        """Send that many, and a few more: what is begun is brought to its end."""
        inputs: list[bytes] = []
        while len(inputs) < count:
            way = self._chance.choice((self._socket, self._socket, self._wire, self._poll, self._rest))
            try:
                async with asyncio.timeout(15):
                    await way(inputs)
            except (ConnectionError, ClosedError, asyncio.IncompleteReadError):
                pass  # closed or reset: one of the answers to bad input
            except (TimeoutError, AssertionError) as error:
                self._failed(f"{way.__name__} {inputs[-3:]!r}: {type(error).__name__} {error}"[:600])

    def _spoil(self, data: bytes, inputs: list[bytes], most: int = 3) -> bytes:
        data = spoil(self._chance, data, most)
        self.sent += 1
        inputs.append(data)
        return data

    def _packet(self) -> bytes:
        """A Socket.IO packet in an Engine.IO message, as it should be."""
        event = json.dumps(self._arena.fill(self._chance.choice(EVENTS))).encode()
        number = str(self._chance.randrange(100)).encode()
        return self._chance.choice(
            (b"42" + event, b"42" + number + event, b'451-["x",{"_placeholder":true,"num":0}]', b"43" + number + b"[]", b"41", b"40/x,",
             b"3", b"40" + self._arena.auth)
        )  # fmt: skip

    async def _socket(self, inputs: list[bytes]) -> None:
        """Text and binary messages of a socket that is signed in, or only open: it is closed, or answers a ping."""
        async with await self._some_socket() as ws:
            for _ in range(self._chance.randint(1, IN_ONE_SOCKET)):
                data = self._spoil(self._packet(), inputs)
                ws.raw(frame(0x82 if data[:1] == b"\0" else 0x81, data).data)
            ws.raw(frame(0x89, b"still there").data)
            while await ws.receive_frame(10) != (0x0A, b"still there"):
                pass

    async def _wire(self, inputs: list[bytes]) -> None:
        """Frames whose own bytes are spoilt; the server may wait for the rest of one, so that nothing can be wanted."""
        async with await self._some_socket() as ws:
            kinds = (0x81, 0x82, 0x89, 0x8A, 0x01, 0x80)
            ws.raw(
                self._spoil(b"".join(frame(self._chance.choice(kinds), self._packet()).data for _ in range(3)), inputs)
            )
            with suppress(TimeoutError):
                while True:
                    await ws.receive_frame(0.1)

    async def _poll(self, inputs: list[bytes]) -> None:
        """Payloads of POSTs."""
        sid = await self._arena.sid()
        await self._arena.post(sid, b"40" + self._arena.auth)
        for _ in range(self._chance.randint(1, 3)):
            body = self._spoil(b"\x1e".join(self._packet() for _ in range(self._chance.randint(1, 4))), inputs)
            answer = await self._arena.post(sid, body)
            assert answer.status in (200, 400, 413), answer
        await self._arena.post(sid, b"1")

    async def _rest(self, inputs: list[bytes]) -> None:
        """Whole HTTP requests, as bytes."""
        method, path, body = self._chance.choice(REQUESTS)
        content = b"" if body is None else self._spoil(json.dumps(self._arena.fill(body)).encode(), inputs)
        head = (
            f"{method} {self._arena.fill(path)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {self._arena.names['eve']}\r\n\r\n"
        ).encode()
        if self._chance.random() < 0.5:
            head = self._spoil(head, inputs, 2)
        reader, writer = await asyncio.open_connection(self._arena.host, self._arena.port)
        writer.write(head + content)
        with suppress(OSError):
            writer.write_eof()  # what is still waited for does not come
        answer = await read_answer(reader, writer)
        assert answer.status < 500, f"{answer.status} {answer.text[:200]}"

    async def _some_socket(self) -> RawWebSocket:
        if self._chance.random() < 0.2:
            return await self._arena.open()
        return await self._arena.connect("eve")
