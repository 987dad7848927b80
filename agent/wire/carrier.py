"""What is asked of a carrier, and what it tells of a call and of a number. Pure."""

from __future__ import annotations

import msgspec


class Ring(msgspec.Struct, frozen=True):
    """A telephone to be rung."""

    to: str
    caller_id: str
    voice_url: str
    """Asked for instructions once it is answered; and again where it did not answer the carrier."""
    status_url: str
    """Told of each state."""
    ring_s: int
    longest_s: int
    """From its answer; then the carrier hangs up, whatever we do."""
    machine_url: str = ""
    """Told who has answered; empty: it is not looked for."""
    until_beep: bool = False
    """Of a machine, told only once it can be spoken to."""


class CarrierCall(msgspec.Struct, frozen=True):
    """A call as the carrier knows it."""

    call_sid: str
    to: str
    caller_id: str
    status: str
    """The carrier's word: queued, initiated, ringing, in-progress, completed, busy, failed, no-answer, canceled."""
    created_s: float | None
    """Seconds since the epoch, whole ones; None where it did not say."""
    direction: str = ""
    answered_by: str = ""


class CarrierNumber(msgspec.Struct, frozen=True):
    """One of our numbers at the carrier, and where it sends its calls."""

    number: str
    voice_url: str
    voice_method: str
    fallback_url: str
    status_url: str
