"""What a caller who counts every word says of one call: its log and the server's record in, faults and figures out.

The agent's speech spells its text (agent/rehearsal/spelling), the caller's lines carry words (codewords), and the agent
says back what it has heard ("You said: ..."). So the sound alone tells which sentences were heard, and how often; the
record must say the same, on both sides. Spaces do not count: between two sentences there is no sound.

After a crash a call is held to less: the sentence that broke off is said again, what was said within a second of the
crash may be forgotten, and so may the line that the caller was saying, or had just said. What else befell the server
excuses what it must (`troubles`), and each time is counted.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.rehearsal import measures
from agent.rehearsal.caller_words import account
from agent.rehearsal.log import CALLER_HUNG_UP, STREAM_CRASHED, CallLog
from agent.rehearsal.spelling import SAME_MS, UNKNOWN, Words, read
from agent.rehearsal.troubles import (
    Troubles,
    answered_ms,
    crashes,
    given_up,
    remembered_ms,
    sent_away,
    stood_still,
    unknown_greeting,
    unreached,
    unseen_end,
)

BRIEF_MS = 1000
"""On a stream that was over so soon nobody had to speak."""
JUST_MS = 100
"""Behind the end of a sound, it may not be known to have ended."""

SAID_BACK = "Yousaid:"
UNSEEN = frozenset({"interrupted", "connection lost"})
"""How the record of a call ends whose end no process has seen, or could keep."""
RECORDING = 100
"""Characters of the longest that a server plays from a recording, where its voice is too slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What a crowd's calls are held to."""

    greeting: str
    crash_ms: float = 3000
    """From a crash to the first of the agent's sound on the next stream."""
    updates: int | None = None
    """So often a call may be changed over REST; None: it is not counted."""
    troubles: Troubles = ()
    """What befell the server."""


@dataclass(slots=True)
class Verdict:
    """On one call."""

    call_sid: str
    faults: list[str] = field(default_factory=list)
    dropped: bool = False
    greetings: int = 0
    agent_words: int = 0
    caller_words: int = 0
    lost_between: int = 0
    """The caller's words that fell between two streams."""
    forgotten: int = 0
    """The caller's words that a crash is allowed to have taken."""
    breaks: list[measures.Break] = field(default_factory=list)
    crashed: list[bool] = field(default_factory=list)
    """Of each break: the stream before it had died."""
    updates: int = 0
    cut: int = 0
    """Updates that ended a stream which carried the call."""
    excused: Counter[str] = field(default_factory=Counter)
    """What would be a fault but for the troubles."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Of the agent, as it was heard, without spaces."""

    text: str
    end_ms: float

    @property
    def whole(self) -> bool:
        return self.text.endswith((".", "?", "!"))


def judge(log: CallLog, record: Mapping[str, Any] | None, wants: Wants) -> Verdict:
    """Hold a call, and what a server has kept of it, to account. `record` is a CallRecord as JSON."""
    made = Verdict(log.call_sid, updates=len(log.updates), cut=sum(one.cut for one in log.updates))
    if unreached(wants.troubles, log) or given_up(wants.troubles, log):
        made.excused["calls that nobody could answer"] += 1
        return made
    made.faults += [f"violation {one.code}: {one.what}" for one in log.violations]
    if record is not None and log.legs and sent_away(wants.troubles, log, record["ending"]):
        made.excused["calls that a process took leave of"] += 1
    else:
        made.dropped = bool(log.unreachable) or log.ended != CALLER_HUNG_UP or bool(log.failures)
        made.faults += [*([log.unreachable] if log.unreachable else []), *log.failures]
        if log.legs and log.ended != CALLER_HUNG_UP and not made.faults:
            made.faults.append(f"dropped: {log.ended}")
    if not log.legs:
        return made
    made.breaks = measures.breaks(log)
    made.crashed = [leg.ended == STREAM_CRASHED for leg in log.legs[:-1]]
    heard = heard_in(log)
    made.agent_words = sum(len(words.text.split()) for words in heard)
    made.faults += _speech(log, heard, made, wants)
    made.faults += _breaks(log, made, wants)
    if record is None:
        made.faults.append("there is no record")
        return made
    made.faults += _agent_side(log, heard, record, wants)
    caller = account(log, record, wants.troubles)
    made.caller_words, made.lost_between, made.forgotten = caller.words, caller.lost_between, caller.forgotten
    made.faults += caller.faults
    made.faults += _ending(log, record, made, wants)
    return made


