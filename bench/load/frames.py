"""WebSocket frames by hand (RFC 6455, section 5.2), and what is in them, for a client that must cost little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

EVENT: Final = b'42["receive-message"'
TEXT: Final = 0x81  # a whole message of text
PING: Final = 0x89
CLOSE: Final = 0x88
MARK: Final = b"~~"  # in each body: ~~0007.00000042~ is message 42 of member 7


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame. It must be masked (section 5.3); the mask 0 leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65_536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def body(member: int, number: int, size: int) -> bytes:
    """A message of exactly `size` bytes (20 or more) that says whose it is and which."""
    return b"%b%04d.%08d~" % (MARK, member, number) + b"x" * (size - 16)


def split(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """The whole frames of a server at the beginning of `data`: where each begins, where its payload does, its end."""
    at, size = 0, len(data)
    while size - at >= 2:
        length, start = data[at + 1], at + 2
        if length == 126:
            length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        end = start + length
        if end > size or start > size:
            return
        yield at, start, end
        at = end


def whose(delivery: bytes) -> tuple[int, int] | None:
    """Of a frame with a message: its sender and its number; None where it is no message of the bench."""
    mark = delivery.find(MARK)
    return None if mark < 0 else (int(delivery[mark + 2 : mark + 6]), int(delivery[mark + 7 : mark + 15]))
