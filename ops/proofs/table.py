"""What a proof prints of its calls, and whether it is passed."""

from __future__ import annotations

import resource
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from agent.rehearsal.log import CallLog
from agent.rehearsal.measures import Break, answers
from agent.rehearsal.verdict import Verdict


def print_table(
    logs: Sequence[CallLog], verdicts: Sequence[Verdict], more: Iterable[tuple[str, object]] = (), *, good: bool = True
) -> int:
    """The table, and the exit code: 1 where a call has a fault, or it is not `good` otherwise."""
    faulty = [verdict for verdict in verdicts if verdict.faults]
    quiet = [one for verdict in verdicts for one, died in zip(verdict.breaks, verdict.crashed, strict=True) if not died]
    dead = [one for verdict in verdicts for one, died in zip(verdict.breaks, verdict.crashed, strict=True) if died]
    excused = sum((verdict.excused for verdict in verdicts), Counter[str]())
    used = resource.getrusage(resource.RUSAGE_SELF)
    lines = [
        ("calls", f"{len(logs)}, of which {sum(verdict.dropped for verdict in verdicts)} dropped"),
        ("greeted twice", sum(verdict.greetings > 1 for verdict in verdicts)),
        *_answers(logs, verdicts),
        ("the agent's words", f"{sum(verdict.agent_words for verdict in verdicts)} heard"),
        ("the callers' words", f"{sum(verdict.caller_words for verdict in verdicts)} said"),
        ("lost between two streams", f"{sum(verdict.lost_between for verdict in verdicts)} of the callers' words"),
        *_breaks("hand-offs", quiet),
        *_breaks("crashes", dead),
        ("forgotten by a crash", f"{sum(verdict.forgotten for verdict in verdicts)} of the callers' words"),
        ("changes over REST", sum(verdict.updates for verdict in verdicts)),
        ("of a live stream", sum(verdict.cut for verdict in verdicts)),
        ("callers' own frames, latest", f"{max((log.late_ms for log in logs), default=0):.0f} ms"),
        ("callers' processor", f"{used.ru_utime + used.ru_stime:.0f} s so far"),
        *((f"excused: {what}", times) for what, times in sorted(excused.items())),
        *more,
        ("calls with a fault", len(faulty)),
    ]
    for name, told in lines:
        print(f"  {name:<28} {told}")
    for verdict in faulty[:8]:
        print(f"  {verdict.call_sid}: {'; '.join(verdict.faults[:3])}")
    passed = good and bool(logs) and not faulty
    print("  PASS" if passed else "  FAIL", flush=True)
    return 0 if passed else 1


def _breaks(what: str, found: Sequence[Break]) -> list[tuple[str, object]]:
    return (
        []
        if not found
        else [
            (what, len(found)),
            ("  the caller unheard", spread([one.deaf_ms for one in found])),
            ("  until the next stream", spread([one.opened_ms for one in found])),
            ("  until the agent's sound", spread([one.silence_ms for one in found if one.silence_ms is not None])),
        ]
    )


def _answers(logs: Sequence[CallLog], verdicts: Sequence[Verdict]) -> list[tuple[str, object]]:
    """How long callers waited for an answer: by one process, and where another one gave it."""
    waited: dict[str, list[float]] = {"answered after": [], "  by the next process": [], "  behind a crash": []}
    plain, moved, died = waited.values()
    for log, verdict in zip(logs, verdicts, strict=True):
        ends = list(zip([one.at_ms for one in verdict.breaks], verdict.crashed, strict=True))
        for one in answers(log):
            if one.latency_ms is not None:
                until = one.end_ms + one.latency_ms
                within = [crashed for at_ms, crashed in ends if one.start_ms < at_ms < until]
                (died if any(within) else moved if within else plain).append(one.latency_ms)
    return [(name, f"{spread(ms)}, {len(ms)} times") for name, ms in waited.items() if ms]


def spread(ms: Sequence[float]) -> str:
    """Median and maximum."""
    return f"median {statistics.median(ms):.0f} ms, longest {max(ms):.0f} ms" if ms else "-"
