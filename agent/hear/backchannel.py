"""What was that sound over the agent's voice? Its words and its length in; nothing, a backchannel or a turn out.

A backchannel ("mm-hm", "haan", "theek hai") says "go on"; taking it for a turn is what makes an agent unbearable to
polite listeners. English-only recognisers write the Hindi ones as English words that sound like them, other words at
each pace of speaking and over each telephone: so words are also compared by sound, with the backchannels and with what
stops the agent, and short ones that tell nothing are taken for a hum. `ops/bench/backchannels.py` measures it.

Where the recogniser hears a hum as a word that stops the agent, it does stop: "No." for "mm-hm", "Sorry." for "sahi"
and "Hello." for "mhm" cannot be told from these words themselves, and an agent that talks over a "no" is worse than
one that stops at a hum.
"""

from __future__ import annotations

import re
from typing import Literal

from agent.hear.sound_alike import nearest, sounds

Verdict = Literal["nothing", "backchannel", "turn"]

HUM_MS = 500.0
"""As the detector counts speech, some 100 ms more than there is of it. A sound so short, whose words tell nothing, is
likelier a hum than a turn."""
HUM_WORDS, HUM_LETTERS, HUM_CONSONANTS = 2, 5, 3
"""What a hum is heard as, at most: so many words, of so many letters each, and consonants in all."""
FRICATIVES = frozenset("sSCfv")
"""No hum has one of these; "this", "listen" and "five" do."""

