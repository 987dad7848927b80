"""Keys of objects: parts between slashes, such as "2026/11/27/CA0123.wav", that lead nowhere else. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote

from agent.errors import StoreError

LONGEST = 1024
LONGEST_PART = 200
"""Bytes. S3 takes 1024 in all; a file system takes 255 a part, and a file has a longer name while it is written."""


_RECORDING = re.compile(
    r"[0-9]{4}/(0[1-9]|1[0-2])/(0[1-9]|[12][0-9]|3[01])/[A-Za-z0-9_.~%-]{0,196}(\+[0-9]{1,9})?\.wav(\.[0-9a-f]{8}\.part)?"
)


def parts(key: str) -> list[str]:
    """The key's parts. Raises StoreError where it is none: an empty part, "." or "..", a control character, a
    backslash, too long."""
    try:
        found = key.split("/")
        long = len(key.encode()) > LONGEST or any(len(part.encode()) > LONGEST_PART for part in found)
    except UnicodeEncodeError:
        raise StoreError(f"not a key: {key!r}") from None
    if long or "\\" in key or any(part in {"", ".", ".."} or not part.isprintable() for part in found):
        raise StoreError(f"not a key: {key[:LONGEST]!r}")
    return found


def public_url(base: str, key: str) -> str:
    """Where the object is, below an address that shows the store's objects to anybody."""
    return f"{base.rstrip('/')}/{quote(key, safe='/-_.~')}"


def recording_key(call_sid: str, started_at: str, leg: int = 1) -> str:
    """Of the sound of a call's leg: the day the call began, in UTC, and its CallSid, which is whatever a webhook said;
    of a later leg a plus, which no quoted CallSid has, and its number."""
    year, month, day = started_at[:10].split("-")
    end = f"+{leg}.wav" if leg > 1 else ".wav"
    return f"{year}/{month}/{day}/{quote(call_sid, safe='')[: LONGEST_PART - len(end)]}{end}"


def is_recording(key: str) -> bool:
    """Whether it is as `recording_key` makes them, or what a crash has left of one in a folder: anything else in the
    same place is somebody else's."""
    return _RECORDING.fullmatch(key) is not None
