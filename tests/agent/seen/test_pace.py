"""How sound keeps time, as /metrics tells it."""

from __future__ import annotations

import pytest

from agent.seen.pace import EVERY, Pace
from tests.calls.counted import Counted


def test_the_latest_frame_of_each_second_is_told_and_the_late_ones_are_counted() -> None:
    counted, pace = Counted(), Pace()

    for n in range(2 * EVERY + 1):
        pace.came(150.0 if n in {3, 7} else 5.0)

    assert counted("frames_total") == 2 * EVERY
    assert counted("frames_late_total") == 2
    assert counted("frame_late_seconds_count") == 2
    assert counted("frame_late_seconds_sum") == pytest.approx(0.155)
    pace.ends()
    assert counted("frames_total") == 2 * EVERY + 1


def test_dropped_frames_count_until_nobody_listens_on_purpose() -> None:
    counted, dropped = Counted(), 0
    pace = Pace(lambda: dropped)

    dropped = 4
    for _ in range(EVERY):
        pace.came(0.0)
    assert counted("frames_dropped_total") == 4
    dropped = 5
    pace.ends()
    assert counted("frames_dropped_total") == 5
    dropped = 500
    for _ in range(EVERY):
        pace.came(0.0)
    pace.ends()
    assert counted("frames_dropped_total") == 5


def test_a_sentence_is_as_late_as_its_latest_piece_and_a_hole_is_told_by_its_cause() -> None:
    counted, pace = Counted(), Pace()

    pace.handed(3.0, -397.0)
    pace.handed(480.0, 80.0)
    pace.said()
    pace.said()
    assert counted("audio_late_seconds_count") == 1
    assert counted("audio_late_seconds_sum") == pytest.approx(0.48)
    assert counted("audio_gap_seconds_count", cause="late") == 1

    pace.starving()
    pace.handed(900.0, 500.0)
    pace.said()
    assert counted("audio_late_seconds_count") == 1
    assert counted("audio_gap_seconds_sum", cause="starved") == pytest.approx(0.5)
