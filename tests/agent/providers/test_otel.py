"""Traces on the wire, to a real receiver."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import pytest

from agent.model import CallInfo
from agent.providers.otel import OtlpExporter
from agent.seen.spans import Span, leg_id, trace_id
from agent.seen.story import Story
from agent.seen.turns import Turn
from tests.fakes.collector import Collector, attributes

SID = "CA" + "0123456789abcdef" * 2


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")


def told() -> list[Span]:
    spans: list[Span] = []
    story = Story(CallInfo(SID, "AC1", "MZ1", "+919876543210"), 100.0, spans.extend)
    story.begin()
    story.tool("book_visit", 102.1, 102.5, "timeout")
    story.answered(Turn(101.0, 101.5, 101.6, 102.0, 102.2, 104.0, 103.0))
    story.event("resumed", 104.5, gap_ms=900)
    story.over("failed", 105.0, failed=True)
    return spans


def exporter(collector: Collector) -> OtlpExporter:
    return OtlpExporter(f"{collector.url}/v1/traces", version="1.2.3", process="pod-1")


def test_a_trace_arrives_as_it_was_told(collector: Collector) -> None:
    ours = exporter(collector)

    assert ours.export(told()) == ""
    ours.close()

    ((path, headers),) = collector.requests
    assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    assert {base64.b64decode(span["traceId"]) for span in collector.spans} == {trace_id(SID).to_bytes(16, "big")}
    by_name = {span["name"]: span for span in collector.spans}
    call, turn, tool = by_name["call"], by_name["turn"], by_name["tool book_visit"]
    assert base64.b64decode(call["spanId"]) == leg_id(SID, 1).to_bytes(8, "big")
    assert "parentSpanId" not in call
    assert turn["parentSpanId"] == call["spanId"]
    assert tool["parentSpanId"] == by_name["think"]["parentSpanId"] == turn["spanId"]
    assert int(turn["endTimeUnixNano"]) - int(turn["startTimeUnixNano"]) == 3_000_000_000
    assert attributes(turn)["turn.wait_ms"] == "1200"
    assert attributes(call)["call.ending"] == "failed"
    assert (call["status"]["code"], tool["status"]["message"]) == ("STATUS_CODE_ERROR", "timeout")
    (event,) = call["events"]
    assert (event["name"], attributes(event)) == ("resumed", {"gap_ms": "900"})
    assert collector.resources[0]["service.name"] == "calling-agent"
    assert collector.resources[0]["service.version"] == "1.2.3"
    assert collector.resources[0]["service.instance.id"] == "pod-1"


def test_the_standard_variables_hold(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=voice")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "sales-line")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")

    assert exporter(collector).export(told()) == ""

    ((_, headers),) = collector.requests
    assert (headers["x-team"], headers["content-encoding"]) == ("voice", "gzip")
    (about,) = collector.resources
    assert (about["service.name"], about["deployment.environment.name"]) == ("sales-line", "staging")


def test_a_share_of_traces_is_the_same_in_every_process(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    one, other = exporter(collector), exporter(collector)
    ids = [trace_id(f"CA{n:032x}") for n in range(2000)]

    wanted = [one.wanted(each) for each in ids]
    assert 400 < sum(wanted) < 600
    assert wanted == [other.wanted(each) for each in ids]


@pytest.mark.parametrize("status", [400, 401, 503])
def test_a_refusal_is_told_in_words_and_not_logged_with_a_traceback(collector: Collector, status: int) -> None:
    collector.status = status
    heard: list[str] = []
    ears = logging.StreamHandler()
    ears.emit = lambda record: heard.append(record.getMessage())
    logging.getLogger().addHandler(ears)
    ours = exporter(collector)
    try:
        fault = ours.export(told())
    finally:
        logging.getLogger().removeHandler(ears)
        ours.close()

    assert fault
    assert SID not in fault
    assert heard == []


def test_nobody_there_is_told_within_its_time() -> None:
    with Collector() as gone:
        pass

    assert exporter(gone).export(told())
