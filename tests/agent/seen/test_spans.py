"""The ids of a call's trace, and what legs on other processes make of them."""

from __future__ import annotations

from agent.model import CallInfo
from agent.seen.spans import Span, leg_id, trace_id
from agent.seen.story import MOST_EVENTS, Story
from agent.seen.turns import Turn

SID = "CA" + "0123456789abcdef" * 2


def leg(number: int) -> list[Span]:
    spans: list[Span] = []
    story = Story(CallInfo(SID, "AC1", f"MZ{number}", "+919876543210", leg=number), 100.0, spans.extend)
    story.begin()
    story.answered(Turn(101.0, 101.5, 101.6, 102.0, 102.2, 104.0, 103.0))
    story.event("handed off", 104.5, gap_ms=10)
    story.over("moved", 105.0)
    return spans


def test_legs_on_two_processes_make_one_trace() -> None:
    first, second = leg(1), leg(2)

    spans = [*first, *second]
    assert {span.trace_id for span in spans} == {trace_id(SID)}
    assert len({span.span_id for span in spans}) == len(spans)
    assert (first[-1].name, first[-1].parent_id) == ("call", None)
    assert (second[-1].name, second[-1].parent_id) == ("leg", leg_id(SID, 1))
    assert first[-1].span_id == leg_id(SID, 1)
    assert [event.name for event in second[-1].events] == ["handed off"]


def test_ids_fit_the_wire_and_are_of_their_call_alone() -> None:
    ids = {trace_id(f"CA{n:032x}") for n in range(2000)}

    assert len(ids) == 2000
    assert all(0 < one < 1 << 128 for one in ids)
    assert all(0 < leg_id(f"CA{n:032x}", 1) < 1 << 64 for n in range(2000))


def test_without_anybody_to_tell_nothing_is_kept_and_events_are_bounded() -> None:
    spans: list[Span] = []
    story = Story(CallInfo(SID, "AC1", "MZ1"), 0.0, spans.extend)
    for n in range(3 * MOST_EVENTS):
        story.event("key", float(n))
    story.tool("book_visit", 1.0, 2.0, "failed")
    story.over("failed", 100.0, failed=True)

    assert [span.name for span in spans] == ["tool book_visit", "call"]
    assert (spans[0].fault, spans[1].fault) == ("failed", "failed")
    assert len(spans[1].events) == MOST_EVENTS
