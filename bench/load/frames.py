"""WebSocket frames by hand (RFC 6455, section 5.2), and what is in them, for a client that must cost little.

A server that joins frames writes the same bytes to every member of a room, so what was found in a piece of bytes is
remembered and found again by one comparison: every delivery is still counted and checked, but parsed once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

EVENT: Final = b'42["receive-message"'
MARK: Final = b"~~"  # in each body: ~~0007.00000042~ is message 42 of member 7
_TEXT: Final = 0x81  # a whole message of text
_REMEMBERED: Final = 512


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


@dataclass(slots=True)
class Piece:
    """What is in the bytes of one read.

    Attributes:
        deliveries: how many messages of the room.
        messages: of each, whose it is and its number.
        runs: the same by sender: (sender, first number, last number).
        disorder: messages that do not follow their sender's one before, within the piece.
        others: all other frames: first byte and payload.
        end: where the last whole frame ends.
    """

    deliveries: int = 0
    messages: list[tuple[int, int]] = field(default_factory=list)
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    disorder: int = 0
    others: list[tuple[int, bytes]] = field(default_factory=list)
    end: int = 0


def parse(data: bytes) -> Piece:
    """Take the whole frames at the beginning of `data` apart."""
    piece = Piece()
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    at, size = 0, len(data)
    while size - at >= 2:
        length, start = data[at + 1], at + 2
        if length == 126:
            length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        end = start + length
        if end > size or start > size:
            break
        mark = data.find(MARK, start, end) if data[at] == _TEXT and data.startswith(EVENT, start) else -1
        if mark < 0:
            piece.others.append((data[at], data[start:end]))
        else:
            sender, number = int(data[mark + 2 : mark + 6]), int(data[mark + 7 : mark + 15])
            piece.messages.append((sender, number))
            if sender not in first:
                first[sender] = number
            elif number != last[sender] + 1:
                piece.disorder += 1
            last[sender] = number
        at = end
    piece.end = at
    piece.deliveries = len(piece.messages)
    piece.runs = [(sender, number, last[sender]) for sender, number in first.items()]
    return piece


class Reader:
    """`parse` with a memory, shared by all members."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, Piece] = {}

    def read(self, data: bytes) -> Piece:
        """What is in `data`; the same object for the same bytes."""
        piece = self._known.get(data)
        if piece is None:
            piece = parse(data)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[data] = piece
        return piece
