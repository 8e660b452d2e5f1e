"""Server frames of RFC 6455, built from bytes once so that any number of connections can be given the same object.

Server frames are not masked (RFC 6455 section 5.1), so a frame does not depend on its receiver. Receiving is left to
the `websockets` library. Before it: `realtime/broadcast.py`.
"""

from __future__ import annotations

from typing import Final

_FIN_TEXT: Final = 0x81  # RFC 6455 section 5.2: FIN set, opcode 1
_FIN_BINARY: Final = 0x82  # FIN set, opcode 2


def text_frame(data: bytes) -> bytes:
    """One unfragmented text frame around UTF-8 `data`."""
    return _frame(_FIN_TEXT, data)


def binary_frame(data: bytes) -> bytes:
    """One unfragmented binary frame around `data`."""
    return _frame(_FIN_BINARY, data)


def _frame(first: int, data: bytes) -> bytes:
    # RFC 6455 section 5.2: the length in 7 bits, or 126 and 16 bits, or 127 and 64 bits, always the shortest form.
    length = len(data)
    if length < 126:
        return bytes((first, length)) + data
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + data
    return bytes((first, 127)) + length.to_bytes(8, "big") + data
