"""What a caller who counts every word says of one call: its log and the server's record in, faults and figures out.

The agent's speech spells its text (agent/rehearsal/spelling), the caller's lines carry words (codewords), and the agent
says back what it has heard ("You said: ..."). So the sound alone tells which sentences were heard, and how often; the
record must say the same, on both sides. Spaces do not count: between two sentences there is no sound.

After a crash a call is held to less: the sentence that broke off is said again, what was said within a second of the
crash may be forgotten, and so may the line that the caller was saying, or had just said.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agent.rehearsal import measures
from agent.rehearsal.codewords import WORD_MS
from agent.rehearsal.log import CALLER_HUNG_UP, STREAM_CRASHED, CallLog
from agent.rehearsal.spelling import UNKNOWN, Words, read

DURABLE_MS = 1000
"""What was said longer before a crash is remembered."""
UNDERSTOOD_MS = 2000
"""From the end of a caller's line until it is understood, for a line to count as said."""
EDGE_MS = 60
"""What a word may miss at its edge and still be required: a detector of speech is not exact, a frame is 20 ms."""

SAID_BACK = "Yousaid:"
REMNANT = re.compile(r"I have spoken for \d+ milliseconds\.")
"""What a `scripted` recogniser makes of sound that holds no whole word: all that a stream carried of a line."""
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
    made.dropped = bool(log.unreachable) or log.ended != CALLER_HUNG_UP or bool(log.failures)
    made.faults += [*([log.unreachable] if log.unreachable else []), *log.failures]
    made.faults += [f"violation {one.code}: {one.what}" for one in log.violations]
    if not log.legs:
        return made
    if log.ended != CALLER_HUNG_UP and not made.faults:
        made.faults.append(f"dropped: {log.ended}")
    made.breaks = measures.breaks(log)
    made.crashed = [leg.ended == STREAM_CRASHED for leg in log.legs[:-1]]
    heard = heard_in(log)
    made.agent_words = sum(len(words.text.split()) for words in heard)
    made.faults += _speech(log, heard, made, wants)
    made.faults += _breaks(log, made, wants)
    if record is None:
        made.faults.append("there is no record")
        return made
    made.faults += _agent_side(log, heard, record)
    made.faults += _caller_side(log, record, made)
    if record["ending"] != "caller hung up":
        made.faults.append(f"the record says: {record['ending']!r}")
    return made


def heard_in(log: CallLog) -> list[Words]:
    """What the caller has heard of the agent."""
    return read(log.played, cuts(log))


def cuts(log: CallLog) -> list[float]:
    """When the agent was silenced, in milliseconds of the call; also where all that had come of it was played."""
    ends = [leg.ended_ms for leg in log.legs if leg.ended_ms is not None]
    return sorted([*ends, *(clear.at_ms for clear in log.clears)])


def crashes(log: CallLog) -> list[float]:
    """When streams died, in milliseconds of the call."""
    return [leg.ended_ms or 0 for leg in log.legs if leg.ended == STREAM_CRASHED]


def sentences(heard: Sequence[Words], log: CallLog) -> list[Sentence]:
    """What the agent was heard to say, parted at the ends of sentences and of streams, and where it was silenced."""
    made, ends = [], cuts(log)
    for _, group in itertools.groupby(heard, key=lambda words: sum(words.start_ms >= end for end in ends)):
        stretches = [words for words in group if words.spelled]
        for text, n in _parted(["".join(words.text.split()) for words in stretches]):
            made.append(Sentence(text, stretches[n].end_ms))
    return made


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
    near = [sentence for sentence in said if not _excused(sentence.end_ms, log)]
    made.greetings = sum(sentence.text == first for sentence in said)
    if sum(sentence.text == first for sentence in near) > 1:
        faults.append(f"greeted {made.greetings} times")
    if not made.greetings:
        faults.append("not greeted")
    twice = Counter(sentence.text for sentence in near if sentence.text.startswith(SAID_BACK) and sentence.whole)
    said_lines = Counter("".join(f"{SAID_BACK}{one.line.text}.".split()) for one in log.spoken)
    for text, times in twice.items():
        if times > max(1, said_lines[text]):
            faults.append(f"said {times} times: {text}")
    return faults


def _excused(at_ms: float, log: CallLog) -> bool:
    """Heard so shortly before a crash that it may be forgotten, and said again."""
    return any(-100 <= crash - at_ms <= DURABLE_MS for crash in crashes(log))


def _breaks(log: CallLog, made: Verdict, wants: Wants) -> list[str]:
    faults = []
    for one, crashed, leg in zip(made.breaks, made.crashed, log.legs[1:], strict=True):
        # An agent that finds its caller speaking listens: then the stream has to be there in time.
        until = one.at_ms + wants.crash_ms
        speaks = any(spoken.start_ms < until and spoken.end_ms > leg.began_ms for spoken in log.spoken)
        after = one.opened_ms if speaks else one.silence_ms
        if crashed and (after is None or after > wants.crash_ms):
            waited = "never" if after is None else f"after {after:.0f} ms"
            what = "the next stream came" if speaks else "the agent spoke"
            faults.append(f"behind the crash at {one.at_ms / 1000:.1f} s {what} {waited}")
    if wants.updates is not None and made.updates > wants.updates:
        faults.append(f"updated over REST {made.updates} times")
    if made.cut:
        faults.append(f"{made.cut} updates over REST cut a live stream")
    return faults


