"""Does the agent's own voice interrupt it, and are callers heard no later for that? Real speech and the real models."""

from __future__ import annotations

import numpy as np
import pytest

from agent.hear.echo import EchoGuard
from agent.rehearsal.echo import Echo
from agent.rehearsal.sound import encode
from agent.wire import mulaw
from ops.bench.echo import (
    AGENT,
    LINES,
    BargeIns,
    Heard,
    barge_in_lines,
    barge_ins,
    false_onsets,
    line,
    one_by_one,
    onsets,
    say,
    total,
)

SENTENCES = 10


def echoing(echo: Echo) -> Heard:
    return line(one_by_one([say(text) for text in AGENT[:SENTENCES]]), [], echo)


@pytest.mark.parametrize(
    ("kind", "delay_ms", "attenuation_db", "unguarded"),
    [
        ("clean", 50, 10, 10),
        ("clean", 400, 30, 10),
        ("room", 120, 10, 10),
        ("room", 250, 30, 10),
        ("noise", 250, 20, 10),
        ("noise", 120, 30, 2),
    ],
)
def test_our_own_voice_coming_back_does_not_interrupt_us(
    kind: str, delay_ms: float, attenuation_db: float, unguarded: int
) -> None:
    heard = echoing(Echo(delay_ms, attenuation_db, **LINES[kind]))

    assert false_onsets(heard, None) >= unguarded
    assert false_onsets(heard, EchoGuard()) == 0


def over_the_agent(db: float, echo: Echo | None, *, settled: bool = True) -> tuple[BargeIns, BargeIns]:
    calls = barge_in_lines(0.9, db, echo, settled=settled)
    return total([barge_ins(*one, None) for one in calls]), total([barge_ins(*one, EchoGuard()) for one in calls])


@pytest.mark.parametrize("db", [0, -20])
def test_on_a_line_without_an_echo_callers_are_heard_as_soon_as_without_the_guard(db: float) -> None:
    without, guarded = over_the_agent(db, None)

    assert guarded.missed == without.missed
    assert np.median(guarded.delays_ms) <= np.median(without.delays_ms) + 16
    assert np.mean(guarded.delays_ms) <= np.mean(without.delays_ms) + 16


@pytest.mark.parametrize(
    ("db", "echo"),
    [(0, Echo(120, 10)), (-10, Echo(250, 20, room_ms=150)), (-20, Echo(120, 20))],
)
def test_callers_are_heard_over_an_echo(db: float, echo: Echo) -> None:
    without, guarded = over_the_agent(db, echo)

    assert without.spoilt > 6
    assert (guarded.missed, guarded.spoilt) == (0, 0)
    assert np.median(guarded.delays_ms) <= 130


def test_the_first_words_of_a_call_are_enough_to_know_an_echo() -> None:
    without, guarded = over_the_agent(-10, Echo(250, 20, room_ms=150), settled=False)

    assert without.spoilt == 12
    assert guarded.spoilt == guarded.missed == 0


def test_each_utterance_may_come_back_a_little_earlier_or_later_and_timestamps_may_wobble() -> None:
    heard = echoing(Echo(250, 20, room_ms=200))
    dice = np.random.default_rng(5)
    told = [(at + dice.uniform(-30, 30), said) for at, said in heard.ours]

    class Wobbling(EchoGuard):
        def heard(self, window: bytes, at_ms: float) -> None:
            super().heard(window, at_ms + int(dice.integers(-1, 2)))

    assert len(onsets(heard, None)) > SENTENCES
    assert not onsets(Heard(told, heard.mulaw, heard.speech), Wobbling())


def test_what_was_cleared_is_not_expected_back() -> None:
    said = say(AGENT[0])
    back = encode(0.1 * mulaw.decode_float(said).astype(np.float64))
    kept, cleared = EchoGuard(), EchoGuard()
    for guard in (kept, cleared):
        guard.played(said, 0)
    cleared.cleared(600)

    def verdicts(guard: EchoGuard) -> list[bool]:
        windows = [(at / 8 + 200, back[at : at + 256]) for at in range(0, 1500 * 8, 256)]
        return [guard.is_echo(window, at_ms) for at_ms, window in windows]

    # From 960 ms on nothing of the first 600 is left to compare, nor of a room's sound; a pause is no voice at all.
    assert sum(verdicts(kept)[30:]) >= 14
    assert sum(verdicts(cleared)[30:]) <= 2


def test_the_delay_is_learned() -> None:
    guard = EchoGuard()
    assert guard.delay_ms is None
    onsets(echoing(Echo(250, 15)), guard)

    assert guard.delay_ms == pytest.approx(250, abs=2)
