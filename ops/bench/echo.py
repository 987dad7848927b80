"""What the echo guard is worth: an agent that hears itself come back, with and without callers who speak over it.
One file: the rooms, the callers and the reckoning are of use for nothing else.

Real speech (the local voice; callers are the same voice at other pitches), the real voice-activity model, the real turn
detector and guard, on simulated lines (`agent.rehearsal.echo`). Everything is seeded: the same figures each time.

    python ops/bench/echo.py            # the whole sweep, some minutes
    python ops/bench/echo.py --cost     # only what the guard costs
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import trio

from agent.hear.echo import EchoGuard
from agent.hear.turns import RELEASE, WINDOW_BYTES, WINDOW_MS, Guards, Onset, TurnDetector
from agent.model import BYTES_PER_MS
from agent.providers.silero import Silero, Silero8k, load_session
from agent.rehearsal.echo import Echo, EchoPath
from agent.rehearsal.sound import decode, encode, from_pcm
from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice

AGENT = (
    "Hello, this is Priya from Premier Realty Group. How can I help you today?",
    *("Sure, I can help you with that.", "Which part of the city do you have in mind?"),
    *("What budget did you have in mind?", "We have two and three bedroom flats in Whitefield."),
    *("The price starts at eighty five lakhs.", "Would you like to visit the site this weekend?"),
    *("Great, let me note that down.", "May I have your name, please?", "Thank you, and your email address?"),
    *("The project is close to the metro station.", "It has a swimming pool, a gym, and a garden for children."),
    *("Possession is expected in December next year.", "Home loans are available from all the major banks."),
    *("One moment, let me check that for you.", "I am sorry, I did not catch that."),
    *("Are you looking to buy, to rent, or to sell?", "How many bedrooms would you like?"),
    *("That area has good schools and hospitals nearby.", "The flat measures twelve hundred square feet."),
    *("Our agent will call you back within a day.", "Is there anything else I can help you with?"),
    *("We also have a few villas in Sarjapur.", "Those start at two crore and forty lakhs."),
    *("When would you like to move in?", "Do you need a furnished flat?", "Parking for one car is included."),
    *("The maintenance fee is four rupees per square foot.", "I will send you the details in a message."),
    *("Saturday at eleven in the morning, then.", "Wonderful. Have a very good day."),
    "Thank you for calling, goodbye.",
)
CALLERS = (
    *("Wait, I want to sell my house.", "No.", "Yes please.", "Stop.", "Excuse me, one question."),
    *("What is the price?", "Around eighty lakhs.", "How about Whitefield?", "Sorry, can you repeat that?"),
    *("I am not interested.", "Hello?", "Okay, and the rent?"),
)
PITCHES = (0.78, 0.9, 1.15)
"""Of the callers, against the agent."""
LINES = {"clean": {}, "room": {"room_ms": 150.0}, "noise": {"noise_db": -56.0}}
"""The agent speaks at -26 dBFS: the noise is 30 dB below it."""

GUARD_MS = 96
PAUSE_MS = 700
"""Between the agent's sentences."""
SENT_AHEAD_MS = 400
ASKED_AFTER_MS = 600
SETTLED = 3
"""Sentences of the agent's before the first caller speaks over it, where the guard is to know the line."""
FIRST_WORD_MS = 1200
"""From the agent's first sound to the caller's."""

Placed = tuple[float, bytes]
"""Sound, and when it begins."""


@dataclass(frozen=True)
class Heard:
    """One line's sound as the server hears it."""

    ours: list[Placed]
    mulaw: bytes
    speech: list[float]
    """The probability of it in each window."""


@dataclass(frozen=True)
class BargeIns:
    """What became of callers who spoke over the agent."""

    delays_ms: list[float]
    """Of those who were noticed, from their first loud sound."""
    missed: int
    spoilt: int
    """An echo had interrupted the agent before."""

    def __str__(self) -> str:
        rest = f"missed {self.missed}, spoilt {self.spoilt}"
        if not self.delays_ms:
            return rest
        p50, p90 = np.percentile(self.delays_ms, (50, 90))
        return f"{p50:.0f} / {p90:.0f} / {max(self.delays_ms):.0f} ms, {rest}"


@cache
def session() -> object:
    return load_session()


@cache
def say(text: str, pitch: float = 1.0) -> bytes:
    """The local voice at this pitch, as mu-law."""
    return from_pcm(_pcm(text), _voice().rate * pitch)


def softer(sound: bytes, db: float) -> bytes:
    return encode(decode(sound) / 32768 * 10 ** (db / 20)) if db else sound


