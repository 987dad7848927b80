"""How one call is held: its language, its voice, its texts. From the settings and the line that was called."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Profile(msgspec.Struct, frozen=True):
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
    record_notice: str
    """Said before anything else, where calls are recorded."""
    phrases: Mapping[str, str]
    """The line's own words for what is recorded, by the recording's name."""
    transfer_to: str
    """A colleague's number, E.164 or SIP; "" where calls cannot be passed on."""
    say_first: str
    """Said by the carrier before the stream is up; may be empty."""
    nobody_free: str
    """Said by the carrier when the colleague did not answer."""
    say_voice: str
    """The carrier's voice for both."""
    say_language: str
    """What that voice speaks: a carrier may refuse a voice in a language that is not its own."""
    template: str
    """The model's system prompt, whatever the language."""
    system: str
    """The same, with the language to speak."""
    machine_message: str = ""
    """Left with an answering machine, where those are left anything."""
    outbound_greeting: str = ""
    """To somebody who is called; has placeholders of the call's variables."""
    disclosure: str = ""
    """That the agent is a machine, said before the greeting; "" where that is not said."""
    busy: str = ""
    """Said by the carrier's voice to whom there is no line for."""
    budget_goodbye: str = ""
    """Said where a budget is spent in the middle of a call."""
