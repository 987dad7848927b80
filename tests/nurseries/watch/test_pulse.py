"""The loop's lag, with a clock that the test turns; and how far a drain is."""

from __future__ import annotations

import pytest
import trio

from agent.web.state import ProcessState
from nurseries.watch.pulse import BEAT_S, BEATS, TELL_S, Pulse
from tests.calls.counted import Counted


def drained(pulse: Pulse) -> float:
    return next(reading.value for reading in pulse.readings() if reading.name == "draining_seconds")


async def test_a_task_that_holds_up_the_loop_is_seen_however_short_and_whenever(autojump_clock) -> None:
    counted, now = Counted(), 0.0
    pulse = Pulse(ProcessState(), clock=lambda: now)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        await trio.sleep(0.33)
        now += 0.05  # a step that takes so long
        await trio.sleep(0.2)
        now += 0.02
        await trio.sleep(TELL_S)
        nursery.cancel_scope.cancel()

    assert counted("loop_lag_seconds_count") == 1
    assert counted("loop_lag_seconds_sum") == pytest.approx(0.05)
    assert counted("loop_busy_seconds_total") == pytest.approx(0.07)


async def test_a_process_that_is_not_given_its_turn_is_seen_by_who_sleeps(autojump_clock) -> None:
    counted = Counted()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pulse(ProcessState(), clock=lambda: 0.0).run)
        await trio.sleep(0.35)
        autojump_clock.jump(0.4)
        await trio.sleep(TELL_S)
        nursery.cancel_scope.cancel()

    assert counted("loop_lag_seconds_sum") == pytest.approx(0.35, abs=0.06)


async def test_the_past_is_told_an_hour_of_it_at_most(autojump_clock) -> None:
    state, now = ProcessState(calls=2), 0.0
    pulse = Pulse(state, clock=lambda: now)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        await trio.sleep(0.05)
        now += 0.5  # a step that takes so long
        await trio.sleep(BEAT_S / 2)
        state.calls = 5
        await trio.sleep(BEAT_S / 2)
        state.calls = 1
        await trio.sleep(BEAT_S + 2 * TELL_S)
        first, second = pulse.past()
        assert (first.calls, first.lag_ms, second.calls, second.lag_ms) == (5, 500, 1, 0)
        assert first.busy == pytest.approx(0.05, abs=0.005)
        assert first.ago_s - second.ago_s == pytest.approx(BEAT_S, abs=TELL_S)
        await trio.sleep((BEAT_S + TELL_S) * BEATS)
        assert len(pulse.past()) == BEATS
        nursery.cancel_scope.cancel()


async def test_a_drain_is_timed_from_its_first_signal(autojump_clock) -> None:
    state = ProcessState()
    pulse = Pulse(state, "hand-off")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.run)
        await trio.sleep(5)
        assert drained(pulse) == 0
        state.draining = True
        await trio.sleep(30)
        assert drained(pulse) == pytest.approx(30, abs=0.21)
        assert [(r.value, r.labels) for r in pulse.readings() if r.name == "drain_mode"] == [(1, {"mode": "hand-off"})]
        nursery.cancel_scope.cancel()


async def test_nothing_of_it_stays_in_the_loop(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pulse(ProcessState()).run)
        await trio.sleep(2)
        before = len(trio._core._run.GLOBAL_RUN_CONTEXT.runner.instruments)
        nursery.cancel_scope.cancel()

    assert len(trio._core._run.GLOBAL_RUN_CONTEXT.runner.instruments) < before
