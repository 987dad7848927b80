"""Legs, as /metrics tells them."""

from __future__ import annotations

from agent import legs_metrics, metrics


def value(line: str) -> float:
    return next(
        (float(each.rsplit(" ", 1)[1]) for each in metrics.exposition().decode().splitlines() if each.startswith(line)),
        0.0,
    )


def test_each_hand_off_and_leg_is_counted_by_what_became_of_it() -> None:
    lines = {
        'calling_agent_handoffs_total{result="moved"}': lambda: legs_metrics.handed_off("moved"),
        'calling_agent_resumed_total{why="process gone"}': lambda: legs_metrics.resumed("process gone"),
        'calling_agent_rescues_total{result="sent"}': lambda: legs_metrics.rescued("sent"),
        'calling_agent_legs_turned_away_total{why="fenced"}': lambda: legs_metrics.turned_away("fenced"),
    }
    for line, tell in lines.items():
        before = value(line)
        tell()
        assert value(line) == before + 1, line


def test_a_gap_is_told_where_it_is_known() -> None:
    count = 'calling_agent_resume_gap_seconds_count{why="hand-off"}'
    below = 'calling_agent_resume_gap_seconds_bucket{le="1.5",why="hand-off"}'
    before, before_below = value(count), value(below)
    legs_metrics.resumed("hand-off")
    legs_metrics.resumed("hand-off", 1.2)
    legs_metrics.resumed("hand-off", 1.7)
    assert value(count) == before + 2
    assert value(below) == before_below + 1
