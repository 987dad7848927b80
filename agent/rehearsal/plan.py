"""What a rehearsed call is to be: what the caller says, presses and expects, and how it hangs up. Frozen; no I/O."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.model import BYTES_PER_MS
from agent.rehearsal.carriage import Carriage, Meanwhile
from agent.rehearsal.echo import Echo
from agent.rehearsal.stream import Rudeness


@dataclass(frozen=True, slots=True)
class Line:
    """One thing the caller says: how it sounds, and in words where they are known."""

    mulaw: bytes
    text: str = ""
    at_ms: float | None = None
    """Said at this time of the stream, whatever the agent does. None: when it is the caller's turn."""

    @property
    def duration_ms(self) -> float:
        return len(self.mulaw) / BYTES_PER_MS


class HangUp(enum.Enum):
    """How the caller's side ends the stream."""

    POLITE = "stop, then close"
    STOP_ONLY = "stop, then wait for the server to close"
    CLOSE_ONLY = "close without a stop"
    RESET = "the connection dies"


class DialEnd(enum.Enum):
    """What becomes of a transfer; the value is Twilio's DialCallStatus."""

    ANSWERED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """A whole call, from the first frame to the hang-up."""

    lines: tuple[Line, ...] = ()
    """Said in order, each after the agent has spoken and been quiet for a while."""
    barge_in_at_ms: float | None = None
    """Counted from the first of the agent's sound: the next line is said then, over the agent."""
    dtmf: str = ""
    """Pressed after the last line has been answered."""
    expect: tuple[str, ...] = ()
    """Words the agent must say at some time."""
    transfer: DialEnd | None = None
    """The agent must pass the call on, and this becomes of it. None: it need not; if it does, a colleague answers."""
    quiet_ms: float = 700
    """Silence after which the caller takes the agent to have finished. Longer than the pause between two sentences."""
    patience_ms: float = 15_000
    """How long the caller waits for the agent's first word, or for an answer, before giving up."""
    max_ms: float = 120_000
    hang_up: HangUp = HangUp.POLITE
    hang_up_at_ms: float | None = None
    """Hangs up at this time of the stream, whatever is going on."""
    linger_ms: float = 2000
    """STOP_ONLY: how long the server has to close."""
    rudeness: Rudeness = field(default_factory=Rudeness)
    echo: Echo | None = None
    """What the caller's telephone gives back of the agent's voice. None: nothing."""
    carriage: Carriage = field(default_factory=Carriage)
    cuts_ms: tuple[float, ...] = ()
    """At these times of the call its media stream dies on the carrier's side; the call goes on as after a crash."""
    meanwhile: Meanwhile = Meanwhile.AS_EVER
    """Between two streams."""
    again_ms: float | None = None
    """A line of which something fell between two streams is said again when it has not been answered for so long.
    None: it is not."""
    enough: Callable[[], bool] = lambda: False
    """Once this is so, no further line is begun; the last answer is heard out."""