def one_by_one(sentences: Sequence[bytes], pause_ms: float = PAUSE_MS) -> list[Placed]:
    placed, at = [], 300.0
    for sentence in sentences:
        placed.append((at, sentence))
        at += len(sentence) / BYTES_PER_MS + pause_ms
    return placed


def line(ours: list[Placed], callers: list[Placed], echo: Echo | None) -> Heard:
    """The line on which we say this and they say that."""
    begins, last = ours[-1]
    windows = int((begins + len(last) / BYTES_PER_MS + ASKED_AFTER_MS) / WINDOW_MS) + 1
    sound = bytearray(np.random.default_rng(1).choice((0x7F, 0xFF), windows * WINDOW_BYTES).astype(np.uint8).tobytes())
    for at, said in callers:
        start = round(at * BYTES_PER_MS)
        sound[start : start + len(said)] = said[: len(sound) - start]
    if echo is not None:
        path = EchoPath(echo)
        for at, said in ours:
            path.played(said, at)
        sound = bytearray(b"".join(path.over(piece, at / BYTES_PER_MS) for at, piece in _pieces(bytes(sound), 1600)))
    vad = Silero8k(Silero(session()))  # type: ignore[arg-type]
    return Heard(ours, bytes(sound), [vad(piece) for _, piece in _pieces(bytes(sound), 256)])


def onsets(heard: Heard, guard: EchoGuard | None) -> list[Onset]:
    """Where the agent would be interrupted; after each the detector begins anew, and the agent speaks on."""
    found, turns, ends_ms = [], _turns(), 0.0
    sent = [(at + n / BYTES_PER_MS, piece) for at, said in heard.ours for n, piece in _pieces(said, 1600)]
    for (n, window), probability in zip(_pieces(heard.mulaw, WINDOW_BYTES), heard.speech, strict=True):
        at_ms, speech = n / BYTES_PER_MS, probability
        while sent and sent[0][0] <= at_ms + SENT_AHEAD_MS:
            begins, piece = sent.pop(0)
            ends_ms = begins + len(piece) / BYTES_PER_MS
            if guard:
                guard.played(piece, begins)
        if guard and at_ms <= ends_ms + ASKED_AFTER_MS:
            guard.heard(window, at_ms)
            if speech >= 0.5 - RELEASE and guard.is_echo(window, at_ms):
                speech = 0.0
        decision = turns.hear(window, speech, at_ms)
        if isinstance(decision, Onset):
            found.append(decision)
            turns = _turns()
    return found


def false_onsets(heard: Heard, guard: EchoGuard | None) -> int:
    """Sentences of the agent's that its own echo would have interrupted, on a line on which nobody else speaks."""
    starts = [at for at, _ in heard.ours]
    return len({int(np.searchsorted(starts, onset.began_ms)) for onset in onsets(heard, guard)})


def barge_in_lines(pitch: float, db: float, echo: Echo | None, *, settled: bool) -> list[tuple[Heard, list[Placed]]]:
    """Calls in which CALLERS speak over a passage of the agent's, and when they do: all in one call, once the agent
    has spoken for a while; or each in a call of its own, over the agent's first words."""
    said = [softer(say(text, pitch), db) for text in CALLERS]
    return [_barge_in_line(said, SETTLED, echo)] if settled else [_barge_in_line([one], 0, echo) for one in said]


def _barge_in_line(said: list[bytes], settled: int, echo: Echo | None) -> tuple[Heard, list[Placed]]:
    passages = [b"".join(say(text) for text in AGENT[n : n + 3]) for n in range(0, 9, 3)]
    before = [say(text) for text in AGENT[:settled]]
    ours = one_by_one([*before, *(passages[(n + len(said[0])) % len(passages)] for n in range(len(said)))])
    starts = [at for at, _ in ours[len(before) :]]
    callers = [(at + FIRST_WORD_MS + len(one) % 400, one) for at, one in zip(starts, said, strict=True)]
    return line(ours, callers, echo), callers


def barge_ins(heard: Heard, callers: list[Placed], guard: EchoGuard | None) -> BargeIns:
    found, delays, missed, spoilt = onsets(heard, guard), [], 0, 0
    for at, said in callers:
        passage = max(start for start, _ in heard.ours if start < at)
        stops = at + len(said) / BYTES_PER_MS + 150
        if any(passage < one.began_ms < at - WINDOW_MS and one.at_ms < at + 200 for one in found):
            spoilt += 1
        elif noticed := [one.at_ms for one in found if at - WINDOW_MS <= one.began_ms and one.at_ms <= stops]:
            delays.append(noticed[0] - at - _loud_from(said))
        else:
            missed += 1
    return BargeIns(delays, missed, spoilt)


