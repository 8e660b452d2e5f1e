"""Slows down: guessing (failures per key within a minute), and whoever sends more than the others can bear.

Of sign-ins only failures count, so nobody who knows a password is ever slowed by who does not, from another address.
They are counted by every process, its own and, by the bus, those of the others: a guesser has one allowance. What was
typed for a name, which may be a password in the wrong field, is neither kept nor told: only what a secret key makes of it.
Of sends all count, in the process that has the connection. Memory is bounded: a key that has not been used for a while
is forgotten.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final
from uuid import UUID

from hubbub.domain import limits
from hubbub.domain.changes import SignInFailed
from hubbub.domain.ids import new_id
from hubbub.errors import HubbubError

_KEYS_MAX: Final = 10_000


class FailureLimiter:
    """At most `most` failures for one name within `seconds`, and `most_of_address` from one address, whatever the names.

    An address that tries one name after another costs hashing time like any other guesser. IPv6 addresses are counted
    by their /64, which is what one customer is given. The longest unused keys are forgotten first.

    Args:
        secret: of this deployment, so that who hears what processes tell each other learns neither names nor addresses.
    """

    def __init__(self, most: int, most_of_address: int, seconds: float, secret: str) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._seconds = seconds
        self._secret = hmac.digest(secret.encode(), b"failed sign-ins", "sha256")
        self._process = new_id()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, address: str, name: str) -> None:
        """Raise `rate_limited`, with the seconds to wait, while that name or that address has failed too often.

        Args:
            address: whence it came; empty where that is all the same.
            name: the name that was tried, or whatever else tells one thing that is guessed from another.
        """
        address = network_of(address)
        self._check(self._key(address, name), self._most)
        if address:
            self._check(self._key(address, ""), self._most_of_address)

    def failed(self, address: str, name: str) -> SignInFailed:
        """Remember one failure; what to tell the other processes."""
        key = self._key(network_of(address), name)
        self._remember(key)
        return SignInFailed(key=key, process=self._process)

    def heard(self, hint: SignInFailed) -> None:
        """Remember a failure that happened in another process."""
        if hint.process != self._process:
            self._remember(hint.key)

    def _check(self, key: str, most: int) -> None:
        now = time.monotonic()
        recent = [at for at in self._failures.get(key, ()) if now - at < self._seconds]
        if len(recent) >= most:
            wait = self._seconds - (now - recent[-most])
            raise HubbubError("rate_limited", "Too many failed attempts.", retry_after=max(1.0, wait))

    def _remember(self, key: str) -> None:
        now = time.monotonic()
        address = key.partition("\n")[0]
        for counted, most in ((key, self._most), (f"{address}\n", self._most_of_address)):
            recent = [at for at in self._failures.pop(counted, ()) if now - at < self._seconds]
            self._failures[counted] = [*recent, now][-most:]
        while len(self._failures) > _KEYS_MAX:
            self._failures.popitem(last=False)

    def _key(self, address: str, name: str) -> str:
        return f"{self._hidden(address)}\n{self._hidden(name)}"

    def _hidden(self, word: str) -> str:
        said = word.encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, said, "sha256").hex()[:32] if word else ""


def network_of(address: str) -> str:
    """What an address is counted as: itself, or the /64 of an IPv6 address; one that holds an IPv4 address is that one."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))
    return address


class Rate:
    """How often something may happen: so many a second for ever, and a burst of so many at once before that counts.

    A token bucket without a bucket: all there is to remember of one is when it will be full again, on the monotonic
    clock (the generic cell rate algorithm, ITU-T I.371). The caller keeps that number; 0 is a full one.

    Args:
        per_second: 0 for no limit.

    Attributes:
        refused: how many were refused since start.
    """

    __slots__ = ("_interval", "_window", "refused")

    def __init__(self, per_second: float, burst: float) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._window = burst * self._interval
        self.refused = 0

    def spend(self, full_at: float) -> float:
        """One more happens: when the bucket will be full again.

        Raises:
            HubbubError: `rate_limited`, with the seconds until the next is allowed.
        """
        now = time.monotonic()
        full_at = (full_at if full_at > now else now) + self._interval
        if full_at - now > self._window:
            self.refused += 1
            raise HubbubError("rate_limited", retry_after=full_at - now - self._window + 0.001)
        return full_at


class SendLimiter:
    """How fast one account may send, over all its connections and REST, and how fast each connection may: half that.

    Args:
        per_second: of an account, for ever; 0 for no limit. A burst is `limits.SEND_BURST_SECONDS` of it.
    """

    def __init__(self, per_second: float) -> None:
        burst = per_second * limits.SEND_BURST_SECONDS
        self.by_connection = Rate(per_second / 2, burst)
        self.by_account = Rate(per_second, burst)
        self._full_at: dict[UUID, float] = {}
        self._look_at = _KEYS_MAX

    def spend(self, user_id: UUID) -> None:
        """An account sends, edits or deletes.

        Raises:
            HubbubError: `rate_limited`.
        """
        book = self._full_at
        book[user_id] = self.by_account.spend(book.get(user_id, 0.0))
        if len(book) > self._look_at:
            now = time.monotonic()
            self._full_at = {user_id: full_at for user_id, full_at in book.items() if full_at > now}
            self._look_at = max(_KEYS_MAX, 2 * len(self._full_at))
