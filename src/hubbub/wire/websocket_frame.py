"""Frames of RFC 6455: a server's, built once for any number of connections, and a client's, read as bytes come.

Server frames are not masked (section 5.1), so a frame does not depend on its receiver. Promises of `FrameReader`: a
message comes out whole or not at all; what the RFC forbids, or is larger than allowed, stops it with the close code to
answer; a whole frame in one read, which is nearly every one, is copied once. The handshake is not its business.
Before and after it: `realtime/websocket.py`; `realtime/broadcast.py` builds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hubbub.wire.errors import FrameError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10  # section 5.2: opcodes
MALFORMED: Final = 1002  # section 7.4.1: close codes
NOT_UTF8: Final = 1007
POLICY: Final = 1008
TOO_BIG: Final = 1009

MAX_FRAGMENTS: Final = 1_024  # of one message
_FIN: Final = 0x80
_RESERVED: Final = 0x70  # bits for extensions
_COMPRESSED: Final = 0x40  # RFC 7692 section 6: RSV1, on the first frame of a compressed message
_MAX_CONTROL: Final = 125  # section 5.5: bytes of a control frame, which is never fragmented


def text_frame(data: bytes) -> bytes:
    """One unfragmented text frame around UTF-8 `data`."""
    return _frame(_FIN | TEXT, data)


def compressed_text_frame(data: bytes) -> bytes:
    """The same around text that was compressed, for clients that have agreed to it."""
    return _frame(_FIN | _COMPRESSED | TEXT, data)


def binary_frame(data: bytes) -> bytes:
    """One unfragmented binary frame around `data`."""
    return _frame(_FIN | BINARY, data)


def pong_frame(data: bytes) -> bytes:
    """The answer to a ping, with its payload (section 5.5.3)."""
    return _frame(_FIN | PONG, data)


def close_frame(payload: bytes) -> bytes:
    """A close frame around what `close_payload` made, or what is answered to a client's (section 5.5.1)."""
    return _frame(_FIN | CLOSE, payload)


def close_payload(code: int, reason: str) -> bytes:
    """Code and reason; the reason is cut to what fits."""
    return code.to_bytes(2, "big") + reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()


def _frame(first: int, data: bytes) -> bytes:
    # RFC 6455 section 5.2: the length in 7 bits, or 126 and 16 bits, or 127 and 64 bits, always the shortest form.
    length = len(data)
    if length < 126:
        return bytes((first, length)) + data
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + data
    return bytes((first, 127)) + length.to_bytes(8, "big") + data


class FrameReader:
    """The frames of one client.

    Args:
        max_payload: largest message, in bytes, its fragments together, and inflated.
        inflate: given a compressed message and the most bytes it may have, makes the message of it; None where the
            client has not agreed to compression.

    Attributes:
        error: why nothing more is read, where the client broke the protocol.
    """

    __slots__ = ("_buffer", "_first", "_inflate", "_max", "_need", "_parts", "_size", "error")

    def __init__(self, max_payload: int, inflate: Callable[[bytes, int], bytes] | None = None) -> None:
        self.error: FrameError | None = None
        self._max = max_payload
        self._inflate = inflate
        self._buffer: bytearray | None = None  # the beginning of a frame
        self._need = 0  # bytes that must be there before looking again
        self._first = 0  # byte of the message whose fragments are coming: its opcode and bits; 0 for none
        self._parts: list[bytes] | None = None
        self._size = 0

    def receive(self, data: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload of all that is whole now: messages (TEXT, BINARY), and control frames.

        What came before a fault comes out; the fault is then in `error`, and what follows it is passed over.
        """
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._need:
                return []
            data = bytes(self._buffer)
            self._buffer = None
        found: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        try:
            while at < size and self.error is None:
                start, length = self._head(data, at, size)
                end = start + length
                if not start or end > size:
                    self._buffer = bytearray(data[at:])
                    self._need = end - at if start else len(self._buffer) + 1
                    break
                # Section 5.3: each byte is XORed with one of the four of the mask, which stand before the payload.
                mask = int.from_bytes((data[start - 4 : start] * (length // 4 + 1))[:length], "big")
                payload = (int.from_bytes(data[start:end], "big") ^ mask).to_bytes(length, "big")
                self._take(data[at], payload, found)
                at = end
        except FrameError as error:
            self.error = error
        return found

    def _head(self, data: bytes, at: int, size: int) -> tuple[int, int]:
        """Where the payload of the frame at `at` begins, and its length; 0, 0 where the head is not all there."""
        if size - at < 2:
            return 0, 0
        first, second = data[at], data[at + 1]
        opcode = first & 0x0F
        if first & _RESERVED and (
            first & _RESERVED != _COMPRESSED or not self._inflate or opcode not in (TEXT, BINARY)
        ):
            raise FrameError(MALFORMED, "reserved bits are set")
        if second < 0x80:
            raise FrameError(MALFORMED, "a client's frame must be masked")
        length, start = second & 0x7F, at + 6
        if opcode >= CLOSE:
            if opcode > PONG or first < _FIN or length > _MAX_CONTROL:
                raise FrameError(MALFORMED, "not a control frame of RFC 6455")
            return (start, length) if size >= start else (0, 0)
        if opcode > BINARY or (opcode == CONTINUATION) is not bool(self._first):
            raise FrameError(MALFORMED, "a data frame out of turn")
        if length > 125:
            wide = 2 if length == 126 else 8
            start += wide
            if size < start:
                return 0, 0
            length = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
        if self._size + length > self._max:
            raise FrameError(TOO_BIG, "the message is too large")
        return (start, length) if size >= start else (0, 0)

    def _take(self, first: int, payload: bytes, found: list[tuple[int, bytes]]) -> None:
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if opcode == CLOSE:
                _check_close(payload)
            found.append((opcode, payload))
        elif first >= _FIN and opcode != CONTINUATION:
            found.append((opcode, self._whole(first, payload)))
        else:
            if self._parts is None:
                self._first, self._parts = first, []
            self._parts.append(payload)
            self._size += len(payload)
            if first >= _FIN:
                found.append((self._first & 0x0F, self._whole(self._first, b"".join(self._parts))))
                self._first, self._parts, self._size = 0, None, 0
            elif len(self._parts) > MAX_FRAGMENTS:
                raise FrameError(POLICY, "too many fragments")

    def _whole(self, first: int, payload: bytes) -> bytes:
        """A message's bytes, inflated where its first byte says that it is compressed."""
        if not first & _COMPRESSED or self._inflate is None:
            return payload
        return self._inflate(payload, self._max)


def _check_close(payload: bytes) -> None:
    """Section 5.5.1: nothing, or a code that may be sent (section 7.4) and a reason in UTF-8."""
    if not payload:
        return
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(NOT_UTF8, "a close reason that is not UTF-8") from None
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise FrameError(MALFORMED, "a close code that may not be sent")
