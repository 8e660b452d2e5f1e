"""Socket.IO 5 packets, all seven, with their binary attachments.

Promises: `decode` accepts exactly the format of SIO "Packet encoding" within the limits below and raises a
`WireError` for anything else; `encode` and `join_json` give that format. NaN and Infinity cannot pass in either
direction. Before it: `socketio_session.py`, which gathers attachments and knows the order of packets.
After it: `msgspec` for JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from hubbub.wire.errors import MalformedPacket, PacketTooLarge

MAX_DEPTH: Final = 32  # arrays and objects inside one another
MAX_KEYS: Final = 10_000  # of all objects of a packet together
MAX_ACK_DIGITS: Final = 16
MAX_NAMESPACE: Final = 256  # characters
MAX_EVENT_NAME: Final = 128  # characters

# Names the official libraries use for the life of a socket; a client that sends one would fake it.
RESERVED_EVENTS: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)


class PacketType(IntEnum):
    """SIO "Exchange protocol": the seven packet types."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


_TYPES: Final = {str(int(kind)): kind for kind in PacketType}
_BINARY: Final = (PacketType.BINARY_EVENT, PacketType.BINARY_ACK)
# SIO "Format": <packet type>[<# of binary attachments>-][<namespace>,][<acknowledgment id>][JSON]
_HEADER: Final = re.compile(r"(?:([0-9]{1,10})-)?(?:(/[^,]*)(?:,|$))?([0-9]*)", re.ASCII)
_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_decode_json: Final = msgspec.json.Decoder().decode
_encode_json: Final = msgspec.json.Encoder().encode


class Packet(msgspec.Struct, frozen=True):
    """One Socket.IO packet.

    Attributes:
        type: BINARY_* only while attachments are still outside `data`; see `attachments`.
        namespace: begins with `/`.
        data: the JSON value; bytes may stand anywhere in it once attachments are in place. None where absent.
        id: the acknowledgement id, or None.
        attachments: how many binary frames follow and are still to be put in place.

    Its `repr` hides the data.
    """

    type: PacketType
    namespace: str = "/"
    data: Any = None
    id: int | None = None
    attachments: int = 0

    def __repr__(self) -> str:
        return f"Packet({self.type.name}, id={self.id}, attachments={self.attachments})"


def decode(text: str, max_attachments: int = 10) -> Packet:
    """The packet of one Engine.IO text message.

    A BINARY_EVENT or BINARY_ACK comes back with its placeholders still in `data`; give it and its attachments
    to `fill`.

    Raises:
        MalformedPacket: not of the format, or not what its type demands.
        PacketTooLarge: more attachments, depth, keys or digits than allowed.
    """
    kind = _TYPES.get(text[:1])
    if kind is None:
        raise MalformedPacket("unknown Socket.IO packet type")
    header = _HEADER.match(text, 1)
    assert header is not None  # every part of it is optional
    count, namespace, ack = header.groups()
    if (count is not None) is not (kind in _BINARY):
        raise MalformedPacket("an attachment count belongs to binary packets, and to them alone")
    attachments = int(count) if count is not None else 0
    if count is not None and not 1 <= attachments <= max_attachments:
        raise PacketTooLarge(f"a binary packet has from 1 to {max_attachments} attachments")
    if namespace is not None and len(namespace) > MAX_NAMESPACE:
        raise PacketTooLarge("the namespace is too long")
    if len(ack) > MAX_ACK_DIGITS:
        raise PacketTooLarge("the acknowledgement id is too long")
    body = text[header.end() :]
    data = _parse(body) if body else None
    _check_shape(kind, data, bool(body), bool(ack))
    if not attachments and ("_placeholder" in body or "\\u" in body) and _has_placeholder(data):
        raise MalformedPacket("a placeholder in a packet without attachments")
    return Packet(kind, namespace or "/", data, int(ack) if ack else None, attachments)


