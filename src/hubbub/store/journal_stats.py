"""What the journal counts. Before: `journal.py`. After: `metrics.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class JournalStats:
    """Counters since start.

    Attributes:
        batches, rows: statements that committed, and the sends in them.
        redone: batches that failed for one row's sake and were redone row by row.
    """

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    overloaded: int = 0
    batches: int = 0
    rows: int = 0
    redone: int = 0
    largest_batch: int = 0
