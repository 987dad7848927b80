"""What the fake of the OpenAI API bills: by its own count, whoever asks and whatever they believe.

A request that was taken is billed: its input at once, its output as far as it had been made when the client, or the
server, broke off. One that was answered with an error, or for
which the connection broke before any answer, is not.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

GIVEN, CACHED = 10, 4
"""Tokens of any prompt; the same as the answers' usage tells."""

BYTES_A_SECOND = 48_000


class Bill:
    """One server's, by model: requests, and amounts."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def taken(self, route: str, body: Mapping[str, Any]) -> Item:
        """One more request."""
        item = Item(self.models[str(body.get("model", ""))], route)
        item.add(requests=1)
        match route:
            case "chat" | "responses":
                item.add(tokens_in=GIVEN, tokens_cached=CACHED)
            case "transcriptions":
                item.add(seconds=body["billed_seconds"])
            case "speech":
                item.add(characters=len(body["input"]))
        return item


class Item:
    """One request's."""

    def __init__(self, amounts: dict[str, float], route: str) -> None:
        self._amounts = amounts
        self._route = route

    def add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self._amounts[name] += amount

    def made(self, piece: bytes) -> None:
        """So much more has left."""
        if self._route == "speech":
            self.add(seconds=len(piece) / BYTES_A_SECOND)
        elif self._route in {"chat", "responses"}:
            self.add(tokens_out=sum(_words(line) for line in piece.split(b"\n")))


def _words(line: bytes) -> int:
    """A token a word, as the answers' usage counts."""
    try:
        event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: {") else {}
    except ValueError:
        return 0
    if event.get("type", "").endswith(("output_text.delta", "refusal.delta")):
        return 1
    choices = event.get("choices") or []
    delta = choices[0].get("delta", {}) if choices else {}
    return int(bool(delta.get("content") or delta.get("refusal")))
