"""The life of an Engine.IO session, step by step and at random, with a clock made of numbers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.properties import each_case

from hubbub.wire.engineio_packet import Packet, PacketType
from hubbub.wire.engineio_session import TRANSITIONS, Action, EngineSession, Input, State
from hubbub.wire.errors import ProtocolViolation

MESSAGE = Packet(PacketType.MESSAGE, "x")
PONG = Packet(PacketType.PONG)
CLOSE = Packet(PacketType.CLOSE)


def session(state: State = State.POLLING, now: float = 0.0) -> EngineSession:
    return EngineSession(state, now, ping_interval=25, ping_timeout=20, upgrade_timeout=10)


def test_no_state_but_closed_is_a_dead_end_and_closed_is_one() -> None:
    for state, happened in itertools.product(State, Input):
        assert (state is State.CLOSED) <= ((state, happened) not in TRANSITIONS)
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.CLOSED}


def test_heartbeat() -> None:
    it = session()
    assert it.deadline == 25
    assert it.tick(24.9) is Action.NOTHING
    assert it.tick(25) is Action.PING
    assert it.deadline == 45
    assert it.receive(PONG, 27) is Action.NOTHING
    assert it.deadline == 52
    assert it.tick(52) is Action.PING
    assert it.tick(71.9) is Action.NOTHING
    assert it.tick(72) is Action.TIME_OUT
    assert it.state is State.CLOSED
    assert it.tick(100) is Action.NOTHING


def test_a_pong_nobody_asked_for_prolongs_nothing() -> None:
    it = session()
    for now in range(25):
        assert it.receive(PONG, now) is Action.NOTHING
    assert it.deadline == 25


def test_messages_do_not_stand_for_pongs() -> None:
    it = session()
    it.tick(25)
    it.receive(MESSAGE, 44)
    assert it.tick(45) is Action.TIME_OUT


def test_a_ping_that_leaves_late_gives_the_client_its_time() -> None:
    a_little, much = session(), session()
    a_little.tick(26)
    assert a_little.deadline == 45
    much.tick(60)
    assert much.deadline == 80


def test_reading_paused_by_us_gives_the_client_its_time_again() -> None:
    it = session()
    it.postpone(10)
    assert it.deadline == 25
    it.tick(25)
    it.postpone(44)
    assert it.deadline == 64


@pytest.mark.parametrize("kind", [PacketType.OPEN, PacketType.PING, PacketType.UPGRADE, PacketType.NOOP])
@pytest.mark.parametrize("state", [State.POLLING, State.WEBSOCKET])
def test_what_a_client_may_not_send(kind: PacketType, state: State) -> None:
    with pytest.raises(ProtocolViolation):
        session(state).receive(Packet(kind), 1)


def test_close_ends_it_and_nothing_follows() -> None:
    it = session()
    assert it.receive(CLOSE, 1) is Action.END
    for packet in (MESSAGE, PONG, CLOSE):
        with pytest.raises(ProtocolViolation):
            it.receive(packet, 2)
    assert it.offer(2) is False


def test_upgrade() -> None:
    it = session()
    assert it.offer(1) is True
    assert it.deadline == 11
    assert it.receive(MESSAGE, 2) is Action.DELIVER
    assert it.receive_offered("2probe") is Action.ANSWER_PROBE
    assert it.receive(MESSAGE, 2) is Action.DELIVER
    assert it.deadline == 11
    assert it.receive_offered("5") is Action.SWITCH
    assert it.state is State.WEBSOCKET
    assert it.deadline == 25
    assert it.offer(3) is False
    assert it.receive(MESSAGE, 4) is Action.DELIVER


@pytest.mark.parametrize("frames", [["5"], ["4hello"], ["2"], [b"2probe"], ["2probe", "2probe"], ["2probe", "6"], [""]])
def test_a_broken_upgrade_leaves_polling_as_it_was(frames: list[str | bytes]) -> None:
    it = session()
    it.offer(1)
    *before, last = frames
    for frame in before:
        assert it.receive_offered(frame) is Action.ANSWER_PROBE
    assert it.receive_offered(last) is Action.DROP_OFFER
    assert it.state is State.POLLING
    assert it.deadline == 25
    assert it.offer(2) is True


def test_an_upgrade_that_is_never_finished() -> None:
    it = session()
    it.offer(1)
    it.receive_offered("2probe")
    assert it.offer(2) is False
    assert it.tick(11) is Action.DROP_OFFER
    assert it.state is State.POLLING
    assert it.deadline == 25


def test_an_offer_that_goes_away() -> None:
    it = session()
    it.offer(1)
    it.lose_offer()
    assert it.state is State.POLLING
    it.lose_offer()
    assert it.state is State.POLLING


def test_a_websocket_session_takes_no_offer() -> None:
    assert session(State.WEBSOCKET).offer(1) is False


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("packet"), st.builds(Packet, st.sampled_from(PacketType), st.just(""))),
        st.tuples(st.just("offer"), st.none()),
        st.tuples(st.just("offered"), st.sampled_from(["2probe", "5", "4x", "", b"2probe"])),
        st.tuples(st.just("lost"), st.none()),
        st.tuples(st.just("wait"), st.floats(0, 50)),
        st.tuples(st.just("close"), st.none()),
    ),
    max_size=40,
)


@each_case
@given(STEPS, st.sampled_from([State.POLLING, State.WEBSOCKET]))
def test_any_history_keeps_the_rules(steps: list[tuple[str, object]], start: State) -> None:
    it = session(start)
    now = 0.0
    was_websocket = start is State.WEBSOCKET
    for step, value in steps:
        before = it.state
        if step == "packet":
            assert isinstance(value, Packet)
            try:
                it.receive(value, now)
            except ProtocolViolation:
                assert it.state is before
        elif step == "offer":
            assert it.offer(now) is (before is State.POLLING)
        elif step == "offered" and before in (State.OFFERED, State.PROBED):
            assert isinstance(value, str | bytes)
            it.receive_offered(value)
        elif step == "lost":
            it.lose_offer()
        elif step == "wait":
            assert isinstance(value, float)
            now += value
            while it.state is not State.CLOSED and it.deadline <= now:
                assert it.tick(now) is not Action.NOTHING
            # Nobody lives longer than an interval and a timeout without a word.
            assert it.state is State.CLOSED or it.deadline > now
        elif step == "close":
            it.close()
        was_websocket |= it.state is State.WEBSOCKET
        assert it.state in (State.WEBSOCKET, State.CLOSED) or not was_websocket, "never back to polling"
        assert before is not State.CLOSED or it.state is State.CLOSED, "never back to life"
