"""Two lists of decisions, before and after: which of them have changed, and by how much the same ones came sooner or
later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.replay.decisions import Decision

SHIFT_S = 1.5
"""A decision that comes sooner or later by less is the same one, at another time."""


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that was another one, or none, before or after."""

    before: Decision | None
    after: Decision | None

    @property
    def at_s(self) -> float:
        return min(each.at_s for each in (self.before, self.after) if each is not None)

    @property
    def kind(self) -> str:
        """As it was; where it was none, as it is."""
        return (self.before or self.after or Decision(0.0, "")).kind

    def __str__(self) -> str:
        before = "nothing" if self.before is None else str(self.before)
        after = "nothing" if self.after is None else str(self.after)
        late = ""
        if self.before is not None and self.after is not None and before == after:
            late = f" {self.after.at_s - self.before.at_s:+.1f} s"
        return f"at {self.at_s:.1f} s: {before} -> {after}{late}"


@dataclass(frozen=True, slots=True)
class Compared:
    """One leg's."""

    changes: list[Change]
    """In the order of their times."""
    shifts: list[float] = field(default_factory=list)
    """Seconds by which the same decisions came later."""
    latencies: list[tuple[float, float]] = field(default_factory=list)
    """Of answers that there were before and after: seconds since the caller's last word."""


def compared(before: Sequence[Decision], after: Sequence[Decision]) -> Compared:
    """The same decisions are of one kind, with the same words, and near one another in time; each has one partner, in
    order."""
    partners = _partners(before, after)
    taken = {n for n in partners if n is not None}
    left = [(at, each) for at, each in enumerate(before) if partners[at] is None]
    more = [(at, each) for at, each in enumerate(after) if at not in taken]
    same = [(before[at], after[n]) for at, n in enumerate(partners) if n is not None]
    return Compared(
        sorted(_paired([each for _, each in left], [each for _, each in more]), key=lambda change: change.at_s),
        [b.at_s - a.at_s for a, b in same],
        [(a.latency_s, b.latency_s) for a, b in same if a.latency_s is not None and b.latency_s is not None],
    )


def _partners(before: Sequence[Decision], after: Sequence[Decision]) -> list[int | None]:
    """For each of the first, which of the second it is."""
    places = defaultdict[tuple[str, str], list[int]](list)
    for place, each in enumerate(after):
        places[each.kind, _plain(each.what)].append(place)
    found = list[int | None]()
    for each in before:
        mine = places[each.kind, _plain(each.what)]
        while mine and after[mine[0]].at_s < each.at_s - SHIFT_S:
            mine.pop(0)
        near = bool(mine) and after[mine[0]].at_s <= each.at_s + SHIFT_S
        found.append(mine.pop(0) if near else None)
    return found


def _paired(left: list[Decision], more: list[Decision]) -> list[Change]:
    """What has no partner: with what is in its place, if that is of its kind and not far."""
    changes = []
    for each in left:
        other = next((o for o in more if o.kind == each.kind and abs(o.at_s - each.at_s) <= 4 * SHIFT_S), None)
        if other is not None:
            more.remove(other)
        changes.append(Change(each, other))
    return [*changes, *(Change(None, each) for each in more)]


def _plain(words: str) -> str:
    return " ".join(words.casefold().split())
