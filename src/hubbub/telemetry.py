"""Logs and metrics: their names, and what they may hold.

Logs are one event a line with ids, counts and durations; what a request or a socket causes carries its id. Texts of
messages, names of people, passwords, tokens and addresses of databases never reach them: nothing that holds one is
handed to a logger, the structs that carry them have a `repr` without contents, and of an exception only its kind and its
stack are written, because PostgreSQL's may quote the whole row. Metrics are read when they are scraped, from the counters that each part keeps anyway.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, Literal

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hubbub.histogram import Histogram

LOOP_LOOK_SECONDS: Final = 0.1
CAUSES_MAX: Final = 5  # of an exception's causes, so many are logged


def configure_logs(level: str, form: str) -> None:
    """One format for our own events and those of libraries, on standard error.

    Args:
        level: debug, info, warning or error.
        form: text, json, or auto (text on a terminal).
    """
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,  # first: what is not written costs nothing more
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_what_it_said, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.error", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def without_what_it_said(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor: of an exception where it happened and of which kind, and so of those that led to it."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if given is True:
        error = sys.exc_info()[1]
    told: list[str] = []
    while error is not None and len(told) < CAUSES_MAX:
        told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if told:
        event["exception"] = "\nbecause of\n".join(told)
    return event


def log_of_the_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception that nobody waited for: asyncio's own words quote it."""
    structlog.get_logger("loop").error(context.get("message", "an exception"), exc_info=context.get("exception"))


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
