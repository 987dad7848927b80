"""What holds in every call, whatever happens in it and in whichever order.

Each promise is one function: of a leg after every step of its tasks, of a leg that is over, or of a whole call. It
returns what is wrong, or "".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec
import trio

from agent.guard.breaker import Breaker
from agent.hear.ports import HEARING_RATE
from agent.keep import journal
from agent.keep.record import CallRecord, Entry
from agent.model import BYTES_PER_MS, Ending
from agent.providers.scripted import MS_PER_CHARACTER
from agent.rehearsal.log import CallLog
from nurseries.call import HANG_UPS
from nurseries.line.closing import BEFORE_CLOSE_S, CLOSE_S, LAST_WORDS_S
from tests.schedules.leg import QUIET, Leg

SOON_S = 0.05
"""For what takes no time but the scheduler's."""
SAME_MS = 1.0
"""The record has whole milliseconds."""
BEHIND_CHARACTERS = 20
"""By how much less than what was said a record may tell at one moment than before: a mark that comes late tells that
the caller hears later than was thought, by half a second at most, and a word is told whole."""

# After every step.


def at_most_one_pipeline(leg: Leg) -> str:
    """One turn at a time thinks and speaks; the next one begins once the one before is gone."""
    return f"{leg.thinking} turns at once" if leg.thinking > 1 else ""


def no_sound_of_a_silenced_turn(leg: Leg) -> str:
    """Once it is decided to be silent, not a byte that was queued before is sent, nor is one queued by who spoke."""
    return f"{leg.strays} pieces of sound that nobody had to say" if leg.strays else ""


def the_clear_comes_first(leg: Leg) -> str:
    """What is said next is sent behind the clear, or the carrier would throw it away."""
    return f"{leg.overtaken} pieces of sound overtook their clear" if leg.overtaken else ""


def silence_is_told_at_once(leg: Leg) -> str:
    """Where the carrier holds sound of ours, it is told to throw it away in the step of the decision, as fast as the
    socket takes it."""
    since = leg.silent_since
    if since is None or leg.wire.blocked or leg.call.ending in QUIET or leg.ended_at is not None:
        return ""
    late = trio.current_time() - max(since, leg.wire.unblocked_at)
    return f"the carrier plays on for {late:.2f} s" if late > SOON_S else ""


def nobody_speaks_after_the_ending(leg: Leg) -> str:
    """Behind the ending nothing new is said but for its last words; behind a hang-up or a hand-off nothing at all."""
    return f"{leg.after} pieces of sound behind the ending" if leg.after else ""


def a_hang_up_is_noticed_at_once(leg: Leg) -> str:
    """The stream's end is the leg's end."""
    if leg.hung_up_at is None or leg.call.ending is not None:
        return ""
    late = trio.current_time() - leg.hung_up_at
    return f"not noticed for {late:.2f} s" if late > SOON_S else ""


STEP: tuple[Callable[[Leg], str], ...] = (
    at_most_one_pipeline,
    no_sound_of_a_silenced_turn,
    the_clear_comes_first,
    silence_is_told_at_once,
    nobody_speaks_after_the_ending,
    a_hang_up_is_noticed_at_once,
)

# As the record changes.


def nothing_is_forgotten(before: CallRecord | None, now: CallRecord) -> str:
    """The record so far has all that it had: the caller's lines, the tools, and what was heard of the agent."""
    if before is None:
        return ""
    kept = [_key(entry) for entry in now.entries]
    for entry in before.entries:
        if entry.role != "agent" and _key(entry) not in kept:
            return f"{entry.role}: {entry.text!r} is gone"
    old, new = agent_words(before), agent_words(now)
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if same < len(old) - BEHIND_CHARACTERS:
        return f"what was heard of the agent was ...{old[-40:]!r}, and is ...{new[-40:]!r}"
    return ""


