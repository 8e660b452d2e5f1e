"""The life of one Socket.IO connection: its namespaces, and packets whose attachments are still coming.

Promises: between the header of a binary packet and its last attachment nothing else is accepted; header and
attachments together stay under one budget of bytes; what a client may not send raises a `WireError`. Before it:
`realtime/dispatch.py`. After it: `socketio_packet.py`. Time is an argument, in seconds.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hubbub.wire import socketio_packet
from hubbub.wire.errors import MalformedPacket, PacketTooLarge, ProtocolViolation
from hubbub.wire.socketio_packet import Packet, PacketType

# SIO "Connection to a namespace": without a CONNECT first, the server "MUST close the connection immediately".
_UNCONNECTED: Final = "a packet for a namespace that is not connected"
MAX_REFUSED: Final = 16  # refused CONNECTs after which a connection is closed


class Standing(IntEnum):
    """Where one namespace stands. Absent: never asked for, or left by the client."""

    ASKED = 0  # CONNECT came, not answered yet; events queue behind the answer
    JOINED = 1
    GONE = 2  # refused, or left by us: what the client sent before it knew is dropped


class SocketIOSession:
    """What one connection has asked for and is owed.

    Args:
        now: seconds, when the connection was opened.
        connect_timeout: seconds it may be without any namespace.
        max_bytes: budget of a packet with all its attachments.
        max_attachments: the most a packet may have.
    """

    __slots__ = (
        "_attachments", "_budget", "_connect_timeout", "_due", "_max_attachments", "_max_bytes", "_refused",
        "_standing", "deadline",
    )  # fmt: skip

    def __init__(self, now: float, *, connect_timeout: float, max_bytes: int, max_attachments: int) -> None:
        self._connect_timeout = connect_timeout
        self._max_bytes = max_bytes
        self._max_attachments = max_attachments
        self._standing: dict[str, Standing] = {}
        self._refused = 0
        self._due: Packet | None = None  # a binary packet's header, waiting for its attachments
        self._attachments: list[bytes] = []
        self._budget = 0
        # SIO "Connection to a namespace": a connection without one is closed; when, in seconds; None while it has one.
        self.deadline: float | None = now + connect_timeout

    def receive(self, message: str | bytes) -> Packet | None:
        """One Engine.IO message.

        Returns:
            A whole packet to act upon, attachments in place: CONNECT (then call `accept` or `refuse`), EVENT,
            DISCONNECT (its namespace has been left) or ACK; or None when there is nothing to do.

        Raises:
            WireError: the connection must be closed.
        """
        packet = self._receive_binary(message) if isinstance(message, bytes) else self._receive_text(message)
        return None if packet is None else self._admit(packet)

    def _receive_text(self, text: str) -> Packet | None:
        if self._due is not None:
            raise ProtocolViolation("a text packet while attachments are due")
        packet = socketio_packet.decode(text, self._max_attachments)
        if not packet.attachments:
            return packet
        if packet.namespace not in self._standing:
            raise ProtocolViolation(_UNCONNECTED)
        self._due = packet
        self._budget = self._max_bytes - len(text)
        return None

    def _receive_binary(self, data: bytes) -> Packet | None:
        if self._due is None:
            raise ProtocolViolation("an attachment without its packet")
        self._budget -= len(data)
        if self._budget < 0:
            raise PacketTooLarge("the packet and its attachments are too large together")
        self._attachments.append(data)
        if len(self._attachments) < self._due.attachments:
            return None
        packet, attachments = self._due, self._attachments
        self._due, self._attachments = None, []
        return socketio_packet.fill(packet, attachments)

    def _admit(self, packet: Packet) -> Packet | None:
        standing = self._standing.get(packet.namespace)
        if packet.type is PacketType.CONNECT:
            if standing in (Standing.ASKED, Standing.JOINED):
                raise ProtocolViolation("a second CONNECT to the same namespace")
            if len(self._standing) - (standing is Standing.GONE) > MAX_REFUSED:
                raise ProtocolViolation("too many namespaces")
            self._standing[packet.namespace] = Standing.ASKED
            return packet
        if packet.type is PacketType.CONNECT_ERROR:
            raise MalformedPacket("CONNECT_ERROR is the server's to send")
        if standing is None:
            raise ProtocolViolation(_UNCONNECTED)
        if standing is Standing.GONE:
            return None
        if packet.type is PacketType.DISCONNECT:
            del self._standing[packet.namespace]
        return packet

    def accept(self, namespace: str) -> None:
        """CONNECT has been answered with CONNECT."""
        if self._standing.get(namespace) is Standing.ASKED:
            self._standing[namespace] = Standing.JOINED
            self.deadline = None

    def refuse(self, namespace: str) -> bool:
        """CONNECT has been answered with CONNECT_ERROR; False: too often, close the connection."""
        if self._standing.get(namespace) is Standing.ASKED:
            self._standing[namespace] = Standing.GONE
        self._refused += 1
        return self._refused < MAX_REFUSED

    def leave(self, namespace: str, now: float) -> None:
        """We have sent DISCONNECT; what the client sent before it knew will be dropped."""
        self._standing[namespace] = Standing.GONE
        self.rest(now)

    def rest(self, now: float) -> None:
        """A namespace has been left: without another one, the connect timeout runs again."""
        if self.deadline is None and Standing.JOINED not in self._standing.values():
            self.deadline = now + self._connect_timeout
