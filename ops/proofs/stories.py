"""What happened in a call that did not go well, on one line of time, for whoever looks into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.rehearsal.log import CallLog
from agent.rehearsal.verdict import Verdict, heard_in


def tell(
    folder: Path, logs: Sequence[CallLog], records: Mapping[str, Mapping[str, Any]], verdicts: Sequence[Verdict]
) -> None:
    """A file in the folder for each call with a fault, and the folder's name on the terminal."""
    faulty = [pair for pair in zip(logs, verdicts, strict=True) if pair[1].faults]
    for log, verdict in faulty:
        text = "\n".join([*verdict.faults, "", *story(log, records.get(log.call_sid))])
        (folder / f"{log.call_sid}.txt").write_text(text + "\n")
    if faulty:
        print(f"{len(faulty)} calls with faults are told in {folder}")


def story(log: CallLog, record: Mapping[str, Any] | None) -> list[str]:
    """The call by its log, then by the record: times in seconds of the call, and of the record's own."""
    told = []
    for n, leg in enumerate(log.legs, 1):
        carried = f"the caller carried {_s(leg.hears_from_ms)} to {_s(leg.hears_until_ms)}"
        told.append((leg.began_ms, f"stream {n} begins; {carried}"))
        told.append(
            (leg.ended_ms or log.duration_ms, f"stream {n} ends: {leg.ended}; unplayed {leg.unplayed_ms:.0f} ms")
        )
    for one in log.spoken:
        lost = f" ({one.lost_ms:.0f} ms lost)" if one.lost_ms else ""
        told.append((one.start_ms, f"caller, to {_s(one.end_ms)}: {one.line.text}{lost}"))
    told += [
        (words.start_ms, f"agent, to {_s(words.end_ms)}: {words.text if words.spelled else '(a sound)'}")
        for words in heard_in(log)
    ]
    told += [(clear.at_ms, f"clear, {clear.dropped_ms:.0f} ms dropped") for clear in log.clears]
    told += [(update.at_ms or 0, f"updated over REST: {update.what}, cut {update.cut}") for update in log.updates]
    lines = [f"{_s(at)} {what}" for at, what in sorted(told)]
    if record is not None:
        lines += ["", f"record: {record['ending']}, {record.get('reason', '')}"]
        for entry in record["entries"]:
            how = " -" if entry.get("interrupted") else ""
            lines.append(f"{_s(entry['start_ms'])} {entry['role']}, to {_s(entry['end_ms'])}: {entry['text']}{how}")
        lines += [str(leg) for leg in record.get("legs", ())]
    return [*lines, "", *log.steps, *log.notes]


def _s(ms: float) -> str:
    return f"{ms / 1000:8.2f}"
