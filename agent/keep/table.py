"""Records as a file for others: CSV for spreadsheets, JSON Lines for programs. Records in, bytes out, page by page.

CSV (RFC 4180) begins with a byte order mark, without which a spreadsheet takes "नमस्ते" for another encoding. A cell that
a spreadsheet would take for a formula gets an apostrophe in front, telephone numbers with their + among them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Literal

import msgspec

from agent.keep.record import CallRecord, sounds_of
from agent.keep.shown import shown
from agent.keep.transcript import as_text

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

FACTS = (
    "intent",
    "property",
    "area",
    "location",
    "budget",
    "timeline",
    "financing",
    "name",
    "phone",
    "callback",
    "call_time",
    "do_not_call",
    "decision_maker",
    "objections",
    "visit",
)
"""What a caller may have told, a column each: those of `agent.think.facts`."""

COLUMNS = (
    "call_sid",
    "started_at",
    "ended_at",
    "duration_ms",
    "direction",
    "caller",
    "called",
    "ending",
    "reason",
    "score",
    *FACTS,
    "transferred_to",
    "language",
    "barge_ins",
    "word_count",
    "cost_usd",
    "summary",
    "transcript",
    "recording",
    "legs",
    "order",
    "campaign",
    "purpose",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for the beginning of one (OWASP: CSV injection), full-width forms included."""


def head(format_: Format) -> bytes:
    """What the file begins with."""
    return b"\xef\xbb\xbf" + _rows([COLUMNS]) if format_ == "csv" else b""


def body(format_: Format, records: Iterable[CallRecord]) -> bytes:
    """Some more of it: whole rows."""
    if format_ == "csv":
        return _rows([_row(record) for record in records])
    return b"".join(msgspec.json.encode(shown(record)) + b"\n" for record in records)


def _row(record: CallRecord) -> list[str]:
    values = {
        "call_sid": record.call_sid,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration_ms": str(record.duration_ms),
        "direction": record.direction,
        "caller": record.caller,
        "called": record.called,
        "ending": record.ending,
        "reason": record.reason,
        "score": "" if record.lead is None else str(record.lead.score),
        **{name: record.facts.get(name, "") for name in FACTS},
        "transferred_to": record.transferred_to,
        "language": record.language,
        "barge_ins": str(record.barge_ins),
        "word_count": str(record.word_count),
        "cost_usd": "" if record.cost_usd is None else f"{record.cost_usd:.6f}",
        "summary": record.summary,
        "transcript": as_text(record),
        "recording": " ".join(sounds_of(record)),
        "legs": str(max(len(record.legs), 1)),
        "order": record.order,
        "campaign": record.campaign,
        "purpose": record.purpose,
    }
    return [_defused(values[column]) for column in COLUMNS]


def _defused(cell: str) -> str:
    cell = cell.replace("\0", "")
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


def _rows(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # \r\n at the end of a row, quotes where needed
    return text.getvalue().encode()
