"""Encode once, write once: messages shared by many connections, and the flush that joins what waits.

Promises: an `Encoded` is made once and never changes, so every outbox and every socket shares its bytes. A frame
in a quiet process leaves in the next turn of the event loop; under load it waits at most one tick, and each
connection then gets one write with everything that waits for it. Connections that wait for the same frames share
the joined bytes too. Before it: whoever has something to say. After it: `connection.py`, then the transports.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hubbub.wire import socketio_packet, websocket_frame
from hubbub.wire.engineio_packet import encode_binary_item
from hubbub.wire.socketio_packet import Packet, PacketType

if TYPE_CHECKING:
    from hubbub.histogram import Histogram
    from hubbub.realtime.application import Socket
    from hubbub.realtime.connection import Connection
    from hubbub.wire.websocket_deflate import Deflater

_BUNDLE: Final = 16  # messages
_PATIENCE: Final = 2  # times as long as a flush took, the next one waits
_SLICE: Final = 256  # connections written to before other work gets a turn

type_of_joined = tuple[list["Encoded"], bytes, int]
type_of_memo = dict["Deflater | None", type_of_joined]


class Encoded:
    """One message in the form of either transport, made once.

    Args:
        text: an Engine.IO packet as UTF-8, its type first; None for a binary message alone.
        attachments: binary messages that follow it.

    Attributes:
        frames: the WebSocket frames, joined.
        size: bytes of `frames`; what an outbox counts.
        count: how many messages it is; more than one in a `bundle`.
        key: of a passing event; while a client is behind, a later one with an equal key replaces it.
    """

    __slots__ = ("_attachments", "_deflated", "_items", "_text", "count", "frames", "key", "size")

    def __init__(self, text: bytes | None, attachments: Sequence[bytes] = ()) -> None:
        self._text = text
        self._attachments = attachments
        self._items: tuple[bytes, ...] | None = None
        self._deflated: bytes | None = None
        frames = b"" if text is None else websocket_frame.text_frame(text)
        if attachments:
            # EIO "WebSocket" (packet encoding): each packet in its own frame; binary as is.
            frames += b"".join(map(websocket_frame.binary_frame, attachments))
        self.frames: bytes = frames
        self.size: int = len(frames)
        self.count = 1
        self.key: Hashable = None

    def items(self) -> tuple[bytes, ...]:
        """The same as items of a polling payload."""
        if self._items is None:
            text = () if self._text is None else (self._text,)
            self._items = (*text, *map(encode_binary_item, self._attachments))
        return self._items

    def deflated(self, deflater: Deflater) -> bytes:
        """`frames` for connections that agreed to compression; made when the first of them asks."""
        if self._deflated is None:
            self._deflated = deflater.shorten(self.items(), self.frames)
        return self._deflated


def bundle(messages: Sequence[Encoded]) -> Iterable[Encoded]:
    """Messages for the same readers as fewer, each of which is queued once and counted as what it holds.

    At most `_BUNDLE` in one, so that an answer to a poll can hold it.
    """
    for start in range(0, len(messages), _BUNDLE):
        some = messages[start : start + _BUNDLE]
        if len(some) == 1:
            yield some[0]
            continue
        whole = Encoded(None)
        whole.frames = b"".join([message.frames for message in some])
        whole.size = len(whole.frames)
        whole.count = len(some)
        whole._items = tuple(item for message in some for item in message.items())
        yield whole


def encode_event(namespace: str, event: str, args: Sequence[Any]) -> Encoded:
    """An event from values; bytes anywhere in lists, tuples and dicts become attachments.

    Raises:
        TypeError, ValueError: a value that JSON does not hold.
    """
    return encode_packet(Packet(PacketType.EVENT, namespace, [event, *args]))


def encode_event_json(namespace: str, event: str, args_json: Sequence[bytes]) -> Encoded:
    """An event whose arguments, one or more, are JSON already; they are not looked into."""
    return Encoded(b"%b%b]" % (_head(namespace, event), b",".join(args_json)))


@lru_cache(maxsize=256)
def _head(namespace: str, event: str) -> bytes:
    return b"4%b[%b," % (
        socketio_packet.header(PacketType.EVENT, namespace, None, 0).encode(),
        msgspec.json.encode(event),
    )


def encode_ack_json(namespace: str, ack: int, arg_json: bytes) -> Encoded:
    """An ack whose one argument is JSON already."""
    return Encoded(b"4%b[%b]" % (socketio_packet.header(PacketType.ACK, namespace, ack, 0).encode(), arg_json))


def encode_packet(packet: Packet) -> Encoded:
    """A Socket.IO packet as Engine.IO messages (SIO "Packet encoding": prefixed with `4`)."""
    text, attachments = socketio_packet.encode(packet)
    return Encoded(b"4" + text.encode(), attachments)


def broadcast(sockets: Iterable[Socket], message: Encoded) -> int:
    """Queue one message for many sockets; sockets that are gone are passed over.

    Returns:
        How many connections it was queued for.
    """
    count = 0
    for socket in sockets:
        if socket.connected:
            socket.send(message)
            count += 1
    return count


class Flusher:
    """Writes what waits, once per tick, for all connections of a process.

    The tick adapts: after a flush it lasts twice as long as that flush took, `tick` at most. So a flush of few
    connections is hardly waited for, and one of thousands, or on a machine where writes are dear, gathers more for the
    next: writing has at most a third of the time, and senders who wait for their own copies fall into step.

    Args:
        tick: most seconds between two flushes under load; 0 for every turn of the loop.
        took: given the seconds of each flush, from the first connection that waited to the last write.
    """

    __slots__ = ("_cost", "_dirty", "_due", "_handle", "_loop", "_memo", "_since", "_tick", "_took", "_urgent")

    def __init__(self, loop: AbstractEventLoop, tick: float, took: Histogram) -> None:
        self._loop = loop
        self._tick = tick
        self._took = took
        self._since = 0.0
        self._due = float("-inf")
        self._cost = 0.0
        self._dirty: list[Connection] = []
        self._handle: TimerHandle | Any = None
        self._memo: type_of_memo = {}
        self._urgent: list[Connection] = []

    def urge(self, connection: Connection) -> None:
        """What waits for this connection leaves with the next turn of the loop, whatever the tick.

        For acks: a client with one message in flight sends the next when it has its ack, and a batch of them is
        acknowledged in one turn, so this costs a write per sender and commit at most.
        """
        if not self._urgent:
            self._loop.call_soon(self._flush_urgent)
        self._urgent.append(connection)

    def _flush_urgent(self) -> None:
        urgent, self._urgent = self._urgent, []
        memo: type_of_memo = {}
        for connection in urgent:
            connection.flush(memo)

    def add(self, connection: Connection) -> None:
        """A connection has something to write. The caller sees to it that each is added once until it is flushed."""
        self._dirty.append(connection)
        if self._handle is None:
            self._since = perf_counter()
            if self._due <= self._loop.time():
                self._handle = self._loop.call_soon(self._flush)
            else:
                self._handle = self._loop.call_at(self._due, self._flush)

    def _flush(self) -> None:
        started, since = perf_counter(), self._since
        dirty = self._dirty
        is_last = len(dirty) <= _SLICE
        self._dirty = dirty[_SLICE:]
        self._handle = None if is_last else self._loop.call_soon(self._flush)
        memo = self._memo
        for connection in dirty[:_SLICE]:
            try:
                connection.flush(memo)
            except Exception as error:  # one broken transport must not keep the others waiting
                connection.close(f"transport error: {type(error).__name__}")
        ended = perf_counter()
        self._cost += ended - started
        if is_last:
            self._took.observe(ended - since)
            memo.clear()
            self._due = self._loop.time() + min(self._tick, _PATIENCE * self._cost)
            self._cost = 0.0


def join(waiting: list[Encoded], memo: type_of_memo, deflater: Deflater | None = None) -> type_of_joined:
    """The frames of `waiting` as one piece, and how many messages that is: `waiting`, bytes, count.

    Made once for all connections, one after another, that wait for the same in the same form, as those of a room do.
    """
    known = memo.get(deflater)
    if known is None or known[0] != waiting:  # Encoded has no __eq__: this compares identities, in C
        if deflater is None:
            data = waiting[0].frames if len(waiting) == 1 else b"".join([message.frames for message in waiting])
        else:
            data = b"".join([message.deflated(deflater) for message in waiting])
        known = memo[deflater] = (waiting, data, sum([message.count for message in waiting]))
    return known
