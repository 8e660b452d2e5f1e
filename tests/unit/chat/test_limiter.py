"""Rates: a burst, then so many a second, and an answer that says when."""

from __future__ import annotations

import pytest
from tests.support.process import eventually

from hubbub.chat import limiter
from hubbub.chat.limiter import FailureLimiter, Rate, SendLimiter, network_of
from hubbub.domain import limits
from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError


def spend(rate: Rate, full_at: float, times: int) -> float:
    for _ in range(times):
        full_at = rate.spend(full_at)
    return full_at


def wait_of(rate: Rate, full_at: float) -> float:
    with pytest.raises(HubbubError) as refused:
        rate.spend(full_at)
    assert (refused.value.code, refused.value.row.status, refused.value.row.retryable) == ("rate_limited", 429, True)
    assert refused.value.retry_after is not None
    return refused.value.retry_after


def test_a_burst_is_let_through_and_the_next_is_told_when() -> None:
    rate = Rate(per_second=0.01, burst=7)
    full_at = spend(rate, 0.0, 7)
    assert wait_of(rate, full_at) == pytest.approx(100, abs=1)
    assert wait_of(rate, full_at) == pytest.approx(100, abs=1), "a refusal costs nothing"
    assert rate.refused == 2


async def test_when_it_says_so_the_next_is_let_through() -> None:
    rate = Rate(per_second=1, burst=1)
    full_at = rate.spend(0.0)
    wait = wait_of(rate, full_at)
    assert 0 < wait <= 1.001

    def let_through() -> bool:
        try:
            rate.spend(full_at)
        except HubbubError:
            return False
        return True

    await eventually(let_through, timeout=wait + 1)


def test_no_limit_is_none() -> None:
    rate = Rate(per_second=0, burst=0)
    assert spend(rate, 0.0, 10_000) >= 0
    assert rate.refused == 0


def test_accounts_do_not_slow_each_other_and_idle_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "_KEYS_MAX", 100)
    sends = SendLimiter(0.1)
    ann, bob = new_id(), new_id()
    for _ in range(int(0.1 * limits.SEND_BURST_SECONDS)):
        sends.spend(ann)
    with pytest.raises(HubbubError):
        sends.spend(ann)
    sends.spend(bob)
    quick = SendLimiter(1_000_000)  # an account is idle again a microsecond later
    for _ in range(1_000):
        quick.spend(new_id())
    assert len(quick._full_at) <= 101


def fails(limiter: FailureLimiter, address: str, name: str) -> bool:
    """One attempt with a wrong password: whether it was let through."""
    try:
        limiter.check(address, name)
    except HubbubError as refused:
        return refused.code != "rate_limited" or (refused.retry_after or 0) < 1
    limiter.failed(address, name)
    return True


def test_one_name_is_guessed_so_often_and_no_more() -> None:
    limiter = FailureLimiter(most=3, most_of_address=100, seconds=60, secret="a secret of this test")
    assert [fails(limiter, "10.0.0.1", "ann") for _ in range(5)] == [True] * 3 + [False] * 2
    assert fails(limiter, "10.0.0.1", "bob")
    assert fails(limiter, "10.0.0.2", "ann"), "nobody is slowed by a guesser elsewhere"


def test_an_address_that_tries_name_after_name_is_slowed_as_well() -> None:
    limiter = FailureLimiter(most=3, most_of_address=5, seconds=60, secret="a secret of this test")
    assert [fails(limiter, "10.0.0.1", f"name{n}") for n in range(7)] == [True] * 5 + [False] * 2
    assert fails(limiter, "10.0.0.2", "name1")
    unplaced = [fails(limiter, "", f"thing{n}") for n in range(20)]
    assert all(unplaced), "what comes from no address is told apart by its name alone"


def test_failures_elsewhere_count_for_the_name_and_the_address() -> None:
    here, there = (
        FailureLimiter(most=3, most_of_address=4, seconds=60, secret="a secret of this test") for _ in range(2)
    )
    for name in ("ann", "ann", "ann", "bob"):
        hint = there.failed("10.0.0.1", name)
        here.heard(hint)
        there.heard(hint)  # the bus brings it back to whoever told it
    assert not fails(here, "10.0.0.1", "ann")
    assert not fails(here, "10.0.0.1", "cyd")
    assert not fails(there, "10.0.0.1", "cyd")
    assert fails(here, "10.0.0.2", "ann")


def test_an_ipv6_guesser_is_a_network() -> None:
    limiter = FailureLimiter(most=3, most_of_address=5, seconds=60, secret="a secret of this test")
    assert [fails(limiter, f"2001:db8::{n:x}", "ann") for n in range(5)] == [True] * 3 + [False] * 2
    assert fails(limiter, "2001:db8:0:1::1", "ann")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("not an address") == "not an address"


def test_what_was_typed_is_neither_told_nor_kept() -> None:
    one, other = (FailureLimiter(most=1, most_of_address=9, seconds=60, secret=secret) for secret in ("one", "other"))
    hint = one.failed("203.0.113.7", "my password, in the wrong field")
    for shown in (hint.key, repr(vars(one))):
        assert "password" not in shown
        assert "203.0.113.7" not in shown
    other.heard(hint)
    assert fails(other, "203.0.113.7", "my password, in the wrong field"), (
        "let through: what another deployment heard is nothing to it"
    )
