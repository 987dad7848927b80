"""A call's record as a terminal shows it: in a line of a list, or as a whole."""

from __future__ import annotations

import textwrap

from agent.keep.legs import Gap, gaps
from agent.keep.record import CallRecord, Entry, Points

GOES_ON = "goes on"
UNKNOWN = "unknown"


def in_a_line(record: CallRecord) -> str:
    """When, which, who with whom, how long, and how it ended."""
    who = f"{record.caller or UNKNOWN} > {record.called or UNKNOWN}"
    how = f"{record.duration_ms / 1000:6.1f} s  {record.ending or GOES_ON}"
    legs = f"  ({len(record.legs)} legs)" if len(record.legs) > 1 else ""
    return f"{record.started_at}  {record.call_sid}  {who:29}  {how}{legs}"


def _said(record: CallRecord) -> list[str]:
    """What was said, and where nobody could say anything."""
    left = gaps(record)
    lines = []
    for entry in record.entries:
        while left and entry.start_ms >= left[0].end_ms:
            lines.append(_gap(left.pop(0)))
        lines.append(_line(entry))
    return lines + [_gap(gap) for gap in left]


def _gap(gap: Gap) -> str:
    return f"{gap.start_ms / 1000:7.1f} s  -- {gap.words}, {(gap.end_ms - gap.start_ms) / 1000:.1f} s --"


def _line(entry: Entry) -> str:
    who = f"{entry.start_ms / 1000:7.1f} s  {entry.role:>6}"
    if entry.role == "tool":
        return f"{who}: {entry.tool} {entry.arguments} -> {entry.text}"
    how = " (aside)" if entry.aside else f" (keys {entry.keys})" if entry.keys else ""
    return f"{who}{how}: {entry.text}{' -' if entry.interrupted else ''}"


def _point(point: Points) -> str:
    when = "" if point.said_ms is None else f'  at {point.said_ms / 1000:.1f} s: "{point.utterance}"'
    return f"{point.points:+5}  {point.fact}, {point.why}: {point.value}{when}"


def story(record: CallRecord) -> str:
    """All of it, in lines."""
    ended = f"ended: {record.ending}" if record.ending else GOES_ON
    lines = [
        f"{record.call_sid}  {record.direction}  from {record.caller or UNKNOWN} to {record.called or UNKNOWN}",
        f"{record.started_at}  {record.duration_ms / 1000:.1f} s  {ended}",
        *([f"to say: {record.purpose}"] if record.purpose else []),
        "",
    ]
    lines += _said(record)
    if record.summary:
        lines += ["", *textwrap.wrap(f"{record.summary} ({record.summary_by})", 100)]
    if record.lead is not None:
        lines += ["", f"score {record.lead.score} of 100", *(_point(point) for point in record.lead.points)]
    if record.facts:
        lines += ["", *(f"{name}: {value}" for name, value in record.facts.items())]
    if record.turns:
        lines += [
            "",
            "turn  silence  heard  first token  first audio  (ms: before the turn's end, and behind it)",
        ]
        lines += [
            f"{n:4}  {'' if t.endpoint_ms is None else t.endpoint_ms:7}  {t.heard_ms:5}  {t.first_token_ms:11}"
            f"  {t.first_audio_ms:11}"
            for n, t in enumerate(record.turns, 1)
        ]
    return "\n".join(lines)
