"""Engine.IO packets: golden bytes, and properties over all of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case

from hubbub.wire.engineio_packet import (
    MAX_PACKETS,
    Packet,
    PacketType,
    decode_payload,
    decode_text,
    encode_binary_item,
    encode_open,
    encode_packet,
)
from hubbub.wire.errors import MalformedPacket, PacketTooLarge, WireError


def encode_payload(packets: Sequence[Packet]) -> bytes:
    """Packets as one polling payload, as a client makes it."""
    items = (encode_packet(packet) for packet in packets)
    return b"\x1e".join(encode_binary_item(item) if isinstance(item, bytes) else item.encode() for item in items)


GOLDEN = [
    (Packet(PacketType.OPEN, "{}"), "0{}"),
    (Packet(PacketType.CLOSE), "1"),
    (Packet(PacketType.PING), "2"),
    (Packet(PacketType.PING, "probe"), "2probe"),
    (Packet(PacketType.PONG), "3"),
    (Packet(PacketType.PONG, "probe"), "3probe"),
    (Packet(PacketType.MESSAGE, "hello"), "4hello"),
    (Packet(PacketType.MESSAGE, ""), "4"),
    (Packet(PacketType.MESSAGE, "ü€😀"), "4ü€😀"),
    (Packet(PacketType.UPGRADE), "5"),
    (Packet(PacketType.NOOP), "6"),
]


@pytest.mark.parametrize(("packet", "text"), GOLDEN)
def test_golden_text(packet: Packet, text: str) -> None:
    assert encode_packet(packet) == text
    assert decode_text(text) == packet


def test_golden_binary() -> None:
    packet = Packet(PacketType.MESSAGE, b"\x01\x02\x03\x04")
    assert encode_packet(packet) == b"\x01\x02\x03\x04"
    assert encode_binary_item(b"\x01\x02\x03\x04") == b"bAQIDBA=="


def test_golden_payload() -> None:
    packets = [
        Packet(PacketType.MESSAGE, "hello"),
        Packet(PacketType.PING),
        Packet(PacketType.MESSAGE, b"\x01\x02\x03\x04"),
        Packet(PacketType.MESSAGE, "€"),
    ]
    body = b"4hello\x1e2\x1ebAQIDBA==\x1e4\xe2\x82\xac"
    assert encode_payload(packets) == body
    assert decode_payload(body) == packets


def test_open_holds_exactly_five_keys() -> None:
    packet = encode_open("abc", ["websocket"], 25_000, 20_000, 1_000_000)
    assert packet[:1] == b"0"
    assert json.loads(packet[1:]) == {
        "sid": "abc",
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }


@pytest.mark.parametrize("text", ["", "a", "abc", "7", "9", "-", "²", "٣", " 4", "\x1e", "b", "\x00"])
def test_bad_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedPacket):
        decode_text(text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"abc",
        b"\x1e",
        b"\x1e\x1e",
        b"4a\x1e",
        b"\x1e4a",
        b"4a\x1e\x1e4b",
        b"4a\x1e7",
        b"bA",
        b"bAQIDBA=",
        b"bAQIDBA===",
        b"bAQ IDBA==",
        b"b%%%%",
        b"b\xc3\xa4AAA",
        b"4\xff",
        b"\xff",
        b"4\xed\xa0\x80",
    ],
)
def test_bad_payload_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPacket):
        decode_payload(body)


def test_number_of_packets_is_limited() -> None:
    assert len(decode_payload(b"\x1e".join([b"4"] * 16), 16)) == 16
    with pytest.raises(PacketTooLarge):
        decode_payload(b"\x1e".join([b"4"] * 17), 16)
    with pytest.raises(PacketTooLarge):
        decode_payload(b"\x1e" * MAX_PACKETS)


def test_repr_hides_the_data() -> None:
    assert "secret" not in repr(Packet(PacketType.MESSAGE, "secret"))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e"))
packets = st.one_of(
    st.builds(Packet, st.sampled_from(PacketType), texts), st.builds(Packet, st.just(PacketType.MESSAGE), st.binary())
)


@each_case
@given(st.lists(packets, min_size=1, max_size=20))
def test_payload_there_and_back(sent: list[Packet]) -> None:
    assert decode_payload(encode_payload(sent)) == sent


@each_case
@given(st.builds(Packet, st.sampled_from(PacketType), texts))
def test_text_there_and_back(sent: Packet) -> None:
    encoded = encode_packet(sent)
    assert isinstance(encoded, str)
    assert decode_text(encoded) == sent


@each_case
@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_payload_raises_only_declared_errors(body: bytes) -> None:
    try:
        decoded = decode_payload(body)
    except WireError:
        return
    assert decode_payload(encode_payload(decoded)) == decoded


@each_case
@given(st.lists(st.sampled_from([b"0", b"2", b"4", b"6", b"7", b"b", b"AQ==", b"AAA=", b"\x1e", b"\xff", b"x"])))
def test_nearly_good_payloads_raise_only_declared_errors(parts: list[bytes]) -> None:
    try:
        decoded = decode_payload(b"".join(parts))
    except WireError:
        return
    assert decode_payload(encode_payload(decoded)) == decoded


@each_case
@given(st.text())
def test_any_text_raises_only_declared_errors(text: str) -> None:
    with contextlib.suppress(WireError):
        assert encode_packet(decode_text(text)) == text