def heard_is_sent(leg: Leg, now: CallRecord, recordings: frozenset[str]) -> str:
    """No more of the agent was heard than was sent."""
    said = agent_words(now)[len(agent_words(leg.before)) if leg.before is not None else 0 :]
    for recording in recordings:
        said = said.replace(_close(recording), "")
    heard_ms, sent_ms = len(said) * MS_PER_CHARACTER, leg.sent_bytes / BYTES_PER_MS
    return f"{heard_ms} ms heard, {sent_ms:.0f} ms sent" if heard_ms > sent_ms + MS_PER_CHARACTER else ""


# Of a leg that is over.


def the_end_comes_in_time(leg: Leg, lingers_s: float, utterance_s: float) -> str:
    """From its ending a leg is gone within the bounds of docs/deadlines.md, and what a provider's cleanup takes: a
    socket whose caller has hung up, or which is fenced off, within the time for the store and the closing handshake; a
    lost line once the last words are understood, or given up; any other end once its last words are heard."""
    if leg.ended_at is None or leg.over_at is None:
        return ""
    took = leg.over_at - leg.ended_at
    settings = leg.call._parts.settings
    bound = BEFORE_CLOSE_S + CLOSE_S + 2 * lingers_s + SOON_S
    if leg.call.ending is Ending.CONNECTION_LOST:
        bound += max(LAST_WORDS_S, settings.STT_TIMEOUT_S + HEARING_RATE * utterance_s)
    elif leg.call.ending is Ending.MOVED:
        bound += settings.SEND_TIMEOUT_S
    elif leg.call.ending not in HANG_UPS:
        bound += settings.GOODBYE_TIMEOUT_S
    return f"took {took:.2f} s, the bound is {bound:.2f} s" if took > bound else ""


def no_turn_is_reserved(micros: int) -> str:
    """What was reserved for turns of a leg that is over is free before its account is closed: each has settled."""
    return f"{micros} millionths of a dollar" if micros else ""


def what_was_understood_is_written_down(leg: Leg, told: Sequence[tuple[float, float, str]], until_ms: float) -> str:
    """What the recogniser has answered last of each utterance is in the record, word for word and in its place, or the
    utterance is left for whoever understands the rest of a call. Nobody else tells what the caller said. `until_ms`:
    what begins then or later is said to the next leg, which may have begun before this one is closed."""
    call, known = leg.call, len(leg.before.entries) if leg.before is not None else 0
    ours = (each for each in told if call._leg_began_ms - SAME_MS <= each[0] < until_ms - SAME_MS)
    last = {start: (start, end, text) for start, end, text in ours}
    lines = [entry for entry in call.record().entries[known:] if entry.role == "caller" and not entry.keys]
    for start, end, text in last.values():
        written = any(line.text == text and abs(line.end_ms - end) <= SAME_MS for line in lines)
        left = any(one.start_ms <= end and one.end_ms >= start for one in call.unheard())
        if text and not written and not left:
            return f"{text!r}, from {start:.0f} to {end:.0f} ms, is not in {[line.text for line in lines]}"
    for line in lines:
        if not any(line.text == text and abs(line.end_ms - end) <= SAME_MS for _, end, text in told):
            return f"{line.text!r}, until {line.end_ms} ms, was never told"
    return ""


def nothing_is_left_of_a_leg(leg: Leg) -> str:
    """No task, no job, no sentence, no sound; the socket is closed."""
    call, left = leg.call, []
    left += [f"{leg.alive} tasks"] if leg.alive else []
    left += ["a job"] if call.dialogue.runner._scope is not None else []
    left += ["a transcription"] if call.floor.ears._runner._scope is not None else []
    left += ["a speech"] if call.dialogue.speech is not None else []
    left += ["sound"] if leg.outbox._queue or leg.outbox.live is not None else []
    left += [] if leg.wire.closed else ["an open socket"]
    return ", ".join(left)


def there_is_an_ending(leg: Leg) -> str:
    """A leg that is over has ended in one way, and says why."""
    return "" if leg.call.ending is not None and leg.call.reason else "no ending, or no reason"


