"""What Twilio's documentation leaves open about a call that outlives a stream, as a plan chooses it. Frozen; no I/O.

Each default is what the documentation suggests, where it suggests anything.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Literal

HELD = "silence, until the call is updated over REST"
"""The step of a call that waits so."""


class AfterCrash(enum.Enum):
    """What the carrier does once a media socket has died without a closing handshake (31903)."""

    ACTION = "action"
    """Asks the action of the <Connect>, as after a stream that the server closed."""
    NEXT_VERB = "redirect"
    """Goes on with the verb behind the <Connect>."""
    HOLD = "rest"
    """Nothing but the stream's callback: the caller hears silence until somebody updates the call over REST."""


class FailedAction(enum.Enum):
    """What the carrier does when an action, and its fallback, give no usable answer."""

    ENDS = "the call ends"
    NEXT_VERB = "the next verb runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """How a stream's callbacks arrive."""

    late_s: float = 0.0
    """So long after what they tell of."""
    times: int = 1
    """0: they get lost. 2: each comes twice."""
    crash: Literal["stream-stopped", "stream-error"] = "stream-stopped"
    """Which one tells of a stream that has crashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """One carrier."""

    after_crash: AfterCrash = AfterCrash.ACTION
    failed_action: FailedAction = FailedAction.ENDS
    callbacks: Callbacks = field(default_factory=Callbacks)
    retry_s: float = 1.0
    """Between two tries of a webhook (undocumented)."""
    fallback_url: str = ""
    """The number's VoiceFallbackUrl: asked where a document could not be fetched. Empty: there is none."""


class Meanwhile(enum.Enum):
    """What the caller does while no stream carries the call."""

    AS_EVER = "as ever"
    """Notices nothing, and speaks when it is the caller's turn."""
    WAITS = "waits"
    """Begins nothing before the line is back."""
    SPEAKS = "speaks"
    """Says the next line at once."""
    LEAVES = "leaves"
    """Hangs up at once."""
