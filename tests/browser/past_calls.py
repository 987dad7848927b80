"""Calls that are over, as stores keep them: one with all that a call's page can show, and others around it."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from agent.keep.derive import derived
from agent.keep.piece import Piece
from agent.keep.prices import parse_prices
from agent.keep.record import CallRecord, Entry, Evidence, Lead, Points, TurnTimes
from agent.keep.thread import Leg
from agent.keep.usage import Usage
from agent.providers.sqlite import SqliteStore

THEM, US = "+919876543210", "+918012345678"
ONE = "CA" + "1" * 32
LENGTH_MS = 36_000
KEYS = (f"2026/11/28/{ONE}.wav", f"2026/11/28/{ONE}+2.wav")

HEARD = "Hello, this is Priya. I can help"
ENTRIES = (
    Entry("agent", "This call is recorded.", 100, 1400),
    Entry("agent", HEARD, 1500, 3900, interrupted=True, meant=f"{HEARD} you buy, sell or rent a home."),
    Entry("caller", "I am looking for a two bedroom flat in Whitefield, around eighty lakhs.", 4000, 8200),
    Entry("agent", "Very good. How soon are you hoping to move?", 9900, 12_400),
    Entry("caller", "Within three months, it must not be too expensive.", 13_000, 16_000),
    Entry("agent", "Sorry, I lost you for a second. May a colleague call you back?", 21_000, 24_000),
    Entry("caller", "Mm-hm.", 22_000, 22_400, aside=True),
    Entry("caller", "Yes, please call me tomorrow.", 24_600, 27_000),
    Entry("tool", '{"noted": true}', 27_800, 27_800, tool="note_lead", arguments='{"call_time": "tomorrow"}'),
    Entry("agent", "I have noted that. Goodbye!", 28_500, 31_000),
)
_WANTS, _WHEN, _BACK = (ENTRIES[n] for n in (2, 4, 7))


def _points(points: int, why: str, fact: str, value: str, entry: Entry, words: str = "") -> Points:
    return Points(points, why, fact, value, words, entry.text, entry.start_ms)


POINTS = (
    _points(10, "inferred from the budget", "intent", "buy", _WANTS),
    _points(20, "told, with a figure", "budget", "80 lakh rupees", _WANTS, "eighty lakhs"),
    _points(10, "told", "location", "Whitefield", _WANTS, "Whitefield"),
    _points(5, "told", "property", "two bedroom flat", _WANTS, "two bedroom flat"),
    _points(15, "within 3 months", "timeline", "in 3 months", _WHEN, "Within three months"),
    _points(10, "yes", "callback", "yes", _BACK, "call me"),
    _points(-5, "each", "objections", "price", _WHEN, "too expensive"),
)
SCORE = sum(each.points for each in POINTS)
TURNS = (
    TurnTimes(180, 940, 1700, said_ms=8200, endpoint_ms=420),
    TurnTimes(90, 2210, 2480, said_ms=16_000, endpoint_ms=610),
    TurnTimes(110, 480, 760, said_ms=27_000, endpoint_ms=400),
)
USAGE = (
    Usage("stt", "ears-1", requests=4, seconds=9.5),
    Usage("llm", "mind-1", requests=3, tokens_in=2410, tokens_cached=1200, tokens_out=96),
    Usage("llm", "mind-1", requests=1, untold=1, tokens_in=800, tokens_out=14, estimated=True),
    Usage("tts", "voice-1", requests=5, characters=240),
)
PRICES = parse_prices(
    "[models.ears-1]\nminute = 0.006\n[models.mind-1]\ninput = 0.75\ncached_input = 0.075\noutput = 4.5\n"
    "[models.voice-1]\ncharacters = 15.0\n"
)


def one(now: datetime) -> CallRecord:
    """The call that has everything: cut short by the caller, on two legs, with a tool, costs and a score."""
    return derived(
        CallRecord(
            *(ONE, "AC1", THEM, US, "inbound", _iso(now), LENGTH_MS, "agent said goodbye", ENTRIES, TURNS),
            barge_ins=1,
            language="en-IN",
            summary="The caller wants to buy a two bedroom flat in Whitefield.",
            summary_by="rules",
            lead=Lead(
                SCORE,
                POINTS,
                (
                    *(Evidence(p.fact, p.value, p.evidence, p.utterance, p.said_ms) for p in POINTS),
                    Evidence("call_time", "tomorrow", "tomorrow", _BACK.text, _BACK.start_ms),
                ),
            ),
            usage=USAGE,
            legs=(Leg("here-1", 0, 17_000, "connection lost"), Leg("there-1", 20_500, LENGTH_MS)),
            revision=1,
        ),
        PRICES,
    )


def others(now: datetime, count: int) -> list[CallRecord]:
    """Shorter ones before it, of other people; every third without a score."""
    made = []
    for n in range(count):
        entries = (
            Entry("agent", "Hello, this is Priya.", 0, 2000),
            Entry("caller", f"A villa in area {n}.", 2100, 4000),
        )
        lead = Lead(n % 90, (), ()) if n % 3 else None
        at = _iso(now - timedelta(minutes=17 * (n + 1)))
        record = CallRecord(
            *(f"CA{n + 1000:032}", "AC1", f"+9198000{n:05}", US, "inbound", at, 5000 + 700 * n, "caller hung up"),
            entries,
            lead=lead,
        )
        made.append(derived(record))
    return made


def keep(folder: Path, count: int = 60) -> None:
    """All of them, as a server in that folder finds them."""
    data, now = folder / "data", datetime.now(UTC) - timedelta(minutes=3)
    data.mkdir()
    store = SqliteStore(data / "calls.db")
    store.save(*others(now, count), one(now))
    for leg, (key, start, end) in enumerate(zip(KEYS, (0, 20_500), (17_000, LENGTH_MS), strict=True), 1):
        path = data / "recordings" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound(ENTRIES, start, end))
        store.add_piece(ONE, Piece(leg, key, start, (end - start) * 8))
    store.close()
    (data / "sessions").mkdir()
    (data / "sessions" / f"{ONE}-1.session.gz").touch()


def sound(entries: Iterable[Entry], start_ms: int, end_ms: int) -> bytes:
    """A WAV file: a tone for whoever speaks."""
    tone = 8000 * np.sin(np.arange(8 * (end_ms - start_ms)) * np.pi / 8)
    both = np.zeros((len(tone), 2))
    for entry in entries:
        if entry.role != "tool":
            part = slice(8 * max(entry.start_ms - start_ms, 0), 8 * max(entry.end_ms - start_ms, 0))
            both[part, int(entry.role == "agent")] = tone[part]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(both.astype("<i2").tobytes())
    return file.getvalue()


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
