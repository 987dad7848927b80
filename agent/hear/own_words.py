"""Were these words the agent's own, come back over the line? What was understood and what the agent was saying in.

The last line against an echo that no correlation finds, such as a loudspeaker's in a large room: a recogniser still
understands it. Callers who repeat a word or two of the agent's ("Whitefield?") are not taken for one.
"""

from __future__ import annotations

import difflib
import re

FEWEST = 4
"""Words: fewer may well be the caller's."""

SHARE = 0.6
"""Of the words understood that must be the agent's, in the agent's order; the recogniser mishears some."""

_WORD = re.compile(r"[\w\u0900-\u0d7f]+")


def are_own_words(text: str, saying: str) -> bool:
    """Whether `text` is part of what the agent has been `saying` lately."""
    heard, said = _WORD.findall(text.lower()), _WORD.findall(saying.lower())
    if len(heard) < FEWEST:
        return False
    blocks = difflib.SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= SHARE * len(heard)
