"""What a recording of a leg holds: everything that reached its code from outside, in order, with the time on the clock.

The code of a call runs in the *passes* of Trio's loop, whose clock stands still within one (see nurseries/replay). An
event belongs to the pass that is told last before it. What a call waits for outside of itself is *asked* and then
*fed*, perhaps in several pieces; what it is told without waiting is a *value*; what is done to it from outside is a
*command*; what it sends and tells is here to be compared with.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

VERSION = 1

HAND = -1
"""In place of a task's number: a command is carried out."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call has at a Realtime server."""

    name: str
    """realtime, ears or voice: what for."""
    setups: list[str]
    breaker: bool = False
    """It asks one whether the server may be tried."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True, tag="header"):
    """The first line of a recording."""

    version: int
    product: str
    """The version of the product."""
    trio: str
    info: dict[str, Any]
    """CallInfo."""
    settings: dict[str, Any]
    """All but secrets."""
    profile: dict[str, Any]
    names: dict[str, str]
    """Who hears, thinks and speaks what no session does."""
    rate: int
    """Samples per second of the voice."""
    tools: list[str]
    now: str
    """The time of day at which the leg began, ISO 8601."""
    process: str
    before: dict[str, Any] | None = None
    """The record that the leg goes on from."""
    errand: dict[str, Any] | None = None
    sessions: list[Session] = []
    other: str | None = None
    """The voice that says what a session does not; None: nobody's."""
    other_rate: int = 0
    """Its samples per second."""
    recorded: bool = False
    """The caller's sound was to be recorded: notices depend on it."""
    verdict: bool = False
    """Somebody tells who has answered."""
    budget: bool = False
    """Somebody pays for it."""
    at_close: bool = True
    began: float = 0.0
    """On the loop's clock."""


class Pass(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """The loop has looked at its clock, and runs whoever can run."""

    at: float


class Step(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A task of the call runs, as far as its code is the call's own. Tasks are numbered as they are begun."""

    task: int


class Asked(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """The call begins to wait for this. `what` tells as much as is needed to know it again."""

    port: str
    what: str = ""
    about: str = ""
    """What it was asked about, where it may be known by less: see `recalled`."""


How = Literal["piece", "told", "done", "error", "cancelled", "through"]
"""A piece of the answer; something else that was told meanwhile, as by a command; the answer's end; its end by an
error, by a cancellation, or by what the taker of a piece raised."""


class Fed(msgspec.Struct, frozen=True, array_like=True, tag="f"):
    """It got this. `ask` counts the asked from 0. `at_once`: in the same step as it asked, or took the piece before."""

    ask: int
    how: How
    value: Any = None
    at_once: bool = False


class Value(msgspec.Struct, frozen=True, array_like=True, tag="v"):
    """The call asked and was told without waiting."""

    port: str
    value: Any
    about: str = ""
    """What it asked about."""


class Blob(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """Sound that values tell of by its name; once in a recording."""

    name: str
    data: bytes


class Command(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """Somebody outside did this to the call."""

    name: str
    arguments: list[Any]


class Sent(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """The call sent this message: `digest` of the text, which is there itself where it is no sound."""

    kind: str
    size: int
    digest: str
    text: str = ""


class Told(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """The call's code wrote a line to the log: what it has decided."""

    event: str
    fields: dict[str, Any]


DECIDED = "decided"
"""The event by which a recording is told of a decision, whatever is logged: `what`, and how it was."""


class Over(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """The leg is over; its record."""

    record: dict[str, Any]


Event = Pass | Step | Asked | Fed | Value | Blob | Command | Sent | Told | Over
