"""Spans of a message's path: request or socket event, batch of the journal, hop over the bus, delivery; in one trace.

A batch stores the sends of many: it is a child of the first that is traced, and linked to the others. What is told to
other processes carries the batch's context (W3C Trace Context, `traceparent`) beside the hints, signed with them. Spans
hold ids, counts and the names of events and routes; texts, names of people and what exceptions say never.
Before: `tracing.py`. Only this module knows OpenTelemetry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from threading import Thread
from types import CoroutineType
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import hubbub
from hubbub.domain.changes import Hint
from hubbub.errors import HubbubError
from hubbub.fanout.line_bus import Line, LineBus
from hubbub.realtime import Handlers, Socket
from hubbub.sockets.events import EVENTS
from hubbub.store.journal import Journal
from hubbub.tracing import Hear, Tracing

LINKS_MAX: Final = 127  # the SDK's own bound is 128
CLOSE_SECONDS: Final = 1.5
UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics"})
_W3C: Final = TraceContextTextMapPropagator()


def exporting() -> TracerProvider:
    """Where spans go to by OTLP over HTTP, in batches, from a thread. Everything is set by `OTEL_*`."""
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "hubbub"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _sampled() -> SpanContext | None:
    """The context that runs just now, where its trace is kept."""
    context = trace.get_current_span().get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def _inside(span: Span, *, ends: bool = False) -> AbstractContextManager[Span]:
    """Run with this span as the present one. What an exception says is not for it."""
    return trace.use_span(span, end_on_exit=ends, record_exception=False, set_status_on_exception=False)


def _end(span: Span, error: BaseException | None = None) -> None:
    """End a span; a refusal is no error of the server's, and is named by its code."""
    if isinstance(error, HubbubError):
        span.set_attribute("hubbub.code", error.code)
    if error is not None and not (isinstance(error, HubbubError) and error.row.status < 500):
        span.set_status(StatusCode.ERROR, type(error).__name__)
    span.end()


def _name(span: Span, scope: Any) -> None:
    """Name the span of a request, once it is known where it led: by the template of the path, never the path."""
    method, route = scope["method"], str(scope.get("path_template") or "")
    span.update_name(f"{method} {route}".strip())
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("hubbub.request_id", str(scope["state"].get("request_id", "")))


class OpenTelemetry(Tracing):
    """Spans to a provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = tracer = provider.get_tracer("hubbub", hubbub.__version__)

        class TracedJournal(Journal):
            """A batch is a span."""

            def append(self, *args: Any, **options: Any) -> asyncio.Future[Any]:
                done = super().append(*args, **options)
                context = _sampled()
                if context is not None:
                    senders[done] = context
                return done

            async def _commit(self, batch: list[Any]) -> None:
                contexts = [senders[row.done] for row in batch if row.done in senders]
                if not contexts:
                    await super()._commit(batch)
                    return
                span = tracer.start_span(
                    "journal batch",
                    context=trace.set_span_in_context(NonRecordingSpan(contexts[0])),
                    links=[Link(context) for context in contexts[1 : LINKS_MAX + 1]],
                    attributes={"hubbub.rows": len(batch)},
                )
                with _inside(span):
                    try:
                        await super()._commit(batch)
                    except BaseException as error:
                        _end(span, error)
                        raise
                    _end(span)

        class TracedLineBus(LineBus):
            """What is told carries the context it was told in; what is heard goes on with it."""

            def publish(self, hint: Hint) -> None:
                if _sampled() is not None:
                    carrier: dict[str, str] = {}
                    _W3C.inject(carrier)
                    self.trace = carrier["traceparent"].encode()
                super().publish(hint)

            def _take(self, line: Line) -> tuple[list[tuple[str, bytes]], int]:
                taken = super()._take(line)
                self.trace = b""
                return taken

            def _take_in(self, hints: Sequence[Hint], told_in: bytes) -> None:
                if not told_in:
                    super()._take_in(hints, told_in)
                    return
                context = _W3C.extract({"traceparent": told_in.decode("latin-1")})
                span = tracer.start_span(
                    "bus hop", context=context, kind=SpanKind.CONSUMER, attributes={"hubbub.hints": len(hints)}
                )
                with _inside(span, ends=True):
                    super()._take_in(hints, told_in)

        senders: WeakKeyDictionary[asyncio.Future[Any], SpanContext] = WeakKeyDictionary()
        self.journal = TracedJournal
        self.line_bus = TracedLineBus

    def rest(self, application: Any) -> Any:
        async def traced(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] in UNTRACED:
                await application(scope, receive, send)
                return
            carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            span = self._tracer.start_span(scope["method"], context=_W3C.extract(carrier), kind=SpanKind.SERVER)

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            with _inside(span):
                try:
                    await application(scope, receive, sending)
                except BaseException as error:
                    _name(span, scope)
                    _end(span, error)
                    raise
            _name(span, scope)
            _end(span)

        return traced

    def sockets(self, handlers: Handlers) -> Handlers:
        return _TracedHandlers(self._tracer, handlers)

    def hear(self, hear: Hear) -> Hear:
        def traced(hints: Sequence[Hint]) -> None:
            if _sampled() is None:
                hear(hints)
                return
            span = self._tracer.start_span("deliver", attributes={"hubbub.hints": len(hints)})
            with _inside(span, ends=True):
                hear(hints)

        return traced

    async def close(self) -> None:
        # In a thread that nobody waits for at the end: a collector that hangs is the SDK's for half a minute.
        thread = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, CLOSE_SECONDS)


class _TracedHandlers:
    """An event is a span, until its ack is known."""

    def __init__(self, tracer: trace.Tracer, handlers: Handlers) -> None:
        self._tracer = tracer
        self._handlers = handlers

    def _span(self, socket: Socket, name: str) -> Span:
        return self._tracer.start_span(
            f"socket {name}", kind=SpanKind.SERVER, attributes={"hubbub.connection_id": socket.id}
        )

    async def connect(self, socket: Socket, auth: Any) -> None:
        span = self._span(socket, "connect")
        with _inside(span, ends=True):
            await self._handlers.connect(socket, auth)

    def event(self, socket: Socket, name: str, args: list[Any]) -> Any:
        span = self._span(socket, name if name in EVENTS else "unknown")
        with _inside(span):
            try:
                result = self._handlers.event(socket, name, args)
            except BaseException as error:
                _end(span, error)
                raise
        return self._finishing(span, result) if isinstance(result, CoroutineType) else self._answered(span, result)

    def disconnected(self, socket: Socket, reason: str) -> None:
        self._handlers.disconnected(socket, reason)

    async def _finishing(self, span: Span, coroutine: Any) -> Any:
        with _inside(span):
            try:
                result = await coroutine
            except BaseException as error:
                _end(span, error)
                raise
        return self._answered(span, result)

    def _answered(self, span: Span, result: Any) -> Any:
        if isinstance(result, asyncio.Future):
            result.add_done_callback(partial(_settled, span))
        else:
            _end(span)
        return result


def _settled(span: Span, done: asyncio.Future[Any]) -> None:
    _end(span, asyncio.CancelledError() if done.cancelled() else done.exception())
