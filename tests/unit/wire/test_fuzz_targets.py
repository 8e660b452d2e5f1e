"""The fuzzer's targets, held to their seeds and to those spoilt by chance; the fuzzer itself runs by `make fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.support.properties import each_case


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_that_are_spoilt(name: str) -> None:
    @each_case
    @given(
        st.sampled_from(SEEDS[name]),
        st.sampled_from(SEEDS[name]),
        st.integers(0, 80),
        st.integers(0, 80),
        st.binary(max_size=4),
    )
    def spoilt(one: bytes, other: bytes, start: int, end: int, between: bytes) -> None:
        TARGETS[name](one[:start] + between + other[end:])

    spoilt()
