"""Traces: one through two processes, from a request to a delivery; sent by OTLP; and nothing of it where nobody asks."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.process import eventually
from tests.support.server import running

from hubbub import app
from hubbub.config import ConfigError
from hubbub.fanout.line_bus import LineBus
from hubbub.open_telemetry import OpenTelemetry
from hubbub.store.journal import Journal
from hubbub.tracing import Tracing, open_tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collected:
    """What each server that is started while it is in place has traced, in their order."""

    def __init__(self) -> None:
        self.exporters: list[InMemorySpanExporter] = []

    def open(self) -> OpenTelemetry:
        provider, exporter = TracerProvider(), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        self.exporters.append(exporter)
        return OpenTelemetry(provider)

    def of(self, server: int, trace: str | None = None) -> dict[str, ReadableSpan]:
        """The spans of a server by name, of one trace or of all."""
        spans = self.exporters[server].get_finished_spans()
        return {span.name: span for span in spans if trace in (None, f"{span.context.trace_id:032x}")}


async def test_one_trace_from_a_request_to_a_delivery_elsewhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = Collected()
    monkeypatch.setattr(app, "open_tracing", collected.open)
    env = {"HUBBUB_BUS": "postgres"}
    async with running(database, tmp_path / "a", **env) as here, running(database, tmp_path / "b", **env) as there:
        ann, bob = await here.people("annabella", "bob")
        await here.room("hallway", ann, bob)
        listener, sender = await there.connect(bob), await here.connect(ann)
        async with httpx.AsyncClient(base_url=here.url, timeout=30) as http:
            headers = {"Authorization": f"Bearer {ann.token}", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
            answer = await http.post("/api/rooms/hallway/messages", json={"message": "a word"}, headers=headers)
            assert answer.status_code == 201
            await http.get("/livez")
        await listener.wait_for("receive-message")
        await eventually(lambda: {"bus hop", "deliver"} <= collected.of(1, TRACE).keys(), timeout=30)
        mine, theirs = collected.of(0, TRACE), collected.of(1, TRACE)
        request = mine["POST /api/rooms/{room}/messages"]
        assert set(mine) == {request.name, "journal batch", "deliver"}
        assert request.attributes is not None
        assert request.attributes["http.response.status_code"] == 201
        assert request.attributes["hubbub.request_id"] == answer.headers["x-request-id"]
        assert mine["journal batch"].parent is not None
        assert mine["journal batch"].parent.span_id == request.context.span_id
        for span in (mine["deliver"], theirs["bus hop"]):
            assert span.parent is not None
            assert span.parent.span_id == mine["journal batch"].context.span_id
        assert theirs["deliver"].parent is not None
        assert theirs["deliver"].parent.span_id == theirs["bus hop"].context.span_id

        await sender.ok("send-message", {"room": "hallway", "message": "another word"})
        assert (await sender.call("edit-message", {"id": "0" * 32, "message": "a word"}))["success"] is False
        await eventually(lambda: {"socket send-message", "socket edit-message"} <= collected.of(0).keys(), timeout=30)
        spans = collected.of(0)
        assert spans["journal batch"].parent is not None
        assert spans["journal batch"].parent.span_id == spans["socket send-message"].context.span_id
        assert spans["socket edit-message"].attributes is not None
        assert spans["socket edit-message"].attributes["hubbub.code"]
        assert spans["socket edit-message"].status.is_unset
        assert "GET /livez" not in spans
        everything = [span.to_json() for exporter in collected.exporters for span in exporter.get_finished_spans()]
        assert not [
            span
            for span in everything
            for told in ("a word", "another word", ann.token, "annabella", "hallway")
            if told in span
        ]


async def test_a_batch_is_linked_to_the_sends_in_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = Collected()
    monkeypatch.setattr(app, "open_tracing", collected.open)
    async with running(database, tmp_path) as server:
        ann, _ = await server.pair()
        for number in range(30):
            await ann.sio.emit("send-message", {"message": str(number)})
        await ann.ok("send-message", {"message": "last"})
        spans = collected.exporters[0].get_finished_spans()
        sends = {span.context.span_id for span in spans if span.name == "socket send-message"}
        batches = [span for span in spans if span.name == "journal batch"]
        told = [link.context.span_id for batch in batches for link in batch.links]
        told += [batch.parent.span_id for batch in batches if batch.parent is not None]
        assert len(batches) < 31
        assert sorted(told) == sorted(sends)


class Receiver(BaseHTTPRequestHandler):
    """Takes spans by OTLP over HTTP."""

    got: ExportTraceServiceRequest

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.got.MergeFromString(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, ExportTraceServiceRequest]]:
    kind = type("Receiver", (Receiver,), {"got": ExportTraceServiceRequest()})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kind.got  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


async def test_spans_are_sent_where_the_environment_says(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: tuple[str, ExportTraceServiceRequest]
) -> None:
    url, got = receiver
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    async with running(database, tmp_path) as server:
        ann, _ = await server.pair()
        await ann.ok("send-message", {"message": "x"})
    services = {
        attribute.value.string_value
        for spans in got.resource_spans
        for attribute in spans.resource.attributes
        if attribute.key == "service.name"
    }
    assert services == {"hubbub"}
    names = {span.name for spans in got.resource_spans for scope in spans.scope_spans for span in scope.spans}
    assert {"socket connect", "socket join", "socket send-message", "journal batch", "deliver"} <= names


def test_nothing_stands_in_the_path_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ({}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}):
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            monkeypatch.setenv(name, value)
        tracing = open_tracing()
        assert type(tracing) is Tracing
        assert (tracing.journal, tracing.line_bus) == (Journal, LineBus)
        part = object()
        assert tracing.rest(part) is tracing.sockets(part) is tracing.hear(part) is part  # type: ignore[arg-type,comparison-overlap]
    code = "import sys, hubbub.app; assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_traces_without_the_extra_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "hubbub.open_telemetry", None)
    with pytest.raises(ConfigError, match="hubbub\\[otel\\]"):
        open_tracing()
