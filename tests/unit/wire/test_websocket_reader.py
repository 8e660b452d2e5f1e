"""Client frames: what the `websockets` library makes of the same bytes, cut anywhere, and the close code of each fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from hubbub.wire.websocket_frame import (
    BINARY,
    CLOSE,
    MALFORMED,
    MAX_FRAGMENTS,
    NOT_UTF8,
    PING,
    POLICY,
    TEXT,
    TOO_BIG,
    FrameReader,
    close_frame,
    close_payload,
    pong_frame,
)

MAX = 2_000


def client(opcode: int, payload: bytes, *, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A client's frame."""
    length = len(payload)
    head = bytes([0x80 * fin | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65_536:
        head += b"\xfe" + length.to_bytes(2, "big")
    else:
        head += b"\xff" + length.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def read(pieces: Sequence[bytes], max_payload: int = MAX) -> tuple[list[tuple[int, bytes]], int | None]:
    """All that comes out, and the close code of the fault."""
    reader = FrameReader(max_payload)
    found: list[tuple[int, bytes]] = []
    for piece in pieces:
        found += reader.receive(piece)
        if reader.error is not None:
            return found, reader.error.code
    return found, None


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    marks = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *marks], [*marks, len(data)], strict=True) if a < b]


def library(data: bytes) -> tuple[list[tuple[int, bytes]], int | None]:
    """The same by the `websockets` library, fragments put together."""
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=MAX)
    protocol.receive_data(data)
    found: list[tuple[int, bytes]] = []
    parts: list[bytes] = []
    kind = 0
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            kind, parts = int(event.opcode), [bytes(event.data)]
        elif event.opcode is Opcode.CONT:
            parts.append(bytes(event.data))
        else:
            found.append((int(event.opcode), bytes(event.data)))
            continue
        if event.fin:
            found.append((kind, b"".join(parts)))
    code = None
    if protocol.parser_exc is not None:
        assert protocol.close_sent is not None
        code = protocol.close_sent.code
    return found, code


MASKS = st.binary(min_size=4, max_size=4)
WHOLE = st.builds(
    client, st.sampled_from([TEXT, BINARY]), st.binary(max_size=MAX) | st.binary(min_size=120, max_size=130), mask=MASKS
)
CONTROL = st.builds(client, st.sampled_from([PING, 10]), st.binary(max_size=125), mask=MASKS)
FRAGMENTED = st.builds(
    lambda kind, parts, ping: b"".join(
        client(kind if index == 0 else 0, part, fin=index == len(parts) - 1) + (ping if index < len(parts) - 1 else b"")
        for index, part in enumerate(parts)
    ),
    st.sampled_from([TEXT, BINARY]),
    st.lists(st.binary(max_size=MAX // 2), min_size=2, max_size=5),
    st.just(b"") | CONTROL,
)
ODD = st.builds(
    client, st.integers(0, 127), st.binary(max_size=130), fin=st.booleans(), mask=MASKS
) | st.binary(max_size=20)  # fmt: skip


@each_case
@given(st.lists(WHOLE | CONTROL | FRAGMENTED, max_size=6), st.lists(st.integers(0, 20_000), max_size=8))
def test_good_frames_come_out_however_they_are_cut(frames: list[bytes], places: list[int]) -> None:
    data = b"".join(frames)
    assert read(cut(data, places)) == library(data)


@each_case
@given(st.lists(WHOLE | CONTROL | FRAGMENTED | ODD, max_size=4), st.lists(st.integers(0, 5_000), max_size=4))
def test_bad_frames_stop_where_the_library_stops(frames: list[bytes], places: list[int]) -> None:
    data = b"".join(frames)
    (ours, code), (theirs, their_code) = read(cut(data, places)), library(data)
    # The library drops its reader at a close frame; so does whoever uses ours.
    last = next((index for index, (opcode, _) in enumerate(ours) if opcode == CLOSE), None)
    if last is not None:
        assert ours[: last + 1] == theirs
        return
    assert ours == theirs
    if code is not None and their_code is None:  # the head alone told us; the library looks when all of it is there
        assert library(data + bytes(MAX))[1] is not None
    else:
        assert code == their_code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x01a", MALFORMED),  # not masked
        (client(0x40 | TEXT, b"a"), MALFORMED),  # RSV1 without an extension
        (client(3, b"a"), MALFORMED),
        (client(11, b"a"), MALFORMED),
        (client(PING, b"a", fin=False), MALFORMED),
        (client(PING, b"a" * 126), MALFORMED),
        (client(0, b"a"), MALFORMED),  # nothing to continue
        (client(TEXT, b"a", fin=False) + client(TEXT, b"b"), MALFORMED),
        (client(CLOSE, b"\x03"), MALFORMED),
        (client(CLOSE, (1005).to_bytes(2, "big")), MALFORMED),
        (client(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), NOT_UTF8),
        (client(BINARY, b"x" * (MAX + 1))[:8], TOO_BIG),  # told by the head alone
        (b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"abcd", TOO_BIG),
        (client(BINARY, b"x" * MAX, fin=False) + client(0, b"x"), TOO_BIG),
        (client(BINARY, b"", fin=False) + client(0, b"", fin=False) * MAX_FRAGMENTS, POLICY),
    ],
)
def test_faults_and_their_close_codes(data: bytes, code: int) -> None:
    assert read([data]) == ([], code)
    assert read([data[i : i + 1] for i in range(len(data))]) == ([], code)


def test_what_came_before_a_fault_comes_out() -> None:
    assert read([client(TEXT, b"one") + client(PING, b"two") + b"\x81\x00"]) == (
        [(TEXT, b"one"), (PING, b"two")],
        MALFORMED,
    )


def test_a_large_message_in_small_pieces_is_looked_at_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    original = FrameReader._head

    def counted(self: FrameReader, data: bytes, at: int, size: int) -> tuple[int, int]:
        nonlocal looks
        looks += 1
        return original(self, data, at, size)

    monkeypatch.setattr(FrameReader, "_head", counted)
    data = client(BINARY, b"x" * 100_000)
    assert read(cut(data, range(0, len(data), 100)), 100_000)[0] == [(BINARY, b"x" * 100_000)]
    assert looks <= 3


def test_our_control_frames() -> None:
    assert pong_frame(b"ab") == b"\x8a\x02ab"
    assert close_frame(close_payload(1001, "gone")) == b"\x88\x06\x03\xe9gone"
    assert len(close_frame(close_payload(1008, "\u20ac" * 100))) == 2 + 2 + 123  # cut between characters
