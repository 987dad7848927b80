"""The call so far, told from its messages: a prompt in; what was asked, what is known, what the caller just did out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.think.errand import Errand
from agent.think.facts import NAMES, Fact, extract, merge
from agent.think.heard.consent import yes_or_no
from agent.think.heard.words import Heard, repeated_once
from agent.think.ports import Message, Prompt
from agent.think.script.moves import find_move
from agent.think.script.phrases import UNCLEAR
from agent.think.tools.stop_calling import NOTED
from agent.think.topics import topic_of

_LASTING = frozenset({"human", "busy", "has_agent", "think"})
"""Moves that change what is still worth asking, for the rest of the call."""


@dataclass(slots=True)
class Story:
    """What a reply can be decided from. Made by `tell` and only read afterwards."""

    heard: Heard = field(default_factory=lambda: Heard.of(""))
    """The caller's newest words; empty where the agent has spoken since."""
    move: str = ""
    answer: str = ""
    """ "yes", "no" or ""."""
    topic: str = ""
    """What the agent asked last and the caller had not answered."""
    before: dict[str, Fact] = field(default_factory=dict)
    """Known before the newest words."""
    new: dict[str, Fact] = field(default_factory=dict)
    known: dict[str, Fact] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    declined: set[str] = field(default_factory=set)
    lasting: set[str] = field(default_factory=set)
    last_words: str = ""
    """The agent's."""
    replies: int = 0
    purpose: str = ""
    """Why we have called."""
    purpose_told: bool = False
    unlisted: bool = False
    """They asked not to be called, and that could not be noted."""
    unclear: int = 0
    """How many of the agent's last lines were excuses for not having heard."""

    @property
    def intent(self) -> str:
        return self.value("intent")

    def value(self, name: str) -> str:
        """A known fact's value, or ""."""
        fact = self.known.get(name)
        return fact.value if fact else ""

    def open(self, topic: str) -> bool:
        """Whether it still makes sense to ask."""
        return topic not in self.known and topic not in self.declined and self.asked[topic] < 2


def tell(prompt: Prompt) -> Story:
    """The story of a prompt. Facts that the prompt knows and its messages do not are known from the beginning."""
    last = prompt.messages[-1] if prompt.messages else None
    story = Story(unlisted=last is not None and last.role == "tool" and _not_noted(last))
    question = ""
    messages = _joined(tuple(message for message in prompt.messages if message.role != "tool"))
    errand = prompt.errand or Errand()
    beforehand = {name: value for name, value in errand.variables.items() if name in NAMES and value.strip()}
    told = {name: Fact(name, value) for name, value in (beforehand | dict(prompt.facts)).items()}
    story.purpose = errand.purpose.strip().rstrip(".!")
    known: dict[str, Fact] = {}
    for n, message in enumerate(messages):
        if message.role == "agent":
            topic = topic_of(message.text)
            if topic:
                question, story.topic = message.text, topic
                story.asked[topic] += 1
            story.last_words = message.text
            story.purpose_told |= bool(story.purpose) and story.purpose in message.text
            story.replies += 1
            story.unclear = story.unclear + 1 if message.text.startswith(UNCLEAR) else 0
            continue
        heard = repeated_once(Heard.of(message.text))
        new = extract(message.text, question, known)
        move = find_move(heard)
        story.lasting |= {move} & _LASTING
        if n == len(messages) - 1:
            story.heard, story.move, story.new, story.before = heard, move, new, known
            story.answer = yes_or_no(heard)
        known = merge(known, new)
        if story.topic and story.topic in new:
            question, story.topic = ("", "") if n < len(messages) - 1 else (question, story.topic)
        elif story.topic and (move == "dont_know" or (yes_or_no(heard) == "no" and not new)):
            story.declined.add(story.topic)
    story.known = _with_told(known, told)
    return story


def _not_noted(message: Message) -> bool:
    return message.call is not None and message.call.name == "stop_calling" and not message.text.startswith(NOTED)


def _with_told(known: Mapping[str, Fact], told: Mapping[str, Fact]) -> dict[str, Fact]:
    return {**told, **known}


def _joined(messages: tuple[Message, ...]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        if joined and message.role == "caller" == joined[-1].role:
            joined[-1] = Message("caller", f"{joined[-1].text} {message.text}")
        else:
            joined.append(message)
    return joined
