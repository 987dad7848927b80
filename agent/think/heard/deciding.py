"""Who decides, and what holds the caller back: an utterance in; the decider and the objections out.

The decider is "self", "joint" or "other"; an objection one of price, thinking, has agent, timing, area, trust, just
looking, not interested. Each finder gives (value, start, end), or None, or a list of them.
"""

from __future__ import annotations

from agent.think.heard.wishes import NOT_BEFORE, Found
from agent.think.heard.words import Heard, pattern

_RELATIVE = (
    r"(?:wife|husband|spouse|partner|father|mother|dad|mom|parents|family|brother|sister|son|daughter|in laws|boss)"
)

_OTHER = pattern(
    rf"(?:ask|check with|consult|talk to|speak to|speak with|discuss (?:it |this )?with)(?: to)? my {_RELATIVE}",
    rf"my (?:{_RELATIVE}) (?:will |has to |have to |needs to |is going to |must )?(?:decides?|finali[sz]es?|choose)",
    rf"(?:it is|this is) (?:for )?my {_RELATIVE}(?: s)? (?:decision|call|choice)",
    rf"(?:calling|asking|enquiring|looking) (?:for|on behalf of) my {_RELATIVE}",
)
_JOINT = pattern(
    rf"my {_RELATIVE} and (?:i|me)(?: \w+){{0,3}} decid\w+|{_RELATIVE} and i are|(?:i|me) and my {_RELATIVE}",
    r"we (?:will |both |have to |need to |must )*(?:decide|take the decision|finali[sz]e)(?: together)?|both of us",
    rf"with my {_RELATIVE}",
)
_SELF = pattern(
    r"(?:i|my) (?:will |myself |alone |only |can |shall |am the one who )*(?:decide|finali[sz]e|take the decision)s?",
    r"(?:it is|this is|that is) my (?:own )?(?:decision|choice|call)|i am the (?:owner|buyer|decision maker|seller)",
    r"my own (?:decision|choice)|no one else|nobody else|for myself|i live alone|i am single",
)

_OBJECTIONS = {
    "not interested": pattern(r"(?:not|no longer|never) (?:really |at all )?interested(?! in)|no interest"),
    "price": pattern(
        r"(?:too|very|so|quite|really|bit|little) (?:\w+ )?(?:expensive|costly|high)|expensive|costly|can not afford",
        r"(?:out of|over|above|beyond) (?:my|our) (?:budget|range|reach)|too much money",
    ),
    "thinking": pattern(
        r"(?:need|have|want|let me|will)(?: \w+){0,3} think|think (?:about it|it over)|get back to you|let you know",
        rf"(?:ask|check with|discuss with|consult) my {_RELATIVE}",
    ),
    "has agent": pattern(
        r"(?:already have|already has|have got|have|has|working with|using) (?:an? |our |my )?(?:\w+ )?"
        r"(?:agent|broker)s?"
    ),
    "timing": pattern(
        r"not (?:right )?now|no hurry|not in a hurry|after (?:some|a few) (?:months|years|time)",
        r"next year|too (?:early|soon)",
        r"(?:i am|we are|little|bit|very|quite|too) (?:busy|occupied)|(?:not|no) (?:an? )?(?:good|right) time",
    ),
    "area": pattern(
        r"too far|very far|far away|(?:bad|too much|heavy) traffic|(?:not|do not) (?:like|want) (?:that|this) area"
    ),
    "trust": pattern(r"(?:is|are) (?:this|it|you) (?:a )?(?:scam|fraud|genuine|fake)|do not trust|rera|how do i know"),
    "just looking": pattern(
        r"(?:just|only|simply|still) (?:\w+ )?(?:looking(?! (?:for|to|at))|browsing|exploring|checking)"
    ),
}


def find_decider(heard: Heard) -> Found:
    """Who decides, as far as this utterance tells."""
    for value, words in (("joint", _JOINT), ("other", _OTHER), ("self", _SELF)):
        found = words.search(heard.text)
        if found and not NOT_BEFORE.search(heard.text[: found.start()]):
            return value, found.start(), found.end()
    return None


def find_objections(heard: Heard) -> Found:
    """The objections in this utterance, joined by "; ", with the stretch of the first."""
    found = [
        (match.start(), match.end(), name)
        for name, words in _OBJECTIONS.items()
        if (match := words.search(heard.text)) and not NOT_BEFORE.search(heard.text[: match.start()])
    ]
    if not found:
        return None
    found.sort()
    return "; ".join(name for _, _, name in found), found[0][0], found[0][1]


def merged(before: str, now: str) -> str:
    """All objections so far, each once, in the order in which they were first made."""
    return "; ".join(dict.fromkeys([*before.split("; "), *now.split("; ")]))
