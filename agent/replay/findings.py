"""What a comparison over many recordings has found, in words and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.replay.comparison import Compared

MOST_LINES = 3
"""Changes told of one leg."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One recorded leg's."""

    name: str
    compared: Compared
    made_up: Mapping[str, int] = field(default_factory=dict)


def in_words(findings: Sequence[Finding], what: str) -> list[str]:
    """`what` was other than when they were recorded."""
    changed = [finding for finding in findings if finding.compared.changes]
    number = f"{len(changed)} of {len(findings)}"
    lines = [f"with {what}: {number} {'call changes' if len(findings) == 1 else 'calls change'}"]
    for finding in changed:
        changes = finding.compared.changes
        lines += (f"  {finding.name} {change}" for change in changes[:MOST_LINES])
        if len(changes) > MOST_LINES:
            lines.append(f"  {finding.name} and {len(changes) - MOST_LINES} more")
    return [*lines, *_kinds(findings), *_latencies(findings), *_made_up(findings)]


def _kinds(findings: Sequence[Finding]) -> Iterator[str]:
    """How often each kind of decision was another one: gone, new, or in its place."""
    gone, new, other = Counter[str](), Counter[str](), Counter[str]()
    for finding in findings:
        for change in finding.compared.changes:
            (new if change.before is None else gone if change.after is None else other)[change.kind] += 1
    kinds = sorted({*gone, *new, *other})
    if kinds:
        yield f"{'decision':<16} {'gone':>6} {'new':>6} {'other':>6}"
    for kind in kinds:
        yield f"{kind:<16} {gone[kind]:>6} {new[kind]:>6} {other[kind]:>6}"


def _latencies(findings: Sequence[Finding]) -> Iterator[str]:
    """Of the answers that there were before and after."""
    pairs = [pair for finding in findings for pair in finding.compared.latencies]
    if not pairs:
        return
    yield f"{'answers, ms':<16} {'median':>6} {'p90':>6} {'most':>6}   ({len(pairs)})"
    for name, values in (("before", sorted(a for a, _ in pairs)), ("after", sorted(b for _, b in pairs))):
        median, ninth = (values[min(int(len(values) * share), len(values) - 1)] for share in (0.5, 0.9))
        yield f"{name:<16} {median * 1000:>6.0f} {ninth * 1000:>6.0f} {values[-1] * 1000:>6.0f}"


def _made_up(findings: Sequence[Finding]) -> Iterator[str]:
    made = Counter[str]()
    for finding in findings:
        made.update(finding.made_up)
    resting = sum(bool(finding.made_up) for finding in findings)
    if made:
        told = ", ".join(f"{count} {kind}" for kind, count in made.most_common())
        yield f"not in the recordings, and made up ({resting} of {len(findings)}): {told}"
