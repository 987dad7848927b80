"""What the agent's last words ask for: a text in; out the name of the fact, or closing step, that an answer gives."""

from __future__ import annotations

import re

from agent.think.heard.words import pattern

CUT = " -"
"""Ends a text that the caller cut short."""

_TOPICS = {
    "confirm": pattern(r"(?:is|was) that (?:right|correct)|get (?:that|it|everything) right|everything else right"),
    "correction": pattern(r"what should i (?:change|correct)|what did i get wrong"),
    "more": pattern(r"anything else|any other"),
    "callback": pattern(
        r"(?:may|shall|should|can|could|would|when)\b.*\b(?:call(?:s|ed)? you|calls?|call back|visit)",
        r"(?:like|want) (?:a|to) (?:site )?(?:visit|call)|best time",
    ),
    "name": pattern(r"your (?:good )?name|who am i (?:speaking|talking)|whom am i|what (?:should|may|can) i call you"),
    "budget": pattern(
        r"budget|how much|what (?:price|amount|rent)|price (?:do|would|are|in)"
        r"|(?:rent|amount|price|figure) .*(?:mind|expect|comfortable|like)|comfortable with",
    ),
    "timeline": pattern(
        r"how soon|(?:by|from) when|when (?:do|would|are|will)|timeline|how (?:quickly|long)|what time ?frame"
    ),
    "property": pattern(r"what kind|what type|how many bedrooms|which type|a flat, a|flat or"),
    "location": pattern(r"which (?:area|part|place|city|location)|where|what (?:area|location|place)|locality|areas?"),
    "intent": pattern(
        r"(?:buy|sell|rent)(?:ing)?,? (?:sell|rent|or)|(?:how|what) (?:may|can) i (?:help|do)|are you looking to"
    ),
}
"""In the order in which they are tried."""

_SENTENCE = re.compile(r"[^.?!]+[.?!]*")


def topic_of(text: str) -> str:
    """ "budget", "location", ... , or "" for a text that asks nothing known. A question cut short counts as asked where
    enough of it was heard."""
    sentences = [s.strip().lower() for s in _SENTENCE.findall(text.removesuffix(CUT)) if s.strip()]
    questions = [s for s in sentences if s.endswith("?")]
    if text.endswith(CUT) and sentences and not questions:
        questions = sentences[-1:]
    for question in reversed(questions):
        for topic, asks in _TOPICS.items():
            if asks.search(question):
                return topic
    return ""
