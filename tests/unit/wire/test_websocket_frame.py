"""Server frames: golden bytes at each change of the length's form, and what an independent parser makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from hubbub.wire.websocket_frame import binary_frame, text_frame


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (1, b"\x81\x01"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_golden_lengths(length: int, head: bytes) -> None:
    assert text_frame(b"x" * length) == head + b"x" * length


def test_golden_frames() -> None:
    assert text_frame(b"4hello") == b"\x81\x064hello"
    assert binary_frame(b"\x01\x02") == b"\x82\x02\x01\x02"


def _parse(data: bytes) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parser = Frame.parse(reader.read_exact, mask=False, max_size=None, extensions=[])
    try:
        next(parser)
    except StopIteration as stop:
        frame = stop.value
        assert isinstance(frame, Frame)
        return frame
    raise AssertionError("not a whole frame")


@each_case
@given(st.binary(max_size=70_000), st.booleans())
def test_another_parser_reads_them(data: bytes, text: bool) -> None:
    frame = _parse(text_frame(data) if text else binary_frame(data))
    assert frame.opcode is (Opcode.TEXT if text else Opcode.BINARY)
    assert frame.fin
    assert bytes(frame.data) == data