def _agent_side(log: CallLog, heard: Sequence[Words], record: Mapping[str, Any]) -> list[str]:
    """Whether the record has what was heard: to the character; to the sentence where one was broken off."""
    kept = ["".join(entry["text"].split()) for entry in record["entries"] if entry["role"] == "agent"]
    if not crashes(log) and not any(clear.dropped_ms for clear in log.clears):
        return _exactly(heard, "".join(kept))
    told = [text for entry in kept for text, _ in _parted([entry]) if text.endswith((".", "?", "!"))]
    said = [sentence for sentence in sentences(heard, log) if sentence.whole]
    faults, left = [], Counter(told)
    for sentence in sorted(said, key=lambda sentence: _excused(sentence.end_ms, log)):
        if left[sentence.text]:
            left[sentence.text] -= 1
        elif not _excused(sentence.end_ms, log):
            faults.append(f"heard at {sentence.end_ms / 1000:.1f} s, and not in the record: {sentence.text}")
    more = [text for text, times in left.items() if times > 0]
    if len(more) <= len(_unread(heard)):
        return faults
    return faults + [f"in the record, and never heard: {text}" for text in more]


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


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of the caller's."""

    word: str
    at_ms: float
    between: bool
    """Some of it fell between two streams."""
    excused: bool
    """A crash, or the end of the call, may have taken it."""

    @property
    def due(self) -> bool:
        return not (self.between or self.excused)


def _caller_side(log: CallLog, record: Mapping[str, Any], made: Verdict) -> list[str]:
    """Whether each of the caller's words that a stream carried is in the record, once and in order."""
    said = _said(log)
    torn = sum(_fell_between(spoken.start_ms, spoken.end_ms, log) for spoken in log.spoken)
    kept = " ".join(entry["text"] for entry in record["entries"] if entry["role"] == "caller")
    recorded = re.findall(r"\w+", REMNANT.sub("", kept, count=torn) if torn else kept)
    matched = _matched(said, recorded)
    made.caller_words = len(said)
    missing = [one for n, one in enumerate(said) if n not in matched]
    made.lost_between = sum(one.between for one in missing)
    made.forgotten = sum(one.excused and not one.between for one in missing)
    faults = [
        f"the caller's {one.word!r} at {one.at_ms / 1000:.2f} s is not in the record" for one in missing if one.due
    ]
    known = set(matched.values())
    more = [word for n, word in enumerate(recorded) if n not in known]
    if more:
        faults.append(f"in the record, and not said then: {' '.join(more[:6])}")
    return faults[:3]


def _said(log: CallLog) -> list[_Said]:
    made = []
    for spoken in log.spoken:
        taken = any(
            spoken.start_ms - EDGE_MS <= crash <= spoken.end_ms + DURABLE_MS + UNDERSTOOD_MS for crash in crashes(log)
        )
        for n, word in enumerate(spoken.line.text.split()):
            start = spoken.start_ms + n * WORD_MS
            if start < spoken.end_ms:
                between = _fell_between(start, start + WORD_MS, log)
                late = start + WORD_MS > log.duration_ms - UNDERSTOOD_MS
                made.append(_Said(word, start, between, taken or late))
    return made


def _matched(said: Sequence[_Said], recorded: Sequence[str]) -> dict[int, int]:
    """Which word that was said is which of the recorded ones, both in order: as many as can be of those that are due,
    then of the others."""
    worth = np.array([3 if one.due else 2 for one in said], np.int64)
    numbers = {word: n for n, word in enumerate(dict.fromkeys([*recorded, *(one.word for one in said)]))}
    kept = np.array([numbers[word] for word in recorded], np.int64)
    best = np.zeros((len(said) + 1, len(recorded) + 1), np.int64)
    for n, one in enumerate(said):
        taken = np.where(kept == numbers[one.word], best[n, :-1] + worth[n], 0)
        best[n + 1, 1:] = np.maximum.accumulate(np.maximum(taken, best[n, 1:]))
    made, n, at = {}, len(said), len(recorded)
    while n and at:
        if best[n, at] == best[n - 1, at]:
            n -= 1
        elif best[n, at] == best[n, at - 1]:
            at -= 1
        else:
            n, at = n - 1, at - 1
            made[n] = at
    return made


def _fell_between(start_ms: float, end_ms: float, log: CallLog) -> bool:
    """Whether some of it fell between two streams, or into what the first one did not carry yet."""
    for old, new in itertools.pairwise(log.legs):
        if start_ms < new.hears_from_ms + EDGE_MS and end_ms > old.hears_until_ms - EDGE_MS:
            return True
    return start_ms < log.caller_start_ms


def _difference(sound: str, kept: str) -> str:
    same = len([1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(sound, kept, strict=False))])
    return f"heard ...{sound[max(0, same - 15) : same + 40]!r}, kept ...{kept[max(0, same - 15) : same + 40]!r}"
