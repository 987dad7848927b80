"""Does the caller take leave? Their words in."""

from __future__ import annotations

from agent.think.heard.words import Heard
from agent.think.script.moves import find_move

_LEAVING = frozenset({"bye", "thanks", "done"})


def takes_leave(text: str) -> bool:
    """ "Bye", "thank you", "that is all": no answer is waited for after the agent's own goodbye."""
    return find_move(Heard.of(text)) in _LEAVING
