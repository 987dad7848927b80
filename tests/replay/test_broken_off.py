"""What a crash has left of a recording is played as far as it goes, wherever it breaks off."""

from __future__ import annotations

from functools import partial

from nurseries.replay.play import play_events
from tests.calls.legs import Legs
from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import LINES, STORIES
from tests.replay.taken_stage import taken


def test_wherever_it_breaks_off_also_within_a_pass() -> None:
    stage = Stage(STORIES[min(STORIES)], configured(), store_s=0.1)
    header, events = taken(stage, partial(Legs(stage, LINES).moved, 3.0, patience_ms=30_000))[0]

    for end in [*range(0, 30, 10), *range(len(events) - 30, len(events), 4)]:
        played = play_events(header, events[:end])
        assert (played.breaks_off, played.difference) == (True, None), f"{end}: {played.difference}"
