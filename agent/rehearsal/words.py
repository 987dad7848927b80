"""A report in words, for the person who placed the call; one line a fact."""

from __future__ import annotations

from agent.rehearsal.report import CallReport, Entry


def words(report: CallReport) -> str:
    """The whole report, ready to print."""
    several = len(report.legs) > 1
    one = f", stream {report.stream_sid}" if report.stream_sid and not several else ""
    lines = [f"call {report.call_sid}{one}"]
    lines += [f"  {step}" for step in report.steps]
    latency = {turn.speech_end_ms: turn.latency_ms for turn in report.turns}
    if report.conversation:
        lines += ["", "what the agent said is as a small recogniser heard it:", *_conversation(report, latency)]
    lines += ["", *_figures(report)] if report.ended else [""]
    lines += _legs(report) if several else []
    lines += [f"violation {one.code} at {_at(one.at_ms)}: {one.what}" for one in report.violations]
    lines += [f"failed: {failure}" for failure in report.failures]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join([*lines, f"exit {report.exit_code}"])


def _legs(report: CallReport) -> list[str]:
    lines = []
    for number, leg in enumerate(report.legs, 1):
        line = f"stream {number}, {leg.stream_sid}: {_at(leg.began_ms)} - {_at(leg.ended_ms)}, {leg.ended}"
        if leg.deaf_ms is not None:
            silence = "never" if leg.silence_ms is None else f"after {leg.silence_ms} ms"
            line += f"; opened after {leg.opened_after_ms} ms, {leg.deaf_ms} ms of the caller lost, agent {silence}"
        lines.append(line)
    lines += [f"lost between two streams, in part at least: {entry.text or '(a line)'}" for entry in report.lost]
    return lines


def _conversation(report: CallReport, latency: dict[int, int | None]) -> list[str]:
    lines = []
    for entry in report.conversation:
        lines.append(f"{_at(entry.start_ms):>8} - {_at(entry.end_ms):>7}  {entry.role:<6}  {_text(entry)}")
        if entry.role == "caller":
            waited = latency.get(entry.end_ms)
            lines.append(" " * 28 + ("(no answer)" if waited is None else f"(answered after {waited} ms)"))
    return lines


def _text(entry: Entry) -> str:
    text = "(not transcribed)" if entry.text is None else entry.text or "(no words)"
    return text + (" (interrupted)" if entry.interrupted else "")


def _figures(report: CallReport) -> list[str]:
    lines = [
        f"barge-in at {_at(one.onset_ms)}: "
        + ("no clear" if one.clear_after_ms is None else f"clear after {one.clear_after_ms} ms")
        + f", silent after {one.silent_after_ms} ms"
        for one in report.barge_ins
    ]
    lines += [f"clear at {_at(one.at_ms)}: {one.dropped_ms} ms of sound dropped" for one in report.clears]
    lines += [f"gap at {_at(one.at_ms)}: {one.duration_ms} ms of silence within an utterance" for one in report.gaps]
    for update in report.updates:
        when = "before the first stream" if update.at_ms is None else f"at {_at(update.at_ms)}"
        lines.append(f"updated over REST {when}: {update.what}" + (", which ended a live stream" if update.cut else ""))
    lines += [f"pressed {report.digits}"] if report.digits else []
    lines += [f"transferred to {one.to}: {one.status}" for one in report.transfers]
    lines += [f"{report.unplayed_ms} ms of sound were still waiting at the end"] if report.unplayed_ms else []
    counts = ", ".join(f"{count} {event}" for event, count in sorted(report.messages.items())) or "no messages"
    played = sum(not mark.cleared for mark in report.marks)
    lines.append(f"received {counts}; {len(report.marks)} marks returned, {played} after their sound was played")
    lines += (
        [f"this machine was slow: a frame left {report.caller_late_ms} ms late"] if report.caller_late_ms > 60 else []
    )
    return [*lines, f"{report.ended} after {_at(report.duration_ms)}"]


def _at(ms: float) -> str:
    return f"{ms / 1000:.2f} s"
