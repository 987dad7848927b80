"""Callers of a real server with the `scripted` provider, and what they heard of it: the server's record is held against
the caller's side of the line, word by word.

The scripted voice takes 60 ms a character and says back what it understood, so the sound that was played tells which
words were heard, given what the record says of the caller.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pymongo
import trio

from agent.providers.scripted import MS_PER_CHARACTER
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from nurseries.rehearsal.carrier import Target, place_call
from nurseries.rehearsal.own_speech import find_voice, spoken

SAYS = (
    "I am looking for a two bedroom flat in Whitefield.",
    "What would that cost in a quiet street.",
    "When could I see it with my family.",
)
GREETING = "Hello this is Priya. I can help you to buy or to rent a flat or a house. What are you looking for today?"
SETTINGS = {"PROVIDER": "scripted", "APP_ENV": "test", "GREETING": GREETING}
"""Of the server."""

NOBODY_ASKS = SETTINGS | {"ORPHAN_S": "1"}
"""Of one whose callers are gone with it: nobody comes back, and nobody is long waited for."""

DURABLE_MS = 1000
"""What was spoken longer ago than this is kept, whatever happens."""


async def plan_of(lines: int = 12) -> CallPlan:
    """A caller who says so much."""
    voice = find_voice()
    assert voice is not None, "install the `local` extra: the callers need a voice"
    said = [Line(await spoken(voice, text), text) for text in SAYS[:lines]]
    return CallPlan(lines=tuple((said * lines)[:lines]), patience_ms=60_000, max_ms=300_000)


async def place(
    url: str, plan: CallPlan, calls: int, ramp_s: float, meanwhile: Callable[[], Awaitable[None]]
) -> list[CallLog]:
    """Calls, begun within so long, until all are over."""
    logs: list[CallLog] = []

    async def one(n: int) -> None:
        await trio.sleep(ramp_s * n / calls)
        logs.append(await place_call(Target(url=url), plan, dice=random.SystemRandom()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(meanwhile)
        for n in range(calls):
            nursery.start_soon(one, n)
    return logs


def stored(folder: Path) -> list[dict[str, Any]]:
    """Every record of a server's own store."""
    with closing(sqlite3.connect(f"file:{folder}/data/calls.db?mode=ro", uri=True)) as db:
        found = [json.loads(text) for (text,) in db.execute("SELECT record FROM calls ORDER BY started_at")]
        for record in found:
            keys = db.execute("SELECT key FROM pieces WHERE call_sid = ? ORDER BY leg", (record["call_sid"],))
            record["recording"] = next((key for (key,) in keys), record["recording"])
        return found


def stored_at(uri: str) -> list[dict[str, Any]]:
    """Every record in a MongoDB."""
    with pymongo.MongoClient(uri) as client:
        return list(client["calling_agent"]["calls"].find({}, {"_id": 0}).sort("started_at"))


def end_of(log: CallLog) -> float:
    """When its last stream ended: a carrier whose server is gone keeps the line for a while."""
    ended_ms = log.legs[-1].ended_ms if log.legs else None
    return log.duration_ms if ended_ms is None else ended_ms


def heard_by(log: CallLog, at_ms: float) -> float:
    """Milliseconds of the agent's sound that the caller had heard by then."""
    return sum(min(piece.end_ms, at_ms) - piece.at_ms for piece in log.played if piece.at_ms < at_ms)


def words_of(record: dict[str, Any]) -> list[str]:
    """What the caller heard of the agent, by the record."""
    return " ".join(entry["text"] for entry in record["entries"] if entry["role"] == "agent").split()


def words_heard(record: dict[str, Any], sound_ms: float) -> list[str]:
    """What the caller has heard of the agent when so much sound of it was played. Raises AssertionError where that is
    more than the record knows the source of."""
    said = [f"You said: {entry['text']}" for entry in record["entries"] if entry["role"] == "caller"]
    words, left_ms = [], sound_ms
    for text in [GREETING, *said]:
        for n, word in enumerate(text.split(" ")):
            left_ms -= (len(word) + bool(n)) * MS_PER_CHARACTER
            if left_ms < 0:
                return words
            words.append(word)
    assert left_ms < 500, f"{left_ms:.0f} ms more were heard than the record explains"
    return words


def lost(log: CallLog, record: dict[str, Any] | None, durable_ms: float = DURABLE_MS) -> str:
    """What the record lacks of the words that were heard longer than that before the end, or has that nobody has
    heard; "" where nothing."""
    end = end_of(log)
    until = end - durable_ms
    if record is None:
        return f"no record; {heard_by(log, until):.0f} ms heard" if heard_by(log, until) > 0 else ""
    kept = words_of(record)
    try:
        sure = words_heard(record, heard_by(log, until))
        most = words_heard(record, heard_by(log, end) + 200)
    except AssertionError as error:
        return str(error)
    if kept[: len(sure)] != sure:
        return f"heard {sure[-5:]}, kept {kept[len(sure) - 5 :]}"
    return f"kept {kept[len(most) :]}, which nobody heard" if len(kept) > len(most) else ""
