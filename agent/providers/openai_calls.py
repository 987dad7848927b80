"""The tool calls in a reply's stream: fragments in, as either dialect sends them; whole calls out.

Pure. OpenAI names a call once, with an index, and then sends its arguments in pieces; compatible servers send whole
calls at once, without an index, or without an id.
"""

from __future__ import annotations

from typing import Any

from agent.think.ports import ToolCall

MOST_ARGUMENTS = 16_000
"""Characters of one call's arguments that are kept; what has more is refused where it is read."""

MOST_CALLS = 16


class Calls:
    """One reply's."""

    def __init__(self) -> None:
        self._parts: dict[object, list[str]] = {}
        """By index or id: id, name, and the arguments so far."""
        self._last: object = None

    def fragment(self, piece: Any) -> None:
        """One entry of a chat delta's `tool_calls`."""
        if not isinstance(piece, dict):
            return
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        key: object = piece.get("index")
        if key is None:
            key = piece.get("id") or (self._last if not function.get("name") else f"call {len(self._parts)}")
        self._last = key
        call = self._of(key)
        if call is not None:
            call[0] = call[0] or _text(piece.get("id"))
            call[1] = call[1] or _text(function.get("name"))
            arguments = function.get("arguments")
            call[2] = (call[2] + _text(arguments))[:MOST_ARGUMENTS]

    def item(self, item: Any) -> None:
        """A finished output item of the Responses API."""
        if isinstance(item, dict) and item.get("type") == "function_call":
            call = self._of(item.get("call_id") or item.get("id") or f"call {len(self._parts)}")
            if call is not None:
                call[0] = _text(item.get("call_id")) or _text(item.get("id"))
                call[1] = _text(item.get("name"))
                call[2] = _text(item.get("arguments"))[:MOST_ARGUMENTS]

    @property
    def size(self) -> int:
        """Bytes of all that was said of them."""
        return sum(len(name.encode()) + len(arguments.encode()) for _, name, arguments in self._parts.values())

    def whole(self) -> tuple[ToolCall, ...]:
        """All calls with a name, in their order; one without an id gets its number for one."""
        return tuple(
            ToolCall(id_ or f"call_{n}", name, arguments or "{}")
            for n, (id_, name, arguments) in enumerate(self._parts.values())
            if name
        )

    def _of(self, key: object) -> list[str] | None:
        if key not in self._parts and len(self._parts) >= MOST_CALLS:
            return None
        return self._parts.setdefault(key, ["", "", ""])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
