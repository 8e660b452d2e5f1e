"""Namespaces and the reassembly of binary packets on one connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case

from hubbub.wire.errors import MalformedPacket, PacketTooLarge, ProtocolViolation, WireError
from hubbub.wire.socketio_packet import PacketType
from hubbub.wire.socketio_session import MAX_REFUSED, SocketIOSession

P0 = '{"_placeholder":true,"num":0}'
P1 = '{"_placeholder":true,"num":1}'


def session(max_bytes: int = 1_000) -> SocketIOSession:
    return SocketIOSession(0, connect_timeout=45, max_bytes=max_bytes, max_attachments=10)


def joined(max_bytes: int = 1_000) -> SocketIOSession:
    it = session(max_bytes)
    assert it.receive("0") is not None
    it.accept("/")
    return it


def test_connect_event_disconnect() -> None:
    it = session()
    assert it.deadline == 45
    packet = it.receive('0{"token":"x"}')
    assert packet is not None
    assert packet.type is PacketType.CONNECT
    assert packet.data == {"token": "x"}
    it.accept("/")
    assert it.deadline is None
    event = it.receive('25["hello",1]')
    assert event is not None
    assert (event.type, event.data, event.id) == (PacketType.EVENT, ["hello", 1], 5)
    left = it.receive("1")
    assert left is not None
    assert left.type is PacketType.DISCONNECT
    it.rest(100)
    assert it.deadline == 145
    with pytest.raises(ProtocolViolation):
        it.receive('2["hello"]')


def test_one_namespace_of_two_left_keeps_the_connection() -> None:
    it = joined()
    it.receive("0/custom")
    it.accept("/custom")
    it.receive("1/custom,")
    it.rest(10)
    assert it.deadline is None
    assert it.receive('2["x"]') is not None


@pytest.mark.parametrize("text", ['2["x"]', "1", "31[]", '2/custom,["x"]', "4{}", '4{"message":"x"}'])
def test_nothing_before_connect(text: str) -> None:
    with pytest.raises((ProtocolViolation, MalformedPacket)):
        session().receive(text)


def test_no_binary_event_before_connect() -> None:
    with pytest.raises(ProtocolViolation):
        session().receive(f'51-["x",{P0}]')


def test_events_may_queue_behind_their_connect() -> None:
    it = session()
    it.receive("0")
    assert it.receive('2["x"]') is not None


def test_a_second_connect_is_a_violation() -> None:
    asked, done = session(), joined()
    asked.receive("0")
    for it in (asked, done):
        with pytest.raises(ProtocolViolation):
            it.receive("0")


def test_connecting_again_after_leaving() -> None:
    it = joined()
    it.receive("1")
    assert it.receive("0") is not None


def test_what_crosses_our_refusal_or_goodbye_is_dropped() -> None:
    it = joined()
    it.leave("/", 5)
    assert it.deadline == 50
    assert it.receive('2["x"]') is None
    assert it.receive("1") is None
    assert it.receive("0") is not None
    it.receive("0/no")
    assert it.refuse("/no")
    assert it.receive('2/no,["x"]') is None


def test_refusals_are_counted() -> None:
    it = session()
    answers = []
    for _ in range(MAX_REFUSED):
        it.receive("0")
        answers.append(it.refuse("/"))
    assert answers == [True] * (MAX_REFUSED - 1) + [False]


def test_namespaces_are_counted() -> None:
    it = session()
    for number in range(MAX_REFUSED + 1):
        it.receive(f"0/{number}")
    with pytest.raises(ProtocolViolation):
        it.receive("0/one-more")


def test_attachments_are_put_in_place() -> None:
    it = joined()
    assert it.receive(f'52-3["x",{P0},{P1}]') is None
    assert it.receive(b"one") is None
    packet = it.receive(b"two")
    assert packet is not None
    assert packet.data == ["x", b"one", b"two"]
    assert packet.type is PacketType.EVENT


def test_text_while_attachments_are_due() -> None:
    it = joined()
    it.receive(f'51-["x",{P0}]')
    with pytest.raises(ProtocolViolation):
        it.receive('2["x"]')


def test_an_attachment_without_its_packet() -> None:
    with pytest.raises(ProtocolViolation):
        joined().receive(b"x")


def test_one_budget_for_a_packet_and_its_attachments() -> None:
    header = f'52-["x",{P0},{P1}]'
    exact = joined(len(header) + 20)
    exact.receive(header)
    exact.receive(b"x" * 10)
    assert exact.receive(b"x" * 10) is not None
    over = joined(len(header) + 20)
    over.receive(header)
    over.receive(b"x" * 10)
    with pytest.raises(PacketTooLarge):
        over.receive(b"x" * 11)


def test_the_budget_is_each_packets_own() -> None:
    it = joined(60)
    for _ in range(100):
        it.receive(f'51-["x",{P0}]')
        assert it.receive(b"x" * 10) is not None


FRAMES = st.one_of(
    st.sampled_from(
        [
            "0",
            "0/a,",
            "1",
            "1/a,",
            '2["x"]',
            '21["x",1]',
            '2/a,["x"]',
            "31[]",
            "4{}",
            f'51-["x",{P0}]',
            f'52-1["x",{P1},{P0}]',
        ]
    ),
    st.binary(max_size=40),
    st.text(max_size=10),
)


@each_case
@given(st.lists(st.tuples(FRAMES, st.sampled_from(["accept", "refuse", "wait", "leave"])), max_size=30))
def test_any_frames_raise_only_declared_errors(frames: list[tuple[str | bytes, str]]) -> None:
    it = session(100)
    open_namespaces: set[str] = set()
    for frame, answer in frames:
        try:
            packet = it.receive(frame)
        except WireError:
            return
        if packet is None:
            continue
        if packet.type is PacketType.CONNECT and answer == "accept":
            it.accept(packet.namespace)
            open_namespaces.add(packet.namespace)
        elif packet.type is PacketType.CONNECT and answer == "refuse":
            it.refuse(packet.namespace)
        elif packet.type is PacketType.DISCONNECT:
            open_namespaces.discard(packet.namespace)
            it.rest(1)
        elif packet.type is PacketType.EVENT and answer == "leave" and packet.namespace in open_namespaces:
            it.leave(packet.namespace, 1)
            open_namespaces.discard(packet.namespace)
        assert (it.deadline is None) is bool(open_namespaces)
