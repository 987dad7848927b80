"""The parts of one call that is to try something: the process's own, but for that."""

from __future__ import annotations

from dataclasses import replace

from agent.hear.endpointing import LexicalEndOfTurn
from agent.trying import Tried, changed, changed_lines
from nurseries.parts import Parts


def parts_of(parts: Parts, tried: Tried) -> Parts:
    """For this call alone; `tried` was checked."""
    settings = changed(parts.settings, tried)
    return replace(
        parts,
        settings=settings,
        lines=changed_lines(parts.lines, settings, tried),
        end_of_turn=LexicalEndOfTurn(settings.END_SILENCE_MS, settings.END_SILENCE_LONG_MS),
    )
