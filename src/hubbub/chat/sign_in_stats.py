"""What signing in counts. Before: `sign_in.py`. After: `metrics.py`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SignInStats:
    """Counters since start, by outcome; the outcomes of a refusal are codes of `errors.py`.

    Attributes:
        sign_ins: with a name and a password.
        refreshes: with a refresh token; `reused` had been used before, and ended its session.
    """

    sign_ins: dict[str, int] = field(
        default_factory=lambda: {"accepted": 0, "invalid_credentials": 0, "rate_limited": 0}
    )
    refreshes: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "unauthorized": 0, "reused": 0})


def count(book: dict[str, int], outcome: str) -> None:
    """One more of an outcome."""
    book[outcome] = book.get(outcome, 0) + 1
