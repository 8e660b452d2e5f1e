"""B17 to B34: Engine.IO over polling and WebSocket, and the frames of WebSocket."""

from __future__ import annotations

import zlib
from typing import Final

from tests.fault.corpus.entry import Entry, Frames, Post, Request, Wire

ROOT: Final = "/socket.io/"


def frame(first: int, payload: bytes = b"", *, masked: bool = True, length: int | None = None) -> Wire:
    """One frame, its mask all zeros; `length` where it lies about it."""
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    head = bytes((bit | size,)) if size < 126 else bytes((bit | 127,)) + size.to_bytes(8, "big")
    return Wire(bytes((first,)) + head + (b"\0\0\0\0" if masked else b"") + payload)


def _bomb() -> bytes:
    """A message that is a thousand times as large as it looks (RFC 7692)."""
    squeezed = zlib.compressobj(wbits=-15)
    return squeezed.compress(b"4" + b"a" * 1_000_000) + squeezed.flush(zlib.Z_SYNC_FLUSH)[:-4]


EMPTY_PIECE: Final = frame(0x00).data
PING: Final = frame(0x89).data

ENTRIES: Final = (
    *(Entry(17, f"asked {query!r}", Request("GET", ROOT + query))
      for query in ("?EIO=3&transport=polling", "?EIO=abc&transport=polling", "?transport=polling", "?EIO=4", "",
                    "?EIO=4&transport=abc", "?EIO=4&transport=polling&EIO=3", "?EIO=4&transport=", "?EIO=4&transport=websocket")),
    Entry(17, "an address outside", Request(
        "GET", "/socket.iox/?EIO=4&transport=polling", status=404, code="not_found")),
    *(Entry(18, f"a sid that is {what}", Request("GET", f"{ROOT}?EIO=4&transport=polling&sid={sid}"))
      for what, sid in (("unknown", "abc"), ("empty", ""), ("a path", "..%2f..%2fa"), ("long", "a" * 10_000), ("NUL", "%00"),
                        ("a worker's", "7.abc"))),
    Entry(18, "POST to a sid that is unknown", Request("POST", f"{ROOT}?EIO=4&transport=polling&sid=abc", b"40")),
    *(Entry(21, f"POST of {body[:12]!r}", Post(body))
      for body in (b"abc", b"", b"\x1e", b"\x1e\x1e", b"4a\x1e", b"7", b"9", b"-", b"0{}", b"2", b"5", b"6", b"2probe",
                   b"4\xff", b"\xed\xa0\x80")),
    *(Entry(21, f"a frame of {text[:12]!r}", Frames((text,), after="open"))
      for text in ("", "abc", "7", "9", "-", "0{}", "2", "5", "6", "2probe", "\x1e")),
    Entry(22, "4,097 packets in one POST", Post(b"\x1e".join([b"3"] * 4_097)),
          note="4,096 are taken: the official client puts all that waits into one POST"),
    *(Entry(23, f"base64 that is {body!r}", Post(body)) for body in (b"b!!!!", b"bQQ", b"bQ===", b"bQUJD\x1eb\xc3\xa9")),
    Entry(23, "base64 that is no packet", Post(b"bQUJD"), note="binary without a header: see also B51"),
    Entry(24, "text that is not UTF-8", Frames((frame(0x81, b"4\xff\xfe"),), after="open", codes=(1007,))),
    Entry(24, "half a surrogate as UTF-8", Frames((frame(0x81, b"4\xed\xa0\x80"),), after="open", codes=(1007,))),
    Entry(30, "a frame that says it is too large", Frames((frame(0x81, b"4", length=1_000_001),), codes=(1009,))),
    Entry(30, "a frame that says it has 2^63 bytes", Frames((frame(0x82, b"4", length=2**63),), codes=(1009,))),
    Entry(30, "a frame one byte too large", Frames(("4" * 1_000_001,), codes=(1009,))),
    Entry(31, "empty fragments without end", Frames((Wire(frame(0x01).data + EMPTY_PIECE * 100_000),), codes=(1008,))),
    Entry(32, "fragments without end", Frames(
        (Wire(frame(0x01, b"4" * 60_000).data + frame(0x00, b"4" * 60_000).data * 20),), codes=(1009,))),
    Entry(32, "a message begun inside another", Frames((frame(0x01, b"4"), frame(0x01, b"4")), codes=(1002,))),
    Entry(32, "a continuation of nothing", Frames((frame(0x80, b"4"),), codes=(1002,))),
    Entry(33, "a compressed frame where nobody agreed to it", Frames((frame(0xC1, _bomb()),), codes=(1002,)),
          note="compression is off by default; with it on, inflating stops at the limit: unit tests hold that"),
    Entry(34, "10,000 pings at once", Frames((Wire(PING * 10_000),), codes=(1008,))),
    Entry(34, "10,000 pongs at once", Frames((Wire(frame(0x8A).data * 10_000),), codes=(1008,))),
    Entry(34, "an Engine.IO ping, which is the server's to send", Frames(("2",), after="open")),
    Entry(34, "frames without a mask", Frames((frame(0x81, b"40", masked=False),), after="open", codes=(1002,))),
    Entry(34, "an opcode that is none", Frames((frame(0x83),), after="open", codes=(1002,))),
    Entry(34, "a control frame in pieces", Frames((frame(0x09),), after="open", codes=(1002,))),
    Entry(34, "a ping of 126 bytes", Frames((frame(0x89, b"a" * 126),), after="open", codes=(1002,))),
    *(Entry(34, f"a close code of {code}", Frames((frame(0x88, code.to_bytes(2, "big")),), after="open", codes=(1002,)))
      for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)),
    Entry(34, "a close code of one byte", Frames((frame(0x88, b"\x03"),), after="open", codes=(1002,))),
    Entry(34, "a close reason that is not UTF-8", Frames((frame(0x88, b"\x03\xe8\xff"),), after="open", codes=(1007, 1002))),
)  # fmt: skip
