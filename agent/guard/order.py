"""A call to be placed: what is asked for, and what has become of it. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal[
    "placing", "unknown", "queued", "ringing", "answered", "completed", "busy", "no-answer", "failed", "canceled"
]
"""placing: written down, and not yet taken by the carrier. unknown: nobody could say whether the carrier took it; its
callbacks will, or silence. failed: the carrier refused it, or could not reach the number. The others are the
carrier's words."""

FINAL: frozenset[State] = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


class Wanted(msgspec.Struct, frozen=True):
    """What somebody asks for, checked for its form only."""

    to: str
    """E.164."""
    purpose: str
    """For the agent, in a sentence or two: why it calls."""
    caller_id: str = ""
    """E.164; empty: TWILIO_CALLER_ID."""
    variables: dict[str, str] = {}
    """What the agent knows of the person beforehand: for the prompt, the greeting and the record."""
    campaign: str = ""
    """For whom or what the call is placed: caps and reports go by it."""
    idempotency_key: str = ""
    """The same key, the same call: asked again, the first order is the answer."""


class Order(msgspec.Struct, frozen=True):
    """One call to be placed, and what has become of it. Kept in the store, changed by whichever process hears more."""

    order_id: str
    wanted: Wanted
    created_at: str
    """ISO 8601, UTC."""
    state: State = "placing"
    call_sid: str = ""
    reason: str = ""
    """In words, where it failed or is unknown."""
    answered_by: str = ""
    """The carrier's verdict: human, machine_start, machine_end_beep, fax, unknown, ...; empty: none yet."""
    sequence: int = -1
    """Of the newest callback of the carrier that was taken."""
    updated_at: str = ""


class Placed(msgspec.Struct, frozen=True):
    """What a request for a call came to, where no rule says no."""

    order: Order
    new: bool
    """Placed for this request; not where its idempotency key had placed it before."""


class Refused(msgspec.Struct, frozen=True):
    """Why a call may not be placed, now or ever."""

    rule: Literal["number", "country", "do-not-call", "hours", "attempts", "busy", "budget", "caller-id", "carrier"]
    detail: str
    """In words: what, and when it would be allowed or what to do."""
    retry_after_s: float | None = None
    """Asked again after so many seconds it may be allowed; None: not by waiting."""
