"""Some of the drawn calls in every run of the suite; ops/proofs/explore.py plays as many as one likes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from agent.guard.breaker import Visit
from agent.seen.feed import Feed
from nurseries.chain.chain import Progress
from nurseries.purse import Account
from nurseries.talk.memory import Memory
from tests.examples import PROFILE, examples
from tests.schedules.explore import first_broken, quiet
from tests.schedules.scenario import Chains, draw
from tests.schedules.world import play

SHOWN = (
    (187, "sound was sent behind a hang-up while a voice took its time to be gone"),
    (490, "with its mark lost, a sentence that was heard whole lacked its last word, which was said again"),
    (402348, "a piece that a slow socket took only after the agent was to be silent was played over the caller"),
)
"""Seeds that have found a fault; without chains, which were not drawn then."""


@settings(
    max_examples=examples(200),
    derandomize=PROFILE == "house",  # by day the same ones; new ones at night
    phases=(Phase.explicit, Phase.generate),  # no seed is a smaller one
)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_drawn_schedule_breaks_a_promise(seed: int) -> None:
    with quiet():
        world = play(draw(seed))

    note(f"again, and told in full: .venv/bin/python ops/proofs/explore.py --only {seed}")
    assert world.broken == []
    assert world.watch.steps > 0


@pytest.mark.parametrize("seed", [seed for seed, _ in SHOWN])
def test_what_a_schedule_has_found_is_mended(seed: int) -> None:
    with quiet():
        assert play(replace(draw(seed), chains=Chains())).broken == []


@pytest.mark.parametrize(
    ("what", "broken", "promise"),
    [
        ((Account, "settle"), lambda _: None, "no_turn_is_reserved"),
        ((Account, "settle"), lambda account: account.gone, "nothing_crashes"),
        ((Visit, "left"), lambda _: None, "no_probe_is_under_way"),
        ((Progress, "rest"), lambda *_, **__: None, "one_provider_is_heard"),
        ((Memory, "caller_said"), lambda *_, **__: None, "what_was_understood_is_written_down"),
        ((Feed, "cut"), lambda feed, *_: feed.tell("mark", turn=1, piece=1), "who_watches_sees_what_is_written"),
    ],
)
def test_a_promise_can_be_broken(
    monkeypatch: pytest.MonkeyPatch, what: tuple[type, str], broken: Callable[..., None], promise: str
) -> None:
    monkeypatch.setattr(*what, broken)

    found = first_broken(range(30))

    assert found is not None
    assert promise in {each.promise for each in found.broken}


TRACE = """
import sys
from tests.schedules.explore import quiet, trace
with quiet():
    sys.stdout.buffer.write(b"".join(map(trace, range(5))))
"""


def test_a_seed_is_the_same_call_in_every_process() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", TRACE], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    ]

    assert len(told[0]) > 5000
    assert told[0] == told[1]
