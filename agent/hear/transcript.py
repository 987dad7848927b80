"""An utterance in: is it worth asking a recogniser? A recogniser's text in: which of it was really said?

Recognisers answer silence and noise with what their training data said there, and repeat themselves when unsure
("Investigation of Whisper ASR Hallucinations Induced by Non-Speech Audio", arXiv 2501.11378, also for the remedy: a
list of such phrases, and taking loops apart). Where a real caller may have said the same, the sound decides.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from agent.model import Utterance
from agent.wire import mulaw

SHORTEST_MS = 100
"""Shorter than any word; the OpenAI API refuses such files too."""
FAINTEST_DB = -55.0
"""Of the loudest 100 ms, relative to full scale. Comfort noise lies near -60; callers speak at -40 to -15."""

FAINT_DB = -45.0
STEADY_DB = 10.0
"""Speech rises more than this above the utterance's quietest tenth; measured: white noise, hum and tones up to 7."""
BRIEF_MS = 160
"""Measured: "Thanks" at one and a half times the usual speed sounds for 200 ms."""
LETTERS_PER_S = 40
"""Nobody speaks this fast: the fastest measured, at one and a half times the usual speed, was 22."""
DIGITS_PER_S = 6
MOST_DIGITS = 10
"""An Indian phone number: as many times may one digit be repeated."""
LOOP = 4
"""A phrase said as often in a row is a loop, or means no more than said once."""
LONGEST_LOOP = 8
"""Words in a phrase that loops."""

_NEVER_SAID = re.compile(
    r"(thanks?|thank you)\b.* for watching\b.*|(please )?(like and )?subscribe\b.*|.*\bforget to (like|subscribe)\b.*"
    r"|see you (in the )?next video|(subtitles|captions|captioning|transcribed|translated) by\b.*|.*\bamara org\b.*"
)
"""Whole sentences from the subtitles of videos, which the models learnt from: no caller says this to an agent."""
_LONE = {"you"}
"""What Moonshine makes of most noises, and Whisper of silence."""
_DOUBTFUL = {
    *("thank you", "thank you very much", "thank you so much", "thanks", "thanks for listening"),
    *("bye", "bye bye", "goodbye", "so", "the", "oh", "i'm sorry", "mm hmm", "hmm", "uh", "um"),
}
"""Frequent among the made-up, but also said by callers: kept only if the sound can be speech."""
_DIGITS = {"zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", *"0123456789"}

_ASIDE = re.compile(r" ?(\[[^\]\d]{0,80}\]|\([^)\d]{0,80}\)|\*[^*\d]{1,80}\*|[♩♪♫♬]+)")
"""Sound descriptions such as [BLANK_AUDIO], (music), *sighs*, and notes. With digits it may be a phone number. Bounded,
so that a text full of brackets that never close costs no more than its length."""
_STUCK_LETTER = re.compile(r"([^\W\d_])\1{4,}")
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?।])\s+")


def worth_hearing(utterance: Utterance) -> bool:
    """Whether to ask a recogniser at all: not for what is empty, under 100 ms, or too faint for speech."""
    return utterance.duration_ms >= SHORTEST_MS and _loudness(_levels(utterance)) >= FAINTEST_DB


def clean(text: str, utterance: Utterance) -> str:
    """What of a recogniser's text was said; "" where nothing was. Short real answers ("Yes", "Haan") stay.

    Drops descriptions of sounds, phrases from video subtitles, courtesies heard in noise, more text than the time
    could hold; takes loops apart.
    """
    text = _STUCK_LETTER.sub(r"\1", _ASIDE.sub("", " ".join(text.split())))
    sentences = _BETWEEN_SENTENCES.split(text)
    text = " ".join(sentence for sentence in sentences if not _NEVER_SAID.fullmatch(_plain(sentence)))
    seconds = utterance.duration_ms / 1000
    text = " ".join(_without_loops(text.split(), seconds))
    plain = _plain(text)
    if not plain or plain in _LONE or len(plain.replace(" ", "")) > LETTERS_PER_S * seconds:
        return ""
    if plain in _DOUBTFUL and not _may_be_speech(_levels(utterance)):
        return ""
    return text


def _plain(text: str) -> str:
    """Only words: lower case, no punctuation. Marks of other scripts are part of their words."""
    return " ".join("".join(c if c.isalnum() or c == "'" or ord(c) > 0x2FF else " " for c in text.lower()).split())


def _without_loops(words: list[str], seconds: float) -> list[str]:
    plain = [_plain(word) for word in words]
    out: list[str] = []
    at = 0
    while at < len(words):
        size, times = _repetition(plain, at)
        phrase = plain[at : at + size]
        if times >= LOOP and not _may_be_a_number(phrase, times, seconds):
            last = words[at + size * times - 1]
            ending = last[len(last.rstrip(".,;:!?")) :]
            out += [*words[at : at + size - 1], words[at + size - 1].rstrip(".,;:!?") + ending]
            at += size * times
        else:
            out.append(words[at])
            at += 1
    return out


def _repetition(plain: list[str], at: int) -> tuple[int, int]:
    """The phrase from `at` on that is repeated most: its words, and how many times it stands there."""
    best = (1, 1)
    for size in range(1, LONGEST_LOOP + 1):
        phrase = plain[at : at + size]
        times = 1
        while plain[at + size * times : at + size * (times + 1)] == phrase:
            times += 1
        if times > best[1]:
            best = (size, times)
    return best


def _may_be_a_number(phrase: list[str], times: int, seconds: float) -> bool:
    said = len(phrase) * times
    return _DIGITS.issuperset(phrase) and said <= min(MOST_DIGITS, DIGITS_PER_S * seconds)


def _levels(utterance: Utterance) -> NDArray[np.float64]:
    """Power of each whole 20 ms, full scale being 1; one value at least."""
    samples = mulaw.decode_float(utterance.mulaw or mulaw.SILENCE).astype(np.float64)
    size = min(160, len(samples))
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power: NDArray[np.float64] = np.maximum((frames**2).mean(axis=1), 1e-10)
    return power


def _loudness(levels: NDArray[np.float64]) -> float:
    """Decibels of the loudest 100 ms."""
    size = min(5, len(levels))
    return float(10 * np.log10(np.convolve(levels, np.full(size, 1 / size), "valid").max()))


def _may_be_speech(levels: NDArray[np.float64]) -> bool:
    """Loud enough, long enough, and not one steady sound."""
    loudest = _loudness(levels)
    each = 10 * np.log10(levels)
    sounding_ms = 20 * int((each > loudest - 20).sum())
    return loudest >= FAINT_DB and sounding_ms >= BRIEF_MS and loudest - float(np.percentile(each, 10)) >= STEADY_DB
