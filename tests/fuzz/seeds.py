"""Inputs to begin with: good ones of every kind, and those that once broke a promise."""

from __future__ import annotations

import zlib
from typing import Final

_P: Final = b'{"_placeholder":true,"num":0}'


def _frame(first: int, data: bytes, mask: bytes = b"abcd") -> bytes:
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
    length = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((first,)) + length + mask + masked


def _deflated(data: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return squeezed.compress(data) + squeezed.flush(zlib.Z_SYNC_FLUSH)[:-4]


SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "payload": (b"4hello", b"2probe\x1e4hello\x1ebAQIDBA==", b"40\x1e42[\"a\"]\x1e1", b"6", b"", b"\x1e", b"b====", b"4\xff", b"b\xc3\xa9"),
    "socketio": (
        b"0", b'0/admin,{"token":"x"}', b"1/admin,", b'2["a",1,{"b":[null,true,1.5]}]', b'2/admin,456["a"]', b"3/admin,456[]",
        b'4{"message":"x"}', b'51-["a",' + _P + b"]", b'61-1[' + _P + b"]", b"2[]", b"2{}", b"21e5[]", b"2" + b"[" * 40,
        b'2["a",NaN]', b'2["disconnect"]', b'2["a",{"\\u005fplaceholder":true}]', "2²[\"a\"]".encode(), b'2["a",1e400]', b"0,", b"2/,[\"a\"]",
    ),
    "socketio_session": (
        b'a0\x1ea2["x"]\x1ea21["x",1]\x1ea31[]\x1ea1', b'a0\x1ea51-["x",' + _P + b"]\x1ebhello", b"r0/a,\x1er0/b,\x1er0/c,\x1ea0",
        b'a0/a,\x1ea0/b,\x1el2/a,["x"]\x1ea1/b,', b"a0\x1ea0", b"bhello", b"a2[\"x\"]", b"a4{}", b"al",
    ),
    "engineio_session": (
        b"o\x1ep2probe\x1ep5\x1ea4x\x1ea1", b"o\x1epx\x1eo\x1el", b"t" + b"x" * 25 + b"\x1ea3\x1et" + b"x" * 45, b"t" + b"x" * 60 + b"\x1ea3",
        b"o\x1et" + b"x" * 11, b"a1\x1ea4x\x1eo", b"a0\x1ea2\x1ea5\x1ea6\x1ea7", b"w\x1et" + b"x" * 25 + b"\x1ew",
    ),
    "websocket": tuple(
        bytes((step,)) + data
        for step in (1, 7, 255)
        for data in (
            _frame(0x81, b"4hello"), _frame(0x82, b"x" * 200), _frame(0x01, b"4he") + _frame(0x89, b"p") + _frame(0x80, b"llo"),
            _frame(0x88, b"\x03\xe8bye"), _frame(0xC1, _deflated(b"4" + b"a" * 500)), _frame(0x81, b"a") * 3, b"\x81\x05hello", b"\x83\x80abcd",
            _frame(0x81, b"x" * 2_001), b"\x82\xff" + b"\xff" * 8 + b"abcd", _frame(0x41, _deflated(b"4")) + _frame(0x80, b""),
        )
    ),
    "deflate": (
        _deflated(b"hello"), _deflated(b"a" * 10_000), b"", b"\x03\x00", b"\xff" * 10, b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits; server_no_context_takeover", b'permessage-deflate; server_max_window_bits="15", x; y=1',
    ),
}  # fmt: skip
