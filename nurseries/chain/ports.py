"""The ports, each over a chain of providers: for whoever uses one, a chain is a provider like any other."""

from __future__ import annotations

from typing import TypeVar, cast

import trio

from agent.hear.ports import HEARING_RATE, Recogniser
from agent.hear.transcript import worth_hearing
from agent.model import Emit, Utterance
from agent.speak.ports import Voice
from agent.speak.sentences import Sentences
from agent.think.ports import LanguageModel, Prompt, Reply, Summariser
from nurseries.chain.chain import Chain, Progress
from nurseries.chain.hedge import hedged

HELD_S = 0.1
"""Of a sentence's sound, held back where somebody stands by: so little is no message yet."""


class ChainRecogniser:
    """The Recogniser port."""

    def __init__(self, chain: Chain[Recogniser]) -> None:
        self.chain = chain

    @property
    def name(self) -> str:
        return self.chain.first.name

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        """See the port."""
        if not worth_hearing(utterance):  # nobody is asked, so nobody has answered
            await trio.lowlevel.checkpoint()
            return ""

        async def work(recogniser: Recogniser, _progress: Progress) -> str:
            return await recogniser.transcribe(utterance, language)

        return await self.chain.ask(work, extra_s=utterance.duration_ms / 1000 * HEARING_RATE)


class ChainModel:
    """The LanguageModel port."""

    def __init__(self, chain: Chain[LanguageModel], *, hedge_s: float | None = None) -> None:
        """`hedge_s` without a word, and the next one is asked as well; None: only where the first one fails."""
        self.chain = chain
        self._hedge_s = hedge_s

    @property
    def name(self) -> str:
        return self.chain.first.name

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        """See the port. Where somebody stands by, pieces are held back until they make a sentence, before which nothing
        could be said anyway: so who breaks off within it has said nothing, and the next one may answer."""

        async def work(model: LanguageModel, progress: Progress) -> Reply:
            cutter, held = Sentences(), [""]

            async def take(piece: str) -> None:
                progress.stir()
                held[0] += piece
                if progress.alone or progress.begun or cutter.feed(piece):
                    await let_go()
                else:
                    await emit("")  # it goes on
                    progress.wait()

            async def let_go() -> None:
                words, held[0] = held[0], ""
                progress.rest(came=bool(words))
                await trio.lowlevel.checkpoint()
                await emit(words)
                progress.wait()

            reply = await model.reply(prompt, take)
            if held[0]:
                await let_go()
            return reply

        return await (self.chain.ask(work) if self._hedge_s is None else hedged(self.chain, work, self._hedge_s))


class ChainVoice:
    """The Voice port. All voices of a chain emit the same rate."""

    def __init__(self, chain: Chain[Voice], *, takes_names: bool = True) -> None:
        """`takes_names`: the first one knows the voices that calls ask for; the others speak with their own."""
        self.chain = chain
        self._takes_names = takes_names
        if len({member.provider.rate for member in chain.members}) > 1:
            raise ValueError("voices of different rates cannot stand in for each other")

    @property
    def name(self) -> str:
        return self.chain.first.name

    @property
    def rate(self) -> int:
        return self.chain.first.rate

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        """See the port."""
        first = self.chain.first
        if not any(character.isalnum() for character in text):  # nobody is asked, so nobody has answered
            return await first.synthesise(text, emit, voice=voice, language=language)
        own: bool | None = None
        enough = int(self.rate * HELD_S) * 2

        async def work(speaker: Voice, progress: Progress) -> None:
            nonlocal own

            held = bytearray()

            async def take(chunk: bytes, *, last: bool = False) -> None:
                held.extend(chunk)
                sound = b"" if len(held) < enough and not (progress.alone or progress.begun or last) else bytes(held)
                del held[: len(sound)]
                progress.rest(came=bool(sound))
                await emit(sound)
                progress.wait()

            name = voice if speaker is first and self._takes_names else ""
            own = await speaker.synthesise(text, take, voice=name, language=language)
            own = own if speaker is first else False
            if held:
                await take(b"", last=True)

        await self.chain.ask(work)
        return own


class ChainSummariser:
    """The Summariser port."""

    def __init__(self, chain: Chain[Summariser]) -> None:
        self.chain = chain

    @property
    def name(self) -> str:
        return self.chain.first.name

    async def write(self, instructions: str, text: str) -> str:
        """See the port."""

        async def work(summariser: Summariser, _progress: Progress) -> str:
            return await summariser.write(instructions, text)

        return await self.chain.ask(work)


P = TypeVar("P", Recogniser, LanguageModel, Voice)


def first_of(provider: P) -> P:
    """Who is asked first: of a chain its first member."""
    chain = getattr(provider, "chain", None)
    return cast("P", chain.first) if isinstance(chain, Chain) else provider


def others_of(provider: P) -> list[tuple[P, str]]:
    """Who stands by, in order, with their names."""
    chain = getattr(provider, "chain", None)
    members = chain.members[1:] if isinstance(chain, Chain) else ()
    return [(cast("P", member.provider), member.name) for member in members]
