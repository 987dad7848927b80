"""The conversation as it really went: what the caller said, what the caller heard of the agent, which tools ran.

Entries stand in the order of their beginning at the caller's ear. Consecutive sentences of one turn make one entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from agent.think.ports import Message, ToolCall

CUT = " -"
"""Ends a line that the caller cut short, in the history for a model."""


@dataclass(frozen=True, slots=True)
class Line:
    """One side's words, until the other side speaks or the turn changes; or a tool with its result."""

    role: Literal["caller", "agent", "tool"]
    text: str
    start_ms: float
    end_ms: float
    turn: int = 0
    interrupted: bool = False
    aside: bool = False
    """A backchannel of the caller's, which asked for no answer."""
    keys: str = ""
    """The keys that the caller pressed; `text` says them in words."""
    call: ToolCall | None = None
    meant: str = ""
    """Of an agent's line that was cut: all that would have been said, as far as it was known."""
    told: str | None = None
    """What a model is told of an agent's line: the text without its fillers."""


class Conversation:
    """One call's lines."""

    def __init__(self, fillers: frozenset[str] = frozenset()) -> None:
        """`fillers` are texts of the agent that say nothing: a model is not told of them."""
        self.lines: list[Line] = []
        self._fillers = fillers

    def copy(self) -> Conversation:
        """One of its own, with the same lines."""
        other = Conversation(self._fillers)
        other.lines = list(self.lines)
        return other

    def resume(self, lines: Iterable[Line]) -> None:
        """These came before, kept without what a model is told of them."""
        self.lines = [replace(line, told=self._telling(line.text)) if line.role == "agent" else line for line in lines]

    @property
    def unanswered(self) -> bool:
        """The last word is the caller's."""
        spoken = [message.role for message in self.messages() if message.role != "tool"]
        return bool(spoken) and spoken[-1] == "caller"

    @property
    def question(self) -> str:
        """What the agent was last heard to say."""
        return next((line.text for line in reversed(self.lines) if line.role == "agent"), "")

    def cut(self, turn: int) -> tuple[str, str]:
        """Of the agent's turn that was cut short: what was heard of its last line, and what was meant."""
        lines = (line for line in reversed(self.lines) if line.role == "agent" and line.turn == turn)
        line = next(lines, None)
        return (line.text, line.meant) if line is not None else ("", "")

    def counts(self, text: str) -> bool:
        """It says something: a model is told of it."""
        return text not in self._fillers

    def caller_said(self, text: str, start_ms: float, end_ms: float, *, aside: bool = False, keys: str = "") -> None:
        """Words of the caller. Those of a sound that could not be understood at its time, and was heard again with a
        later one, stand where they were understood."""
        last = max((line.start_ms for line in self.lines), default=start_ms)
        if end_ms > last:
            start_ms = max(start_ms, last)
        n = self._place(start_ms)
        self.lines.insert(n, Line("caller", text, start_ms, end_ms, aside=aside, keys=keys))

    def agent_heard(
        self, turn: int, text: str, start_ms: float, end_ms: float, interrupted: bool, rest: str = ""
    ) -> None:
        """The caller has heard these words of the agent; `rest` was cut off. Cut before its first word, a sentence
        leaves no line, but marks what was heard before it of the same turn as interrupted."""
        n = self._place(start_ms)
        before = n - 1
        while before >= 0 and (self.lines[before].aside or self.lines[before].role == "tool"):
            before -= 1
        last = self.lines[before] if before >= 0 else None
        same = last is not None and last.role == "agent" and last.turn == turn
        if same and last is not None and before == n - 1:
            joined, told = (_joined(a, b) for a, b in ((last.text, text), (last.told, self._told(text))))
            meant = _joined(joined if text else last.meant or joined, rest) if interrupted else ""
            self.lines[before] = replace(
                last, text=joined, end_ms=end_ms, interrupted=interrupted, told=told, meant=meant
            )
            return
        if same and last is not None and text:
            self.lines[before] = replace(last, interrupted=False, meant="")  # it has gone on
        if text:
            told = self._told(text)
            meant = _joined(text, rest) if interrupted else ""
            self.lines.insert(n, Line("agent", text, start_ms, end_ms, turn, interrupted, told=told, meant=meant))

    def tool_ran(self, call: ToolCall, result: str, at_ms: float) -> None:
        """A tool has run, with this result."""
        self.lines.append(Line("tool", result, at_ms, at_ms, call=call))

    def _telling(self, text: str) -> str:
        for filler in sorted(self._fillers, key=len, reverse=True):
            text = text.replace(filler, " ")
        return " ".join(text.split())

    def _told(self, text: str) -> str:
        return text if self.counts(text) else ""

    def _place(self, start_ms: float) -> int:
        """Where a line that begins then belongs: behind all that began before it, or with it."""
        n = len(self.lines)
        while n and self.lines[n - 1].start_ms > start_ms:
            n -= 1
        return n

    def messages(self) -> tuple[Message, ...]:
        """The history for a model. Asides and fillers are left out, and a turn that went on after one is whole again;
        an interrupted line ends in a dash."""
        told: list[Line] = []
        turns: dict[int, int] = {}
        for heard in self.lines:
            line = heard if heard.told is None else replace(heard, text=heard.told)
            if line.role == "agent" and line.turn in turns:
                at = turns[line.turn]
                told[at] = replace(line, text=f"{told[at].text} {line.text}".strip())
            elif not line.aside and (line.text or line.role != "agent"):
                turns |= {line.turn: len(told)} if line.role == "agent" else {}
                told.append(line)
        return tuple(Message(line.role, line.text + (CUT if line.interrupted else ""), line.call) for line in told)


def _joined(one: str | None, other: str) -> str:
    return f"{one or ''} {other}".strip()
