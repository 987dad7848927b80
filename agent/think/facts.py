"""What a caller has told us: one utterance in; facts with their evidence out, and their merging over a call.

Deterministic, without a model: patterns and word lists, made for what an English recogniser writes of Indian English
over a telephone (no punctuation to rely on, "eighty lock" for eighty lakh, "Coram and Gala" for Koramangala).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.think.heard import deciding, homes, money, names, phones, places, times
from agent.think.heard.consent import asks_to_call, find_callback, find_do_not_call, find_own_call
from agent.think.heard.wishes import find_financing, find_intent
from agent.think.heard.words import Heard, repeated_once
from agent.think.topics import topic_of

NAMES = (
    "intent",
    "property",
    "area",
    "location",
    "budget",
    "timeline",
    "financing",
    "name",
    "phone",
    "callback",
    "call_time",
    "do_not_call",
    "decision_maker",
    "objections",
    "visit",
)
"""Every fact there is: intent buy, sell, rent, let, invest or browse; property "two bedroom flat"; area "950 square
feet"; location "Whitefield"; budget "80 to 90 lakh rupees" or "up to 3 crore rupees"; timeline "in 3 months"; financing
loan or cash; the caller's name, and a phone number they tell, "9845012345"; callback yes or no; call_time "tomorrow
evening"; do_not_call yes; decision_maker self, joint or other; objections "price; thinking", in the order in which they
were made; visit "2026-11-28 11:00, Whitefield", from a tool."""

BUYS_FROM = 5 * money.LAKH
"""Rupees: who has told a budget and no wish, means to buy from here on, and to rent below. It is inferred, and has no
words of its own for evidence."""

_TENANTS = frozenset({"rent", "let"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the caller has told."""

    name: str
    value: str
    """Normalised."""
    evidence: str = ""
    """The caller's words for it, as they were heard; empty where it follows from other facts."""
    utterance: str = ""
    """All that the caller said with it."""
    said_ms: float | None = None
    """When they began to say it, in the call's time."""
    earlier: tuple[Fact, ...] = ()
    """What it adds to, oldest first: objections are told one after the other, each with words of its own."""


def extract(said: str, question: str = "", known: Mapping[str, Fact] | None = None) -> dict[str, Fact]:
    """The facts in one utterance.

    `question` is what the agent said last: an answer can be as short as "Eighty." or "Yes." `known` are the facts so
    far: a bare "thirty" is thirty thousand to a tenant and thirty lakh to a buyer.
    """
    heard = repeated_once(Heard.of(said))
    if not heard.text:
        return {}
    topic = topic_of(question)
    intent = find_intent(heard, topic == "intent")
    so_far = intent[0] if intent else known["intent"].value if known and "intent" in known else ""
    may_we_call = topic == "callback" and asks_to_call(question)
    callback = find_callback(heard, may_we_call)
    calling = may_we_call or (callback is not None and callback[0] == "yes")
    name = find_name(heard, topic)
    place = None if topic == "name" and name else places.find_location(heard, topic == "location")
    ours = homes.find_our_office(heard)
    if place and ours and place[1] in (ours[1], ours[1] + 1):  # "is your office in Hebbal?"
        place = None
    phone = phones.find_phone(heard)
    if phone and may_we_call and callback is None:
        callback = ("yes", *phone[1:])
    budget = money.find_budget(heard, topic == "budget", so_far in _TENANTS)
    if budget and phone and budget.start < phone[2] and budget.end > phone[1]:
        budget = None
    found = {
        "intent": intent,
        "property": homes.find_property(heard),
        "location": place,
        "budget": (budget.value, budget.start, budget.end) if budget else None,
        "timeline": None if topic == "callback" else times.find_timeline(heard, topic == "timeline"),
        "financing": find_financing(heard),
        "area": homes.find_area(heard),
        "name": name,
        "phone": phone,
        "callback": callback,
        "call_time": times.find_call_time(heard, phone and phone[1]) if calling and not find_own_call(heard) else None,
        "do_not_call": find_do_not_call(heard),
        "decision_maker": deciding.find_decider(heard),
        "objections": deciding.find_objections(heard),
    }
    if found["call_time"] and not found["callback"]:  # the answer to "when may a colleague call you?"
        found["callback"] = ("yes", *found["call_time"][1:])
    return {
        name: Fact(name, value[0], heard.evidence(value[1], value[2]))
        for name, value in found.items()
        if value is not None
    }


def find_name(heard: Heard, topic: str) -> tuple[str, int, int] | None:
    """The caller's name; a bare place that answers "which area" is none."""
    return names.find_name(heard, topic == "name") if topic != "location" or "name" in heard.text else None


def merge(known: Mapping[str, Fact], new: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts after another utterance: what is said later corrects what was said earlier, and adds to it where it is
    only less exact ("the flat" leaves "two bedroom flat" as it is)."""
    merged = dict(known)
    for name, fact in new.items():
        before = known.get(name)
        value = fact.value
        if before is not None and name == "property":
            value = homes.merged(before.value, value)
        elif before is not None and name == "location":
            value = places.merged(before.value, value)
        elif before is not None and name == "objections":
            value = deciding.merged(before.value, value)
        if not value or (before is not None and before.value == value and before.evidence):
            continue
        earlier = (*before.earlier, replace(before, earlier=())) if before and name == "objections" else ()
        merged[name] = replace(fact, value=value, earlier=earlier)
    if "intent" not in merged and "budget" in merged and (rupees := money.parse_value(merged["budget"].value)):
        intent = "buy" if rupees[1] >= BUYS_FROM else "rent"
        merged["intent"] = replace(merged["budget"], name="intent", value=intent, evidence="")
    return merged


def attributed(facts: Mapping[str, Fact], utterance: str, said_ms: float) -> dict[str, Fact]:
    """The facts of one utterance, with the utterance and its time."""
    return {name: replace(fact, utterance=utterance, said_ms=said_ms) for name, fact in facts.items()}


def values(facts: Mapping[str, Fact]) -> dict[str, str]:
    """The facts without their evidence."""
    return {name: fact.value for name, fact in facts.items()}
