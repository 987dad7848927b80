"""The credential-free language model: a prompt in; the scripted receptionist's reply out, word by word.

No model, no network and no waiting: a reply is decided at once. It is emitted in pieces like any other model's, so that
what is behind it works the same.
"""

from __future__ import annotations

import re

import trio

from agent.model import Emit
from agent.think.policy import CONNECTING, Persona, Policy
from agent.think.ports import Prompt, Reply, ToolCall

TRANSFER, STOP = "transfer_to_human", "stop_calling"
"""The tools that the script uses: all else it does by itself."""

_PIECE = re.compile(r"\S+\s*")


class LocalPolicy:
    """The `LanguageModel` port over the scripted dialogue."""

    def __init__(self, persona: Persona) -> None:
        self._policy = Policy(persona)

    @property
    def name(self) -> str:
        return "scripted dialogue"

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        """Emit the reply's words; never raises ProviderError. Cancelled: the rest of the words are not emitted."""
        await trio.lowlevel.checkpoint()
        calls: tuple[ToolCall, ...] = ()
        offered = {tool.name for tool in prompt.tools}
        if TRANSFER in offered and self._policy.wants_human(prompt):
            text, says_goodbye, calls = CONNECTING, False, (ToolCall("1", TRANSFER, "{}"),)
        elif STOP in offered and self._policy.wants_no_calls(prompt):
            text, says_goodbye, calls = "", False, (ToolCall("1", STOP, "{}"),)
        else:
            text, says_goodbye = self._policy.respond(prompt)
        for piece in _PIECE.findall(text):
            await emit(piece)
            await trio.lowlevel.checkpoint()
        return Reply(says_goodbye, calls)
