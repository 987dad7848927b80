"""What a call leaves behind: who, when, how it ended, and what was said by whom and heard by the caller."""

from __future__ import annotations

from typing import Literal

import msgspec

VERSION = 1


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing said, in the order the caller heard it."""

    role: Literal["caller", "agent"]
    text: str
    start_ms: int
    end_ms: int
    interrupted: bool = False
    """The caller cut it short: `text` holds what was heard of it."""


class TurnTimes(msgspec.Struct, frozen=True):
    """Where one turn's time went, in milliseconds from the end-of-turn decision."""

    heard_ms: int
    """Transcription done."""
    first_token_ms: int
    first_audio_ms: int
    """First byte of the reply handed to the socket."""


class CallRecord(msgspec.Struct, frozen=True):
    """One call. Numbers are full here; logs show them masked."""

    call_sid: str
    account_sid: str
    caller: str
    called: str
    direction: str
    started_at: str
    """ISO 8601, UTC."""
    duration_ms: int
    ending: str
    entries: tuple[Entry, ...]
    turns: tuple[TurnTimes, ...] = ()
    facts: dict[str, str] = {}
    providers: dict[str, str] = {}
    barge_ins: int = 0
    frames_dropped: int = 0
    version: int = VERSION
