"""The metrics of all workers as one: what is counted is added up, what cannot be added is the worst of them.

Whichever worker is asked, a scrape so sees the machine. Before it: each worker's `telemetry.Metrics`, in Prometheus'
text form, fetched by way of `realtime/siblings.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

LARGEST: Final = frozenset(
    {
        "hubbub_backup_last_success_timestamp_seconds",
        "hubbub_build_info",
        "hubbub_feed_lag",
        "hubbub_bus_silence_seconds",
        "hubbub_tls_certificate_refused",
        "hubbub_workers",
        "process_max_fds",
        "process_start_time_seconds",
    }
)
"""Of these the largest is said. A start time so is that of the worker started last."""

SMALLEST: Final = frozenset({"hubbub_tls_certificate_expires_timestamp_seconds"})
"""Of these the smallest; of all others the sum."""


class _Sums(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def add_up(texts: Iterable[bytes]) -> bytes:
    """One text of several.

    Raises:
        ValueError: one of them is no Prometheus text.
    """
    sums: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text.decode()):
            sums.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            of_family = values.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                known = of_family.get(key)
                if known is None:
                    of_family[key] = sample.value
                elif family.name in LARGEST:
                    of_family[key] = max(known, sample.value)
                elif family.name in SMALLEST:
                    of_family[key] = min(known, sample.value)
                else:
                    of_family[key] = known + sample.value
    for name, metric in sums.items():
        for (sample_name, labels), value in values[name].items():
            metric.add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sums(sums.values()))
    return generate_latest(registry)
