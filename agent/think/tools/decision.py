"""The accounting of one answer: which tools it has run, with what result, and when it has had enough of them. Pure.

A model may ask for the same thing twice, after a network hiccup of its own or out of confusion; the caller wants one
site visit. Some never stop asking (one hung up 337 times in two and a half minutes).
"""

from __future__ import annotations

import msgspec

from agent.think.ports import Message, ToolCall
from agent.think.tools.ports import Result

ENOUGH = "No more tools now. Answer the caller in words."
"""What a call gets that comes after the last one allowed."""


class Decision:
    """One answer's tools."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ran: dict[str, Result] = {}
        self._asked = 0
        self.messages: list[Message] = []
        """Every call with its result, in order: for the model's next round."""

    @property
    def exhausted(self) -> bool:
        """The model has had its share; it must speak now."""
        return self._asked >= self._limit

    def ask(self, call: ToolCall) -> Result | None:
        """The result, where the same was asked before or nothing more may be; None: run it, and tell `done`."""
        self._asked += 1
        known = self._ran.get(_key(call))
        if known is not None:
            return Result(known.text)
        return Result(ENOUGH) if self._asked > self._limit else None

    def done(self, call: ToolCall, result: Result) -> None:
        """The call has this result, whether it ran or not."""
        self._ran.setdefault(_key(call), result)
        self.messages.append(Message("tool", result.text, call))


def _key(call: ToolCall) -> str:
    """The same for the same tool with the same arguments, however they are written."""
    try:
        arguments = msgspec.json.encode(msgspec.json.decode(call.arguments or "{}"), order="sorted").decode()
    except (msgspec.DecodeError, RecursionError):
        arguments = call.arguments
    return f"{call.name} {arguments}"
