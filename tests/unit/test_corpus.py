"""The corpus of bad inputs names every kind, once: with entries, or with the reason why there is no door for it."""

from __future__ import annotations

from collections import Counter

from tests.fault.corpus import ABSENT, ENTRIES

KINDS = 114


def test_every_kind_has_entries_or_a_reason() -> None:
    present = {entry.number for entry in ENTRIES}
    without = [number for absent in ABSENT for number in absent.numbers]
    assert sorted([*present, *without]) == list(range(1, KINDS + 1))
    assert all(absent.why for absent in ABSENT)


def test_entries_are_told_apart_by_their_names() -> None:
    twice = [name for name, times in Counter(entry.name for entry in ENTRIES).items() if times > 1]
    assert not twice
