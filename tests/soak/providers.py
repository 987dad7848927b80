"""Scripted providers of one process with moods: now and then a request stalls, fails, or breaks off half-way."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import Literal

import trio
from structlog.contextvars import get_contextvars

from agent.errors import Fault, ProviderError
from agent.providers.scripted import NAME, Script, ScriptedLanguageModel, ScriptedRecogniser, ScriptedVoice
from agent.rehearsal import codewords
from agent.think.ports import Prompt

LEAVE = codewords.word(codewords.WORDS - 1)
"""A caller who says so is told goodbye."""

FAULTS = (Fault.BROKEN, Fault.TIMEOUT, None)
"""None: the request stalls."""


class Moods:
    """What befalls requests, and in which calls that was."""

    def __init__(self, dice: random.Random, rate: float) -> None:
        """`rate` of the requests are struck."""
        self._dice, self._rate = dice, rate
        self.struck: dict[str, set[str]] = defaultdict(set)
        """Ports, by CallSid."""

    def draw(self, port: str) -> tuple[int, Fault | None] | None:
        """After so many pieces, what becomes of one request. None: it is served."""
        if self._dice.random() >= self._rate:
            return None
        self.struck[get_contextvars().get("call_sid", "")].add(port)
        return self._dice.choice((0, 0, 1, 3)), self._dice.choice(FAULTS)


class _Moody:
    _moods: Moods
    _port: Literal["hear", "think", "speak"]
    _drawn: dict[int, tuple[int, Fault | None] | None]

    async def _trouble(self, request: int, pieces: int) -> None:
        if request not in self._drawn:
            self._drawn = {n: drawn for n, drawn in self._drawn.items() if n > request - 100}
            self._drawn[request] = self._moods.draw(self._port)
        drawn = self._drawn[request]
        if drawn is None or pieces != drawn[0]:
            return
        if drawn[1] is None:
            await trio.sleep_forever()
        else:
            raise ProviderError(NAME, self._port, drawn[1], f"request {request}, as drawn")


class Recogniser(_Moody, ScriptedRecogniser):
    def __init__(self, script: Script, moods: Moods) -> None:
        super().__init__(script)
        self._moods, self._drawn = moods, {}

    async def transcribe(self, *args: object, **more: object) -> str:  # type: ignore[override]
        self._utterances.clear()  # only a script of words needs them
        return await super().transcribe(*args, **more)  # type: ignore[arg-type]


class LanguageModel(_Moody, ScriptedLanguageModel):
    def __init__(self, script: Script, moods: Moods) -> None:
        super().__init__(script)
        self._moods, self._drawn = moods, {}

    def _whole(self, prompt: Prompt) -> str:
        said = [message.text for message in prompt.messages if message.role == "caller"]
        return "Goodbye then." if said and LEAVE in re.findall(r"\w+", said[-1]) else super()._whole(prompt)


class Voice(_Moody, ScriptedVoice):
    def __init__(self, script: Script, moods: Moods) -> None:
        super().__init__(script)
        self._moods, self._drawn = moods, {}
