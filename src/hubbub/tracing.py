"""Traces, where somebody wants them: the seams at which `open_telemetry.py` looks on, and what stands there otherwise.

Nothing stands there otherwise: the parts are the plain ones, and a message makes no call more than without this module.
Traces are asked for by OpenTelemetry's own variables alone (`OTEL_EXPORTER_OTLP_ENDPOINT` and its kin), which its SDK
reads. Before: `app.py`, which puts the parts together. After: the parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from hubbub.config import ConfigError
from hubbub.domain.changes import Hint
from hubbub.fanout.line_bus import LineBus
from hubbub.realtime import Handlers
from hubbub.store.journal import Journal

Hear: TypeAlias = Callable[[Sequence[Hint]], None]
ASKED_BY: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing:
    """No traces.

    Attributes:
        journal, line_bus: the classes to use.
    """

    journal: type[Journal] = Journal
    line_bus: type[LineBus] = LineBus

    def rest(self, application: Any) -> Any:
        """What is to answer requests (ASGI)."""
        return application

    def sockets(self, handlers: Handlers) -> Handlers:
        """What is to handle the events of sockets."""
        return handlers

    def hear(self, hear: Hear) -> Hear:
        """What is to take hints from the bus."""
        return hear

    async def close(self) -> None:
        """Send what has not been sent."""


def open_tracing() -> Tracing:
    """What the environment asks for.

    Raises:
        ConfigError: it asks for traces, and the extra `otel` is not installed.
    """
    environ = os.environ
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if is_off or not any(environ.get(name) for name in ASKED_BY):
        return Tracing()
    try:
        from hubbub.open_telemetry import OpenTelemetry, exporting
    except ImportError as error:
        raise ConfigError(f"{ASKED_BY[0]} is set: traces need `pip install 'hubbub[otel]'`.") from error
    return OpenTelemetry(exporting())