def _ending(log: CallLog, record: Mapping[str, Any], made: Verdict, wants: Wants) -> list[str]:
    if record["ending"] == "caller hung up" or sent_away(wants.troubles, log, record["ending"]):
        return []
    if record["ending"] in UNSEEN and wants.troubles and unseen_end(wants.troubles, log):
        made.excused["hang-ups that nobody saw"] += 1
        return []
    return [f"the record says: {record['ending']!r}"]


def heard_in(log: CallLog) -> list[Words]:
    """What the caller has heard of the agent."""
    return read(log.played, cuts(log))


def cuts(log: CallLog) -> list[float]:
    """When the agent was silenced, in milliseconds of the call; also where all that had come of it was played."""
    ends = [leg.ended_ms for leg in log.legs if leg.ended_ms is not None]
    return sorted([*ends, *(clear.at_ms for clear in log.clears)])


def sentences(heard: Sequence[Words], log: CallLog) -> list[Sentence]:
    """What the agent was heard to say, parted at the ends of sentences and of streams, and where it was silenced."""
    made, ends = [], [end - SAME_MS for end in (*cuts(log), *_onsets(heard, log))]
    for _, group in itertools.groupby(heard, key=lambda words: sum(words.start_ms >= end for end in ends)):
        stretches = [words for words in group if words.spelled]
        for text, n in _parted(["".join(words.text.split()) for words in stretches]):
            made.append(Sentence(text, stretches[n].end_ms))
    return made


def _onsets(heard: Sequence[Words], log: CallLog) -> list[float]:
    """Where the caller began to speak while nothing was heard of the agent: had it run dry within a sentence, that was
    silenced there, and without a clear, as nothing was left to be dropped."""
    return [
        spoken.start_ms
        for spoken in log.spoken
        if not any(words.start_ms <= spoken.start_ms <= words.end_ms for words in heard)
    ]


def _parted(stretches: Sequence[str]) -> list[tuple[str, int]]:
    """Sentences, each with the number of the stretch that it ends in."""
    made, text = [], ""
    for n, stretch in enumerate(stretches):
        *whole, rest = re.split(r"(?<=[.?!])", text + stretch)
        made += [(sentence, n) for sentence in whole if sentence]
        text = rest
    return [*made, *([(text, len(stretches) - 1)] if text else [])]


def _speech(log: CallLog, heard: Sequence[Words], made: Verdict, wants: Wants) -> list[str]:
    """The greeting once, and no answer twice."""
    said = sentences(heard, log)
    first = _parted(["".join(wants.greeting.split())])[0][0]
    faults = []
    near = [sentence for sentence in said if not _excused(sentence.end_ms, log, wants)]
    made.greetings = sum(sentence.text == first for sentence in said)
    if sum(sentence.text == first for sentence in near) > 1:
        faults.append(f"greeted {made.greetings} times")
    if not made.greetings and unknown_greeting(wants.troubles, log):
        made.excused["greetings that nobody knew of"] += 1
    elif not made.greetings and _from_recording(heard) and stood_still(wants.troubles, log):
        made.excused["greetings from a recording"] += 1
    elif not made.greetings:
        faults.append("not greeted")
    twice = Counter(sentence.text for sentence in near if sentence.text.startswith(SAID_BACK) and sentence.whole)
    said_lines = Counter("".join(f"{SAID_BACK}{one.line.text}.".split()) for one in log.spoken)
    for text, times in twice.items():
        if times > max(1, said_lines[text]):
            faults.append(f"said {times} times: {text}")
    return faults


def _from_recording(heard: Sequence[Words]) -> bool:
    """Whether what came first cannot be read."""
    return next((not words.spelled for words in heard if words.text.strip() or not words.spelled), False)


def _excused(at_ms: float, log: CallLog, wants: Wants) -> bool:
    """Heard so shortly before a crash that it may be forgotten, and said again."""
    return any(remembered_ms(wants.troubles, log, crash) <= at_ms <= crash + 100 for crash in crashes(log))


