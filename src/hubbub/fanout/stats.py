"""What a bus counts, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BusStats:
    """Counters since start; `metrics.py` shows them. The bus of one process leaves them at nothing."""

    sent: int = 0
    """Hints handed to the other processes."""
    heard: int = 0
    """Hints of other processes."""
    lost: int = 0
    """Hints that did not leave: the queue was full, or the line broke under them."""
    unreadable: int = 0
    """Payloads that are no hints of this version."""
    statements: int = 0
    """Statements that carried the hints, beats included."""
    reconnects: int = 0
    """Times the line was opened again."""
