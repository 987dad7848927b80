"""What the process lends to each of its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.config import Settings
from agent.guard.breaker import Rules
from agent.hear.endpointing import EndOfTurn
from agent.hear.keys import Bindings
from agent.hear.ports import Recogniser, VoiceActivity
from agent.keep.prices import Prices
from agent.lines import Lines
from agent.model import Utterance
from agent.profile import Profile
from agent.providers.own_budgets import Budgeting
from agent.seen.spans import Tell
from agent.speak.cache import AudioCache
from agent.speak.ports import Voice
from agent.speak.repertoire import Repertoire
from agent.think.ports import LanguageModel, Summariser
from agent.think.tools.toolbox import Toolbox
from agent.wire.ports import Carrier
from nurseries.chain.breakers import Breakers
from nurseries.live.hearing import Hearing
from nurseries.live.mind import LiveMind
from nurseries.live.session import Session
from nurseries.live.voice import LiveVoice
from nurseries.purse import Purse

HandOver = Callable[[str, str], Awaitable[bool]]
"""Arrange that a call, by its CallSid, is passed on to a number once its stream is over; False where that failed."""

Refrain = Callable[[str, str, str], Awaitable[bool]]
"""Have a number never called again: the number, who has asked, and why. False where it is no number; raises
StoreError."""


Verdict = Callable[[str], Awaitable[str]]
"""Who has answered a call that we placed, by its order's id: the carrier's word, once there is one."""


@dataclass(frozen=True, slots=True)
class Live:
    """What one call has at a Realtime server, and the sockets that it needs for it."""

    sessions: tuple[Session, ...]
    hearing: Hearing | None = None
    """Where turns are heard while they are spoken; the parts' recogniser hears what did not come over the socket."""
    voice: LiveVoice | None = None
    """Where the agent speaks through a realtime model."""
    mind: LiveMind | None = None
    """Where that model hears and thinks as well; the parts' model answers what it does not."""


GoLive = Callable[[Profile, Callable[[], Utterance | None]], Live]
"""One call's, by its manners, and by what the caller has said since the onset."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything here is shared, nothing belongs to one call."""

    settings: Settings
    recogniser: Recogniser
    go_live: GoLive
    model: LanguageModel
    voice: Voice
    cache: AudioCache
    repertoire: Repertoire
    vad: Callable[[], VoiceActivity]
    """Makes one call's detector over the shared model."""
    end_of_turn: EndOfTurn
    lines: Lines
    bindings: Bindings
    toolbox: Toolbox
    summariser: Summariser | None
    hand_over: HandOver
    prices: Prices = field(default_factory=dict)
    """Empty: what a call costs is not known."""
    budgeting: Budgeting | None = None
    """What may be spent."""
    purse: Purse | None = None
    """What pays for calls; None: nobody asks what they cost."""
    breakers: Breakers = field(default_factory=lambda: Breakers(Rules()))
    """Of the providers above."""
    refrain: Refrain | None = None
    """None: nobody keeps a list of who is not to be called."""

    verdict: Verdict | None = None
    """None: nobody tells."""
    carrier: Carrier | None = None
    """None: calls cannot be placed, nor ended from outside."""
    spans: Tell | None = None
    """None: calls are not traced."""

    def names(self, live: Live) -> dict[str, str]:
        """Who hears, thinks and speaks in a call that has this of its own."""
        return {
            "stt": (live.hearing or self.recogniser).name,
            "llm": (live.mind or self.model).name,
            "tts": (live.voice or self.voice).name,
        }
