"""What the texts of settings mean: each kind of value, read from its text, or refused in words that say what it takes.

A reader raises ValueError with what is wanted, to stand behind "NAME must be". Durations are in `intervals.py`. After: `config.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Final

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})


def flag(text: str) -> bool:
    """A yes or a no; nothing at all is a no."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("true or false")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads whole numbers within bounds, both included."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"a whole number from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def optional(text: str) -> str | None:
    """A text, without the space around it; None for nothing."""
    return text.strip() or None


def origins(text: str) -> tuple[str, ...]:
    """Web origins, separated by commas, without a slash at the end."""
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


def proxies(text: str) -> tuple[str, ...]:
    """Addresses and networks; `*` for any."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in found:
        try:
            if part != "*" or len(found) > 1:
                ip_network(part)
        except ValueError:
            raise ValueError(
                "addresses and networks such as 10.0.0.9, 10.1.0.0/16 or fd00::/8, separated by commas; or * alone"
            ) from None
    return found


def address(text: str) -> str | None:
    """`host:port`, an IPv6 address in brackets."""
    host, colon, port = text.strip().rpartition(":")
    if not text.strip():
        return None
    bare = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host) != bare or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("an address such as chat1.internal:3001")
    return text.strip()


def choice(*words: str) -> Callable[[str], str]:
    """Reads one of some words, however it is spelt."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError("one of " + ", ".join(words))
        return word

    return read


def words(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Reads some of some words, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(part.strip().lower() for part in text.split(",") if part.strip())
        if not set(words) <= set(known):
            raise ValueError("some of " + ", ".join(known) + ", separated by commas")
        return words

    return read


_BUS_URL: Final = re.compile(r"(nats|tls)://(?:[^@,/\s]*@)?[^@,/\s]+", re.IGNORECASE)


def bus(text: str) -> str:
    """The word of a bus, or the addresses of a NATS cluster."""
    word = text.strip()
    if word.lower() in ("auto", "local", "postgres"):
        return word.lower()
    if word and all(_BUS_URL.fullmatch(url.strip()) for url in word.split(",")):
        return word
    raise ValueError("one of auto, local, postgres, or nats://host:port (tls://host:port), several separated by commas")


def without_secrets(address: str) -> str:
    """An address, or several, without the user and password, or token, in it."""
    return re.sub(r"(?<=://)[^@,/]*@", "***@", address)
