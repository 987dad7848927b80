"""Where a server's processor time went: sampled stacks in, shares of stages out.

A stack belongs to the first stage that any of its frames names, in this order; so what Trio does for a task counts as
that task's, and the scheduler's own is what is left when no task runs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("fake providers", ("providers/scripted.py", "rehearsal/spelling.py", "rehearsal/codewords.py")),
    ("Silero", ("providers/silero.py",)),
    ("echo guard", ("hear/echo", "Call._is_echo")),
    ("turn detector", ("hear/turns.py",)),
    ("mu-law to floats", ("mulaw.py:decode",)),
    ("detector: windows, mailbox", ("nurseries/detector.py", "nurseries/windows.py", "Call._detect")),
    ("messages out: outbox, JSON, socket", ("nurseries/writer.py",)),
    ("message: JSON, clock, mailbox", ("_Reading.take", "MediaClock.", "media_stream.py:decode")),
    ("bounds on strangers", ("WebSocket._count", "MediaSide._keeps", "wire/frames.py", "guard/limits.py")),
    ("WebSocket frames in", ("wsproto", "wire/websocket")),
    ("socket read", ("MediaSide.receive_some", "_reader_task", "nurseries/door/", "nurseries/reader.py")),
    ("resampling, mu-law out", ("wire/resample.py", "wire/mulaw.py")),
    ("speech: pieces to the outbox", ("nurseries/speech.py", "agent/speak/")),
    ("ears: transcriptions", ("nurseries/ears.py",)),
    ("turns: dialogue, chains", ("nurseries/dialogue.py", "nurseries/turn.py", "runner.py", "nurseries/chain")),
    ("journal, records", ("nurseries/keeping.py", "agent/keep/", "journal_file.py", "providers/sqlite")),
    ("metrics, pulse", ("agent/seen/", "nurseries/pulse.py", "agent/metrics.py")),
    ("waiting for sockets (epoll)", ("_io_epoll.py",)),
    ("Trio's scheduler", ("unrolled_run",)),
)
OTHER = "other"


def shares(path: Path) -> dict[str, float]:
    """Of the main thread's processor time, by stage, in the order of STAGES."""
    stacks: list[tuple[list[str], int]] = msgspec.json.decode(path.read_bytes())
    found: Counter[str] = Counter()
    for frames, count in stacks:
        found[stage_of(frames)] += count
    whole = found.total() or 1
    return {name: found[name] / whole for name in [*(name for name, _ in STAGES), OTHER] if found[name]}


def stage_of(frames: list[str]) -> str:
    """Of a stack, the innermost frame first: each as file and function."""
    for name, signs in STAGES:
        if any(sign in frame for frame in frames for sign in signs):
            return name
    return OTHER
