"""What a record says in other words: computed when it is saved, and not written down before. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from agent.keep.prices import Prices, cost, cost_known
from agent.keep.record import VERSION, CallRecord


def derived(record: CallRecord, prices: Prices | None = None) -> CallRecord:
    """The record, of this version, with all that follows from the rest of it. Without prices it costs what it cost."""
    said = [entry for entry in record.entries if entry.role != "tool"]
    return msgspec.structs.replace(
        record,
        ended_at=_ended(record) if record.ending else "",
        full_text="\n".join(f"{entry.role}: {entry.text}" for entry in said),
        word_count=sum(_has_letters(word) for entry in said for word in entry.text.split()),
        **({} if prices is None else _costs(record, prices)),
        version=max(record.version, VERSION),
    )


def _costs(record: CallRecord, prices: Prices) -> dict[str, Any]:
    turns = tuple(
        msgspec.structs.replace(turn, cost_usd=cost(turn.usage, prices)) if turn.usage else turn
        for turn in record.turns
    )
    estimated = round(cost_known((each for each in record.usage if each.estimated), prices), 6)
    usage = tuple(msgspec.structs.replace(each, cost_usd=cost([each], prices)) for each in record.usage)
    return {"usage": usage, "cost_usd": cost(usage, prices), "cost_estimated_usd": estimated, "turns": turns}


def _has_letters(word: str) -> bool:
    return any(map(str.isalnum, word))


def _ended(record: CallRecord) -> str:
    try:
        ended = datetime.fromisoformat(record.started_at) + timedelta(milliseconds=record.duration_ms)
    except (ValueError, OverflowError):
        return ""  # of no known time
    return ended.isoformat(timespec="milliseconds")
