"""permessage-deflate: the examples of RFC 7692, and `websockets`' own extension at the other end."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.headers import build_extension, parse_extension

from hubbub.wire.errors import FrameError
from hubbub.wire.websocket_deflate import SHORTEST, Deflater, deflate, inflate, negotiate
from hubbub.wire.websocket_frame import BINARY, MALFORMED, TEXT, TOO_BIG, FrameReader, text_frame

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"
LIMIT = 1_000_000


def refused(payload: bytes, limit: int = LIMIT) -> int:
    """The close code with which a payload is refused."""
    with pytest.raises(FrameError) as caught:
        inflate(payload, limit)
    return caught.value.code


# RFC 7692 section 7.2.3: the payloads of "Hello", and its two fragments joined.
HELLOS = {
    "7.2.3.1, one block": "f2 48 cd c9 c9 07 00",
    "7.2.3.3, no compression": "00 05 00 fa ff 48 65 6c 6c 6f 00",
    "7.2.3.4, BFINAL": "f3 48 cd c9 c9 07 00 00",
    "7.2.3.5, two blocks": "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
}


@pytest.mark.parametrize("payload", HELLOS.values(), ids=HELLOS)
def test_the_examples_of_the_specification(payload: str) -> None:
    assert inflate(bytes.fromhex(payload), LIMIT) == b"Hello"


def test_what_is_made_is_the_specifications_example() -> None:
    assert deflate(b"Hello") == bytes.fromhex(HELLOS["7.2.3.1, one block"])
    assert deflate(b"") == bytes.fromhex("00")  # section 7.2.3.6


@each_case
@given(st.binary(max_size=3_000), st.integers(1, 40))
def test_there_and_back(data: bytes, times: int) -> None:
    assert inflate(deflate(data * times), len(data) * times) == data * times


@each_case
@given(st.binary(max_size=400), st.integers(0, 2_000))
def test_whatever_comes_is_bounded(data: bytes, limit: int) -> None:
    with contextlib.suppress(FrameError):
        assert len(inflate(data, limit)) <= limit


@pytest.mark.parametrize("short", [0, 1])
def test_the_limit_is_exact(short: int) -> None:
    data = b"abc" * 1_000
    if short:
        assert refused(deflate(data), len(data) - short) == TOO_BIG
    else:
        assert inflate(deflate(data), len(data)) == data


def test_a_bomb_is_not_inflated() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(200)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 200_000 < 200_000_000
    tracemalloc.start()
    try:
        assert refused(bomb) == TOO_BIG
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


def test_final_blocks_may_follow_each_other_but_not_for_ever() -> None:
    block = bytes.fromhex("f3 48 cd c9 c9 07 00")
    assert inflate(block * 3 + b"\0", LIMIT) == b"Hello" * 3
    assert refused(bytes.fromhex("03 00") * 100_000) == MALFORMED


def test_a_block_may_repeat_what_stood_before_a_final_one() -> None:
    first, second = b"the same words again and again " * 20, b"the same words again and again"
    opening = zlib.compressobj(6, zlib.DEFLATED, -15)
    payload = opening.compress(first) + opening.flush(zlib.Z_FINISH)
    going_on = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=first)
    payload += (going_on.compress(second) + going_on.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert inflate(payload, LIMIT) == first + second


@pytest.mark.parametrize("payload", [b"\xff\xff", b"\x07", b"Hello, not compressed"])
def test_what_is_not_deflate_is_malformed(payload: bytes) -> None:
    assert refused(payload) == MALFORMED


@pytest.mark.parametrize(
    "offers",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",  # browsers, and `ws`
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",  # Python's websockets
        "permessage-deflate;client_max_window_bits = 8 ;server_no_context_takeover; client_no_context_takeover",
        'permessage-deflate; server_max_window_bits="15"',
        "x-webkit-deflate-frame, permessage-deflate",
        "permessage-deflate; server_max_window_bits=9, permessage-deflate",  # the first is declined, section 5
    ],
)
def test_offers_that_are_taken(offers: str) -> None:
    assert negotiate(offers) == ANSWER


@pytest.mark.parametrize(
    "offers",
    [
        "",
        "permessage-bzip2",
        "permessage-deflate; server_max_window_bits=11",  # a window smaller than ours
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=012",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; level=9",
        'permessage-deflate; client_max_window_bits="12',
        "permessage-deflate;",
        "permessage-deflate ; ;",
    ],
)
def test_offers_that_are_declined(offers: str) -> None:
    assert negotiate(offers) is None


@each_case
@given(st.text(max_size=60) | st.text('permsag-dflt;,= "128_ctxnowib', max_size=60).map("permessage-deflate;".__add__))
def test_no_header_is_too_odd(offers: str) -> None:
    assert negotiate(offers) in (None, ANSWER)


# The other end is `websockets`' own extension, as a client sets it up from our answer.

OFFERS: list[Callable[[], ClientPerMessageDeflateFactory]] = [
    lambda: ClientPerMessageDeflateFactory(client_max_window_bits=True),
    lambda: ClientPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12),
    lambda: ClientPerMessageDeflateFactory(True, True, 15, 9),
]


def other_end(factory: ClientPerMessageDeflateFactory) -> Extension:
    answer = negotiate(build_extension([(factory.name, factory.get_request_params())]))
    assert answer is not None
    ((name, params),) = parse_extension(answer)
    assert name == "permessage-deflate"
    return factory.process_response_params(params, [])


@pytest.mark.parametrize("make", OFFERS)
@pytest.mark.parametrize("size", [0, 1, 300, 5_000, 100_000])
def test_websockets_reads_what_was_compressed(make: Callable[[], ClientPerMessageDeflateFactory], size: int) -> None:
    client = other_end(make())
    for number in range(3):  # each message by itself
        data = (f"{number}: some words of a chat, " * (1 + size // 20)).encode()[:size]
        read = client.decode(Frame(Opcode.TEXT, deflate(data), rsv1=True), max_size=LIMIT)
        assert bytes(read.data) == data


@pytest.mark.parametrize("make", OFFERS)
@pytest.mark.parametrize("size", [0, 1, 300, 5_000, 100_000])
def test_what_websockets_compressed_is_read(make: Callable[[], ClientPerMessageDeflateFactory], size: int) -> None:
    client = other_end(make())
    for number in range(3):
        data = (f"{number}: some words of a chat, " * (1 + size // 20)).encode()[:size]
        frame = client.encode(Frame(Opcode.TEXT, data))
        assert frame.rsv1
        assert inflate(bytes(frame.data), LIMIT) == data


# Frames: what is compressed says so by a bit, and only where that was agreed.


def sent(first: int, payload: bytes) -> bytes:
    """A client's frame; the mask 0 leaves the payload as it is."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0xFE,)) + size.to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + payload