def _breaks(log: CallLog, made: Verdict, wants: Wants) -> list[str]:
    faults = []
    for one, crashed, leg in zip(made.breaks, made.crashed, log.legs[1:], strict=True):
        # An agent that finds its caller speaking listens: then the stream has to be there in time.
        bound_ms = answered_ms(wants.troubles, log, one.at_ms, wants.crash_ms) - one.at_ms
        until = one.at_ms + bound_ms
        speaks = any(spoken.start_ms < until and spoken.end_ms > leg.began_ms for spoken in log.spoken)
        brief = one.silence_ms is None and leg.ended_ms is not None and leg.ended_ms - leg.began_ms < BRIEF_MS
        after = one.opened_ms if speaks or brief else one.silence_ms
        if crashed and after is not None and wants.crash_ms < after <= bound_ms:
            made.excused["calls that waited for the trouble to be over"] += 1
        if crashed and (after is None or after > bound_ms):
            waited = "never" if after is None else f"after {after:.0f} ms"
            what = "the next stream came" if speaks or brief else "the agent spoke"
            faults.append(f"behind the crash at {one.at_ms / 1000:.1f} s {what} {waited}")
    if wants.updates is not None and made.updates > wants.updates:
        faults.append(f"updated over REST {made.updates} times")
    if made.cut:
        faults.append(f"{made.cut} updates over REST cut a live stream")
    return faults


def _agent_side(log: CallLog, heard: Sequence[Words], record: Mapping[str, Any], wants: Wants) -> list[str]:
    """Whether the record has what was heard: to the character; to the sentence where one was broken off."""
    kept = ["".join(entry["text"].split()) for entry in record["entries"] if entry["role"] == "agent"]
    if not crashes(log) and not _silenced(log):
        return _exactly(heard, "".join(kept))
    told = [text for entry in kept for text, _ in _parted([entry]) if text.endswith((".", "?", "!"))]
    said = [sentence for sentence in sentences(heard, log) if sentence.whole]
    faults, left = [], Counter(told)
    for sentence in sorted(said, key=lambda sentence: _excused(sentence.end_ms, log, wants)):
        if left[sentence.text]:
            left[sentence.text] -= 1
        elif not (_excused(sentence.end_ms, log, wants) or _just_whole(sentence, log)):
            faults.append(f"heard at {sentence.end_ms / 1000:.1f} s, and not in the record: {sentence.text}")
    more = [text for text, times in left.items() if times > 0]
    if len(more) <= len(_unread(heard)):
        return faults
    return faults + [f"in the record, and never heard: {text}" for text in more]


def _silenced(log: CallLog) -> bool:
    """Whether a clear cut something off, or may have seemed to: it found nothing left to play, but only just."""
    ends = [piece.end_ms for piece in log.played]
    return any(clear.dropped_ms or any(0 <= clear.at_ms - end <= JUST_MS for end in ends) for clear in log.clears)


def _just_whole(sentence: Sentence, log: CallLog) -> bool:
    """Whether it was silenced as it had just ended: the server, which is told so a moment later, may have it as cut."""
    return any(0 <= clear.at_ms - sentence.end_ms <= JUST_MS for clear in log.clears)


def _exactly(heard: Sequence[Words], kept: str) -> list[str]:
    """Character for character; a sound that cannot be read, a recording, stands for some words."""
    pattern, sound = "", ""
    for spelled, group in itertools.groupby(heard, key=lambda words: words.spelled):
        text = "".join("".join(words.text.split()) for words in group)
        pattern += re.escape(text).replace(UNKNOWN, ".") if spelled else f".{{1,{RECORDING}}}?"
        sound += text
    return [] if re.fullmatch(pattern, kept) else [_difference(sound, kept)]


def _unread(heard: Sequence[Words]) -> list[bool]:
    """One for each stretch of sound that cannot be read."""
    return [True for spelled, _ in itertools.groupby(heard, key=lambda words: words.spelled) if not spelled]


def _difference(sound: str, kept: str) -> str:
    same = len([1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(sound, kept, strict=False))])
    return f"heard ...{sound[max(0, same - 15) : same + 40]!r}, kept ...{kept[max(0, same - 15) : same + 40]!r}"
