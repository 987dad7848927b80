"""What a call leaves behind: who, when, how it ended, and what was said by whom and heard by the caller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from agent.keep.piece import Piece
from agent.keep.stand_ins import StandIn
from agent.keep.thread import Leg, Thread
from agent.keep.usage import Usage

VERSION = 3
"""Records of earlier versions are read as well: every field since then has a default."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing said, in the order the caller heard it."""

    role: Literal["caller", "agent", "tool"]
    text: str
    """Words; of a tool, its result."""
    start_ms: int
    end_ms: int
    interrupted: bool = False
    """The caller cut it short: `text` holds what was heard of it, `meant` what would have been said."""
    aside: bool = False
    """The caller only showed that they listened: "mm-hm"."""
    keys: str = ""
    """Pressed, not spoken."""
    tool: str = ""
    arguments: str = ""
    """JSON, as the model wrote it."""
    meant: str = ""
    """Of what was cut short: all of it that was known by then; empty where nothing was."""


class TurnTimes(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where one turn's time went, in milliseconds from the end-of-turn decision; and what it used."""

    heard_ms: int
    """Transcription done."""
    first_token_ms: int
    first_audio_ms: int
    """First byte of the reply handed to the socket."""
    usage: tuple[Usage, ...] = ()
    """From the end of the answer before to its own end: hearing, thinking, speaking."""
    cost_usd: float | None = None
    """Of that; None where nothing was used, or the price of any of it is not known."""
    said_ms: int | None = None
    """When the caller's last word had ended, on the call's clock. None, as below, where keys were pressed or it is not
    known."""
    endpoint_ms: int | None = None
    """Silence behind it until the end of the turn was decided."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a fact rests on."""

    fact: str
    value: str
    evidence: str = ""
    """The caller's words for it."""
    utterance: str = ""
    said_ms: int | None = None


class Points(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a score's explanation."""

    points: int
    why: str
    fact: str
    value: str
    evidence: str = ""
    utterance: str = ""
    said_ms: int | None = None


class Lead(msgspec.Struct, frozen=True):
    """How promising the caller is."""

    score: int
    """0 to 100: the sum of the points, within these bounds."""
    points: tuple[Points, ...]
    facts: tuple[Evidence, ...]


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
    """Empty while the call goes on."""
    entries: tuple[Entry, ...]
    turns: tuple[TurnTimes, ...] = ()
    facts: dict[str, str] = {}
    providers: dict[str, str] = {}
    barge_ins: int = 0
    frames_dropped: int = 0
    language: str = ""
    transferred_to: str = ""
    false_interruptions: int = 0
    """Sounds without words that silenced the agent for a moment."""
    backchannels: int = 0
    early_transcriptions: int = 0
    """Begun while the caller only paused."""
    early_discarded: int = 0
    """Those of them that were for nothing."""
    summary: str = ""
    summary_by: str = ""
    """The model that wrote it, or "rules"."""
    lead: Lead | None = None
    recording: str = ""
    """The key of its sound in the object store, or of the first piece of it; empty where it was not recorded, or is not
    stored yet."""
    reason: str = ""
    """Why it ended, in words for whoever looks into it."""
    usage: tuple[Usage, ...] = ()
    """What paid models did for it, and for its summary."""
    ended_at: str = ""
    """As `started_at`; empty while the call goes on."""
    full_text: str = ""
    """All that was said, a line for each entry."""
    word_count: int = 0
    """Of what both sides said."""
    cost_usd: float | None = None
    """Of `usage`; None where the price of any of it is not known."""
    stand_ins: tuple[StandIn, ...] = ()
    """Parts of turns that were not served by whom `providers` names."""
    cost_estimated_usd: float = 0.0
    """The part of it that rests on estimates, as servers did not tell."""
    purpose: str = ""
    """Of a call that was placed: why."""
    variables: dict[str, str] = {}
    """What was known of the person beforehand."""
    revision: int = 0
    """See `revision_of`; or one more than before. A store never goes back to a smaller one."""
    version: int = VERSION
    order: str = ""
    """Of a call that we placed: the id of its order."""
    campaign: str = ""
    """Of such a call: for whom or what it was placed."""
    legs: tuple[Leg, ...] = ()
    """Its media streams; more than one where another process went on with it."""
    thread: Thread | None = None
    """What it takes to go on with it; None once it is over."""
    missing: int = 0
    """Its first legs of which whoever went on with it could not read anything: a store has them, and puts them before;
    see `whole_call`."""
    pieces: tuple[Piece, ...] = ()
    """What is stored of its sound, in order. A store's own: it says so of every record, and takes it from none."""


EPOCH = 2**42
"""Milliseconds until the year 2109."""


def revision_of(epoch: int, at: float) -> int:
    """Of what is changed at that time, in seconds since 1970, by the so-manieth writer of a record, from 1: whatever a
    later writer's clock says, an earlier one's state is older."""
    return (epoch - 1) * EPOCH + round(at * 1000)


def changed_at(revision: int) -> float:
    """When that was."""
    return revision % EPOCH / 1000


def epoch_of(revision: int) -> int:
    """Which writer's."""
    return revision // EPOCH + 1


class Outline(msgspec.Struct, frozen=True):
    """What can be told of a record that cannot be read: enough to know whose it is, and to erase it."""

    caller: str
    called: str
    direction: str
    started_at: str
    ending: str = ""
    recording: str = ""
    pieces: tuple[Piece, ...] = ()


def sounds_of(record: CallRecord | Outline) -> list[str]:
    """The keys of all that is stored of its sound."""
    return list(dict.fromkeys([*([record.recording] if record.recording else []), *(p.key for p in record.pieces)]))


def with_pieces(record: CallRecord, pieces: Iterable[Piece]) -> CallRecord:
    """As a store tells it that has these, in any order."""
    placed = (_placed(record, piece) for piece in pieces)
    found = tuple(sorted(placed, key=lambda piece: (piece.began_ms, piece.leg)))
    if not found:
        return record
    return msgspec.structs.replace(record, pieces=found, recording=record.recording or found[0].key)


def _placed(record: CallRecord, piece: Piece) -> Piece:
    """Where its leg is: see `Leg.later_ms`. A leg that is not known has kept the call's clock."""
    own = [
        (abs(n - piece.leg), leg)
        for n, leg in enumerate(record.legs, 1)
        if leg.began_ms - leg.later_ms == piece.began_ms
    ]
    if not own:
        return piece
    return msgspec.structs.replace(piece, began_ms=min(own, key=lambda each: each[0])[1].began_ms)


def outlined(call_sid: str, outline: Outline) -> CallRecord:
    """It as a record, without what was said."""
    return CallRecord(
        call_sid,
        "",
        outline.caller,
        outline.called,
        outline.direction,
        outline.started_at,
        0,
        outline.ending,
        (),
        recording=outline.recording,
        pieces=outline.pieces,
    )
