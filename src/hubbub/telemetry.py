"""Logs and metrics: their names, and what they may hold.

Logs are one event a line with ids, counts and durations. Texts of messages, names of people, passwords, tokens and
addresses of databases never reach them: nothing that holds one is handed to a logger, and the structs that carry them
have a `repr` without contents. Metrics are read when they are scraped, from the counters that each part keeps anyway.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Literal

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hubbub.histogram import Histogram

LOOP_LOOK_SECONDS: Final = 0.1


def configure_logs(level: str, form: str) -> None:
    """One format for our own events and those of libraries, on standard error.

    Args:
        level: debug, info, warning or error.
        form: text, json, or auto (text on a terminal).
    """
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor
    if as_json:
        renderer = structlog.processors.JSONRenderer()
        tail: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, renderer]
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        tail = [renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.error", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


_FAMILIES: Final[dict[str, Callable[..., CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric: its name, its sentence, and how to read it now. With `label`, the reading is a value per label.

    A counter or gauge is read as a number, a histogram as a `Histogram` of seconds.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    doc: str
    read: Callable[[], float | Histogram | dict[str, float] | dict[str, Histogram]]
    label: str | None = None

    def metric(self) -> Metric:
        """As Prometheus's library has it, with what is read now."""
        family = _FAMILIES[self.kind](f"hubbub_{self.name}", self.doc, labels=[self.label] if self.label else [])
        value = self.read()
        for label, one in value.items() if isinstance(value, dict) else ((None, value),):
            labels = [label] if label is not None else []
            if isinstance(family, HistogramMetricFamily):
                assert isinstance(one, Histogram)
                family.add_metric(labels, one.buckets(), one.total)
            else:
                assert not isinstance(one, Histogram)
                family.add_metric(labels, one)
        return family


class _Readings(Collector):
    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = tuple(readings)

    def collect(self) -> Iterable[Metric]:
        return [reading.metric() for reading in self._readings]


class Metrics:
    """What /metrics answers."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Readings(readings))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The Prometheus text format, version 0.0.4."""
        return generate_latest(self._registry)


async def watch_loop(lag: Histogram) -> None:
    """Ten times a second, note how late the event loop came to it: so long does everything wait that is due."""
    while True:
        due = perf_counter() + LOOP_LOOK_SECONDS
        await asyncio.sleep(LOOP_LOOK_SECONDS)
        lag.observe(max(0.0, perf_counter() - due))
