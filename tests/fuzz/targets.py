"""The targets: each takes any bytes, and raises where `wire` breaks one of its promises.

A `WireError` is an answer like any other. Before it: the fuzzer, or a test. After it: `hubbub.wire`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hubbub.wire import engineio_packet, socketio_packet
from hubbub.wire.engineio_packet import decode_payload, decode_text
from hubbub.wire.engineio_session import Action, EngineSession, State
from hubbub.wire.errors import WireError
from hubbub.wire.socketio_packet import PacketType
from hubbub.wire.socketio_session import MAX_REFUSED, SocketIOSession
from hubbub.wire.websocket_deflate import inflate, negotiate
from hubbub.wire.websocket_frame import FrameReader

MAX: Final = 2_000  # bytes of a message


def payload(data: bytes) -> None:
    """The body of a POST: what is decoded, encoded and decoded again is the same."""
    with suppress(WireError):
        packets = decode_payload(data)
        items = [
            engineio_packet.encode_binary_item(packet.data)
            if isinstance(packet.data, bytes)
            else str(engineio_packet.encode_packet(packet)).encode()
            for packet in packets
        ]
        assert decode_payload(b"\x1e".join(items)) == packets


def socketio(data: bytes) -> None:
    """One Socket.IO packet: there and back is the same."""
    with suppress(WireError):
        packet = socketio_packet.decode(data.decode(errors="replace"))
        if packet.attachments or packet.type is PacketType.CONNECT_ERROR:
            return
        try:
            text, attachments = socketio_packet.encode(packet)
        except (TypeError, ValueError):
            return  # a key that is Socket.IO's own
        assert not attachments
        assert socketio_packet.decode(text) == packet


def socketio_session(data: bytes) -> None:
    """Messages of one connection, and what we answer: nothing but declared errors, and few namespaces are kept."""
    session = SocketIOSession(0.0, connect_timeout=45, max_bytes=MAX, max_attachments=10)
    kept: set[str] = set()
    with suppress(WireError):
        for now, piece in enumerate(data.split(b"\x1e")):
            choice, message = piece[:1], piece[1:]
            packet = session.receive(message if choice == b"b" else message.decode(errors="replace"))
            if packet is not None and packet.type is PacketType.CONNECT:
                if choice == b"r":
                    if not session.refuse(packet.namespace):
                        return
                else:
                    session.accept(packet.namespace)
                    kept.add(packet.namespace)
            elif packet is not None and packet.type is PacketType.DISCONNECT:
                assert packet.namespace in kept
                kept.discard(packet.namespace)
                session.rest(float(now))
            elif packet is not None:
                assert packet.namespace in kept
                assert not packet.attachments
                assert packet.type in (PacketType.EVENT, PacketType.ACK)
            if choice == b"l" and kept:
                session.leave(kept.pop(), float(now))
            assert len(kept) <= MAX_REFUSED + 2
            assert (session.deadline is None) is bool(kept)


def engineio_session(data: bytes) -> None:
    """What can happen to a session, in any order: closed is for ever, and once looked at a deadline lies ahead."""
    session = EngineSession(State.POLLING, 0.0, ping_interval=25, ping_timeout=20, upgrade_timeout=10)
    now = 0.0
    for piece in data.split(b"\x1e")[:200]:
        choice, rest = piece[:1], piece[1:].decode(errors="replace")
        was_closed = session.state is State.CLOSED
        with suppress(WireError):
            match choice:
                case b"o":
                    assert session.offer(now) is False or session.state is State.OFFERED
                case b"p":
                    if session.state in (State.OFFERED, State.PROBED):
                        session.receive_offered(rest)
                case b"l":
                    session.lose_offer()
                case b"t":
                    now += len(rest)
                    for _ in range(3):  # a ping, an upgrade never finished, no pong: each is told at most once
                        action = session.tick(now)
                        assert action in (Action.PING, Action.TIME_OUT, Action.DROP_OFFER, Action.NOTHING)
                        assert (action is Action.TIME_OUT) <= (session.state is State.CLOSED)
                    assert session.tick(now) is Action.NOTHING
                    assert session.state is State.CLOSED or session.deadline > now
                case b"w":
                    session.postpone(now)
                case _:
                    session.receive(decode_text(rest), now)
        assert not was_closed or session.state is State.CLOSED


def websocket(data: bytes) -> None:
    """A client's frames: however they are cut, the same comes out; never is more than the limit kept."""
    step, data = (data[0] or 1, data[1:]) if data else (1, data)
    whole, cut = FrameReader(MAX, inflate), FrameReader(MAX, inflate)
    at_once = whole.receive(data)
    in_pieces = []
    for start in range(0, len(data), step):
        in_pieces += cut.receive(data[start : start + step])
        if cut.error is not None:
            break
    assert at_once == in_pieces
    assert (whole.error and whole.error.code) == (cut.error and cut.error.code)
    assert all(len(message) <= MAX for _, message in at_once)


def deflate(data: bytes) -> None:
    """Inflating is bounded; an offer of extensions is taken or not."""
    negotiate(data.decode("latin-1"))
    with suppress(WireError):
        assert len(inflate(data, MAX)) <= MAX


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    function.__name__: function for function in (payload, socketio, socketio_session, engineio_session, websocket, deflate)
}  # fmt: skip