def _loud_from(sound: bytes) -> float:
    """The first 10 ms that are within 20 dB of the loudest ones, in milliseconds."""
    power = (mulaw.decode_float(sound)[: len(sound) // 80 * 80].reshape(-1, 80) ** 2).mean(axis=1)
    return float(np.argmax(power > power.max() / 100)) * 10


def _pieces(sound: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    return ((at, sound[at : at + size]) for at in range(0, len(sound), size))


def _turns() -> TurnDetector:
    return TurnDetector(
        Guards(threshold=0.5, onset_ms=GUARD_MS, lasting_ms=4000, pause_ms=192, hold_ms=576, longest_ms=30_000)
    )


@cache
def _voice():  # noqa: ANN202  a LocalVoice, where it is installed
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the agent needs a voice")
    return voice


@cache
def _pcm(text: str) -> bytes:
    pcm = bytearray()

    async def emit(piece: bytes) -> None:
        pcm.extend(piece)
        await trio.lowlevel.checkpoint()

    trio.run(_voice().synthesise, text, emit)
    return bytes(pcm)


def _sweep() -> None:
    sentences = one_by_one([say(text) for text in AGENT])
    print(f"sentences of {len(AGENT)} that their own echo interrupts, without and with the guard")
    for name, kind in LINES.items():
        for db in (10.0, 20.0, 30.0):
            lines = [line(sentences, [], Echo(delay_ms, db, **kind)) for delay_ms in (50.0, 120.0, 250.0, 400.0)]
            without, guarded = (
                [false_onsets(one, made) for one, made in zip(lines, guards, strict=True)]
                for guards in ([None] * 4, [EchoGuard() for _ in lines])
            )
            print(f"  {name:6}{db:3.0f} dB   50/120/250/400 ms late: {without} {guarded}")
    print("callers over the agent: first loud sound to onset (p50 / p90 / max), without and with the guard")
    echoes = {
        "no echo": None,
        "120 ms, 10 dB": Echo(120, 10),
        "120 ms, 20 dB": Echo(120, 20),
        "120 ms, 30 dB, noise": Echo(120, 30, noise_db=-56),
        "250 ms, 10 dB, room": Echo(250, 10, 150),
        "250 ms, 20 dB, room": Echo(250, 20, 150),
    }
    for name, echo in echoes.items():
        for settled in (True, False):
            for db in (0.0, -10.0, -20.0):
                made = [one for pitch in PITCHES for one in barge_in_lines(pitch, db, echo, settled=settled)]
                without = total([barge_ins(*one, None) for one in made])
                guarded = total([barge_ins(*one, EchoGuard()) for one in made])
                known = "known" if settled else "new"
                print(f"  {name:21}{known:6}caller {db:3.0f} dB: {without!s:45} | {guarded}")


def total(parts: list[BargeIns]) -> BargeIns:
    """All of them together."""
    delays = [delay for part in parts for delay in part.delays_ms]
    return BargeIns(delays, sum(part.missed for part in parts), sum(part.spoilt for part in parts))


class _Timed(EchoGuard):
    def __init__(self) -> None:
        super().__init__()
        self.took: dict[str, list[float]] = {"played": [], "heard": [], "is_echo": []}

    def played(self, sound: bytes, start_ms: float) -> None:
        began = time.perf_counter()
        super().played(sound, start_ms)
        self.took["played"].append(time.perf_counter() - began)

    def heard(self, window: bytes, at_ms: float) -> None:
        began = time.perf_counter()
        super().heard(window, at_ms)
        self.took["heard"].append(time.perf_counter() - began)

    def is_echo(self, window: bytes, at_ms: float) -> bool:
        began = time.perf_counter()
        answer = super().is_echo(window, at_ms)
        self.took["is_echo"].append(time.perf_counter() - began)
        return answer


def _cost() -> None:
    for name, echo in (("an echo, 20 dB, in a room", Echo(250, 20, 150)), ("callers, no echo", None)):
        heard = (
            line(one_by_one([say(text) for text in AGENT]), [], echo)
            if echo
            else barge_in_lines(0.9, 0, None, settled=True)[0][0]
        )
        guard = _Timed()
        onsets(heard, guard)
        for call, took in guard.took.items():
            p50, p95 = np.percentile(took, (50, 95)) * 1e6
            print(f"{name:26} {call:8} {len(took):5} times, {p50:4.0f} us at the median, {p95:4.0f} at p95")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cost", action="store_true")
    if not parser.parse_args().cost:
        _sweep()
    _cost()
    return 0


if __name__ == "__main__":
    sys.exit(main())
