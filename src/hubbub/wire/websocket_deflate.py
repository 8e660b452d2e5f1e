"""permessage-deflate of RFC 7692, in the one form in which a compressed message serves every receiver.

Neither side keeps a window from message to message (`server_no_context_takeover`, `client_no_context_takeover`). So a
message is compressed once, however many it is for, and a connection holds no state of zlib: the usual way keeps about
300 kB for each (zlib's 256 kB to compress, 40 kB to inflate), and compresses everything once for each. The server's
window is 4 kB, the largest that all clients take: Python's `websockets` asks for no more, browsers and `ws` take any.

Promises: `negotiate` agrees only to what this module does; `inflate` never makes more than one byte above its limit,
whatever came, and raises nothing but `FrameError`. Before it: `realtime/handshake.py` and `realtime/broadcast.py`.
After it: `websocket_frame.py`, which reads and sets the bit that says a message is compressed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Final

from hubbub.wire.errors import FrameError
from hubbub.wire.websocket_frame import MALFORMED, TOO_BIG, compressed_text_frame, text_frame

WINDOW_BITS: Final = 12
SHORTEST: Final = 300
"""Bytes of text from which it is worth it: acks and typing (200 bytes) lose a fifth, a message of a chat a third."""

_NAME: Final = "permessage-deflate"
_LEVEL: Final = 1  # zlib's usual level takes up to 2.5 times as long, for 1 to 7 % of bytes
_MEMORY: Final = 5  # with this window, 32 kB while a message is compressed
_TAIL: Final = b"\x00\x00\xff\xff"  # section 7.2.1: what a flush ends with, and the sender leaves away
_FINAL_BLOCKS_MAX: Final = 16  # of one message; each costs a new decompressor
_RECENT: Final = 32_768  # bytes that a later block may repeat: DEFLATE's largest window

# RFC 9110 section 5.6.2 and RFC 7692 section 5: a parameter's value is a token, or a token in quotes.
_PARAMETER: Final = re.compile(
    r"""([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*=[ \t]*("?)([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\2)?"""
)
_BITS: Final = re.compile(r"8|9|1[0-5]")  # section 7.1.2: decimal, without leading zeros


def negotiate(offers: str) -> str | None:
    """Choose among what a client offers.

    Args:
        offers: the values of its `Sec-WebSocket-Extensions`, joined with commas.

    Returns:
        The same header of the answer; None where there is no offer that this server takes, which is no error: the
        connection is then without compression (section 5).
    """
    for offer in offers.split(","):
        name, *parameters = (part.strip(" \t") for part in offer.split(";"))
        if name == _NAME and _is_acceptable(parameters):
            return (
                f"{_NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits={WINDOW_BITS}"
            )
    return None


def _is_acceptable(parameters: list[str]) -> bool:
    """Section 7.1: an offer with a parameter that is unknown, repeated or has a wrong value is declined."""
    seen = set()
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None or found[1] in seen:
            return False
        name, _, value = found.groups()
        seen.add(name)
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            good = value is None
        elif name == "client_max_window_bits":
            good = value is None or _BITS.fullmatch(value) is not None  # any: `inflate` takes the largest
        elif name == "server_max_window_bits":
            good = value is not None and _BITS.fullmatch(value) is not None and int(value) >= WINDOW_BITS
        else:
            good = False
        if not good:
            return False
    return True


class Deflater:
    """What compresses for all connections of a process. It holds no state of zlib, only counters.

    Attributes:
        messages: compressed so far.
        plain_bytes, compressed_bytes: frames of these messages, before and after.
    """

    __slots__ = ("compressed_bytes", "messages", "plain_bytes")

    def __init__(self) -> None:
        self.messages = 0
        self.plain_bytes = 0
        self.compressed_bytes = 0

    def shorten(self, items: Sequence[bytes], frames: bytes) -> bytes:
        """The same messages with long text compressed.

        Args:
            items: Engine.IO messages, as in the payload of a poll.
            frames: their plain frames, which are given back where binary messages are among them, or nothing is long.
        """
        if max(map(len, items)) < SHORTEST or any(item.startswith(b"b") for item in items):
            return frames
        return b"".join([self._text_frame(item) if len(item) >= SHORTEST else text_frame(item) for item in items])

    def _text_frame(self, text: bytes) -> bytes:
        plain, compressed = text_frame(text), compressed_text_frame(deflate(text))
        self.messages += 1
        self.plain_bytes += len(plain)
        self.compressed_bytes += len(compressed)
        return compressed if len(compressed) < len(plain) else plain


def deflate(payload: bytes) -> bytes:
    """The payload of a compressed message (section 7.2.1). It depends on nothing that went before."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -WINDOW_BITS, _MEMORY)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


def inflate(payload: bytes, limit: int) -> bytes:
    """What was compressed (section 7.2.2).

    Raises:
        FrameError: `TOO_BIG` where it is longer than `limit` bytes, `MALFORMED` where this is not DEFLATE.
    """
    made = b""
    rest = payload + _TAIL
    try:
        for _ in range(_FINAL_BLOCKS_MAX):
            # Section 7.2.1 lets a sender end a block with BFINAL: zlib stops there, and what follows may repeat it.
            decompressor = zlib.decompressobj(-zlib.MAX_WBITS, made[-_RECENT:])
            made += decompressor.decompress(rest, limit + 1 - len(made))
            if len(made) > limit:
                raise FrameError(TOO_BIG, "the message is too large when inflated")
            rest = decompressor.unused_data
            if not rest:
                return made
    except zlib.error:
        raise FrameError(MALFORMED, "a compressed message that is not DEFLATE") from None
    raise FrameError(MALFORMED, "a compressed message of too many final blocks")
