"""What the tests of chains share: providers that do as they are told, and chains of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from agent.errors import Fault, ProviderError
from agent.guard.breaker import Breaker, Rules
from agent.model import Emit
from agent.think.ports import LanguageModel, Prompt, Reply
from nurseries.chain.chain import Chain, Member

PROMPT = Prompt("", ())


@dataclass
class Model:
    """Says its name, word by word."""

    name: str
    first_s: float = 0.2
    fault: Fault | None = None
    """What it fails with."""
    hangs: bool = False
    after: int = 0
    """Words before it fails or hangs."""
    retry_after_s: float | None = None
    asked: list[float] = field(default_factory=list)
    active: int = 0

    async def reply(self, _prompt: Prompt, emit: Emit[str]) -> Reply:
        self.asked.append(trio.current_time())
        self.active += 1
        try:
            await trio.sleep(self.first_s)
            for n, word in enumerate(["I", " am", f" {self.name}."]):
                if n == self.after:
                    await self._trouble()
                await emit(word)
                await trio.sleep(0.1)
        finally:
            self.active -= 1
        return Reply()

    async def _trouble(self) -> None:
        if self.hangs:
            await trio.sleep_forever()
        if self.fault is not None:
            raise ProviderError(self.name, "reply", self.fault, retry_after_s=self.retry_after_s)


def chained(*models: Model, limit_s: float = 5.0) -> Chain[LanguageModel]:
    members = [Member[LanguageModel](model, model.name, Breaker("llm", model.name, Rules())) for model in models]
    return Chain("llm", members, limit_s)


class Heard(list[str]):
    """What came out, and when the first of it did."""

    at: float | None = None

    async def __call__(self, piece: str) -> None:
        if self.at is None and piece:
            self.at = trio.current_time()
        self.append(piece)
        await trio.lowlevel.checkpoint()


def seconds(since: float) -> float:
    return round(trio.current_time() - since, 2)
