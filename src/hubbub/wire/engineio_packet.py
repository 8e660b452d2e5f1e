"""Engine.IO 4 packets: one per WebSocket frame, several joined in a polling payload.

Promises: `decode_*` accepts exactly what EIO "Packet encoding" describes and raises a `WireError` for the rest;
decoding what was encoded gives the same packets. Before it: `realtime/websocket.py` and `realtime/polling.py`.
After it: `engineio_session.py`, which knows when a packet is allowed.
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

from hubbub.wire.errors import MalformedPacket, PacketTooLarge

SEPARATOR: Final = "\x1e"  # EIO "HTTP long-polling" (packet encoding): the record separator
# Packets one POST may hold. The official client puts all that waits into one POST, up to `maxPayload` bytes, so a burst
# of small events after an absence is hundreds of packets: a limit near 16 would cut honest clients off.
MAX_PACKETS: Final = 4_096


class PacketType(IntEnum):
    """EIO "Protocol": the seven packet types."""

    OPEN = 0
    CLOSE = 1
    PING = 2
    PONG = 3
    MESSAGE = 4
    UPGRADE = 5
    NOOP = 6


_TYPES: Final = {str(int(kind)): kind for kind in PacketType}


class Packet(msgspec.Struct, frozen=True):
    """One Engine.IO packet; bytes as `data` only in a MESSAGE. Its `repr` hides the data."""

    type: PacketType
    data: str | bytes = ""

    def __repr__(self) -> str:
        return f"Packet({self.type.name}, <{len(self.data)} {type(self.data).__name__}>)"


def decode_text(text: str) -> Packet:
    """The packet of one text frame.

    Raises:
        MalformedPacket: empty, or its first character is no packet type.
    """
    kind = _TYPES.get(text[:1])
    if kind is None:
        raise MalformedPacket("unknown Engine.IO packet type")
    return Packet(kind, text[1:])


def encode_packet(packet: Packet) -> str | bytes:
    """One packet as the contents of one WebSocket frame: str for a text frame, bytes for a binary one."""
    if isinstance(packet.data, bytes):
        return packet.data  # EIO "WebSocket" (packet encoding): binary payloads are sent as is
    return f"{int(packet.type)}{packet.data}"


def decode_payload(body: bytes, max_packets: int = MAX_PACKETS) -> list[Packet]:
    """The packets of one POST body.

    Args:
        body: the whole body; its length in bytes has been limited by the caller.
        max_packets: the most packets it may hold.

    Raises:
        MalformedPacket: not UTF-8, an empty or unknown packet, or bad base64.
        PacketTooLarge: more than `max_packets`.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("the payload is not UTF-8") from None
    if text.count(SEPARATOR) >= max_packets:
        raise PacketTooLarge(f"more than {max_packets} packets in one payload")
    return [_decode_item(item) for item in text.split(SEPARATOR)]


def _decode_item(item: str) -> Packet:
    if item[:1] != "b":
        return decode_text(item)
    # EIO "HTTP long-polling" (packet encoding): binary is base64 after a `b`, always of a message.
    try:
        return Packet(PacketType.MESSAGE, binascii.a2b_base64(item[1:], strict_mode=True))
    except ValueError:  # binascii.Error is one; so is a character outside ASCII
        raise MalformedPacket("bad base64 in a binary packet") from None


def encode_binary_item(data: bytes) -> bytes:
    """A binary message as one item of a polling payload."""
    return b"b" + b64encode(data)


def encode_open(
    sid: str, upgrades: Sequence[str], ping_interval_ms: int, ping_timeout_ms: int, max_payload: int
) -> bytes:
    """The `open` packet: exactly the five keys of EIO "Handshake"; times in milliseconds, `max_payload` in bytes."""
    return b"0" + msgspec.json.encode(
        {
            "sid": sid,
            "upgrades": list(upgrades),
            "pingInterval": ping_interval_ms,
            "pingTimeout": ping_timeout_ms,
            "maxPayload": max_payload,
        }
    )
