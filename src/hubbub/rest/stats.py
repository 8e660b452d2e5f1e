"""What the HTTP edge counts. Before: `edge.py`. After: `metrics.py`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hubbub.histogram import Histogram


@dataclass(slots=True)
class RestStats:
    """Since start. Long polling and WebSockets are not in it: they are connections, not requests.

    Attributes:
        by_status: requests by the status they were answered with; 0 where the client went before the answer.
        seconds: from a request's head to the end of its answer.
    """

    # There from the start: Prometheus sees a counter grow only from a value that it has seen.
    by_status: Counter[int] = field(default_factory=lambda: Counter({200: 0, 500: 0}))
    seconds: Histogram = field(default_factory=Histogram)
