"""What another process needs beside the record to go on with a call: taken at every look at the call, kept with the
record through journal and store, gone once the call is over."""

from __future__ import annotations

from typing import Literal

import msgspec


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """One media stream of a call, and the process that held it. Times are the call's, in milliseconds."""

    process: str
    began_ms: int = 0
    ended_ms: int | None = None
    """None: it goes on, or nobody could write down when it ended."""
    why: str = ""
    """Why another leg follows, or was waited for: "hand-off", "connection lost", "process gone"; empty: none does."""
    later_ms: int = 0
    """By how much the clock that its sound is recorded on began after the call's, where it could not read the past."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact with what it rests on, also where a tool noted it: it cannot be found in the entries again."""

    name: str
    value: str
    evidence: str = ""
    utterance: str = ""
    said_ms: int | None = None
    earlier: tuple[Told, ...] = ()
    """What it adds to, oldest first."""


class Thread(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a call stands."""

    line: str = ""
    language: str = ""
    voice: str = ""
    """These three as the voice webhook told them."""
    unsaid: tuple[str, ...] = ()
    """Sentences of the running turn that the caller has not heard, the first of them perhaps in part; as far as they
    are known."""
    announced: bool = False
    """The caller has been told in whole that they are recorded."""
    disclosures: int = 0
    """How often they were told that a machine speaks."""
    facts: tuple[Told, ...] = ()
    turns: tuple[int, ...] = ()
    """Of each entry, the agent's turn that it is of; 0 of those that are of none."""
    turn: int = 0
    """The agent's turns so far."""
    notices: tuple[int, ...] = ()
    """Those in which the caller was told, in whole or in part, that they are recorded."""
    parting: Literal["", "goodbye", "transfer"] = ""
    """What comes behind the last of `unsaid`."""
    ending: str = ""
    """How the call ends then, but for a transfer; empty: as the agent takes leave."""
    reason: str = ""
    """And why, also of a transfer."""
    complete: bool = True
    """Nothing more than `unsaid` was to come in the running turn; else it was still being thought."""
    answered: bool = False
    """It is known who has answered a call that we placed, or not to be known."""
    speaking: bool = False
    """The caller speaks or presses keys, or has said what is not understood yet."""
