"""What was said in a call, for people and for players: a record in; JSON, plain text or WebVTT out. Pure."""

from __future__ import annotations

import re

import msgspec

from agent.keep.record import CallRecord, Entry

_SPEAKERS = {"caller": "Caller", "agent": "Agent", "tool": "Tool"}


class Transcript(msgspec.Struct, frozen=True):
    """What was said in one call, in the order the caller heard it."""

    call_sid: str
    started_at: str
    """ISO 8601, UTC: entries' times count from here."""
    duration_ms: int
    ending: str
    """Empty while the call goes on."""
    entries: tuple[Entry, ...]


def transcript(record: CallRecord) -> Transcript:
    return Transcript(record.call_sid, record.started_at, record.duration_ms, record.ending, record.entries)


def as_text(record: CallRecord) -> str:
    """One line for each thing said, with the minute and second at which it began. Tools are left out."""
    lines = [f"{_clock(e.start_ms)} {_SPEAKERS[e.role]}: {_said(e)}" for e in record.entries if e.role != "tool"]
    return "".join(f"{line}\n" for line in lines)


def as_vtt(record: CallRecord) -> str:
    """WebVTT (W3C, 2019): a cue for each thing said, its speaker in a <v> span. Cues begin in the order of time, as the
    format asks; they overlap where both spoke. Tools are left out."""
    spoken = sorted((e for e in record.entries if e.role != "tool"), key=lambda e: e.start_ms)
    cues = []
    for n, entry in enumerate(spoken, 1):
        start = max(entry.start_ms, 0)
        end = max(entry.end_ms, start + 1)
        cues.append(f"\n{n}\n{_stamp(start)} --> {_stamp(end)}\n<v {_SPEAKERS[entry.role]}>{_escaped(_said(entry))}\n")
    return "WEBVTT\n" + "".join(cues)


def _said(entry: Entry) -> str:
    words = re.sub(r"[\s\0]+", " ", entry.text).strip()
    if entry.keys and not words:
        words = f"[keys {entry.keys}]"
    return f"{words} -" if entry.interrupted else words


def _escaped(text: str) -> str:
    """Also of "-->", which would end a cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int) -> str:
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    return f"[{minutes}:{seconds:02}]"


def _stamp(ms: int) -> str:
    seconds, milliseconds = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"
