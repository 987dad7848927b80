"""The callers' voices: the local voice at several pitches; made once a machine, for it takes a second a line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ops.bench.suite.script import Line, line

SAYS = (
    "I am looking for a two bedroom flat.",
    "Wait, what would that cost me?",
    "Around eighty lakhs, in Whitefield.",
)


def lines(count: int) -> tuple[Line, ...]:
    """The first lines of SAYS, as pieces of frames."""
    return tuple(line(_made(text)) for text in SAYS[:count])


def _made(text: str) -> bytes:
    kept = Path(tempfile.gettempdir(), f"calling-agent-bench-{''.join(filter(str.isalnum, text))}.ulaw")
    if kept.is_file():
        return kept.read_bytes()
    import trio

    from nurseries.rehearsal.own_speech import find_voice, spoken

    voice = find_voice()
    if voice is None:
        raise SystemExit("the callers need a voice: install the `local` extra, as `make bench` does")
    sound = trio.run(spoken, voice, text)
    kept.write_bytes(sound)
    return sound
