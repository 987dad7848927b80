"""Where a server's processor time went: sampled stacks in, shares of stages out.

A stack belongs to the first stage that any of its frames names, in this order; so what Trio does for a task counts as
that task's, and the scheduler's own is what is left when no task runs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec


def _files(*names: str) -> tuple[str, ...]:
    """Files of nurseries; an older checkout, to be measured beside this one, has them in no room."""
    return tuple(f"nurseries/{path}.py" for name in names for path in (name, name.rpartition("/")[2]))


STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("fake providers", ("providers/scripted.py", "rehearsal/spelling.py", "rehearsal/codewords.py")),
    ("Silero", ("providers/silero.py",)),
    ("echo guard", ("hear/echo", "Call._is_echo")),
    ("turn detector", ("hear/turns.py",)),
    ("mu-law to floats", ("mulaw.py:decode",)),
    ("detector: windows, mailbox", (*_files("line/detector", "line/windows"), "Call._detect")),
    ("messages out: outbox, JSON, socket", _files("line/writer")),
    ("message: JSON, clock, mailbox", ("_Reading.take", "MediaClock.", "media_stream.py:decode")),
    ("bounds on strangers", ("WebSocket._count", "MediaSide._keeps", "wire/frames.py", "guard/limits.py")),
    ("WebSocket frames in", ("wsproto", "wire/websocket")),
    ("socket read", ("MediaSide.receive_some", "_reader_task", "nurseries/door/", *_files("line/reader"))),
    ("resampling, mu-law out", ("wire/resample.py", "wire/mulaw.py")),
    ("speech: pieces to the outbox", (*_files("talk/speech"), "agent/speak/")),
    ("ears: transcriptions", _files("talk/ears")),
    ("turns: dialogue, chains", (*_files("talk/dialogue", "turn"), "runner.py", "nurseries/chain")),
    ("journal, records", (*_files("keep/keeping"), "agent/keep/", "journal_file.py", "providers/sqlite")),
    ("metrics, pulse", ("agent/seen/", *_files("watch/pulse"), "agent/metrics.py")),
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
