"""Listens: sound, window by window, through the voice-activity model and the turn detector.

Started by the call inside the conversation. Decisions are handed on synchronously, so a barge-in takes effect within
the same step as the window that decided it. Windows that cannot decide anything yet are heard with the next one that
can: an onset takes three of speech, so no single one of silence is worth a step of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from agent.hear.ports import VoiceActivity
from agent.hear.turns import Decision, TurnDetector
from nurseries.line.windows import Window, Windows

PATIENCE = 3
"""Windows that are heard at once, at most: what is known of the caller is a tenth of a second old, and no older."""


async def detect(
    sound: Windows,
    vad: VoiceActivity,
    turns: TurnDetector,
    decided: Callable[[Decision], None],
    *,
    guard_ms: Callable[[], float],
    is_echo: Callable[[bytes, float, float], bool],
    heard: Callable[[bytes, float, Decision | None], None],
    at_once: Callable[[], bool] = lambda: False,
) -> None:
    """Listen until cancelled; then nothing that the caller was saying waits unheard.

    `guard_ms` tells how much speech is an onset now; `is_echo` whether a window, by its sound, its time and its
    probability of speech, is our own voice coming back: then it counts as silence. `heard` is told of every window and
    what came of it, before anybody acts on that. `at_once`: each window matters by itself now.
    """

    def hear(window: Window) -> Decision | None:
        probability = vad(window.sound)
        if is_echo(window.sound, window.at_ms, probability):
            probability = 0.0
        turns.guard(guard_ms())
        decision = turns.hear(window.sound, probability, window.at_ms)
        heard(window.sound, window.at_ms, decision)
        return decision

    try:
        while True:
            window = await sound.get(1 if at_once() else min(turns.soonest, PATIENCE))
            decision = hear(window)
            if decision is not None:
                decided(decision)
    except trio.Cancelled:
        for window in sound.close()[: turns.soonest - 1]:
            hear(window)
        raise
    finally:
        sound.close()
