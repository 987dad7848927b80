"""Traces by OTLP over HTTP, with OpenTelemetry's SDK: its encoding, its client, its sampling, and the OTEL_* variables
that steer them. Needs the extra `traces`.

Its own pipeline is not used: spans are made at once from their times, and are queued, sent and counted by nurseries.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from agent.seen.spans import Span

SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class _LastWords(logging.Handler):
    """What the exporter says of a failure goes no further than here: it says so of every batch, with tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()[:300]


class OtlpExporter:
    """The Exporter port."""

    def __init__(self, url: str, *, version: str, process: str, environ: Mapping[str, str] = os.environ) -> None:
        """`process` is this process's alone. What OTEL_* variables say of the service wins over what is said here."""
        named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        about = {} if named else {"service.name": "calling-agent"}
        resource = Resource.create({"service.version": version, "service.instance.id": process, **about})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.name = url
        self._resource = provider.resource
        self._sampler = provider.sampler
        self._scope = InstrumentationScope("calling-agent", version)
        self._words = _LastWords()
        self._logger = logging.getLogger("opentelemetry")
        self._logger.addHandler(self._words)
        self._logger.propagate = False
        self._exporter = OTLPSpanExporter(endpoint=url)

    def wanted(self, trace_id: int) -> bool:
        return self._sampler.should_sample(None, trace_id, "call").decision is Decision.RECORD_AND_SAMPLE

    def export(self, spans: Sequence[Span]) -> str:
        self._words.said = ""
        result = self._exporter.export([self._span(span) for span in spans])
        return "" if result is SpanExportResult.SUCCESS else self._words.said or "refused"

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._logger.removeHandler(self._words)

    def _span(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=SAMPLED),
            parent=None
            if span.parent_id is None
            else SpanContext(span.trace_id, span.parent_id, is_remote=False, trace_flags=SAMPLED),
            resource=self._resource,
            attributes=dict(span.attributes),
            events=[Event(event.name, dict(event.attributes), event.at_ns) for event in span.events],
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.fault) if span.fault else Status(StatusCode.UNSET),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )
