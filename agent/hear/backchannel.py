"""What was that sound over the agent's voice? Its words and its length in; nothing, a backchannel or a turn out.

A backchannel ("mm-hm", "haan", "theek hai") says "go on"; taking it for a turn is what makes an agent unbearable to
polite listeners. English-only recognisers write the Hindi ones as what they sound like to them, so those are known too.
"""

from __future__ import annotations

import re
from typing import Literal

Verdict = Literal["nothing", "backchannel", "turn"]

HUM_MS = 450.0
"""A sound so short that is no known word is likelier a hum than a turn; "stop", "wait" and "no" are as short, and they
are known words."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_HUMS = _set(
    "hm hmm mm mhm mmhmm mmhm mm-hmm mm-hm uh-huh uhhuh uh huh ah aha oh ooh um er eh ha hah hun han hon hum hahn"
)
"""Mean "go on" wherever they are said."""

_ASSENTS = _set(
    "ok okay kay yeah yep yes ya yah right alright sure fine good great nice cool true exactly correct understood"
    " haan haa haanji ji jee accha achha acha theek thik teek hai hey sahi bilkul"
    " हाँ हां जी अच्छा ठीक है सही हम्म हूँ हूं"
    " atcha atta cha teak tea take tick thick thi hi he hay high g"
)
"""Mean "go on" too, but after a question they are answers."""

_PHRASES = frozenset(
    {
        *("i see", "got it", "go on", "of course", "all right", "that's right", "i know", "makes sense"),
        *("mama", "mal", "lehla", "mahana", "hum", "a hole", "it hurts"),  # mm-hm, uh-huh
        *("hanji", "hangjai", "han jai", "han j"),  # haan ji
        *("thick high", "fick high", "see hi", "see kai", "heckeye", "take a", "tickay"),  # theek hai
        *("tk", "t-k", "p k", "v-k"),
        *("aka", "acha", "a cow", "i care", "be careful", "at your", "agile"),  # accha
    }
)
"""Whole utterances; those behind the first line are what Moonshine and Whisper wrote of the words beside them, said by
the local voice at three speeds over telephone sound."""

_TURNS = _set(
    "stop wait no nahi nahin not don't what who when where why how hello sorry excuse hold pardon repeat one second"
    " please but bye goodbye thanks thank help listen speak actually रुको रुकिए नहीं क्या हेलो bas bus"
)
"""Whoever says one of these over the agent wants it to stop."""

_WORD = re.compile(r"[^\W\d_][\w'\u0900-\u097f-]*|\d+", re.UNICODE)


def judge(
    text: str, speech_ms: float, *, longest_ms: float = 900.0, question_cut: bool = False, told: bool = False
) -> Verdict:
    """The verdict on `speech_ms` of speech that was understood as `text`.

    `question_cut`: the agent was asking something at that moment, or just had; an assent is then the answer.
    `told`: the words tell something that is worth knowing, such as an area or a budget.
    """
    words = [word.strip("'-") for word in _WORD.findall(text.lower())]
    if not words:
        return "nothing"
    if told or any(word in _TURNS or word.isdigit() for word in words):
        return "turn"
    phrase = " ".join(words)
    hums = all(word in _HUMS for word in words)
    assents = phrase in _PHRASES or all(word in _HUMS or word in _ASSENTS for word in words)
    if hums:
        return "backchannel" if speech_ms <= 2 * longest_ms else "turn"
    if assents:
        return "turn" if question_cut or speech_ms > 1.5 * longest_ms else "backchannel"
    if len(words) == 1 and speech_ms <= HUM_MS and not question_cut:
        return "backchannel"
    return "turn"
