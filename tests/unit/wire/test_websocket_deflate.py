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

from hubbub.wire.errors import MalformedPacket, PacketTooLarge, WireError
from hubbub.wire.websocket_deflate import deflate, inflate, negotiate

ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"
LIMIT = 1_000_000

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
    with contextlib.suppress(WireError):
        assert len(inflate(data, limit)) <= limit


@pytest.mark.parametrize("short", [0, 1])
def test_the_limit_is_exact(short: int) -> None:
    data = b"abc" * 1_000
    if short:
        with pytest.raises(PacketTooLarge):
            inflate(deflate(data), len(data) - short)
    else:
        assert inflate(deflate(data), len(data)) == data


def test_a_bomb_is_not_inflated() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(compressor.compress(bytes(1_000_000)) for _ in range(200)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 200_000 < 200_000_000
    tracemalloc.start()
    try:
        with pytest.raises(PacketTooLarge):
            inflate(bomb, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


def test_final_blocks_may_follow_each_other_but_not_for_ever() -> None:
    block = bytes.fromhex("f3 48 cd c9 c9 07 00")
    assert inflate(block * 3 + b"\0", LIMIT) == b"Hello" * 3
    with pytest.raises(MalformedPacket):
        inflate(bytes.fromhex("03 00") * 100_000, LIMIT)


def test_a_block_may_repeat_what_stood_before_a_final_one() -> None:
    first, second = b"the same words again and again " * 20, b"the same words again and again"
    opening = zlib.compressobj(6, zlib.DEFLATED, -15)
    payload = opening.compress(first) + opening.flush(zlib.Z_FINISH)
    going_on = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=first)
    payload += (going_on.compress(second) + going_on.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert inflate(payload, LIMIT) == first + second


@pytest.mark.parametrize("payload", [b"\xff\xff", b"\x07", b"Hello, not compressed"])
def test_what_is_not_deflate_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedPacket):
        inflate(payload, LIMIT)


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
