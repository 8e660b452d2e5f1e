"""What the pool counts: what each named statement took, and what went wrong. Before: `database.py`. After: `metrics.py`."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

KINDS: Final = ("busy", "lost", "timeout", "conflict", "resources", "read_only", "other")
"""Kinds of trouble: no connection came free in time; the connection broke or could not be made; a statement took too
long; it met another (serialization, deadlock, lock); the server lacks something (disk, memory, connections); it takes no
writes; anything else the server refuses, which is a defect of ours."""

_BY_STATE: Final = {
    "57014": "timeout",
    "40001": "conflict", "40P01": "conflict", "55P03": "conflict",
    "25006": "read_only",
}  # fmt: skip
_BY_CLASS: Final = {"08": "lost", "57": "lost", "53": "resources"}


class DatabaseStats:
    """Counters since start.

    Attributes:
        errors: troubles by their kind.
        runs: how often each named statement was run, by `noun.name`; what has no name (BEGIN and its like) is not counted.
        seconds: what they took, the way there and back included.
    """

    def __init__(self) -> None:
        self.errors = dict.fromkeys(KINDS, 0)
        self.runs: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def ran(self, record: Any) -> None:
        """A statement has ended: the driver's query logger (`asyncpg.connection.LoggedQuery`)."""
        query = record.query
        if query.startswith("/* "):
            name = query[3 : query.index(" */")]
            self.runs[name] = self.runs.get(name, 0) + 1
            self.seconds[name] = self.seconds.get(name, 0.0) + record.elapsed

    def failed(self, error: BaseException) -> None:
        """Something went wrong on a connection, or on the way to one. What is no fault of either is not counted."""
        if isinstance(error, asyncpg.PostgresError):
            state = error.sqlstate or ""
            kind = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], "other")
        elif isinstance(error, TimeoutError):  # before OSError, of which it is one
            kind = "timeout"
        elif isinstance(error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
            kind = "lost"
        else:
            return
        self.errors[kind] += 1
