"""Slows down guessing: failures per key within a minute, in bounded memory.

Only failures count, so nobody who knows a password is ever slowed by who does not, from another address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from hubbub.errors import HubbubError

_KEYS_MAX: Final = 10_000


class FailureLimiter:
    """At most `most` failures per key within `seconds`; the longest unused keys are forgotten first."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise `rate_limited`, with the seconds to wait, while the key has failed too often."""
        now = time.monotonic()
        recent = [at for at in self._failures.get(key, ()) if now - at < self._seconds]
        if len(recent) >= self._most:
            wait = self._seconds - (now - recent[0])
            raise HubbubError("rate_limited", "Too many failed attempts.", retry_after=max(1.0, wait))

    def failed(self, key: str) -> None:
        """Remember one failure."""
        now = time.monotonic()
        recent = [at for at in self._failures.pop(key, ()) if now - at < self._seconds]
        self._failures[key] = [*recent, now][-self._most :]
        while len(self._failures) > _KEYS_MAX:
            self._failures.popitem(last=False)
