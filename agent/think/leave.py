"""Does the caller take leave, or back what is about to happen? Their words in."""

from __future__ import annotations

import re

from agent.think.heard.words import Heard
from agent.think.script.moves import find_move

_LEAVING = frozenset({"bye", "thanks", "done"})

_STOPS = re.compile(
    r"^(?:oh |uh |um |but |sorry )*(?:no|nahi|nahin|नहीं|wait|stop|ruko|rukiye|रुको|रुकिए|hold on)\b"
    r"(?! (?:problem|problems|issue|issues|worries))"
    r"|\b(?:not (?:now|yet|necessary|needed)|do not (?:connect|transfer|call|pass|want|need|do)|cancel|never ?mind"
    r"|instead)\b"
)


def takes_back(text: str) -> bool:
    """ "No, wait": said over the announcement of something, it is not to happen. "Yes, please" is no such thing."""
    return bool(_STOPS.search(Heard.of(text).text))


def takes_leave(text: str) -> bool:
    """ "Bye", "thank you", "that is all": no answer is waited for after the agent's own goodbye."""
    return find_move(Heard.of(text)) in _LEAVING
