"""A scripted call as the transcript that it is to leave: a text in, the call held and its record compared.

    agent: Hello, this is Priya.
    caller: a flat in Whitefield
    agent: Lovely. What - is your budget?
    caller (at 9.5 s, for 0.3 s, and at 10.2 s, for 1 s): I said a flat

The caller says each line in its turn, as a tone of DEFAULT_S, and is understood so; or at times of the stream. The
first of the agent's lines is its greeting; the first behind each of the caller's is the answer to it. What is behind
" - " the caller does not hear: the agent was cut there. `caller (aside): mm-hm` is no answer, and what the agent says
behind it is the rest of its sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

from agent.providers.scripted import Script
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import Line
from tests.calls.stage import Stage, configured, tone

DEFAULT_S = 0.6
LINE = re.compile(r"(agent|caller)(?: \((.+?)\))?: (.+)")
SAID = re.compile(r"(?:at ([\d.]+) s(?:, for ([\d.]+) s)?)")


@dataclass(frozen=True)
class Played:
    """A call that is over, for whoever wants to look further."""

    stage: Stage
    log: CallLog


@dataclass(frozen=True)
class _Line:
    who: str
    text: str
    """All of it."""
    heard: str
    cut: bool
    aside: bool
    spoken: tuple[Line, ...]


async def plays(
    transcript: str, script: Script | None = None, settings: dict[str, Any] | None = None, **plan
) -> Played:
    """The call goes, and is told, as the transcript says. `script` has how long things take, `plan` how the caller
    behaves; see Stage.place."""
    lines = [_read(line.strip()) for line in transcript.strip().splitlines()]
    said = [line for line in lines if line.spoken]
    greeting, *_ = (line.text for line in lines if line.who == "agent")
    answers = [
        line.text
        for before, line in pairwise(lines)
        if line.who == "agent" and before.who == "caller" and not before.aside
    ]
    script = replace(script or Script(), heard=tuple(line.text for line in said), replies=tuple(answers))
    stage = Stage(script, configured(**({"GREETING": greeting} | (settings or {}))))
    log = await stage.place(*(tone for line in said for tone in line.spoken), **plan)
    wanted = [_told(line, then) for line, then in zip_longest(lines, lines[1:])]
    assert stage.told == wanted, "\n".join(["The call is told so:", *stage.told, "and not:", *wanted])
    return Played(stage, log)


def _read(told: str) -> _Line:
    match = LINE.fullmatch(told)
    assert match is not None, f"neither agent nor caller: {told!r}"
    who, how, text = match[1], match[2] or "", match[3]
    heard, cut, rest = text.partition(" - ")
    if who == "agent":
        return _Line(who, f"{heard} {rest}".strip() if cut else text, heard, bool(cut), aside=False, spoken=())
    times = [(float(at) * 1000 if at else None, float(for_s or DEFAULT_S) * 1000) for at, for_s in SAID.findall(how)]
    spoken = tuple(tone(for_ms, text, at_ms) for at_ms, for_ms in times or [(None, DEFAULT_S * 1000)])
    return _Line(who, text, text, cut=False, aside="aside" in how, spoken=spoken)


def _told(line: _Line, then: _Line | None) -> str:
    cut = line.cut and not (then is not None and then.aside)  # it was not cut short: it goes on
    return f"{line.who}{' (aside)' if line.aside else ''}: {line.heard}{' -' if cut else ''}"
