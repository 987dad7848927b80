"""Spans on their way out, in virtual time: nothing that a collector does or does not do reaches a call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
import trio
from trio.testing import assert_no_checkpoints

from agent.errors import ConfigError
from agent.seen.spans import Span
from nurseries.watch import tracing
from nurseries.watch.tracing import LEAVE_S, STUCK_S, Tracing, open_tracing
from tests.calls.counted import Counted
from tests.calls.stage import configured

T = TypeVar("T")


def spans(count: int, trace_id: int = 1) -> list[Span]:
    return [Span("turn", trace_id, n + 1, None, 0, 1) for n in range(count)]


class Collector:
    """The Exporter port, and the thread that it is asked in."""

    name = "a collector"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.fault = ""
        self.takes_s = 0.0
        self.closed = False

    def wanted(self, trace_id: int) -> bool:
        return trace_id % 2 == 1

    def export(self, spans: Sequence[Span]) -> str:
        self.batches.append(len(spans))
        return self.fault

    def close(self) -> None:
        self.closed = True

    async def __call__(self, work: Callable[[], T]) -> T:
        await trio.sleep(self.takes_s)
        return work()


async def test_spans_are_sent_now_and_then_and_a_whole_batch_at_once(autojump_clock, nursery) -> None:
    counted, collector = Counted(), Collector()
    traced = Tracing(collector, most=100, batch=10, every_s=5, ask=collector)
    nursery.start_soon(traced.run)

    with assert_no_checkpoints():
        traced.tell(spans(3))
    await trio.sleep(4.9)
    assert collector.batches == []
    await trio.sleep(0.2)
    assert collector.batches == [3]
    traced.tell(spans(25))
    await trio.sleep(0.01)
    assert collector.batches == [3, 10, 10, 5]
    assert counted("spans_total", result="exported") == 28


async def test_whoever_is_not_sampled_costs_nothing(autojump_clock, nursery) -> None:
    counted, collector = Counted(), Collector()
    traced = Tracing(collector, every_s=1, ask=collector)
    nursery.start_soon(traced.run)

    traced.tell(spans(4, trace_id=2))
    traced.tell([])
    await trio.sleep(3)

    assert collector.batches == []
    assert sum(counted("spans_total", result=each) for each in ("exported", "failed", "dropped")) == 0


async def test_what_a_slow_collector_leaves_behind_is_dropped_and_counted(autojump_clock, nursery) -> None:
    counted, collector = Counted(), Collector()
    collector.takes_s = 8
    traced = Tracing(collector, most=20, batch=10, every_s=1, ask=collector)
    nursery.start_soon(traced.run)

    for _ in range(20):
        traced.tell(spans(10))
        await trio.sleep(1)
    await trio.sleep(60)

    exported, dropped = (counted("spans_total", result=each) for each in ("exported", "dropped"))
    assert exported + dropped == 200
    assert dropped > 100
    assert sum(collector.batches) == exported


async def test_a_dead_collector_is_told_of_once_and_its_return_too(autojump_clock, nursery, capsys) -> None:
    counted, collector = Counted(), Collector()
    collector.fault = "connection refused"
    traced = Tracing(collector, every_s=1, ask=collector)
    nursery.start_soon(traced.run)
    await trio.sleep(0.5)  # so that what is told falls between two sendings

    for _ in range(5):
        traced.tell(spans(2))
        await trio.sleep(1)
    collector.fault = ""
    traced.tell(spans(1))
    await trio.sleep(2)

    assert (counted("spans_total", result="failed"), counted("spans_total", result="exported")) == (10, 1)
    told = capsys.readouterr().out
    assert (told.count("traces are not taken"), told.count("traces are taken again")) == (1, 1)


async def test_a_collector_that_never_answers_is_given_up_and_tried_again(autojump_clock, nursery) -> None:
    counted, collector = Counted(), Collector()
    collector.takes_s = float("inf")
    traced = Tracing(collector, every_s=1, ask=collector)
    nursery.start_soon(traced.run)

    traced.tell(spans(2))
    await trio.sleep(1 + STUCK_S + 0.1)
    assert counted("spans_total", result="failed") == 2
    collector.takes_s = 0
    traced.tell(spans(3))
    await trio.sleep(2)
    assert counted("spans_total", result="exported") == 3


@pytest.mark.parametrize(("takes_s", "exported"), [(0.5, 5), (float("inf"), 0)])
async def test_the_last_spans_have_their_time_and_no_more(autojump_clock, takes_s: float, exported: int) -> None:
    counted, collector = Counted(), Collector()
    collector.takes_s = takes_s
    traced = Tracing(collector, batch=3, every_s=60, ask=collector)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(traced.run)
        await trio.sleep(1)
        traced.tell(spans(5)[:2])
        traced.tell(spans(3))
        nursery.cancel_scope.cancel()
        began = trio.current_time()

    assert trio.current_time() - began <= LEAVE_S
    assert collector.closed
    assert counted("spans_total", result="exported") == exported
    assert sum(counted("spans_total", result=each) for each in ("failed", "dropped")) == 5 - exported


def test_nobody_who_does_not_ask_for_traces_has_them() -> None:
    assert open_tracing(configured(), "p", {}) is None
    asked = configured(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert open_tracing(asked, "p", {"OTEL_SDK_DISABLED": "true"}) is None
    assert open_tracing(asked, "p", {"OTEL_TRACES_EXPORTER": "none"}) is None
    assert open_tracing(asked, "p", {}) is not None


def test_without_the_extra_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agent.providers.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(ConfigError) as error:
        open_tracing(configured(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318"), "p", {})

    assert error.value.faults == (tracing.NO_EXTRA,)


def test_what_cannot_be_done_is_told_all_at_once() -> None:
    wrong = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_BSP_MAX_QUEUE_SIZE": "many", "OTEL_BSP_SCHEDULE_DELAY": "0"}

    with pytest.raises(ConfigError) as error:
        open_tracing(configured(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318"), "p", wrong)

    assert len(error.value.faults) == 3
    assert all(any(name in fault for fault in error.value.faults) for name in wrong)
