"""A whole conversation in; the facts in it out: those the rules find, and those a model claims and can prove."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from agent.think.conversation import Line
from agent.think.facts import NAMES, Fact, attributed, extract, merge


def qualify(lines: Iterable[Line], known: Mapping[str, Fact] | None = None) -> dict[str, Fact]:
    """The facts of the conversation, found again from its beginning: what was heard late, after the call, counts too.
    `known` are kept where the words tell nothing of them, such as what a tool noted; but leave to call back is only
    what the caller gave in words that `heard.consent` knows."""
    facts: dict[str, Fact] = {}
    question = ""
    for line in lines:
        if line.role == "agent":
            question = line.text
        elif line.role == "caller" and not line.aside:
            found = extract(line.text, question, facts)
            facts = merge(facts, attributed(found, line.text, line.start_ms))
    return {**{name: fact for name, fact in (known or {}).items() if not _lets_us_call(fact)}, **facts}


def proven(claims: Iterable[tuple[str, str, str]], lines: Iterable[Line]) -> dict[str, Fact]:
    """Claims of a model (name, value, the caller's words for it) as facts: only of known names, and only where the
    caller really said these words. A model that makes something up has no evidence; and leave to call back is not
    for it to read out of them."""
    said = [(line, _plain(line.text)) for line in lines if line.role == "caller"]
    facts: dict[str, Fact] = {}
    for name, value, evidence in claims:
        words = _plain(evidence)
        if name not in NAMES or not value.strip() or not words or _lets_us_call(Fact(name, value)):
            continue
        for line, text in said:
            if f" {words} " in f" {text} ":
                facts[name] = Fact(name, value.strip()[:200], evidence.strip()[:200], line.text, line.start_ms)
    return facts


def _lets_us_call(fact: Fact) -> bool:
    return fact.name == "callback" and fact.value.strip().lower() != "no"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w\u0900-\u0d7f]+", text.lower()))
