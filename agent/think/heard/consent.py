"""What the caller allows: an utterance in; yes or no to a call back out, and a wish not to be called at all.

Each finder gives (value, start, end), or None.
"""

from __future__ import annotations

import re

from agent.think.heard.wishes import NOT_BEFORE, Found
from agent.think.heard.words import Heard, pattern

_CALL_US_BACK = pattern(
    r"(?:call|ring|phone|contact|reach|message|whats ?app) (?:me|us)",
    r"(?:give|get) (?:me|us) (?:a )?(?:call|ring)(?: ?back)?|call ?back",
    r"(?:talk|speak)(?: \w+){0,2} (?:to|with) (?:an? |the |your |some )?(?:real |actual |live )?"
    r"(?:humans?|person|people|somebody|someone|manager|executive|representative|colleague|senior)",
    r"(?:arrange|book|schedule|plan|fix|do|like|want)(?: \w+){0,2} (?:site )?visit",
    r"(?:see|visit|show me|look at) (?:the|some|a few|it|them|this|that)"
    r"(?: (?:flats?|houses?|homes?|propert(?:y|ies)|sites?|places?|options?|plots?|villas?))?",
)
_CALL_YOU = pattern(
    r"(?:i|we) (?:will|shall|can|may|am going to|are going to|have to|need to|would rather)"
    r"(?: (?!(?:you|your|them|someone|somebody|please|not|if|busy|meeting)\b)\w+){0,8}?"
    r" (?:call|ring|phone|contact|message)(?: (?:to )?you(?: back| later| again| up)?| back| later)",
    r"let me (?:call|ring|phone|contact|message) you|(?:call|ring|phone) you (?:back|later|again|tomorrow)",
)
"""What a caller says who will call again, and need not be called."""
_DO_NOT_CALL = pattern(
    r"(?:do not|never|stop|no more|quit) (?:ever )?(?:call|phone|ring|contact|disturb|bother)(?:ing)?"
    r"(?: (?:me|us|here|this number|again|calls?))*+(?! (?:before|until|at|on|in|after)\b)",
    r"(?:remove|delete) (?:me|my (?:number|name))|take (?:me|my (?:number|name)) off|unsubscribe",
    r"(?:no|stop these|stop the) (?:more )?calls",
)
_OPENERS = r"^(?:(?:oh|um|uh|well|so|and|ok|then) )*"
_YES = re.compile(
    _OPENERS
    + r"(?:yes|yeah|yep|yup|ya|yah|sure|ok|okay|o k|correct|right|of course|please|definitely|certainly|absolutely"
    r"|fine|go ahead|haan|ha|han|ji|theek hai|sounds good|perfect|exactly|why not|you (?:can|may)|i would (?:like|love)"
    r"|(?:that|it) is (?:all )?(?:right|correct|fine|good|perfect|ok|okay|great)|great|alright|all right|all good"
    r"|i agree|good|i do|i am|wonderful|lovely|no (?:problem|issues?)|not a problem)\b"
)
_BUT_NO = re.compile(r"\b(?:but not|wrong|not (?:right|correct)|incorrect)\b")
_NO = re.compile(
    _OPENERS
    + r"(?:(?:actually|sorry) )*(?:no|nope|nah|not|know(?= (?:that|thanks|thank|sorry|not|it|i)\b)|nahi|nahin|never"
    r"|do not|i do not|i would not|i am not|there is no|please do not|nothing|none|rather not)\b"
)


def yes_or_no(heard: Heard) -> str:
    """ "yes", "no", or "" for an answer that begins as neither."""
    if heard.text == "know":
        return "no"
    if _YES.match(heard.text) and not _NO.match(heard.text) and not _BUT_NO.search(heard.text):
        return "yes"
    return "no" if _NO.match(heard.text) and not _YES.match(heard.text) else ""


def find_callback(heard: Heard, asked: bool) -> Found:
    """Whether a colleague may call. `asked`: the agent has just asked, so that a bare yes or no counts."""
    text = heard.text
    if found := find_do_not_call(heard):
        return "no", found[1], found[2]
    if own := find_own_call(heard):
        return "no", own[1], own[2]
    if (call := _CALL_US_BACK.search(text)) and not NOT_BEFORE.search(text[: call.start()]):
        return "yes", call.start(), call.end()
    if asked and text and (answer := yes_or_no(heard)):
        return answer, 0, len(text)
    return None


def find_own_call(heard: Heard) -> Found:
    """The caller means to call us."""
    found = _CALL_YOU.search(heard.text)
    return ("yes", found.start(), found.end()) if found else None


def find_do_not_call(heard: Heard) -> Found:
    """A wish to be left alone, which outlives the call."""
    found = _DO_NOT_CALL.search(heard.text)
    return ("yes", found.start(), found.end()) if found else None
