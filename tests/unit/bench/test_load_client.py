"""The load client's own arithmetic: a bench that counts wrongly proves nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from bench.load.client import Load
from bench.load.frames import body, frame, split
from bench.load.histogram import Histogram
from bench.load.member import Member
from bench.load.plan import MemberPlan, Plan
from bench.load.stream import Stream


def delivery(sender: int, number: int, size: int = 100) -> bytes:
    """A server's frame with one message."""
    return text(b'42["receive-message",{"id":"x","message":"%b"}]' % body(sender, number, size))


def text(payload: bytes) -> bytes:
    """A server's frame of less than 64 kilobytes."""
    size = len(payload)
    return (bytes((0x81, size)) if size < 126 else bytes((0x81, 126)) + size.to_bytes(2, "big")) + payload


class Wire(asyncio.Transport):
    """Keeps what a member writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += bytes(data)


def joined(members: int) -> list[Member]:
    """Members of one room who have joined it."""
    plan = Plan(port=0, members=[MemberPlan({}, "r")] * members, phases=[], body_bytes=100, watch={})
    load = Load(plan, asyncio.get_running_loop())
    load.members = [Member(load, index) for index in range(members)]
    for member in load.members:
        member.connection_made(Wire())
        member.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + text(b"0{}"))
        member.data_received(text(b"40{}") + text(b'430[{"success":true}]'))
        assert member.joined.done()
    return load.members


def received(member: Member) -> list[tuple[int, int]]:
    return member.stream.messages[: member.stream.count(member.at)]


def test_a_body_has_its_size() -> None:
    assert {len(body(7, number, 100)) for number in (1, 99_999_999)} == {100}


def test_a_client_frame_is_masked_with_zero() -> None:
    assert frame(b"3") == b"\x81\x81\0\0\0\x003"
    assert frame(b"x" * 200)[:4] == b"\x81\xfe\x00\xc8"
    assert frame(b"x" * 70_000)[:10] == b"\x81\xff" + (70_000).to_bytes(8, "big")


def test_frames_of_every_length_are_split() -> None:
    large = b"\x81\x7f" + (70_000).to_bytes(8, "big") + b"x" * 70_000
    data = b"\x81\x012" + large + delivery(1, 1)
    assert [data[begin:end] for begin, _, end in split(data)] == [b"\x81\x012", large, delivery(1, 1)]
    assert list(split(large[:9])) == list(split(large[:-1])) == []


@pytest.mark.parametrize("numbers", [(1, 3), (2, 3), (1, 2, 2), (1, 3, 4)])
def test_gaps_swaps_and_repeats_are_seen(numbers: tuple[int, ...]) -> None:
    stream = Stream()
    for number in numbers:
        stream.append(delivery(3, number))
    end = len(stream.data)
    assert (stream.count(end), stream.disorder(end)) == (len(numbers), 1)
    assert stream.count(end - 1) == len(numbers) - 1


async def test_deliveries_are_told_from_everything_else() -> None:
    (member,) = joined(1)
    wire = cast("Wire", member.transport)
    wire.written = b""
    other = b'\x81\x0e42["ready",{}]'
    member.data_received(delivery(3, 1) + b"\x81\x012" + delivery(3, 2) + other + delivery(5, 1))
    assert received(member) == [(3, 1), (3, 2), (5, 1)]
    assert wire.written == frame(b"3")  # the ping is answered
    assert member.load.strange == 0


async def test_idle_talk_is_passed_over_and_hides_nothing() -> None:
    first, second = joined(2)
    talk = text(b'42["user-joined",{}]')
    for member in (first, second):
        member.data_received(talk)
        member.data_received(delivery(1, 1)[:40])
        member.data_received(delivery(1, 1)[40:] + talk)
        member.data_received(talk)
        member.data_received(talk + delivery(1, 2) + talk)
        member.data_received(text(b"2"))
    assert received(first) == received(second) == [(1, 1), (1, 2)]
    assert first.load.idle_talk == {talk}
    assert cast("Wire", second.transport).written.endswith(frame(b"3"))
    assert first.stream is second.stream


async def test_wherever_the_bytes_are_cut_all_is_found_once_by_everybody() -> None:
    data = b"".join(delivery(1, number, 90 + number) for number in range(1, 12))
    for cut in range(len(data) + 1):
        first, second = joined(2)
        for member, at in ((first, len(data) - cut), (second, cut)):
            member.data_received(data[:at])
            member.data_received(data[at:])
        assert first.stream is second.stream
        assert received(first) == received(second) == [(1, number) for number in range(1, 12)]


async def test_an_ack_in_the_midst_of_a_cut_frame_disturbs_nobody() -> None:
    first, second = joined(2)
    one, two = delivery(1, 1), delivery(1, 2)
    first.data_received(one + two)
    second.data_received(one[:50])
    second.data_received(one[50:] + b"\x81\x012" + two[:20])
    second.data_received(two[20:])
    assert second.stream is first.stream
    assert received(second) == [(1, 1), (1, 2)]


async def test_who_is_told_something_else_is_counted_apart() -> None:
    first, second = joined(2)
    first.data_received(delivery(1, 1) + delivery(1, 2) + delivery(1, 3))
    second.data_received(delivery(1, 1) + delivery(1, 3))
    assert received(first) == [(1, 1), (1, 2), (1, 3)]
    assert received(second) == [(1, 1), (1, 3)]
    assert [member.stream.disorder(member.at) for member in (first, second)] == [0, 1]
    assert first.load.forks == 1


def test_percentiles_are_right_to_three_percent() -> None:
    histogram = Histogram()
    for value in range(1, 100_001):
        histogram.add(value)
    assert histogram.percentile(0.5) == pytest.approx(50, rel=0.035)
    assert histogram.percentile(0.99) == pytest.approx(99, rel=0.035)
    assert histogram.summary()["max"] == 100
    assert Histogram().summary()["p50"] is None
