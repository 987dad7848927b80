"""What the agent says when no provider can speak: recordings that come with the package, and their words.

`ops/clips.py` makes the recordings anew after a change of words.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what it says, for the transcript."""

    name: str
    text: str
    mulaw: bytes


def _clip(name: str, text: str) -> Clip:
    return Clip(name, text, files(__name__).joinpath(f"{name}.ulaw").read_bytes())


TROUBLE = _clip("trouble", "Sorry, I'm having a little trouble on my side. Could you say that again, please?")
"""One turn failed; the call goes on."""

APOLOGY = _clip(
    "apology",
    "I am very sorry, something went wrong on our side. Please call again in a little while. Goodbye.",
)
"""The call cannot go on."""

WELCOME = _clip("welcome", "Hello, and thank you for calling. How may I help you today?")
"""The greeting could not be spoken; the call begins all the same."""

FAREWELL = _clip("farewell", "Thank you for calling. Goodbye!")
"""The goodbye could not be spoken."""

MOMENT = _clip("moment", "One moment, please.")
"""The answer takes its time."""

STILL = _clip("still", "Sorry, I am still on it.")
"""And it still does."""

CONNECTING = _clip("connecting", "I am connecting you to a colleague now. One moment, please.")
"""The transfer could not be announced otherwise."""

LOST = _clip("lost", "Sorry, I lost you for a second.")
"""The line has broken off, and the call goes on."""

AGAIN = _clip("again", "Could you say that again, please?")
"""And what the caller was saying was lost."""

CLIPS = (MOMENT, STILL, CONNECTING, TROUBLE, APOLOGY, WELCOME, FAREWELL, LOST, AGAIN)
