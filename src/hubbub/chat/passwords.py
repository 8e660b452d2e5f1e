"""Passwords: argon2id (RFC 9106), and bcrypt for those that came with an adopted database.

Hashing costs tens of milliseconds of a core on purpose. It runs in a small pool of threads with a bounded queue,
so that a flood of logins is answered `overloaded` instead of stopping the chat; one address has a quarter of the queue
at most, so that it fills it for nobody else. An unknown name is verified against
a hash of nothing, so that its answer takes as long as a wrong password's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import argon2
import bcrypt

from hubbub.chat.limiter import network_of
from hubbub.errors import HubbubError

_T = TypeVar("_T")
WORKERS: Final = 2
WAITING_MAX: Final = 64
WAITING_OF_ADDRESS: Final = WAITING_MAX // 4
# OWASP's floor for argon2id: 19 MiB, two passes, one lane.
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@cache
def _hash_of_nothing() -> str:
    return _HASHER.hash("nobody has this password")


class Passwords:
    """Hashes and verifies, off the event loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="passwords")
        self._waiting: Counter[str] = Counter()  # by address
        self._nobody = _hash_of_nothing()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str, address: str = "") -> str:
        """The argon2id hash to store.

        Args:
            address: whence it is asked for, where nobody is signed in.

        Raises:
            HubbubError: `overloaded`, when too many wait.
        """
        return str(await self._run(address, hash_now, password))

    async def verify(self, stored: str | None, password: str, address: str = "") -> bool:
        """Whether `password` is the one whose hash is stored; None stands for an account that is not there.

        Raises:
            HubbubError: `overloaded`, when too many wait.
        """
        hashed = stored if stored is not None and stored.startswith("$") else None  # a guest has none that takes time
        return bool(await self._run(address, _verify, hashed or self._nobody, password)) and hashed is not None

    def is_dated(self, stored: str) -> bool:
        """Whether a hash should be made anew: bcrypt, or argon2 with other parameters than today's."""
        return not stored.startswith("$argon2id$") or _HASHER.check_needs_rehash(stored)

    async def _run(self, address: str, function: Callable[..., _T], *args: str) -> _T:
        address = network_of(address)
        if self._waiting.total() >= WAITING_MAX or (address and self._waiting[address] >= WAITING_OF_ADDRESS):
            raise HubbubError("overloaded", "Too many people are signing in just now.", retry_after=2)
        self._waiting[address] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


def hash_now(password: str) -> str:
    """The argon2id hash to store, made here and now: for who has nobody waiting."""
    return _HASHER.hash(password)


def _verify(stored: str, password: str) -> bool:
    if stored.startswith("$argon2"):
        try:
            return _HASHER.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    if stored.startswith(("$2a$", "$2b$", "$2y$")):
        # bcrypt itself reads 72 bytes; the older backend cut there as well.
        try:
            return bcrypt.checkpw(password.encode("utf-8", "surrogatepass")[:72], stored.encode())
        except ValueError:
            return False
    return False