def who_watches_sees_what_is_written(leg: Leg) -> str:
    """Every turn that was told is in the record, word for word; so is every sentence that was told to be heard;
    each moment in its time."""
    record = leg.call.record()
    moments = [msgspec.json.decode(moment.data) for moment in leg.call.feed.since(0)]
    said = [entry.text for entry in record.entries if entry.role == "caller"]
    for turn in moments:
        if turn["kind"] == "turn" and turn["text"] not in said:
            return f"the turn {turn['text']!r} is not in {said}"
    words = agent_words(record)
    pieces = {one["piece"]: one["text"] for one in moments if one["kind"] == "say"}
    for one in moments:
        if one["kind"] == "mark" and _close(pieces[one["piece"]]) not in words:
            return f"{pieces[one['piece']]!r} was heard, and is not in ...{words[-60:]!r}"
    times = [one["at_ms"] for one in moments]
    return "" if times == sorted(times) else "a moment stands before one that was earlier"


# Of a whole call.


class Provider(Protocol):
    """One port's."""

    @property
    def name(self) -> str: ...
    @property
    def active(self) -> int: ...


def no_request_is_left(providers: list[Provider]) -> str:
    """Every request to a provider is over, by itself or cancelled."""
    return ", ".join(f"{type(each).__name__}: {each.active}" for each in providers if each.active)


def no_probe_is_under_way(breakers: list[Breaker]) -> str:
    """Every request has told its breaker what became of it, or that it was given up."""
    return ", ".join(breaker.name for breaker in breakers if breaker._probing)


def one_provider_is_heard(mixed: list[str]) -> str:
    """What comes of a chain for one request is what one provider has made of it, from its beginning."""
    return "; ".join(mixed)


def nothing_is_reserved(reserved_usd: float) -> str:
    """What was put by for a call is free again."""
    return f"{reserved_usd} dollars" if reserved_usd else ""


def the_carrier_has_no_complaint(log: CallLog) -> str:
    """Every message that was sent is one that the carrier takes, and none comes after the stream's stop."""
    return "; ".join(f"{one.code} {one.what}" for one in log.violations)


def the_record_is_in_order(record: CallRecord) -> str:
    """Complete, and every entry and leg in its place and time."""
    if record.duration_ms < 0 or not record.legs:
        return "no time, or no leg"
    for entry in record.entries:
        if entry.start_ms > entry.end_ms:
            return f"{entry.text!r} ends before it begins"
    for one, other in pairwise(record.entries):
        if one.start_ms > other.start_ms:
            return f"{other.text!r} stands behind {one.text!r}"
    for leg, later in pairwise(record.legs):
        if leg.began_ms > later.began_ms or (leg.ended_ms or 0) > later.began_ms + SOON_S * 1000:
            return f"the leg from {leg.began_ms} to {leg.ended_ms} ms overlaps that from {later.began_ms} ms"
    return ""


def the_journal_tells_the_same(written: bytes, record: CallRecord) -> str:
    """What was written down while the call went on, read back, is the newest record."""
    events, damaged = journal.read(written)
    told = journal.replay(events).get(record.call_sid)
    return "" if told == record and not damaged else "the journal's record is another one"


def a_torn_journal_tells_what_was_before(lines: list[bytes], records: list[CallRecord], cut: float) -> str:
    """A crash that tears the journal costs the line that it tears, and nothing before."""
    n = min(int(cut * len(lines)), len(lines) - 1)
    torn = b"".join(lines[:n]) + lines[n][: len(lines[n]) // 2]
    events, _ = journal.read(torn)
    told = journal.replay(events).get(records[n].call_sid)
    return "" if told == (records[n - 1] if n else None) else f"torn in line {n}, it tells another record"


def _key(entry: Entry) -> tuple[str, ...]:
    told = "" if entry.role == "tool" else entry.text  # of a tool that is running the result is not known
    return entry.role, told, entry.keys, entry.tool, entry.arguments


def agent_words(record: CallRecord) -> str:
    """All that it has of the agent, without spaces."""
    return "".join(_close(entry.text) for entry in record.entries if entry.role == "agent")


def _close(text: str) -> str:
    return "".join(text.split())
