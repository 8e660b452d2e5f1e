"""What a bus counts, whichever it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hubbub.histogram import Histogram


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
    refused: int = 0
    """Payloads that were not signed with the deployment's key for their subject, or are larger than any of ours."""
    statements: int = 0
    """Times that hints were told, together; beats included."""
    reconnects: int = 0
    """Times the line was opened again."""
    echo: Histogram = field(default_factory=Histogram)
    """From telling until this process hears it itself."""
    heard_itself: float | None = None
    """When this process last heard itself, by the monotonic clock; minus infinity while it has no line."""

    @property
    def silence(self) -> float:
        """Seconds since then; none where there is nobody to hear."""
        return time.monotonic() - self.heard_itself if self.heard_itself is not None else 0.0
