"""Some of the drawn calls in every run of the suite; ops/proofs/explore.py plays as many as one likes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.schedules.explore import play_all, quiet
from tests.schedules.scenario import draw
from tests.schedules.world import play

FIRST = 60
"""Seeds that are always played."""

SHOWN = (
    (187, "sound was sent behind a hang-up while a voice took its time to be gone"),
    (490, "with its mark lost, a sentence that was heard whole lacked its last word, which was said again"),
    (402348, "a piece that a slow socket took only after the agent was to be silent was played over the caller"),
)
"""Seeds that have found a fault."""


def test_the_first_schedules_break_no_promise() -> None:
    found = play_all(range(FIRST))

    assert found.violations == []
    assert found.steps > 100 * FIRST


@pytest.mark.parametrize("seed", [seed for seed, _ in SHOWN])
def test_what_a_schedule_has_found_is_mended(seed: int) -> None:
    with quiet():
        assert play(draw(seed)).broken == []


TRACE = """
import sys
from tests.schedules.explore import quiet, trace
with quiet():
    sys.stdout.buffer.write(b"".join(map(trace, range(5))))
"""


def test_a_seed_is_the_same_call_in_every_process() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", TRACE], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]

    assert len(told[0]) > 5000
    assert told[0] == told[1]
