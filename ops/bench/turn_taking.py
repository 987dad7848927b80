"""When the agent takes its turn: how soon after complete words, and how often while the caller was only pausing.

Real speech (the local voice) through the telephone's coding with line noise, the real voice-activity model, the real
recogniser; both ways in one run, on the same sound. Before: a fixed silence of 576 ms, transcription behind it. After:
transcription at the first pause (192 ms), the hold by the words. Times are media time; transcription is measured and
counted where it is not hidden by the hold. The words on which the rule works were chosen before this set was; after a
first run, seven that often end a sentence ("you", "that") were taken out of it.

    python ops/bench/turn_taking.py
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import trio

from agent.config import Settings
from agent.hear.endpointing import LexicalEndOfTurn
from agent.hear.turns import Guards, Pause, Resumed, TurnDetector, TurnTaken
from agent.providers.local_stt import load_recogniser
from agent.providers.silero import Silero, Silero8k, load_session
from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice, spoken

BUDGET, AREA, NUMBER, ADDRESS = (
    "What budget do you have in mind?",
    "Which area do you have in mind?",
    "May I have your phone number?",
    "What is the address?",
)

PAUSED = (
    ("", 700, "Hello, I am looking for", "a two bedroom flat in Whitefield."),
    ("", 900, "I want to sell my house and", "buy a smaller one."),
    (BUDGET, 800, "My budget is", "around eighty lakhs."),
    (BUDGET, 600, "It is between sixty and", "eighty lakhs."),
    (AREA, 700, "Somewhere near", "the airport."),
    (AREA, 1000, "I like Whitefield but", "it is too far."),
    (NUMBER, 900, "Nine eight four five", "zero one two three four five."),
    (NUMBER, 700, "Nine nine zero zero", "one two three four five six."),
    (NUMBER, 1100, "It is eight zero five zero", "double one, two three four five."),
    (ADDRESS, 900, "Flat number twelve", "third cross, Indiranagar."),
    (ADDRESS, 800, "It is on the second main", "near the temple."),
    ("", 600, "I am calling because", "I saw your advertisement."),
    ("", 800, "We are a family of four, so", "we need three bedrooms."),
    ("", 500, "Can you tell me", "what is available in Hebbal?"),
    ("", 1200, "I was thinking, um", "maybe a villa."),
    ("", 700, "I would like to", "visit on Sunday."),
    (BUDGET, 900, "Up to", "one crore."),
    ("", 800, "My wife and", "I will decide together."),
    ("", 400, "Yes,", "please call me tomorrow evening."),
    ("", 900, "The flat is in the", "second block of Koramangala."),
)
"""The agent's question, a pause in milliseconds, and the words before and behind it."""

WHOLE = (
    ("", "Hello, I am looking for a two bedroom flat in Whitefield."),
    ("", "I want to sell my house."),
    (BUDGET, "Around eighty lakhs."),
    (BUDGET, "One crore twenty lakhs."),
    (AREA, "Whitefield."),
    (AREA, "Near the airport would be good."),
    ("", "Yes, please."),
    ("", "No, thank you."),
    ("", "Within three months."),
    ("", "I will take a home loan."),
    ("", "How much does it cost?"),
    ("", "Can I talk to a person?"),
    ("", "My name is Anil Kumar."),
    ("", "That is all, thank you very much."),
    ("", "I am just looking around."),
    ("", "It is my own decision."),
    ("", "Please call me tomorrow at eleven."),
    ("", "We need three bedrooms."),
    (NUMBER, "Nine eight four five zero one two three four five."),
    ("", "Can you repeat that?"),
)
"""Complete, with silence behind them."""


@dataclass
class Side:
    """One way of deciding, and how it did."""

    early: bool
    latencies: list[float]
    cut_ins: list[int]
    transcribed: int = 0
    discarded: int = 0
    discarded_s: float = 0.0


