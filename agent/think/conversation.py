"""The conversation as it really went: what the caller said, and what the caller heard of the agent.

Entries arrive in the order of hearing. Consecutive sentences of one turn make one entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from agent.think.ports import Message


@dataclass(frozen=True, slots=True)
class Line:
    """One side's words, until the other side speaks or the turn changes."""

    role: Literal["caller", "agent"]
    text: str
    start_ms: float
    end_ms: float
    turn: int = 0
    interrupted: bool = False


class Conversation:
    """One call's lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    @property
    def unanswered(self) -> bool:
        """The last word is the caller's."""
        return bool(self.lines) and self.lines[-1].role == "caller"

    @property
    def question(self) -> str:
        """What the agent was last heard to say."""
        return next((line.text for line in reversed(self.lines) if line.role == "agent"), "")

    def caller_said(self, text: str, start_ms: float, end_ms: float) -> None:
        self.lines.append(Line("caller", text, start_ms, end_ms))

    def agent_heard(self, turn: int, text: str, start_ms: float, end_ms: float, interrupted: bool) -> None:
        """The caller has heard these words of the agent. Cut before its first word, a sentence leaves no line."""
        last = self.lines[-1] if self.lines else None
        if last is not None and last.role == "agent" and last.turn == turn:
            joined = f"{last.text} {text}".strip()
            self.lines[-1] = replace(last, text=joined, end_ms=end_ms, interrupted=interrupted)
        elif text:
            self.lines.append(Line("agent", text, start_ms, end_ms, turn, interrupted))

    def messages(self) -> tuple[Message, ...]:
        """The history for a model; an interrupted line ends in a dash."""
        return tuple(Message(line.role, line.text + (" -" if line.interrupted else "")) for line in self.lines)
