"""When: an utterance in; how soon the caller wants a home ("in 3 months", "by March", "no hurry") or a call out."""

from __future__ import annotations

import re

from agent.think.heard.words import Heard, pattern

_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_FEASTS = (
    "diwali|diwalli|divali|to wally|the wally|de wally|deepavali|dasara|dussehra|pongal|sankranti|ugadi|onam|holi"
    "|christmas|new year"
)
_SEASONS = "summer|monsoon|winter|rains"
_DIWALI = re.compile("diwalli|divali|(?:to|the|de) wally")
_CAPITALS = frozenset(f"{_MONTHS}|{_DAYS}|{_FEASTS}".replace("|", " ").split()) - {"new", "year", "to", "the", "de"}

_NO_HURRY = re.compile(
    r"\b(?:no|not(?: in)?(?: an?y?)?|without)(?: such| particular| real| great)? "
    r"(?:hurry|rush|urgency|urgent|time limit)\b"
    r"|\btake (?:my|our) (?:own )?time\b"
    r"|\b(?:flexible (?:on|about|with) (?:the )?(?:time|dates?|timeline|moving)|whenever"
    r"|any ?time is fine|not decided when|no fixed (?:time|date))\b"
)
_AT_ONCE = re.compile(
    r"\b(?:immediate(?:ly)?|right away|straight away|as soon as (?:possible|we can|i can)|asap|a s a p|at once"
    r"|urgent(?:ly)?|right now|soonest|very soon)\b"
)
_FLEXIBLE = pattern("flexible")
_NOW = pattern("now|soon|today|tomorrow|ready")
_SPAN = re.compile(
    r"\b(?P<lead>in|within|after|next|around|about|maybe|another|takes?|coming|over)?"
    r"(?: (?:the|about|around|maybe|next|say|coming|a))*"
    r" ?(?P<n>\d+|couple of|few|half an?|an?|some)(?: (?:or|to) (?P<m>\d+))? (?P<unit>days?|weeks?|months?|years?)\b"
    r"(?! (?:old|ago|back|experience|emi|lease|rent))"
)
_COUNTS = {"a": "1", "an": "1", "half a": "half", "half an": "half", "couple of": "2", "some": "a few", "few": "a few"}
_BY = re.compile(
    r"\b(?P<lead>by|before|in|around|from|until|till|after|for|end of|during)"
    r"(?: (?:the |this |next |coming |end of |start of |middle of |early |late |mid |month of )*)"
    rf"(?P<when>{_MONTHS}|{_FEASTS}|{_SEASONS}|20[2-9]\d)\b(?P<next> next year)?"
)
_NEXT = re.compile(r"\b(?:the )?(?P<when>(?:next|this|coming) (?:week|month|year|quarter|summer|winter))\b")
_END_OF = re.compile(r"\b(?:by |before |at )?(?:the )?end of (?:the |this )?(?P<unit>month|year)\b")
_BARE = re.compile(rf"^(?:\w+ )?(?:\w+ )?(?P<when>{_MONTHS}|{_FEASTS}|{_SEASONS})\b")
_NOT_MINE = re.compile(
    r"\b(?:call|ring|phone|speak|talk|visit|come|meet|whats ?app|possession|built|living|lived|renting)\b"
)

_CALL_DAY = re.compile(
    r"\b(?:(?:the )?day after tomorrow|tomorrow|to morrow|today|tonight|next week|this week"
    rf"|(?:next |this )?(?:{_DAYS}|weekend))\b"
)
_CALL_PART = re.compile(
    r"\b(?:(?:early |late )?(?:morning|afternoon|evening|night)|lunch ?time"
    r"|(?:in|after) (?:an? |\d+ )(?:hours?|minutes?|days?)|later)\b"
)

_CALL_CLOCK = re.compile(
    r"\b(?:(?P<lead>at|after|before|around|about|by|till|until) (?:about |around )?)?"
    r"(?P<past>half past )?(?P<hour>1[0-2]|[1-9])(?: ?(?P<minutes>[0-5]\d))?(?! ?\d|\.)\b"
    r"(?P<half> (?:a m|p m|am|pm|o ?clock)\b|(?= (?:in the )?(?:morning|afternoon|evening|night)\b))?"
    r"(?! (?:hours?|minutes?|days?|weeks?|months?|years?|lakhs?|crores?|thousand|bed|bhk))"
)
"""Half past five is heard as "5 30", and written by the numerals as "530"."""


