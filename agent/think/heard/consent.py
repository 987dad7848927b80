"""What the caller allows: an utterance in; yes or no to a call back out, and a wish not to be called at all.

Each finder gives (value, start, end), or None.
"""

from __future__ import annotations

import re

from agent.think.heard.wishes import NOT_BEFORE, Found
from agent.think.heard.words import Heard, pattern

_WHEN = (
    r"(?:back|again|later|soon|on|at|in|after|around|by|between|before|to|tomorrow|today|tonight|now|when|whenever|once"
    r"|please|any|some|this|that|next|if|for|about|with|regarding|from|and|or|but|then|the|over|directly|instead|sir|madam"
    r"|morning|evening|afternoon|night|monday|tuesday|wednesday|thursday|friday|saturday|sunday|\d+)"
)
"""What may follow "call me"; "call me Ravi" tells a name."""
_CALL_US_BACK = pattern(
    rf"(?:call|ring|phone|contact|reach) (?:me|us)(?= {_WHEN}\b| ?$)",
    r"(?:give|get) (?:me|us) (?:a )?(?:call|ring)(?: ?back)?|call ?backs?",
    r"(?:have|ask|tell|let) (?:\w+ ){1,3}?(?:to )?(?:call|ring|phone|contact) (?:me|us)|(?:call|phone) (?:back )?kar"
    r"(?:o|na|iye|ke|do|dena| do| dena| dijiye| lijiye| sakte)?",
    r"(?:कॉल|फ़?ोन) (?:बैक )?(?:कर|कीजि)",
)
"""A wish for a call, or leave for one. Wishes that need no call are none: to speak to a person, to see a flat, to get a
message."""
_NO_WISH = re.compile(
    r"\b(?:did|does|do|who|why|how|they|he|she|people|friends|everybody|everyone|somebody|someone|got|had|received|missed)"
    r"(?: (?!(?:can|could|may|should|will|please|to|call)\b)\w+){0,2} $"
    r"|\b(?:nobody|no one)(?: \w+){0,2} $"
)
"""In front of "call me" it asks, or tells of a call: "why did you call me", "I got a call back"."""
_CALL_YOU = pattern(
    r"(?:i|we) (?:will|shall|can|may|am going to|are going to|have to|need to|would rather)"
    r"(?: (?!(?:you|your|them|someone|somebody|please|not|if|busy|meeting)\b)\w+){0,8}?"
    r" (?:call|ring|phone|contact|message)(?: (?:to )?you(?: back| later| again| up)?| back| later)",
    r"let me (?:call|ring|phone|contact|message) you|(?:call|ring|phone) you (?:back|later|again|tomorrow)",
)
"""What a caller says who will call again, and need not be called."""
_SOME_TIME = (
    r"(?:before|until|till|at(?! all)|on(?! (?:this|my|that) number)|in|after|now|right now|late|later|today|tonight"
    r"|tomorrow|during|between|when|while|if|sir|madam|my|her|him|them|he|she|this (?:morning|evening|week|time)"
    r"|for (?:(?:the|a|an|some|next|few|\d+) )*(?:days?|weeks?|months?|hours?|while))\b"
)
"""What may follow "do not call me" where it is about a time, or about somebody else."""
_DO_NOT_CALL = pattern(
    r"(?:do not|never|stop|no more|quit) (?:ever )?(?:call|phone|ring|contact|disturb|bother|dial)(?:ing)?"
    r"(?: (?:me|us|here|this number|my number|again|any ?more|up|calls?|ever|from you))*+"
    rf"(?! {_SOME_TIME})",
    r"(?:remove|delete|erase|block|lose) (?:me|my (?:number|name|details|contact))|take (?:me|my (?:number|name)) off"
    r"|unsubscribe|(?:put|register) (?:me|my number|this number) (?:on|in) (?:the |your )?d ?n ?d",
    r"(?:do not|never) (?:want|need|wish|like) (?:to (?:get|receive|have|take) )?(?:(?:any|more|these|such|your) )*"
    r"(?:(?:phone|sales|marketing) )?calls(?! (?:in|at|before|after|on|during|to|now)\b)",
    r"(?:do not|never) (?:want|wish|like) to be (?:called|contacted|disturbed|phoned)"
    r"(?! (?:before|until|at|on|in|after|now|late|later|to(?:day|night|morrow))\b)",
    r"(?<!got )(?<!had )(?<!were )(?<!get )(?:no|stop these|stop the|stop your) (?:more )?calls"
    r"(?! (?:in|at|before|after|on|during|yet|today|tomorrow|came)\b)",
    r"number (?:hata(?:o|iye|yiye| do| dijiye| de| den| dein)?|nika+l (?:do|dijiye)|(?:delete|remove) kar\w*)",
    r"नंबर (?:हट|निक|डिलीट|रिमूव)",
)
_DO_NOT_CALL_IN_HINDI = pattern(
    r"(?:call|phone|fone|message) (?:mat|mut|na|naa|nahi|nahin) (?:kar(?:o|na|iye|iyega|ein|en|e)?|kijiye|kijiyega)"
    r"(?! (?:hai|tha|chah\w*|pad\w*)\b)",
    r"(?:mat|mut) (?:call|phone|fone) kar(?:o|na|iye|iyega|ein|en|e)",
    r"(?:कॉल|फ\u093c?ोन) (?:मत|न|ना) (?:कर\w*|कीजि)",
)
_NOT_NOW = pattern(r"abhi|aaj|kal|raat|subah|sh?a+m|dopahar|office|itwar|sunday|अभी|आज|रात|सुबह|दोपहर")
"""In front of the same in Hindi it is about a time: "abhi call mat karo", do not call now."""
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