def test_compressed_messages_are_read_beside_plain_ones() -> None:
    reader = FrameReader(LIMIT, inflate)
    data = b"words of a chat, " * 50
    stream = sent(0xC1, deflate(data)) + sent(0x81, b"plain") + sent(0xC2, deflate(data)) + sent(0x89, b"ping")
    assert reader.receive(stream) == [(TEXT, data), (TEXT, b"plain"), (BINARY, data), (9, b"ping")]
    assert reader.error is None


def test_fragments_are_inflated_together() -> None:
    reader = FrameReader(LIMIT, inflate)
    data = b"words of a chat, " * 50
    packed = deflate(data)
    # Only the first frame carries the bit (section 6.1); a control frame may come between.
    stream = sent(0x41, packed[:5]) + sent(0x89, b"") + sent(0x00, packed[5:9]) + sent(0x80, packed[9:])
    assert reader.receive(stream + sent(0x81, b"next")) == [(9, b""), (TEXT, data), (TEXT, b"next")]


@pytest.mark.parametrize(
    "stream",
    [
        sent(0xC9, b""),  # a control frame, section 6.1
        sent(0x01, b"a") + sent(0xC0, b"b"),  # not the first frame
        sent(0xA1, deflate(b"a")),  # another bit
        sent(0xE1, deflate(b"a")),  # another bit as well
    ],
)
def test_the_bit_elsewhere_is_a_fault(stream: bytes) -> None:
    reader = FrameReader(LIMIT, inflate)
    assert reader.receive(stream) == []
    assert reader.error is not None
    assert reader.error.code == MALFORMED


def test_the_bit_without_agreement_is_a_fault() -> None:
    reader = FrameReader(LIMIT)
    assert reader.receive(sent(0xC1, deflate(b"a"))) == []
    assert reader.error is not None
    assert reader.error.code == MALFORMED


@pytest.mark.parametrize("cut", [1, 7, 200])
def test_a_message_too_large_when_inflated_is_a_fault(cut: int) -> None:
    reader = FrameReader(10_000, inflate)
    stream = sent(0xC1, deflate(bytes(10_000))) + sent(0xC1, deflate(bytes(10_001))) + sent(0x81, b"after")
    found = [one for at in range(0, len(stream), cut) for one in reader.receive(stream[at : at + cut])]
    assert found == [(TEXT, bytes(10_000))]
    assert reader.error is not None
    assert reader.error.code == TOO_BIG


def test_short_text_and_text_that_does_not_shrink_stay_plain() -> None:
    deflater = Deflater()
    short = b"x" * (SHORTEST - 1)
    assert deflater.shorten([short, b"2"], b"as they were") == b"as they were"
    assert deflater.messages == 0
    noise = bytes(((index * index * 7919) >> 5) & 0xFF for index in range(SHORTEST))
    assert deflater.shorten([noise], text_frame(noise)) == text_frame(noise)
    long = b"x" * SHORTEST
    frames = deflater.shorten([long, b"2"], text_frame(long) + text_frame(b"2"))
    assert (frames[0], inflate(frames[2:-3], LIMIT), frames[-3:]) == (0xC1, long, text_frame(b"2"))
    assert deflater.messages == 2
    assert deflater.plain_bytes == 2 * (SHORTEST + 4)
    assert deflater.compressed_bytes > SHORTEST


def test_binary_messages_stay_plain_and_so_does_the_text_before_them() -> None:
    deflater = Deflater()
    assert deflater.shorten([b"x" * SHORTEST, b"bAAAA"], b"as they were") == b"as they were"
    assert deflater.messages == 0
