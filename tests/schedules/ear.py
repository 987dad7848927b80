"""Whether a record says what the caller's ear got of the agent: the log of a simulated caller and the agent's words of
one leg in, what is wrong out.

The voice spells its text, so the sound alone tells what was heard (agent/rehearsal/spelling). Where the agent was cut,
by a clear or by the end of a stream, the record has the whole words; the ear has the beginning of one more, and the
agent goes on with that word, if it goes on. Spaces do not count. A recording cannot be read: it is one of those known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.providers.scripted import MS_PER_CHARACTER
from agent.rehearsal.log import CallLog
from agent.rehearsal.spelling import UNKNOWN, read
from agent.rehearsal.verdict import cuts
from agent.speak.ledger import MAX_LAG_MS

TRAILING_MS = 200
"""Of silence at a sentence's end."""
LONGEST_WORD = 12
MOST_RECORDINGS = 4
"""Without a word in between."""
LAG_CHARACTERS = MAX_LAG_MS // MS_PER_CHARACTER + 1
"""By so much the ear may be thought to be behind: what was heard that long before a cut may count as cut."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was heard without a cut in it."""

    text: str
    spelled: bool
    cut: bool
    """The agent was silenced here."""


def stretches(log: CallLog, began_ms: float, ended_ms: float, broken_ms: Iterable[float]) -> list[Stretch]:
    """What was heard of the agent between two times, in order. `broken_ms`: when a sentence was over that its voice has
    not said to the end."""
    played = [piece for piece in log.played if began_ms <= piece.at_ms < ended_ms]
    silenced = sorted(at for at in (*cuts(log), *broken_ms) if began_ms <= at <= ended_ms + 1)
    ends = [mark.at_ms for mark in log.marks if not mark.cleared]  # a recording may follow without a pause
    heard = read(played, sorted((*silenced, *ends)))
    made, waiting = [], silenced.copy()
    for n, words in enumerate(heard):
        while waiting and waiting[0] < words.end_ms:
            if waiting.pop(0) <= words.start_ms and not (made and made[-1].cut):  # all that it cut was on its way
                made.append(Stretch("", spelled=True, cut=True))
        until = heard[n + 1].start_ms if n + 1 < len(heard) else ended_ms + 2
        ends_ms = until if until - words.end_ms < TRAILING_MS else words.end_ms
        cut = any(words.end_ms - 2 * MS_PER_CHARACTER <= at <= max(until, ends_ms + MAX_LAG_MS) for at in silenced)
        made.append(Stretch("".join(words.text.split()), words.spelled, cut))
    return _joined(made)


def _joined(made: list[Stretch]) -> list[Stretch]:
    """Recordings have pauses, and pieces too short to tell what they are."""
    joined: list[Stretch] = []
    for stretch in made:
        before = joined[-1] if joined else None
        if before is not None and not (before.text or stretch.text or before.cut):
            joined[-1] = Stretch("", before.spelled and stretch.spelled, stretch.cut)
        else:
            joined.append(stretch)
    return joined


def differs(heard: Sequence[Stretch], told: str, recordings: Iterable[str], over_ms: float) -> str:
    """What is wrong with `told`, an agent's words without spaces. `over_ms`: so much more than was heard it may tell,
    at its end and where the agent was cut, as a socket that took no message held it up."""
    clips = tuple("".join(text.split()) for text in recordings)
    over = int(over_ms / MS_PER_CHARACTER) + (LONGEST_WORD if over_ms else 0)
    places = {0}
    for stretch in heard:
        places = {to for at in places for to in _ends(stretch, told, at, clips, over)}
        if not places:
            return f"heard {[each.text for each in heard]}, at {stretch.text!r}; the record says {told!r}"
    if any(at >= len(told) - over for at in places):
        return ""
    return f"heard {[each.text for each in heard]}, the record says {told!r}"


def _ends(stretch: Stretch, told: str, at: int, clips: Iterable[str], over: int) -> set[int]:
    """Where in the record one may be behind this stretch."""
    if not stretch.spelled:
        whole, last = set[int](), {at}
        for _ in range(MOST_RECORDINGS):
            last = _recordings(told, last, clips)
            whole |= last
        return whole | _parts(told, whole | {at}, clips) if stretch.cut else whole
    same = _common(stretch.text, told, at)
    if not stretch.cut:
        return {at + same} if same == len(stretch.text) else set()
    most = len(stretch.text) + over
    least = max(len(stretch.text) - LONGEST_WORD - LAG_CHARACTERS, 0)
    if same == len(stretch.text):
        return set(range(at + least, min(at + most, len(told)) + 1))
    return set(range(at + least, at + same + 1))


def _common(text: str, told: str, at: int) -> int:
    n = 0
    while n < len(text) and at + n < len(told) and text[n] in {told[at + n], UNKNOWN}:
        n += 1
    return n


def _recordings(told: str, places: set[int], clips: Iterable[str]) -> set[int]:
    return {at + len(clip) for at in places for clip in clips if told.startswith(clip, at)}


def _parts(told: str, places: set[int], clips: Iterable[str]) -> set[int]:
    return {at + n for at in places for clip in clips for n in range(len(clip)) if told.startswith(clip[:n], at)}
