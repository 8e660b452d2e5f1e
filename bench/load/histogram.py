"""Latencies, counted in buckets of three percent."""

from __future__ import annotations

from typing import Final

_BITS: Final = 5  # 32 buckets for each doubling


class Histogram:
    """Counts values of microseconds; a percentile is right to about three percent."""

    __slots__ = ("_counts", "count", "largest")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.largest = 0

    def add(self, microseconds: int) -> None:
        """Count one value, zero or more."""
        shift = max(0, microseconds.bit_length() - _BITS - 1)
        bucket = (shift << (_BITS + 1)) + (microseconds >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        if microseconds > self.largest:
            self.largest = microseconds

    def percentile(self, part: float) -> float:
        """The value, in milliseconds, that `part` (0 to 1) of all values do not exceed."""
        wanted = part * self.count
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                shift, top = bucket >> (_BITS + 1), bucket & ((1 << (_BITS + 1)) - 1)
                return min(((top + 1) << shift) - 1, self.largest) / 1000
        return self.largest / 1000

    def summary(self) -> dict[str, float | int | None]:
        """For the results: how many, and p50, p90, p99 and the largest in milliseconds; None where nothing was counted."""
        if not self.count:
            return {"count": 0, "p50": None, "p90": None, "p99": None, "max": None}
        return {
            "count": self.count,
            "p50": self.percentile(0.50),
            "p90": self.percentile(0.90),
            "p99": self.percentile(0.99),
            "max": self.largest / 1000,
        }
