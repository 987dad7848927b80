"""What another process needs beside the record to go on with a call: taken at every look at the call, kept with the
record through journal and store, gone once the call is over."""

from __future__ import annotations

import msgspec


class Leg(msgspec.Struct, frozen=True, omit_defaults=True):
    """One media stream of a call, and the process that held it. Times are the call's, in milliseconds."""

    process: str
    began_ms: int = 0
    ended_ms: int | None = None
    """None: it goes on, or nobody could write down when it ended."""
    why: str = ""
    """Why another leg follows, or was waited for: "hand-off", "connection lost", "process gone"; empty: none does."""


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
