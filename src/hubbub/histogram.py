"""A histogram of durations, cheap enough for the message's path: one search in sixteen numbers, and two additions.

Promises: `observe` allocates nothing and is never more than that; what was observed is counted once, in one bucket, so
that the histograms of several processes may be added up. Before: whoever takes time. After: `telemetry.py`, which
shows it to Prometheus (whose own class costs five times as much: it locks for threads, which there are none of here).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

BOUNDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of the buckets, in seconds; a last one holds what was longer."""


class Histogram:
    """Durations in seconds, counted by `BOUNDS`.

    Attributes:
        counts: observations per bucket, one more than there are bounds.
        total: seconds, all observations together.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration. A bucket holds its upper bound."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: each upper bound, and how many observations were not above it."""
        names = (*map(str, BOUNDS), "+Inf")
        return [(name, float(number)) for name, number in zip(names, accumulate(self.counts), strict=True)]