def find_timeline(heard: Heard, asked: bool) -> tuple[str, int, int] | None:
    """(value, start, end) of how soon; `asked`: the agent has just asked, so that a bare time counts.

    A time for a call or a visit is not one for a home.
    """
    text = heard.text
    if not asked and _NOT_MINE.search(text):
        return None
    if found := _NO_HURRY.search(text) or (_FLEXIBLE.search(text) if asked else None):
        return "no hurry", found.start(), found.end()
    for finder in (_span, _by, _next, _end_of):
        if taken := finder(text, asked):
            return taken
    if found := _AT_ONCE.search(text) or (_NOW.search(text) if asked and "not " not in text else None):
        return "immediately", found.start(), found.end()
    return None


def _span(text: str, asked: bool) -> tuple[str, int, int] | None:
    for found in _SPAN.finditer(text):
        if not found["lead"] and not asked:
            continue
        number, unit = _COUNTS.get(found["n"], found["n"]), found["unit"].rstrip("s")
        if number == "half":
            number, unit = "6", "month"
        many = found["m"] or number
        count = f"{number} to {found['m']}" if found["m"] else number
        lead = found["lead"] if found["lead"] in ("within", "after") else "in"
        return f"{lead} {count} {unit}{'' if many == '1' else 's'}", found.start(), found.end()
    return None


def _by(text: str, asked: bool) -> tuple[str, int, int] | None:
    found = _BY.search(text)
    if found is None:
        if not asked or (found := _BARE.search(text)) is None:
            return None
        return f"by {_name(found['when'])}", found.start(), found.end()
    lead = {"in": "in", "around": "around", "during": "in", "after": "after", "from": "from"}.get(found["lead"], "by")
    return f"{lead} {_name(found['when'])}{found['next'] or ''}", found.start(), found.end()


def _next(text: str, _asked: bool) -> tuple[str, int, int] | None:
    found = _NEXT.search(text)
    return (found["when"].replace("coming", "next"), found.start(), found.end()) if found else None


def _end_of(text: str, _asked: bool) -> tuple[str, int, int] | None:
    found = _END_OF.search(text)
    return (f"by the end of the {found['unit']}", found.start(), found.end()) if found else None


def find_call_time(heard: Heard, before: int | None = None) -> tuple[str, int, int] | None:
    """(value, start, end) of when a call would suit: "tomorrow evening", "Saturday after 5 p m", "at 10:30".

    `before`: where in the text to stop looking, as a telephone number begins there.
    """
    text = heard.text[:before]
    parts = [
        (_name(found.group().replace("to morrow", "tomorrow").removeprefix("the ")), *found.span())
        for found in (_CALL_DAY.search(text), _CALL_PART.search(text))
        if found is not None
    ]
    if clock := _clock(text):
        parts.append(clock)
    if not parts:
        return None
    return " ".join(value for value, _, _ in parts), min(p[1] for p in parts), max(p[2] for p in parts)


def _clock(text: str) -> tuple[str, int, int] | None:
    for found in _CALL_CLOCK.finditer(text):
        alone = found.span() == (0, len(text))
        if not (found["lead"] or found["minutes"] or found["half"] is not None or found["past"] or alone):
            continue
        minutes = "30" if found["past"] else (found["minutes"] or "").strip()
        lead = {None: "at", "about": "around", "till": "before", "until": "before"}.get(found["lead"], found["lead"])
        half = {"am": " a m", "pm": " p m"}.get((found["half"] or "").replace(" ", ""), "")
        return f"{lead} {found['hour']}{f':{minutes}' if minutes else ''}{half}", found.start(), found.end()
    return None


def _name(when: str) -> str:
    words = _DIWALI.sub("diwali", when).split()
    return " ".join(word.capitalize() if word in _CAPITALS else word for word in words)
