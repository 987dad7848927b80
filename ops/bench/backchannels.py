# ruff: noqa: RUF001  the sounds of one group are written in phonetic letters
"""Which sounds over the agent take its turn: backchannels that should not, and short interruptions that should.

Real speech (the local voice, whose English spelling of Hindi is what it is) at four paces and over two telephones: a
good resampler with a deeper voice, and a plain one with a higher voice. The line's noise, the real voice-activity
model, the real turn detector and recogniser, the floor's rule. The agent asks nothing.

Three groups: the words of the rule were chosen with the first two; of the third, errors were only counted. By the rule
before, which knew the words it had heard over one telephone and took any lone word of up to 450 ms for a hum, 51% of
the third's backchannels took the turn and 6% of its interruptions did not (of the others 47% and 7%, 58% and 17%); by
this one 23% and 3% (22% and 2%, 30% and 10%).

    python ops/bench/backchannels.py            # half a minute
    python ops/bench/backchannels.py --words    # also what was heard of those that err
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import trio
from numpy.typing import NDArray

from agent.config import Settings
from agent.hear.backchannel import judge
from agent.hear.turns import Guards, Pause, TurnDetector, TurnTaken
from agent.model import Utterance
from agent.providers.local_stt import load_recogniser
from agent.providers.local_tts import RATE, trimmed
from agent.providers.silero import Silero, Silero8k, load_session
from agent.rehearsal.sound import encode, from_pcm
from agent.think.facts import extract
from agent.wire import mulaw


class Group(NamedTuple):
    """Sayings, and how they are said."""

    name: str
    backchannels: tuple[str, ...]
    interruptions: tuple[str, ...]
    """Spelled in English, or with the sounds themselves between slashes."""
    paces: tuple[float, ...]
    """Of the usual one."""
    pitches: tuple[float, float]
    """Over the good telephone, and over the plain one."""


GROUPS = (
    Group(
        "what the rule was made with, spelled",
        (
            *("Mm hmm.", "Theek hai.", "Accha.", "Okay.", "Haan ji.", "Uh huh.", "Sahi.", "Yeah.", "Mhm.", "Ok."),
            *("Theek hai, theek hai.", "Accha, accha.", "Haan.", "Hmm.", "Ji.", "Right.", "Sahi hai.", "Ji haan."),
        ),
        (
            *("No.", "Stop.", "Whitefield.", "Who is this?", "Ek minute.", "Sorry?", "Ruko.", "Hold on.", "How much?"),
            *("Nahin.", "Wait.", "Hello?", "Two.", "Excuse me.", "Suniye.", "What?", "Rukiye.", "One second."),
            *("Listen.", "Hebbal.", "Nope."),
        ),
        (0.8, 0.95, 1.1, 1.3),
        (0.92, 1.06),
    ),
    Group(
        "what it was made with, in phonetic letters",
        (
            *("mm-hm /əmhˈəm/", "mm-hm /mˈəmhˌəm/", "uh-huh /əhˈʌ/", "haan /hˈɑn/", "haan ji /hˈɑn ʤˈi/"),
            *("ji haan /ʤˈi hˈɑn/", "ji /ʤˈi/", "achha /əʧhˈɑ/", "achha achha /əʧhˈɑ əʧhˈɑ/", "theek hai /tˈik hˈɛ/"),
            *("sahi /səhˈi/", "sahi hai /səhˈi hˈɛ/", "okay, theek hai /ˌOkˈA tˈik hˈɛ/", "All right.", "Got it."),
        ),
        (
            *("nahin /nəhˈi/", "ruko /ɹˈʊkO/", "rukiye /ɹˈʊkɪjˌA/", "suno /sˈʊnO/", "suniye /sˈʊnijˌA/", "kya /kjˈɑ/"),
            *("ek minute /ˈAk mˈɪnət/", "ek second /ˈAk sˈɛkənd/", "kitna /kˈɪtnˌɑ/", "bas /bˈʌs/", "galat /ɡˈʌlət/"),
            *("kaun /kˈɔn/", "Hang on.", "Why?", "No, no.", "Not that.", "Hello, hello?", "Three.", "Price?", "Villa."),
            *("Which floor?", "Wait, wait.", "Speak slowly."),
        ),
        (0.87, 1.0, 1.2, 1.4),
        (1.0, 0.86),
    ),
    Group(
        "held out",
        (
            *(
                "Uh chaa.",
                "Teek hay.",
                "Hun jee.",
                "Hunn.",
                "Um hum.",
                "Mm-mm.",
                "Hm hm.",
                "Okay, okay.",
                "Haan, theek hai.",
            ),
            *(
                "Ok ji.",
                "Accha ji.",
                "Sure.",
                "Of course.",
                "Yes, yes.",
                "Yes, sir.",
                "Haan, haan.",
                "Suh hee.",
                "Ooh.",
            ),
        ),
        (
            *(
                "Ek baat.",
                "One moment.",
                "Can you repeat?",
                "Not interested.",
                "Too costly.",
                "Sarjapur.",
                "Bangalore.",
            ),
            *("Rent.", "Is it ready?", "Leave it.", "No, thanks.", "Call me later.", "Stop, stop.", "Nahi chahiye."),
            *(
                "Sunno.",
                "Rook jao.",
                "Kaun hai?",
                "Madam.",
                "Five.",
                "Two bedrooms.",
                "Where?",
                "Bus, bus.",
                "Hello, madam.",
            ),
        ),
        (0.9, 1.05, 1.25, 1.35),
        (0.97, 0.8),
    ),
)

Heard = tuple[str, float]
"""The words, and the milliseconds of speech in them."""


class Clip(NamedTuple):
    said: str
    pace: float
    way: str
    heard: tuple[Heard, ...]
    """At each pause, and at the end; nothing where the detector noticed nothing."""


def sounds(engine: Any, group: Group, said: str) -> Iterator[tuple[float, str, bytes]]:
    """The words at each pace over each telephone."""
    _, *phonemes = said.strip("/").split("/")
    for pace in group.paces:
        pcm = trimmed(engine.from_phonemes(phonemes[0], pace, seed=0) if phonemes else engine(said, pace, seed=0))
        yield pace, "good", from_pcm(pcm, RATE * group.pitches[0])
        yield pace, "plain", plain_telephone(np.frombuffer(pcm, "<i2").astype(np.float64) / 32768, group.pitches[1])


def plain_telephone(samples: NDArray[np.float64], pitch: float) -> bytes:
    """A short low-pass and straight lines between the samples."""
    taps = np.sinc(np.arange(-60, 61) / 3.2) * np.hamming(121)
    low = np.convolve(samples, taps / taps.sum(), "same")
    return encode(np.interp(np.arange(0, len(low) - 1, RATE / 8000 * pitch), np.arange(len(low)), low))


def on_a_line(sound: bytes, dice: np.random.Generator) -> bytes:
    """With silence around it and noise at -55 dB of full scale."""
    line = mulaw.decode(b"\xff" * 4000 + sound + b"\xff" * 12_000).astype(np.float64)
    line += dice.standard_normal(len(line)) * 32768 * 10 ** (-55 / 20)
    return mulaw.encode(np.clip(line, -32768, 32767).astype(np.int16))


def utterances(sound: bytes, session: Any, settings: Settings) -> Iterator[tuple[Utterance, float]]:
    """What the floor would ask about: the sound up to each pause, and whole."""
    turns = TurnDetector(
        Guards(settings.VAD_THRESHOLD, settings.BARGE_IN_MS, 60_000, settings.PAUSE_MS, settings.END_SILENCE_MS, 60_000)
    )
    vad = Silero8k(Silero(session))
    for at in range(0, len(sound) - 255, 256):
        window = sound[at : at + 256]
        decision = turns.hear(window, vad(window), at / 8)
        if isinstance(decision, Pause) or (isinstance(decision, TurnTaken) and not decision.paused):
            yield decision.utterance, decision.speech_ms


class Listener:
    """The voice, the detector and the recogniser, loaded once."""

    def __init__(self) -> None:
        import hibari  # type: ignore[import-untyped]  # ships no types

        self._engine, self._session, self._recogniser = hibari.Hibari(threads=1), load_session(), load_recogniser()
        self._settings, self._dice = Settings(_env_file=None), np.random.default_rng(7)

    async def listen(self, group: Group, sayings: tuple[str, ...]) -> tuple[Clip, ...]:
        """Everything that is heard of them."""
        clips = []
        for said in sayings:
            for pace, way, sound in sounds(self._engine, group, said):
                line = on_a_line(sound, self._dice)
                heard = [
                    (await self._recogniser.transcribe(utterance), ms)
                    for utterance, ms in utterances(line, self._session, self._settings)
                ]
                clips.append(Clip(said, pace, way, tuple(heard)))
        return tuple(clips)


def takes_the_turn(clip: Clip) -> bool:
    """Whether the agent falls silent for good."""
    return any(judge(text, ms, told=bool(extract(text))) == "turn" for text, ms in clip.heard)


def show(title: str, clips: tuple[Clip, ...], *, wrong: bool, words: bool) -> None:
    """How many err, and on which sayings."""
    errors = [clip for clip in clips if takes_the_turn(clip) is wrong]
    print(f"  {title:36}{len(errors):4} of {len(clips)} ({len(errors) / len(clips):.0%})")
    for said in dict.fromkeys(clip.said for clip in errors):
        of = [clip for clip in errors if clip.said == said]
        heard = "; ".join(f"{text} {ms:.0f} ms" for clip in of for text, ms in clip.heard[-1:]) if words else ""
        print(f"      {said:36}{len(of)}  {heard}")


async def main(*, words: bool) -> None:
    listener = Listener()
    for group in GROUPS:
        print(group.name)
        show(
            "backchannels that take the turn", await listener.listen(group, group.backchannels), wrong=True, words=words
        )
        show("interruptions that do not", await listener.listen(group, group.interruptions), wrong=False, words=words)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", action="store_true", help="what was heard of those that err")
    trio.run(lambda: main(words=parser.parse_args().words))
    sys.exit(0)
