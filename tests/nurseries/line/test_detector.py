"""Sound to decisions: our own voice that comes back counts as silence, and nothing is decided later for being heard
together with what came before."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from agent.hear.turns import Decision, Guards, Onset, TurnDetector
from agent.model import Frame
from nurseries.line.detector import detect
from nurseries.line.windows import Windows
from tests.calls.stage import Ear

GUARDS = Guards(threshold=0.5, onset_ms=96, lasting_ms=4000, pause_ms=192, hold_ms=448, longest_ms=30_000)


@pytest.mark.parametrize("echo", [True, False])
async def test_an_echo_is_no_onset(echo: bool, autojump_clock, nursery) -> None:
    vad = Ear(lambda _: 1.0)
    sound = Windows(5000, vad)
    decided: list[Decision] = []

    async def listen() -> None:
        await detect(
            *(sound, vad, TurnDetector(GUARDS), decided.append),
            guard_ms=lambda: 96,
            is_echo=lambda *_: echo,
            heard=lambda *_: None,
        )

    nursery.start_soon(listen)
    for n in range(20):
        sound.put(Frame(b"x" * 160, n * 20.0))
    await trio.sleep(1)

    assert [type(each) for each in decided] == ([] if echo else [Onset])
    nursery.cancel_scope.cancel()


class Loudness:
    """A `VoiceActivity`: the first byte of a window is its probability in percent."""

    def __init__(self) -> None:
        self.known = lambda: None

    def ahead(self, window, known) -> None:
        self.known = known

    def __call__(self, window) -> float:
        return window[0] / 100

    def leave(self) -> None:
        pass


def heard(spoken: list[int], guards: Guards, *, at_once: bool, others_ms: float = 0.0):
    """What is decided of so many windows, when, and what is left to say at the end; and how often the detector woke."""
    vad, turns = Loudness(), TurnDetector(guards)
    sound, decided, woke = Windows(5000, vad), [], set()

    async def main() -> None:
        async def others() -> None:
            while others_ms:
                await trio.sleep(others_ms / 1000)
                vad.known()

        async def listen() -> None:
            await detect(
                *(sound, vad, turns, lambda decision: decided.append((decision, trio.current_time()))),
                guard_ms=lambda: guards.onset_ms,
                is_echo=lambda *_: False,
                heard=lambda *_: woke.add(trio.current_time()),
                at_once=lambda: at_once,
            )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            nursery.start_soon(others)
            line = b"".join(bytes([percent]) * 256 for percent in spoken)
            for at in range(0, len(line), 160):
                sound.put(Frame(line[at : at + 160], at / 8))
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return decided, turns.rest(), len(woke)


SPOKEN = st.lists(
    st.tuples(st.sampled_from([0, 40, 90]), st.integers(1, 14)).map(lambda part: [part[0]] * part[1]), max_size=10
).map(lambda parts: [percent for part in parts for percent in part])


@settings(max_examples=60, deadline=None)
@given(
    SPOKEN,
    st.sampled_from([32.0, 64.0, 96.0, 320.0]),
    st.sampled_from([64.0, 192.0]),
    st.sampled_from([160.0, 4000.0]),
    st.sampled_from([320.0, 30_000.0]),
    st.sampled_from([0.0, 7.0, 50.0]),
)
def test_what_is_heard_together_is_decided_when_it_would_be_alone(
    spoken: list[int], onset_ms: float, pause_ms: float, lasting_ms: float, longest_ms: float, others_ms: float
) -> None:
    guards = replace(GUARDS, onset_ms=onset_ms, pause_ms=pause_ms, lasting_ms=lasting_ms, longest_ms=longest_ms)

    alone, rest, _ = heard(spoken, guards, at_once=True)

    assert heard(spoken, guards, at_once=False, others_ms=others_ms)[:2] == (alone, rest)


def test_silence_wakes_a_call_a_third_as_often() -> None:
    assert [heard([0] * 90, GUARDS, at_once=at_once)[2] for at_once in (True, False)] == [90, 30]
