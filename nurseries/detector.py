"""Listens: sound from the mailbox, window by window through the voice-activity model and the turn detector.

Started by the call inside the conversation. Decisions are handed on synchronously, so a barge-in takes effect within
the same step as the window that decided it.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.hear.ports import VoiceActivity
from agent.hear.turns import WINDOW_BYTES, Decision, TurnDetector
from agent.model import BYTES_PER_MS, Frame
from agent.wire import mulaw
from nurseries.mailbox import Mailbox


async def detect(
    sound: Mailbox[Frame],
    vad: VoiceActivity,
    turns: TurnDetector,
    decided: Callable[[Decision], None],
    *,
    guard_ms: Callable[[], float],
    is_echo: Callable[[bytes, float, float], bool],
    heard: Callable[[bytes, float, Decision | None], None],
) -> None:
    """Listen until cancelled.

    `guard_ms` tells how much speech is an onset now; `is_echo` whether a window, by its sound, its time and its
    probability of speech, is our own voice coming back: then it counts as silence. `heard` is told of every window and
    what came of it, before anybody acts on that.
    """
    pending = bytearray()
    while True:
        frame = await sound.get()
        begins_ms = frame.at_ms - len(pending) / BYTES_PER_MS
        pending += frame.mulaw
        while len(pending) >= WINDOW_BYTES:
            window = bytes(pending[:WINDOW_BYTES])
            del pending[:WINDOW_BYTES]
            probability = vad(mulaw.decode_float(window))
            if is_echo(window, begins_ms, probability):
                probability = 0.0
            turns.guard(guard_ms())
            decision = turns.hear(window, probability, begins_ms)
            heard(window, begins_ms, decision)
            begins_ms += WINDOW_BYTES / BYTES_PER_MS
            if decision is not None:
                decided(decision)
