"""A Realtime server's lane on a line of time: what it heard, said and was asked for, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

OFTEN = frozenset({"media", "clear", "mark", "input_audio_buffer.append"})
"""Messages that are told elsewhere, or fifty times a second."""

WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "HeardAll": lambda event: f"heard {event['text']!r}",
    "NotHeard": lambda event: f"could not hear: {event['detail']}",
    "ResponseCreated": lambda _: "begins to answer",
    "SpokenWhole": lambda event: f"said {event['text']!r}",
    "Called": lambda event: f"calls {event['call']['name']}",
    "ResponseDone": lambda event: " ".join(("answer", event["status"], event["detail"])).rstrip(),
    "Trouble": lambda event: f"trouble {event['code']}: {event['detail']}",
}
"""Of events by their kinds."""


class LiveTold:
    """One call's."""

    def __init__(self) -> None:
        self._sounding: set[str] = set()
        """Responses of which there is sound."""

    def asked(self, kind: str) -> str:
        """A message was sent, of a kind as the server names it; "" where there is nothing to tell."""
        return "" if kind in OFTEN else f"is sent {kind}"

    def says(self, event: list[Any] | None) -> str:
        """An event as a recording has it, None where the connection is made; "" where there is nothing to tell."""
        if event is None:
            return "is connected"
        kind, fields = event[:2]
        if kind == "AudioPart" and fields["response"] not in self._sounding:
            self._sounding.add(fields["response"])
            return "first sound"
        return WORDS[kind](fields) if kind in WORDS else ""

    def over(self, how: str, ended: Any) -> str:
        """The connection is gone."""
        return f"is disconnected: {ended}" if how == "done" else f"is disconnected ({how})"
