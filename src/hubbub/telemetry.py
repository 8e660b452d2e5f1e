"""Logs and metrics: their names, and what they may hold.

Logs are one event a line with ids, counts and durations. Texts of messages, names of people, passwords, tokens and
addresses of databases never reach them: nothing that holds one is handed to a logger, and the structs that carry them
have a `repr` without contents. Metrics are read when they are scraped, from the counters that each part keeps anyway.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


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
    for noisy in ("uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric: its name, its sentence, and how to read it now. With `label`, the reading is a value per label."""

    kind: Literal["counter", "gauge"]
    name: str
    doc: str
    read: Callable[[], float | dict[str, float]]
    label: str | None = None


class _Readings(Collector):
    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = tuple(readings)

    def collect(self) -> Iterable[Metric]:
        for reading in self._readings:
            family = CounterMetricFamily if reading.kind == "counter" else GaugeMetricFamily
            metric = family(f"hubbub_{reading.name}", reading.doc, labels=[reading.label] if reading.label else [])
            value = reading.read()
            for label, number in value.items() if isinstance(value, dict) else ((None, value),):
                metric.add_metric([label] if label is not None else [], number)
            yield metric


class Metrics:
    """What /metrics answers."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Readings(readings))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The Prometheus text format, version 0.0.4."""
        return generate_latest(self._registry)
