"""Durations and times of day as people write them in settings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME: Final = re.compile(r"daily +(?:[01]\d|2[0-3]):[0-5]\d")


def duration(text: str) -> int:
    """Seconds, from `900`, `900s`, `15m`, `12h` or `7d`.

    Raises:
        ValueError: it is none.
    """
    word = text.strip().lower()
    unit = _UNITS.get(word[-1:], 0)
    number = word[:-1] if unit else word
    if not number.isascii() or not number.isdigit() or int(number) == 0:
        raise ValueError("a duration such as 900s, 15m, 12h or 7d")
    return int(number) * (unit or 1)


def schedule(text: str) -> str | None:
    """`daily 02:00`, or the seconds of a duration; None for nothing.

    Raises:
        ValueError: it is neither.
    """
    word = text.strip().lower()
    if not word:
        return None
    if _TIME.fullmatch(word):
        return " ".join(word.split())
    try:
        return str(duration(word))
    except ValueError:
        raise ValueError("a time of day such as `daily 02:00` (UTC), or a duration such as 12h") from None


def latest_due(schedule: str, now: datetime) -> datetime:
    """When something was due last.

    Args:
        schedule: as the function of that name gives it; the time of day is UTC.
        now: with a time zone.
    """
    word, _, at = schedule.partition(" ")
    if word != "daily":
        return now - timedelta(seconds=int(word))
    hour, minute = map(int, at.split(":"))
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
