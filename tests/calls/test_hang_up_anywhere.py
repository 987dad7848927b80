"""The caller hangs up, or another process takes the call, at every await of a call.

Each place where a task of the call can be suspended is found by running the call once and watching the scheduler; then
the call is run again for each place and cut exactly there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

import nurseries
from agent.guard.tokens import Claims
from agent.model import Ending
from agent.providers.scripted import Script
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.plan import CallPlan
from nurseries.rehearsal.caller import converse
from nurseries.rehearsal.loopback import LoopbackSocket, loopback
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured, tone

ROOT = Path(nurseries.__file__).parents[1]
CALLER = "nurseries/rehearsal/caller.py"
Place = tuple[str, ...]

PLAN = CallPlan(lines=(tone(600), tone(600)), barge_in_at_ms=700, max_ms=25_000)
SCRIPT = Script(
    heard=("hello", "and bye"), replies=("Well, hello there. What can I do for you?", "Goodbye then!"), token_gap_s=0.05
)


def place_of(task: trio.lowlevel.Task) -> Place | None:
    """Where a task of the server's call is suspended: its name, then our own lines from outside in."""
    lines: list[str] = []
    coro = task.coro
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None) or getattr(coro, "ag_frame", None)
        if frame is not None:
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(ROOT) and ".venv" not in file.parts:
                lines.append(f"{file.relative_to(ROOT)}:{frame.f_lineno}")
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None) or getattr(coro, "ag_await", None)
    ours = [line for line in lines if not line.startswith("tests/")]
    return None if not ours or ours[0].startswith(CALLER) else (task.name, *ours)


class Watch(trio.abc.Instrument):
    def __init__(self, saw: Callable[[Place], None]) -> None:
        self._saw = saw

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if (place := place_of(task)) is not None:
            self._saw(place)


def run(
    kind: type[Stage], cut_at: Place | None, how: Callable[[LoopbackSocket, Stage], None]
) -> tuple[dict[Place, int], Stage, float]:
    """Run the call, cut at the first time `cut_at` is seen. Returns the places seen, the stage, and the virtual seconds
    that the server took to be gone after the cut."""
    seen: dict[Place, int] = {}
    stage = kind(SCRIPT, configured())
    took = -1.0

    async def main() -> None:
        nonlocal took
        ours, theirs = loopback()
        cut = gone = -1.0

        def saw(place: Place) -> None:
            nonlocal cut
            seen[place] = seen.get(place, 0) + 1
            if place == cut_at and cut < 0:
                cut = trio.current_time()
                how(ours, stage)

        async def serve() -> None:
            nonlocal gone
            await stage.serve(theirs)
            theirs.drop()
            gone = trio.current_time()

        dice = random.Random(1)
        identity = new_identity(dice=dice)
        token = stage.tokens.mint(Claims(identity.call_sid, identity.account_sid), time.time())
        trio.lowlevel.add_instrument(Watch(saw))
        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve)
                await converse(ours, PLAN, identity=identity, parameters={"token": token}, dice=dice)
        took = gone - cut

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return seen, stage, took


def stop(ours: LoopbackSocket, _stage: Stage) -> None:
    ours._out.send_nowait('{"event":"stop","sequenceNumber":"9","streamSid":"MZ","stop":{}}')


def vanish(ours: LoopbackSocket, _stage: Stage) -> None:
    ours.drop()


@pytest.mark.parametrize("kind", [Stage, LiveStage])
@pytest.mark.parametrize("how", [stop, vanish])
def test_wherever_the_caller_hangs_up_the_call_is_gone_within_a_second(how, kind) -> None:
    places, whole, _ = run(kind, None, how)
    assert whole.ending is Ending.AGENT_SAID_GOODBYE
    assert len(places) > 25

    for place in places:
        _, stage, took = run(kind, place, how)
        assert took <= 1.0, place
        assert (stage.ears.active, stage.mind.active, stage.voice.active) == (0, 0, 0), place
        stage.check_records()


def fence(_ours: LoopbackSocket, stage: Stage) -> None:
    for call in stage.calls:
        call.fence()


def test_wherever_another_process_takes_the_call_this_one_is_gone_at_once() -> None:
    places, _, _ = run(Stage, None, fence)

    for place in places:
        _, stage, took = run(Stage, place, fence)
        if stage.calls[0].fenced:
            assert took <= 0.1, place
        assert (stage.ears.active, stage.mind.active, stage.voice.active) == (0, 0, 0), place
        stage.check_records()
