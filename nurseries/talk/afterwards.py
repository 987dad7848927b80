"""What is done once a call is over: its last words understood, the lead scored, the summary written.

Outside the call's own scope, so that no hang-up waits for it; each step has a limit of its own, and none can lose what
is there already. Run by the process as part of its drain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog
import trio

from agent.errors import ProviderError
from agent.hear.ports import HEARING_RATE
from agent.keep.record import CallRecord, Evidence, Lead, Points
from agent.keep.stand_ins import keeping
from agent.keep.thread import Told
from agent.model import Ending
from agent.think.conversation import Line
from agent.think.facts import Fact, values
from agent.think.lead import proven, qualify
from agent.think.score import score
from agent.think.summary import Summary, instructions, plain, read, transcript
from nurseries.call import Call
from nurseries.parts import Parts
from nurseries.talk.ears import joined, understand
from nurseries.talk.taken_over import TakenOver
from nurseries.talk.written import entry_of, lines_of
from nurseries.talk.written import facts_of as facts_with

log = structlog.get_logger(__name__)

BY_RULES = "rules"


async def last_words(call: Call, parts: Parts) -> CallRecord:
    """The record, with what the caller was saying when the call ended and nobody had understood yet; scored, and
    summed up by rules."""
    lines = call.dialogue.memory.conversation.lines
    unheard = call.unheard()
    if unheard:
        whole = joined(unheard)
        limit = parts.settings.STT_TIMEOUT_S + whole.duration_ms / 1000 * HEARING_RATE
        text = await understand(whole, parts.recogniser, call.profile.language, limit)
        if text:
            lines.append(Line("caller", text, whole.start_ms, whole.end_ms))
    record = msgspec.structs.replace(call.record(), entries=tuple(entry_of(line) for line in lines))
    return scored(record, lines, call.dialogue.memory.facts)


def scored(record: CallRecord, lines: Sequence[Line], known: Mapping[str, Fact]) -> CallRecord:
    """The record with its lead, and summed up by rules."""
    facts = qualify(lines, known)
    return _with(record, facts, plain(facts, lines, record.ending), BY_RULES)


def taken_up(record: CallRecord, *, ending: Ending, reason: str) -> CallRecord:
    """What a process that is gone has left of a record, finished as far as rules can; it ended so, unless that is
    known."""
    lines, known = facts_of(record)
    if not record.ending:
        legs = TakenOver(record).legs
        record = msgspec.structs.replace(record, ending=ending.value, reason=reason, legs=legs)
    record = msgspec.structs.replace(record, thread=None)
    return record if record.summary else scored(record, lines, known)


def facts_of(record: CallRecord) -> tuple[list[Line], dict[str, Fact]]:
    """A record's lines, and its facts with what they rest on, as far as that is kept: those that a tool noted cannot
    be found in the lines again."""
    rests_on = tuple(Told(*msgspec.structs.astuple(each)) for each in record.lead.facts) if record.lead else ()
    told = record.thread.facts if record.thread is not None else rests_on
    return lines_of(record), facts_with(told, record.facts)


async def summed_up(record: CallRecord, lines: Sequence[Line], known: Mapping[str, Fact], parts: Parts) -> CallRecord:
    """The record with a model's summary, and the facts that it found and could prove; as it was, where there is no
    model, or none that answers in time."""
    if parts.summariser is None or not any(line.role == "caller" for line in lines):
        return record
    written: Summary | None = None
    by = [parts.summariser.name]
    try:
        with (
            keeping(lambda _part, name, _why: by.append(name)),
            trio.move_on_after(parts.settings.SUMMARY_TIMEOUT_S) as scope,
        ):
            written = read(await parts.summariser.write(instructions(), transcript(lines)))
        if scope.cancelled_caught:
            log.warning("no summary in time", limit_s=parts.settings.SUMMARY_TIMEOUT_S)
    except ProviderError as error:
        log.warning("no summary", error=str(error))
    if written is None:
        return record
    by_rules = qualify(lines, known)
    facts = {**proven(written.claims, lines), **by_rules}  # what the rules read is normalised
    return _with(record, facts, written.text, by[-1])


def _with(record: CallRecord, facts: dict[str, Fact], summary: str, by: str) -> CallRecord:
    scored = score(facts)
    points = tuple(Points(p.points, p.why, *_told(p.fact)) for p in scored.points)
    lead = Lead(scored.total, points, tuple(Evidence(*_told(fact)) for fact in facts.values()))
    return msgspec.structs.replace(record, facts=values(facts), lead=lead, summary=summary, summary_by=by)


def _told(fact: Fact) -> tuple[str, str, str, str, int | None]:
    said_ms = None if fact.said_ms is None else round(fact.said_ms)
    return fact.name, fact.value, fact.evidence, fact.utterance, said_ms