_ASKS_TO_CALL = pattern(r"call(?:s|ed|ing)?|ring|phone|contact|reach")
_SOMETHING_ELSE = re.compile(
    _OPENERS + r"(?:right now|good (?:morning|afternoon|evening|night)|i am (?!(?:fine|ok|okay|happy|free|good)\b)\w"
    r"|i do (?!(?:please|want|agree|like)\b)\w|i would (?:like|love) (?!(?:it|that|a|you|please)\b)\w"
    r"|(?:o ?k|okay|right|fine|good|great|all ?right|ji|ha|haan|perfect|of course)"
    r" (?:but |and |so )?(?:what|which|who|whose|where|when|why|how|is|are|do|does|did|can|could|tell|let me)\b)"
)
"""It begins like a yes, and is none to a call: "I am looking for a flat", "ok, how much is it"."""


def yes_or_no(heard: Heard) -> str:
    """ "yes", "no", or "" for an answer that begins as neither."""
    if heard.text == "know":
        return "no"
    if _YES.match(heard.text) and not _NO.match(heard.text) and not _BUT_NO.search(heard.text):
        return "yes"
    return "no" if _NO.match(heard.text) and not _YES.match(heard.text) else ""


def asks_to_call(question: str) -> bool:
    """The agent's last sentence is about a call, not only about a visit."""
    sentence = re.split(r"[.!?]+\s+", question.strip())[-1]
    return bool(_ASKS_TO_CALL.search(sentence.lower()))


def find_callback(heard: Heard, asked: bool) -> Found:
    """Whether a colleague may call, as far as it was said in so many words. `asked`: the agent has just asked whether
    one may, so that a bare yes or no counts."""
    text = heard.text
    if found := find_do_not_call(heard):
        return "no", found[1], found[2]
    if own := find_own_call(heard):
        return "no", own[1], own[2]
    for call in _CALL_US_BACK.finditer(text):
        before = text[: call.start()]
        if not NOT_BEFORE.search(before) and not _NO_WISH.search(before):
            return "yes", call.start(), call.end()
    answer = yes_or_no(heard) if asked and text else ""
    if not answer or (answer == "yes" and _SOMETHING_ELSE.match(text)):
        return None
    return answer, 0, len(text)


def find_own_call(heard: Heard) -> Found:
    """The caller means to call us."""
    found = _CALL_YOU.search(heard.text)
    return ("yes", found.start(), found.end()) if found else None


def find_do_not_call(heard: Heard) -> Found:
    """A wish to be left alone, which outlives the call."""
    found = _DO_NOT_CALL.search(heard.text)
    if found is None:
        found = _DO_NOT_CALL_IN_HINDI.search(heard.text)
        if found and _NOT_NOW.search(heard.text[: found.start()]):
            return None
    return ("yes", found.start(), found.end()) if found else None
