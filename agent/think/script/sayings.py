"""Facts put into words: a story in; an acknowledgement, a summary or a farewell out, as one would say it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.think.facts import Fact
from agent.think.script.phrases import PLEASED
from agent.think.script.story import Story

DESCRIBING: tuple[str, ...] = ("property", "area", "location", "budget", "timeline")
"""The facts that say what is wanted, in the order in which they are said."""

_MONTHLY = frozenset({"rent", "let"})
_WISHES = {
    "sell": "you would like to sell ",
    "let": "you would like to let out ",
    "rent": "you would like to rent ",
}
_INTENTS = {
    "buy": "I will gladly help you find a home.",
    "rent": "I will gladly help you find a home on rent.",
    "invest": "An investment, very good.",
    "browse": "No pressure at all, you are most welcome to look around.",
}


def acknowledgement(story: Story) -> str:
    """What was understood just now, in a few words; "" for nothing new."""
    new, parts = story.new, []
    if "name" in new:
        parts.append(f"{'Thank you' if 'name' in story.before else 'Nice to meet you'}, {new['name'].value}.")
    said = {name: story.known[name] for name in DESCRIBING if name in new}
    if "intent" in new and new["intent"].value in ("sell", "let"):
        parts.append(_gladly(new["intent"].value, said))
        said = {name: fact for name, fact in said.items() if name in ("budget", "timeline")}
    elif "intent" in new and not said:
        parts.append(_INTENTS[new["intent"].value])
    if said:
        corrected = any(_corrected(story.before.get(name), fact) for name, fact in said.items())
        parts.append(_noted(_description(said, story.intent), _pleased(story), corrected, len(said)))
    if "financing" in new and not said:
        parts.append({"loan": "A loan, noted.", "cash": "Cash, noted."}.get(new["financing"].value, "Noted."))
    if "phone" in new:
        parts.append("Thank you, I have noted your number.")
    if "callback" in new and new["callback"].value == "yes":
        parts.append(_suits(story) or "Good, I will arrange the call.")
    return " ".join(parts)


def summary(story: Story) -> str:
    """All that matters in one sentence; "" where nothing is known that could be summed up."""
    said = {name: story.known[name] for name in DESCRIBING if name in story.known}
    if not said:
        return ""
    name = f", {story.value('name')}" if story.value("name") and "name" not in story.new else ""
    wish = _WISHES.get(story.intent, "")
    if wish and not {"property", "location"} & set(said):
        wish += "a place, " if story.intent == "rent" else "your place, "
    return f"So{name}, {wish}{_description(said, story.intent)}."


def farewell(story: Story, opening: str = "") -> str:
    """Thanks, what happens next, goodbye."""
    name = f", {story.value('name')}" if story.value("name") else ""
    parts = [opening or f"Thank you{name}."]
    if "colleague" not in opening and story.value("callback") == "yes":
        later = story.value("call_time") == "later"
        parts.append(_suits(story) or f"A colleague will call you {'later' if later else 'soon'}.")
    return " ".join([*parts, "Have a lovely day. Goodbye!"])


def spoken_budget(value: str, intent: str) -> str:
    """ "80 to 90 lakh rupees" is "80 to 90 lakhs", and a rent is one a month."""
    spoken = re.sub(r"(?<!\b1 )\blakh\b", "lakhs", value.removesuffix(" rupees"))
    spoken = re.sub(r"(?<!\b1 )(?<!\b1\.\d )\bcrore\b", "crores", spoken)
    if "lakh" not in spoken and "crore" not in spoken:
        spoken += " rupees"
    return f"{spoken} a month" if intent in _MONTHLY else spoken


def _suits(story: Story) -> str:
    """The answer to a time for a call that was named just now. It is passed on, not promised."""
    when = story.value("call_time") if "call_time" in story.new else ""
    when = when.removeprefix("at ").replace(":", " ")  # as 10:30 is spoken
    return f"I will tell my colleague that {when} suits you." if when not in ("", "later") else ""


def _pleased(story: Story) -> str:
    return PLEASED[(story.replies - 1) % len(PLEASED)]


def _corrected(before: Fact | None, now: Fact) -> bool:
    """Told otherwise than before, and not just more of the same."""
    return before is not None and before.value not in now.value


def _description(said: Mapping[str, Fact], intent: str) -> str:
    """ "a two bedroom flat in Whitefield, around 80 lakhs, in 3 months" """
    parts = []
    if "property" in said:
        parts.append(_with_article(said["property"].value))
    if "area" in said:
        area = said["area"].value
        parts[-1:] = [f"{parts[-1]} of {area}"] if parts else [area]
    if "location" in said:
        place = said["location"].value
        on = "on" if place.endswith("Road") else "in"
        parts[-1:] = [f"{parts[-1]} {on} {place}"] if parts else [place]
    if "budget" in said:
        amount = spoken_budget(said["budget"].value, intent)
        parts.append(amount if amount.startswith("up to ") else f"around {amount}")
    if "timeline" in said:
        when = said["timeline"].value
        parts.append({"immediately": "as soon as possible"}.get(when, when))
    return ", ".join(parts)


def _noted(description: str, pleased: str, changed: bool, facts: int) -> str:
    if changed:
        return f"Alright, {description} then."
    if facts == 1:
        return f"{description[0].upper()}{description[1:]}, {pleased.lower()}"
    return f"{pleased} {description[0].upper()}{description[1:]}."


def _gladly(intent: str, said: Mapping[str, Fact]) -> str:
    what = f"your {said['property'].value}" if "property" in said else "your place"
    what += f" of {said['area'].value}" if "area" in said else ""
    where = f" in {said['location'].value}" if "location" in said else ""
    return f"I will gladly help you {'sell' if intent == 'sell' else 'find a tenant for'} {what}{where}."


def _with_article(noun: str) -> str:
    return f"{'an' if noun.startswith(('a', 'e', 'i', 'of')) else 'a'} {noun}"