async def take(side: Side, sound: bytes, question: str, ends_ms: float, tools: tuple[Any, Any, Settings]) -> None:
    """Listen to one utterance whose last words end at `ends_ms`."""
    session, recogniser, settings = tools
    hold = settings.END_SILENCE_LONG_MS if side.early else 576
    turns = TurnDetector(Guards(0.5, 96, 60_000, settings.PAUSE_MS, hold, 60_000))
    rule = LexicalEndOfTurn(settings.END_SILENCE_MS, settings.END_SILENCE_LONG_MS)
    vad = Silero8k(Silero(session))
    due, known_ms, text, utterance = None, 0.0, "", None
    for at in range(0, len(sound) - 255, 256):
        now = at / 8
        window = sound[at : at + 256]
        if due is not None and now >= due:
            turns.hold(rule.hold_ms(text, question, utterance))
            due = None
        decision = turns.hear(window, vad(window), now)
        if isinstance(decision, Pause) and side.early:
            utterance = decision.utterance
            began = time.perf_counter()
            text = await recogniser.transcribe(utterance)
            side.transcribed += 1
            due = known_ms = decision.at_ms + (time.perf_counter() - began) * 1000
        elif isinstance(decision, Resumed) and side.early:
            side.discarded += 1
            side.discarded_s += utterance.duration_ms / 1000
            due = None
        elif isinstance(decision, TurnTaken):
            if decision.utterance.end_ms < ends_ms - 300:
                side.cut_ins.append(1)
                return
            side.cut_ins.append(0)
            began = time.perf_counter()
            if side.early:
                behind = max(0.0, known_ms - decision.at_ms)
            else:
                await recogniser.transcribe(decision.utterance)
                behind = (time.perf_counter() - began) * 1000
            side.latencies.append(decision.at_ms + behind - decision.utterance.end_ms)
            return


def noisy(sound: bytes, dice: np.random.Generator) -> bytes:
    """The telephone's noise at -55 dB of full scale."""
    line = mulaw.decode(sound).astype(np.float64) + dice.standard_normal(len(sound)) * 32768 * 10 ** (-55 / 20)
    return mulaw.encode(np.clip(line, -32768, 32767).astype(np.int16))


async def main() -> None:
    settings = Settings(_env_file=None)
    voice, session, recogniser = find_voice(), load_session(), load_recogniser("auto")
    if voice is None:
        raise SystemExit("The local voice is not installed: pip install calling-agent[local].")
    tools = session, recogniser, settings
    before, after = Side(early=False, latencies=[], cut_ins=[]), Side(early=True, latencies=[], cut_ins=[])
    paused = Side(early=False, latencies=[], cut_ins=[]), Side(early=True, latencies=[], cut_ins=[])
    dice = np.random.default_rng(7)
    quiet = b"\xff" * 4000
    for question, text in WHOLE:
        speech = await spoken(voice, text)
        line = noisy(quiet + speech + quiet * 6, dice)
        for side in (before, after):
            await take(side, line, question, (len(quiet) + len(speech)) / 8, tools)
    for question, pause_ms, first, second in PAUSED:
        parts = [await spoken(voice, first), await spoken(voice, second)]
        speech = parts[0] + b"\xff" * (pause_ms * 8) + parts[1]
        line = noisy(quiet + speech + quiet * 6, dice)
        for side in paused:
            await take(side, line, question, (len(quiet) + len(speech)) / 8, tools)
    print(f"{len(WHOLE)} complete utterances, {len(PAUSED)} with a pause of 400 to 1200 ms inside\n")
    print(f"{'':34}{'before':>10}{'after':>10}{'ratio':>8}")
    for name, pick in (("median", statistics.median), ("90th percentile", lambda x: sorted(x)[int(len(x) * 0.9)])):
        one, two = pick(before.latencies), pick(after.latencies)
        print(f"response to complete words, {name:<6}".ljust(34)[:34] + f"{one:8.0f}ms{two:8.0f}ms{two / one:8.2f}")
    one, two = (sum(side.cut_ins) / len(side.cut_ins) for side in paused)
    print(f"{'cut in at a pause':34}{one:10.0%}{two:10.0%}{two / one if one else 0:8.2f}")
    early = after.transcribed + paused[1].transcribed
    thrown = after.discarded + paused[1].discarded
    seconds = after.discarded_s + paused[1].discarded_s
    print(f"\ntranscriptions after: {early}, thrown away {thrown} ({seconds:.0f} s of sound)")


if __name__ == "__main__":
    trio.run(main)
