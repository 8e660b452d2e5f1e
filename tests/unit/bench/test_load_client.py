"""The load client's own arithmetic: a bench that counts wrongly proves nothing."""

from __future__ import annotations

import pytest
from bench.load.frames import Reader, body, frame, parse
from bench.load.histogram import Histogram


def delivery(sender: int, number: int, size: int = 100) -> bytes:
    """A server's frame with one message."""
    text = b'42["receive-message",{"id":"x","message":"%b"}]' % body(sender, number, size)
    head = bytes((0x81, len(text))) if len(text) < 126 else bytes((0x81, 126)) + len(text).to_bytes(2, "big")
    return head + text


def test_a_body_has_its_size() -> None:
    assert {len(body(7, number, 100)) for number in (1, 99_999_999)} == {100}


def test_a_client_frame_is_masked_with_zero() -> None:
    assert frame(b"3") == b"\x81\x81\0\0\0\x003"
    assert frame(b"x" * 200)[:4] == b"\x81\xfe\x00\xc8"
    assert frame(b"x" * 70_000)[:10] == b"\x81\xff" + (70_000).to_bytes(8, "big")


def test_deliveries_are_told_from_everything_else() -> None:
    ack, ping = b"\x81\x13" + b'4312[{"success":1}]', b"\x81\x012"
    piece = parse(delivery(3, 1) + ping + delivery(3, 2) + ack + delivery(5, 9))
    assert piece.messages == [(3, 1), (3, 2), (5, 9)]
    assert piece.runs == [(3, 1, 2), (5, 9, 9)]
    assert piece.others == [(0x81, b"2"), (0x81, ack[2:])]
    assert (piece.deliveries, piece.disorder) == (3, 0)


@pytest.mark.parametrize("numbers", [(1, 3), (2, 1), (1, 1)])
def test_gaps_swaps_and_repeats_within_a_piece_are_seen(numbers: tuple[int, int]) -> None:
    assert parse(b"".join(delivery(3, number) for number in numbers)).disorder == 1


def test_wherever_the_bytes_are_cut_all_is_found_once() -> None:
    data = b"".join(delivery(1, number, 90 + number) for number in range(1, 40))
    reader = Reader()
    for cut in range(len(data) + 1):
        first = reader.read(data[:cut])
        rest = reader.read(data[first.end :])
        assert [*first.messages, *rest.messages] == [(1, number) for number in range(1, 40)]
        assert first.end + rest.end == len(data)


def test_a_frame_of_more_than_64_kilobytes_is_one() -> None:
    text = b'42["message-history",[' + b"1," * 40_000 + b"1]]"
    data = b"\x81\x7f" + len(text).to_bytes(8, "big") + text
    assert parse(data + delivery(1, 1)).messages == [(1, 1)]
    assert parse(data[:9]).end == parse(data[:-1]).end == 0


def test_percentiles_are_right_to_three_percent() -> None:
    histogram = Histogram()
    for value in range(1, 100_001):
        histogram.add(value)
    assert histogram.percentile(0.5) == pytest.approx(50, rel=0.035)
    assert histogram.percentile(0.99) == pytest.approx(99, rel=0.035)
    assert histogram.summary()["max"] == 100
    assert Histogram().summary()["p50"] is None
