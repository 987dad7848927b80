"""Pressed keys: single digits with their times in; out, after a pause, an action or the digits as words. Pure.

A bound key acts only when pressed alone, for a telephone number may contain it; so it, too, waits for the pause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

WORDS = {
    **dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True)),  # noqa: SIM905
    "*": "star",
    "#": "hash",
}
LONGEST = 40
"""Keys taken together; more than any number that one tells by keys."""

Bindings = Mapping[str, str]
"""Key -> name of a tool."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Keys pressed one after the other."""

    digits: str
    action: str = ""
    """The tool that the key is bound to; empty: the digits are something told."""

    @property
    def text(self) -> str:
        """Key by key, as the caller would say it: "98" alone would be read as ninety-eight."""
        return " ".join(WORDS[digit] for digit in self.digits)


def parse_bindings(text: str, actions: Collection[str]) -> tuple[Bindings, tuple[str, ...]]:
    """ "0=transfer_to_human, *=repeat" as bindings, and what is wrong with it, in words. `actions` names the tools."""
    bindings: dict[str, str] = {}
    faults = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, sign, action = (p.strip() for p in part.partition("="))
        if not sign or key not in WORDS:
            faults.append(f"DTMF_BINDINGS: {part!r} is not KEY=TOOL with a key of 0-9, * or #.")
        elif action not in actions:
            faults.append(f"DTMF_BINDINGS: there is no tool {action!r}; known are {', '.join(sorted(actions))}.")
        elif key in bindings:
            faults.append(f"DTMF_BINDINGS: key {key} is bound twice.")
        else:
            bindings[key] = action
    return bindings, tuple(faults)


class Keypad:
    """One call's keypad. Times are seconds on one clock of the user's choice."""

    def __init__(self, pause_s: float, bindings: Bindings) -> None:
        self._pause_s = pause_s
        self._bindings = bindings
        self._complete: deque[tuple[str, float]] = deque()
        """What needs no pause any more, and since when."""
        self._digits = ""
        self._due = 0.0

    @property
    def due(self) -> float | None:
        """When to `take`; None while nothing is pressed."""
        if self._complete:
            return self._complete[0][1]
        return self._due if self._digits else None

    def press(self, digit: str, now: float) -> None:
        """One key; what is none of 0-9, * and # is ignored. A hash behind digits completes them and is not one of
        them; so does the last key of LONGEST."""
        if digit not in WORDS:
            return
        ends = digit == "#" and self._digits != ""
        if not ends:
            self._digits += digit
            self._due = now + self._pause_s
        if ends or len(self._digits) == LONGEST:
            self._complete.append((self._digits, now))
            self._digits = ""

    def take(self, now: float) -> Pressed | None:
        """What was pressed, once it is complete or the pause is over."""
        if self._complete:
            digits, _ = self._complete.popleft()
        elif self._digits and now >= self._due:
            digits, self._digits = self._digits, ""
        else:
            return None
        return Pressed(digits, self._bindings.get(digits, ""))