LIKE_A_BACKCHANNEL, LIKE_A_STOP = 0.21, 0.24
"""Distances (see `sound_alike`) up to which words are taken for what they sound like, if they are not nearer to the
other kind."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _phrases(phrases: str) -> frozenset[str]:
    return frozenset(phrases.split("|"))


_HUMS = _set(
    "hm hmm mm mhm mmhmm mmhm mm-hmm mm-hm uh-huh uhhuh uh huh ah aha oh ooh um er eh ha hah hun han hon hum hahn"
    " aah ew aw"
)
"""Mean "go on" wherever they are said."""

_ASSENTS = _set(
    "ok okay kay yeah yep yes ya yah right alright sure fine good great nice cool wow true exactly correct understood"
    " haan haa haanji ji jee accha achha acha theek thik teek hai hey sahi bilkul"
    " हाँ हां जी अच्छा ठीक है सही हम्म हूँ हूं"
    " atcha atta cha teak tea take tick thick thi hi he hay high g"
)
"""Mean "go on" too, but after a question they are answers."""

_PHRASES = _phrases(
    "i see|got it|go on|of course|all right|that's right|i know|makes sense"
    "|mama|mal|lehla|mahana|hum|a hole|it hurts|el hass"  # mm-hm, uh-huh
    "|see hi|see kai|heckeye|be kind|tk|t-k|p k|v-k|fun|hang on jai|hang on jay"  # theek hai, haan, haan ji
    "|be careful|at your|agile|he cares|it has|it's half|it's hard"  # achha
)
"""Whole utterances; those behind the first line are what Moonshine and Whisper wrote of the words beside them, said by
the local voice, where it is too far from their sound."""

_SOUNDS = _phrases(
    "mm hmm|um hum|mum hum|uh huh|haan ji|ji haan|achha|theek hai|okay|sahi hai|achha achha|theek hai theek hai"
    "|okay okay|okay theek hai|achha theek hai|haan theek hai"
)
"""What is compared by sound. "Haan", "ji", "hmm" and "sahi" are too short for it."""

_ADDRESSES = _set("sir madam ma'am maam bhai bhaiya didi सर मैडम जी")
"""Behind an assent they are courtesy; alone they call the agent to attention."""

_TURNS = _set(
    "stop wait no nope nah nahi nahin not never don't what what's who who's when where where's why how how's which"
    " whose hello sorry excuse hold hang pardon repeat again louder one second sec minute moment please but bye goodbye"
    " thanks thank help listen speak actually wrong enough quiet"
    " bas bus ruko ruk rukiye ruke suno suniye sunie arre kya kaun kahan kab kyon kyun kitna kitne kaise galat namaste"
    " रुको रुकिए रुकिये सुनो सुनिए सुनिये नहीं क्या कौन कहाँ कहां कब क्यों कितना कितने कैसे बस मिनट हेलो हैलो गलत मत नमस्ते"
)
"""Whoever says one of these over the agent wants it to stop."""

_STOPS = _phrases(
    "nahin|ruko|rukiye|suno|suniye|kitna|kaun|galat|ek minute|ek second|one minute|one second|listen|nope|why"
    "|who is this|who are you|what is this|excuse me"
)
"""The same, compared by sound: to an English recogniser the Hindi ones are "rico", "now him" and "sunny"."""

_ASKS = _set("is are am was do does did can could will would should shall may have has")
"""At the beginning they ask something."""

_TELLING = _set(
    "two three four five six seven eight nine ten to too tu lakh lakhs lac crore"
    " price cost rate rent loan emi cash money home house flat plot villa land site bhk park parking pool gym lift"
    " metro school near far floor size cheap later today tonight name number call human agent person man tell give"
    " show send me my mine want need email link photo photos maybe done deal sold buy sell visit hindi english"
    " kannada tamil telugu marathi bengali gujarati punjabi urdu malayalam"
    " दो तीन चार पांच पाँच लाख करोड़ किराया घर दाम हिंदी"
)
"""Words that mean something to this agent, beside what `told` is about; and what "two" is written as."""

_WORD = re.compile(r"[^\W\d_][\w'\u0900-\u097f-]*|\d+", re.UNICODE)


def judge(
    text: str, speech_ms: float, *, longest_ms: float = 900.0, question_cut: bool = False, told: bool = False
) -> Verdict:
    """The verdict on `speech_ms` of speech that was understood as `text`.

    `longest_ms`: a backchannel takes as long at most, said twice in a row ("theek hai, theek hai") twice as long.
    `question_cut`: the agent was asking something at that moment, or just had; an assent is then the answer.
    `told`: the words tell something that is worth knowing, such as an area or a budget.
    """
    words = [word.strip("'-") for word in _WORD.findall(text.lower())]
    if not words:
        return "nothing"
    if told:
        return "turn"
    if all(word in _HUMS for word in words):
        return "backchannel" if speech_ms <= 2 * longest_ms else "turn"
    if question_cut or speech_ms > 2 * longest_ms:
        return "turn"
    words = _once(words)
    if _is_assent(words):
        return "backchannel"
    unclear = "?" not in text and not _says_something(words)
    return "backchannel" if unclear and _sounds_like_one(words, speech_ms) else "turn"


def _once(words: list[str]) -> list[str]:
    """Of a phrase said twice, one."""
    half = len(words) // 2
    return words[:half] if words[:half] == words[half:] else words


def _is_assent(words: list[str]) -> bool:
    """Every word assents, but for a "sir" behind it; or the whole is known."""
    if " ".join(words) in _PHRASES:
        return True
    assents = [word for word in words if word not in _ADDRESSES or word in _ASSENTS]
    return bool(assents) and assents[0] == words[0] and all(word in _HUMS or word in _ASSENTS for word in assents)


def _says_something(words: list[str]) -> bool:
    """There is a word that stops the agent, asks or tells."""
    known = _TURNS | _TELLING
    return words[0] in _ASKS | _ADDRESSES or any(word in known or word.isdigit() for word in words)


def _sounds_like_one(words: list[str], speech_ms: float) -> bool:
    """Nearer to a backchannel than to what stops the agent, or too little to be either."""
    phrase = " ".join(words)
    go_on, stop = nearest(phrase, _SOUNDS), nearest(phrase, _STOPS)
    if stop <= min(go_on, LIKE_A_STOP):
        return False
    return go_on <= LIKE_A_BACKCHANNEL or _may_be_a_hum(words, speech_ms)


def _may_be_a_hum(words: list[str], speech_ms: float) -> bool:
    """Nothing but a short sound that an English recogniser found some word for; one of Hindi knows its hums."""
    heard = sounds(" ".join(words))
    return (
        bool(heard)
        and speech_ms <= HUM_MS
        and len(words) <= HUM_WORDS
        and max(map(len, words)) <= HUM_LETTERS
        and len(heard.replace("a", "")) <= HUM_CONSONANTS
        and not FRICATIVES & set(heard)
    )
