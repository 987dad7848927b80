"""How long callers wait for answers, and where that time goes: one turn's moments in, histograms up. Pure but for
memory.

A turn of the caller is over long before the agent knows it: what the caller waits for begins with their last word.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import Fault
from agent.metrics import Count, Times

STAGE_NAMES = ("endpoint", "hear", "first-token", "first-audio")

WAIT = Times(
    "turn_seconds",
    "From the caller's last word to the first byte of the answer.",
    buckets=(0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0),
)
STAGES = Times(
    "turn_stage_seconds",
    "Where that time goes, one stage after the other: until the end of the turn is decided (endpoint), its words are "
    "known (hear), the model has begun (first-token), and the first byte is on its way (first-audio).",
    "stage",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0),
)
TURNS = Count("turns", "Turns of callers, by what became of the answer.", "outcome")
FAILURES = Count("turn_failures", "Turns that were spoken about instead of answered.", "stage", "fault")
INTERRUPTIONS = Count(
    "interruptions",
    "Sounds of callers while the agent spoke or was about to: they took the turn (barge-in), showed that they listened "
    "(backchannel), or held no words of theirs (false).",
    "kind",
)
DEAD_AIR = Count(
    "dead_air",
    "Silences of FILLER_S while it was the agent's turn, by what ended them: a filler, an apology, or the rest of a "
    "sentence.",
    "by",
)
for _kind in ("barge-in", "backchannel", "false"):
    INTERRUPTIONS.begin(kind=_kind)
for _by in ("filler", "apology", "rest"):
    DEAD_AIR.begin(by=_by)
for _stage in STAGE_NAMES:
    STAGES.begin(stage=_stage)
for _stage in ("hear", "think", "speak"):
    for _fault in Fault:
        FAILURES.begin(stage=_stage, fault=_fault.value)
for _outcome in ("answered", "unsaid"):
    TURNS.begin(outcome=_outcome)


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer's moments, on one clock, in seconds; None: it did not come to that."""

    spoken: float
    """The caller's last word."""
    decided: float
    """That it was the last one."""
    heard: float | None = None
    first_token: float | None = None
    first_audio: float | None = None
    """The first byte of the answer handed to the socket; a filler is no answer."""
    over: float = 0.0
    """Its last byte was heard, or it was given up."""
    thought: float | None = None
    """The model had said all."""
    delayed: bool = False
    """By the caller, who made a sound before there was any of the answer: what they waited for is not known."""
    keyed: bool = False
    """They pressed keys."""

    @property
    def outcome(self) -> str:
        """`answered`; or `unsaid`, where the caller said more, or left, before there was anything."""
        return "answered" if self.first_audio is not None else "unsaid"

    def stages(self) -> list[tuple[str, float, float]]:
        """Names, beginnings and ends of the stages that it came to, in order and without a gap."""
        ends = (self.decided, self.heard, self.first_token, self.first_audio)
        told, began = [], self.spoken
        for name, end in zip(STAGE_NAMES, ends, strict=True):
            if end is not None:
                told.append((name, began, max(end, began)))
                began = max(end, began)
        return told


def tell(turn: Turn) -> None:
    """The turn is over. Not a checkpoint."""
    TURNS.add(outcome=turn.outcome)
    if turn.keyed:
        return
    for stage, began, ended in turn.stages():
        if stage != "first-audio" or not turn.delayed:
            STAGES.took(ended - began, stage=stage)
    if turn.first_audio is not None and not turn.delayed:
        WAIT.took(turn.first_audio - turn.spoken)
