"""Identifiers and times.

Ids are UUIDs: version 7 (RFC 9562, section 5.7) where we make them, so that new rows lie together in an index.
They are names only: nothing is ever ordered by an id or a time, only by a room's counter.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from uuid import UUID

_RANDOM = 0x0FFF_3FFF_FFFF_FFFF_FFFF  # the 74 of the last 80 bits that are
_VERSION = 0x7000_8000_0000_0000_0000  # and the six that say: version 7, variant of the RFC


def new_id() -> UUID:
    """A UUID of version 7: 48 bits of Unix milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10)) & _RANDOM
    return UUID(int=time.time_ns() // 1_000_000 << 80 | random | _VERSION)


def as_uuid(text: str) -> UUID | None:
    """The id that `text` spells in the usual form, or None. Other spellings of a UUID are not ids."""
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def stamp(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds: `2026-11-22T10:00:00.000Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def now_utc() -> datetime:
    """This process's time, for passing events only; what lasts takes the database's."""
    return datetime.now(UTC)
