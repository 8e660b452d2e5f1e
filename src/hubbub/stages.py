"""Where the time of a message goes on its way through a process, up to the feeds of its room.

Observed once for each batch of the journal, never for each message, so that it costs nothing to speak of:
- `queue`: how long the first of the batch waited to be taken, which is the longest wait in it;
- `commit`: the statement that stored the batch, the way there and back included;
- `publish`: from that commit until the bus handed it to the feeds, the acks of the batch between. Commits that follow
  each other faster than that are observed as one, from the first.

The last stage, `flush`, is the socket edge's own (`realtime/registry.py`, `Stats.flush`).
Before: `store/journal.py`, `fanout/feeds.py`. After: `metrics.py`.
"""

from __future__ import annotations

from time import monotonic, perf_counter

from hubbub.histogram import Histogram


class Stages:
    """The histograms, and the one time that has to be remembered."""

    __slots__ = ("_committed_at", "commit", "publish", "queue")

    def __init__(self) -> None:
        self.queue = Histogram()
        self.commit = Histogram()
        self.publish = Histogram()
        self._committed_at: float | None = None

    def taken(self, since: float) -> None:
        """A batch was taken, whose first has waited since then (`time.monotonic`)."""
        self.queue.observe(monotonic() - since)

    def committed(self, started: float) -> None:
        """A statement that was begun then (`time.perf_counter`) has come back."""
        now = perf_counter()
        self.commit.observe(now - started)
        if self._committed_at is None:
            self._committed_at = now

    def handed_over(self) -> None:
        """The feeds were given changes."""
        if self._committed_at is not None:
            self.publish.observe(perf_counter() - self._committed_at)
            self._committed_at = None