def _parse(body: str) -> Any:
    if body.count("[") + body.count("{") > MAX_DEPTH or body.count(":") > MAX_KEYS:
        bare = _STRING.sub("", body)  # what is left has no quoted brackets
        if bare.count(":") > MAX_KEYS:
            raise PacketTooLarge(f"more than {MAX_KEYS} keys")
        depth = 0
        for bracket in _BRACKET.findall(bare):
            depth += 1 if bracket in "[{" else -1
            if depth > MAX_DEPTH:
                raise PacketTooLarge(f"nested deeper than {MAX_DEPTH}")
    try:
        return _decode_json(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise MalformedPacket("the payload is not JSON that is allowed here") from None


def _check_shape(kind: PacketType, data: Any, present: bool, has_ack: bool) -> None:
    """SIO "Exchange protocol": which payload and which acknowledgement id each type takes."""
    match kind:
        case PacketType.CONNECT:
            good = not has_ack and (not present or isinstance(data, dict))
        case PacketType.DISCONNECT:
            good = not has_ack and not present
        case PacketType.EVENT | PacketType.BINARY_EVENT:
            # SIO "Sending and receiving data": "The payload is mandatory and MUST be a non-empty array."
            good = isinstance(data, list) and bool(data) and _is_event_name(data[0])
        case PacketType.ACK | PacketType.BINARY_ACK:
            # SIO "Acknowledgement": "The payload is mandatory and MUST be an array (possibly empty)."
            good = has_ack and isinstance(data, list)
        case PacketType.CONNECT_ERROR:
            good = not has_ack and isinstance(data, dict | str)
    if not good:
        raise MalformedPacket(f"a payload or id that {kind.name} does not take")


def _is_event_name(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= MAX_EVENT_NAME and name not in RESERVED_EVENTS


def _has_placeholder(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("_placeholder") is True or any(map(_has_placeholder, value.values()))
    return isinstance(value, list) and any(map(_has_placeholder, value))


def fill(packet: Packet, attachments: Sequence[bytes]) -> Packet:
    """The packet with its attachments in place of the placeholders; its type becomes EVENT or ACK.

    Raises:
        MalformedPacket: a `num` that is no integer, out of range or used twice, or an attachment left over.
    """
    waiting: dict[int, bytes] = dict(enumerate(attachments))

    def place(value: Any) -> Any:
        if isinstance(value, list):
            return [place(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("_placeholder") is not True:
            return {key: place(item) for key, item in value.items()}
        number = value.get("num")
        # SIO "Format": `{"_placeholder":true,"num":n}`; True is an int to Python, and no number to us.
        if len(value) != 2 or type(number) is not int or number not in waiting:
            raise MalformedPacket("a placeholder that names no attachment, or names it again")
        return waiting.pop(number)

    data = place(packet.data)
    if waiting:
        raise MalformedPacket("an attachment that no placeholder names")
    kind = PacketType.EVENT if packet.type is PacketType.BINARY_EVENT else PacketType.ACK
    return Packet(kind, packet.namespace, data, packet.id)


def encode(packet: Packet) -> tuple[str, tuple[bytes, ...]]:
    """One packet as text and the attachments that follow it.

    EVENT and ACK become BINARY_EVENT and BINARY_ACK when bytes stand in their data.

    Raises:
        TypeError, ValueError: the data holds what JSON does not, or, beside bytes, a placeholder of its own.
    """
    attachments: list[bytes] = []
    data = packet.data
    kind = packet.type
    if kind in (PacketType.EVENT, PacketType.ACK) and (data := take_out(data, attachments)) and attachments:
        kind = PacketType(kind + 3)
    body = b"" if data is None else _encode_json(data)
    text = header(kind, packet.namespace, packet.id, len(attachments)) + body.decode()
    return text, tuple(attachments)


def header(kind: PacketType, namespace: str, ack: int | None, attachments: int) -> str:
    """Everything of SIO "Format" that stands before the JSON."""
    count = f"{attachments}-" if attachments else ""
    place = "" if namespace == "/" else f"{namespace},"  # "the namespace is only included if it is different from /"
    return f"{int(kind)}{count}{place}{'' if ack is None else ack}"


def take_out(value: Any, attachments: list[bytes]) -> Any:
    """The value with bytes replaced by placeholders; the bytes are appended to `attachments` in that order.

    Looks into dict, list and tuple only; the same object comes back when it holds no bytes.

    Raises:
        ValueError: a dict with the key `_placeholder`: its receiver could not tell it from ours.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        before = len(attachments)
        changed = {key: take_out(item, attachments) for key, item in value.items()}
        if "_placeholder" in value:
            raise ValueError("`_placeholder` is Socket.IO's own key")
        return changed if len(attachments) > before else value
    if isinstance(value, list | tuple):
        before = len(attachments)
        items = [take_out(item, attachments) for item in value]
        return items if len(attachments) > before else value
    return value
