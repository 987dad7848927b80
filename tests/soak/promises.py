"""What holds for every call of a soak, whatever befell it: the caller's side of the line and the record in, what was
broken out. Pure.

Every call has one record, complete, and that tells what the caller heard, word for word; nobody is greeted twice; no
call is dropped but by its caller. What excuses a fault is told here, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import msgspec

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.rehearsal.caller_words import EDGE_MS
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, CallLog
from agent.rehearsal.spelling import UNKNOWN, Words
from agent.rehearsal.verdict import RECORDING, Wants, cuts, heard_in, judge
from tests.soak.site import GREETING
from tests.soak.town import Caller

HUNG_UP = Ending.CALLER_HUNG_UP.value
ENDINGS = {
    "early": {HUNG_UP, Ending.CONNECTION_LOST.value},
    "farewell": {HUNG_UP, Ending.AGENT_SAID_GOODBYE.value},
    "silent": {Ending.CALLER_SILENT.value},
    "transfer": {HUNG_UP, Ending.TRANSFERRED.value},
}
"""How a call of each kind ends; the others when their caller hangs up."""

LONGEST_WORD = 12
"""Of what the agent says, in characters."""


@dataclass(frozen=True, slots=True)
class Befell:
    """What excuses a call."""

    struck: frozenset[str] = frozenset()
    """Ports of which a request of this call failed: what was said then may not have been understood, or spoken."""
    crash: bool = False
    """A process was killed while it went on."""
    away: bool = False
    """The store was away, or slow, while it went on: another process cannot know of it."""


def broken(caller: Caller, log: CallLog, record: CallRecord | None, befell: Befell) -> Iterator[str]:
    """In words."""
    if not log.legs:
        if not befell.away and not befell.crash:
            yield f"no stream: {log.unreachable or log.failures or log.steps}"
        return
    if record is None:
        if caller.plan.hang_up_at_ms is None:
            yield "there is no record"
        return
    if not (record.ending and record.summary and record.ended_at) or record.thread is not None:
        yield f"the record is not complete: ending {record.ending!r}"
    told = msgspec.to_builtins(record)
    verdict = judge(log, told, Wants(greeting=GREETING))
    exact = _told(log, record, befell)
    yield from (fault for fault in verdict.faults if _counts(fault, befell, exact=exact))
    yield from _dropped(caller, log, record, befell)


def _counts(fault: str, befell: Befell, *, exact: bool) -> bool:
    match fault.split(" ", 1)[0]:
        case "violation" | "greeted":
            return True
        case "said":
            return not befell.struck and "Ihavespokenfor" not in fault  # what a cough is taken for, each time
        case "heard":
            return not exact
        case "in":
            return not exact and "not said then" not in fault
    return False


def _told(log: CallLog, record: CallRecord, befell: Befell) -> bool:
    """The record has what was heard to the character, whatever was cut and taken up again; but for a word in the middle
    of which the agent was silenced, its voice failed, or the line broke off: such a word was not said."""
    ends, heard = cuts(log), heard_in(log)
    pattern = ""
    for words, following in zip_longest(heard, heard[1:]):
        until = following.start_ms if following is not None else float("inf")
        torn = "speak" in befell.struck or any(words.end_ms - EDGE_MS <= end <= until for end in ends)
        *whole, last = re.findall(r"[^\s.?!]+[.?!]*|[.?!]+", words.text) or [""]
        part = "".join(map(re.escape, whole)) + (f"(?:{re.escape(last)})?" if torn else re.escape(last))
        pattern += part.replace(UNKNOWN, ".") if words.spelled else f".{{1,{RECORDING}}}?"
    kept = "".join("".join(entry.text for entry in record.entries if entry.role == "agent").split())
    if re.fullmatch(pattern, kept):
        return True
    return "speak" in befell.struck and _nearly(heard, kept)


def _nearly(heard: Sequence[Words], kept: str) -> bool:
    """Where a voice has failed in a word, that word may run into the next in the ear, and is not in the record: but for
    so much the record has nothing less, and nothing else. A recording that stood in tells nobody what it said."""
    if not all(words.spelled for words in heard):
        return True
    sound = "".join("".join(words.text.split()) for words in heard)
    left = iter(sound)
    return len(sound) - len(kept) <= LONGEST_WORD and all(character in left for character in kept)


def _dropped(caller: Caller, log: CallLog, record: CallRecord, befell: Befell) -> Iterator[str]:
    ended = record.ending
    allowed = ENDINGS.get(caller.kind, {HUNG_UP})
    if ended not in allowed and not befell.crash and not befell.away:
        yield f"ended: {ended} ({record.reason}), and for the caller: {log.ended}"
    if log.ended not in {CALLER_HUNG_UP, SERVER_CLOSED} and not befell.away:
        yield f"for the caller it ended so: {log.ended} {log.failures}"
