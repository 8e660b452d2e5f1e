"""The metrics of several processes as one text."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from hubbub.histogram import Histogram
from hubbub.telemetry import Metrics, Reading
from hubbub.workers.sums import add_up


def text(scale: int, slow: float) -> bytes:
    """What one process says."""
    histogram = Histogram()
    for _ in range(scale):
        histogram.observe(slow)
    return Metrics(
        [
            Reading("counter", "events", "Events.", lambda: scale),
            Reading("gauge", "feed_lag", "Lag.", lambda: 10 - scale),
            Reading("gauge", "tls_certificate_expires_timestamp_seconds", "Ends.", lambda: 1e9 * scale),
            Reading("gauge", "tls_certificate_refused", "Refused.", lambda: 1),
            Reading("counter", "closed", "Ends.", lambda: {"slow": float(scale), f"only {scale}": 1.0}, "reason"),
            Reading("histogram", "took_seconds", "Took.", lambda: histogram),
        ]
    ).text()


def samples(of: bytes) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(of.decode()):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_what_is_counted_is_added_and_what_cannot_be_is_the_worst() -> None:
    one, two, both = (samples(given) for given in (text(1, 0.5), text(3, 0.5), add_up([text(1, 0.5), text(3, 0.5)])))
    assert both["hubbub_events_total"] == 4
    assert both["hubbub_feed_lag"] == 9
    assert both["hubbub_tls_certificate_expires_timestamp_seconds"] == 1e9
    assert both["hubbub_tls_certificate_refused"] == 1
    assert (both["hubbub_closed_total{slow}"], both["hubbub_closed_total{only 1}"]) == (4, 1)
    assert both["hubbub_closed_total{only 3}"] == 1
    assert both["hubbub_took_seconds_count"] == 4
    assert both["hubbub_took_seconds_sum"] == 2.0
    buckets = [name for name in both if name.startswith("hubbub_took_seconds_bucket")]
    assert buckets
    assert all(both[name] == one[name] + two[name] for name in buckets)
    assert both["process_open_fds"] > one["process_open_fds"]


def test_of_one_text_the_sum_is_itself() -> None:
    alone = text(2, 0.01)
    assert samples(add_up([alone])) == samples(alone)
