"""How one call is held: its language, its voice, its texts. From the settings and the line that was called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One line's manners. Texts have the company's and the agent's name filled in."""

    language: str
    """BCP 47, such as en-IN or hi-IN."""
    voice: str
    """The provider's name of a voice; "" for its default."""
    greeting: str
    goodbye: str
    silence_prompts: tuple[str, ...]
    notice: str
    """Said before the time limit."""
    transfer_to: str
    """A colleague's number, E.164; "" where calls cannot be passed on."""
    system: str
    """The model's system prompt."""
